"""Fine-tuning and transfer, surrogates, keys and victims: what is trained once, what stays frozen, what is counted."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from core import execution, spec
from core.attacks.base import Tools
from core.datasets.base import Dataset, ImageSet, Report, Split
from core.errors import PoisonscopeError, SpecError
from core.runs.artifacts import Artifacts
from core.spec import setting
from core.work import Work
from tests.flows.blobs import Counting, artifacts

__all__ = ["artifacts"]  # a fixture is found by its name


class Given(Dataset):
    """Four classes of tiny images; another `draw` is another data set."""

    title = "Given"
    summary = "Tiny."
    draw: int = setting(0, "Which draw.")
    size: int = setting(16, "Pixels.")

    def load(self, report: Report) -> Split:
        return Split(_blobs(120, self.draw, self.size), _blobs(40, self.draw + 1, self.size), flip=True)


def _blobs(count: int, seed: int, size: int) -> ImageSet:
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 4
    images = random.integers(90, 150, (count, 3, size, size), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[:, 4:10, 4:10] = [[[27 + 200 * (label >> bit & 1)]] for bit in range(3)]
    return ImageSet(images, labels, ("red", "green", "blue", "white"), np.arange(count))


class Nobody:
    """Watches and says nothing."""

    def planned(self, steps: list[dict[str, Any]], device: str) -> None:
        self.steps = steps

    def phase(self, text: str, fraction: float, eta_seconds: float | None) -> None: ...

    def point(
        self,
        *,
        arm: str,
        poison_key: int,
        victim: int,
        epoch: int,
        loss: float | None,
        clean_accuracy: float,
        asr: float | None,
        seconds: float,
    ) -> None:
        """Takes what the store takes, and nothing else."""

    def concluded(self, result: dict[str, Any]) -> None: ...

    def cancelled(self) -> bool:
        return False


def experiment(**changes: Any) -> spec.Experiment:
    fields: dict[str, Any] = {
        "data": Given(),
        "model": {"name": "small_cnn", "width": 4},
        "training": {"epochs": 2, "batch_size": 20, "shift": 1},
        "pretraining": {"part": 0.5, "training": {"epochs": 2, "batch_size": 20}},
        "attack": {"name": "gradient_matching", "poison_fraction": 0.1, "steps": 3},
        "device": "cpu",
    }
    return spec.parse({**fields, **changes})


def run(artifacts: Counting, **changes: Any) -> tuple[dict[str, Any], Counter[str], list[dict[str, Any]]]:
    """The result, how many steps of each kind were computed, and all steps."""
    artifacts.begun.clear()
    watcher = Nobody()
    result = execution.execute(experiment(**changes), artifacts, watcher)
    kinds = {step["key"]: step["kind"] for step in watcher.steps}
    return result, Counter(kinds[key] for key in artifacts.begun), watcher.steps


def weights(artifacts: Artifacts, found: list[dict[str, Any]], kind: str, arm: str | None = None) -> dict[str, Any]:
    key = next(step["key"] for step in found if step["kind"] == kind and arm in (None, step["arm"]))
    return load_file(artifacts.folder(key) / "weights.safetensors")


ALL = Counter(
    data=1, surrogate=1, poison=1, train=2, measure=1, features=1, spectral=1, distances=1, isolation=1, embedding=1
)  # from scratch, one key, one victim: control and undefended are trained


def test_more_keys_and_more_victims_compute_only_what_is_new(artifacts: Counting) -> None:
    assert run(artifacts)[1] == ALL
    assert run(artifacts)[1] == Counter()
    of_a_pair = Counter(train=1, measure=1, features=1, spectral=1, distances=1, isolation=1)
    assert run(artifacts, keys=2)[1] == of_a_pair + Counter(poison=1)
    assert run(artifacts, keys=2, victims=2)[1] == of_a_pair + of_a_pair + Counter(train=1)  # and a control


def test_a_frozen_backbone_is_frozen(artifacts: Counting) -> None:
    _, computed, found = run(artifacts, scenario="transfer")
    assert computed == ALL + Counter(pretraining_data=1, pretrain=2)  # the victim's and the grey-box attacker's
    end = weights(artifacts, found, "train", "undefended")
    other = [step["key"] for step in found if step["kind"] == "pretrain"]
    starts = [load_file(artifacts.folder(key) / "weights.safetensors") for key in other]
    backbone = [name for name in end if not name.startswith("head.")]
    assert any("running_mean" in name for name in backbone)
    assert any(all(np.array_equal(each[name], end[name]) for name in backbone) for each in starts)
    assert all(not np.array_equal(start["head.weight"], end["head.weight"]) for start in starts)


def test_fine_tuning_starts_from_the_pretrained_weights_and_moves_them(artifacts: Counting) -> None:
    slow = {"epochs": 1, "batch_size": 20, "learning_rate": 1e-6}
    _, _, found = run(artifacts, scenario="fine_tune", training=slow, attack=None)
    start, end = weights(artifacts, found, "pretrain"), weights(artifacts, found, "train", "control")
    moved = [name for name in end if name.endswith("weight")]
    assert all(
        np.allclose(start[name], end[name], atol=1e-3) for name in moved
    )  # the head's too: the classes are the same
    assert any(not np.array_equal(start[name], end[name]) for name in moved)


def test_the_victim_never_sees_what_was_pretrained_on(artifacts: Counting) -> None:
    _, _, found = run(artifacts, scenario="transfer", pretraining={"part": 0.6}, attack=None)
    rows = {
        step["kind"]: artifacts.array(step["key"], "train_indices").tolist()
        for step in found
        if step["kind"] in ("data", "pretraining_data")
    }
    assert sorted(rows["data"] + rows["pretraining_data"]) == list(range(120))
    assert Counter(index % 4 for index in rows["pretraining_data"]) == {0: 18, 1: 18, 2: 18, 3: 18}


def test_another_data_set_can_be_pretrained_on_and_leaves_the_victim_all_rows(artifacts: Counting) -> None:
    other = {"data": Given(draw=5), "training": {"epochs": 1, "batch_size": 20}}
    _, _, found = run(artifacts, scenario="transfer", pretraining=other, attack=None)
    lengths = {
        step["kind"]: len(artifacts.array(step["key"], "train_indices")) for step in found if "data" in step["kind"]
    }
    assert lengths == {"data": 120, "pretraining_data": 120}


def test_images_of_another_size_cannot_be_pretrained_on(artifacts: Counting) -> None:
    other = {"data": Given(size=12), "training": {"epochs": 1, "batch_size": 20}}
    with pytest.raises(PoisonscopeError, match="pretrained weights"):
        run(artifacts, scenario="transfer", pretraining=other, attack=None, model={"name": "mlp", "width": 8})


@pytest.mark.parametrize("knowledge, starts", [("white_box", 1), ("grey_box", 2), ("black_box", 2)])
def test_the_surrogate_shares_what_its_knowledge_says(knowledge: str, starts: int, artifacts: Counting) -> None:
    attack = {"name": "bullseye_polytope", "poison_fraction": 0.1, "steps": 2, "knowledge": knowledge}
    attack |= {"surrogate_model": "mlp"}
    _, computed, found = run(artifacts, scenario="transfer", attack=attack)
    assert computed["pretrain"] == starts and computed["surrogate"] == 1
    victim, surrogate = (weights(artifacts, found, *which) for which in (("train", "undefended"), ("surrogate", None)))
    assert (set(victim) == set(surrogate)) == (knowledge != "black_box")
    if knowledge != "black_box":
        backbone = [name for name in victim if name.startswith("body.")]
        same = all(np.array_equal(victim[name], surrogate[name]) for name in backbone)
        assert same == (knowledge == "white_box")
    assert not np.array_equal(victim["head.weight"], surrogate["head.weight"])  # another seed even in a white box


def test_a_white_box_from_scratch_is_refused() -> None:
    with pytest.raises(SpecError, match=r"white_box.*legal from scratch are grey_box and black_box"):
        experiment(attack={"name": "gradient_matching", "knowledge": "white_box"})


def test_each_pair_of_key_and_victim_is_one_trial(artifacts: Counting) -> None:
    result, _, found = run(artifacts, keys=2, victims=2)
    pairs = result["pairs"]
    assert [(pair["key"], pair["victim"]) for pair in pairs] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    for pair in pairs:
        assert pair["true"] == pair["target"] % 4 != pair["wanted"]
        assert pair["counted"] == (pair["predicted"]["control"] == pair["true"])
        assert set(pair["probability"]) == {"control", "undefended"}
    counted = [pair for pair in pairs if pair["counted"]]
    hits = [pair["predicted"]["undefended"] == pair["wanted"] for pair in counted]
    asr = result["arms"]["undefended"]["asr"]
    assert counted and (asr["n"], asr["mean"], asr["interval"]) == (len(hits), sum(hits) / len(hits), "wilson")
    assert result["control"]["asr"]["n"] == 4
    mean = np.mean([pair["probability"]["undefended"] for pair in counted])
    assert result["arms"]["undefended"]["target_probability"]["mean"] == pytest.approx(mean)
    codes = {flag["code"] for flag in result["flags"]}
    assert "few_pairs" in codes and "few_images" not in codes
    assert ("target_misread" in codes) == (len(counted) < 4)


def test_what_a_page_needs_of_a_targeted_run_is_written(artifacts: Counting) -> None:
    _, _, found = run(artifacts)
    step = {step["kind"] if step["kind"] != "train" else step["arm"]: step["key"] for step in found}
    assert artifacts.array(step["poison"], "trace").shape == (1, 3)
    assert artifacts.meta(step["poison"])["targeted"] and artifacts.meta(step["poison"])["epsilon"] == 16
    curve = artifacts.array(step["undefended"], "eval_probability_curve")
    assert curve.shape == (3, 1, 4) and np.allclose(curve.sum(axis=2), 1, atol=1e-5)
    assert np.allclose(curve[-1], artifacts.array(step["undefended"], "eval_probabilities"), atol=1e-6)
    alignments = [epoch["alignment"] for epoch in artifacts.meta(step["undefended"])["epochs"]]
    assert len(alignments) == 3 and all(-1 <= value <= 1 for value in alignments)
    for name in ("pixels", "features", "gradients"):
        assert artifacts.array(step["distances"], name).shape == (12, 2)
    images, target = (artifacts.array(step["poison"], name) for name in ("images", "eval_images"))
    by_hand = np.linalg.norm((images[0].astype(float) - target[0]) / 255)
    assert artifacts.array(step["distances"], "pixels")[0, 1] == pytest.approx(by_hand, rel=1e-4)


def test_the_gradient_space_is_recorded_and_mapped(artifacts: Counting) -> None:
    defense = {"name": "epic", "share": 0.3, "warm_up": 5, "every": 1}
    training = {"epochs": 9, "batch_size": 20, "shift": 1}
    _, _, found = run(artifacts, defenses=[defense], training=training)
    step = {step["kind"] if step["kind"] != "train" else step["arm"]: step["key"] for step in found}
    epochs = artifacts.array(step["undefended"], "gradient_epochs").tolist()
    assert (epochs[0], epochs[-1], len(epochs)) == (1, 9, 8) and 5 not in epochs
    assert artifacts.array(step["epic"], "gradient_epochs").tolist() == sorted([5, *epochs])  # the end of the warm-up
    gradients = artifacts.array(step["undefended"], "gradients")
    assert gradients.shape == (8, 120, 4) and np.allclose(gradients.sum(axis=2, dtype=np.float32), 0, atol=5e-3)
    sizes = artifacts.array(step["isolation"], "sizes")
    assert artifacts.meta(step["isolation"])["share"] == 0.3  # that of the defense
    assert sizes.shape == (8, 120) and all(
        1 <= sum(1 / row) <= 36.001 for row in sizes
    )  # of 36 clusters none or more are empty
    meta, places = artifacts.meta(step["embedding"]), artifacts.array(step["embedding"], "positions")
    assert found[-1]["kind"] == "embedding" and (meta["n"], meta["shown"]) == (120, 120)
    assert places.shape == (8, 121, 2) and np.isfinite(places).all()
    dropped_at = artifacts.array(step["epic"], "dropped_at")
    assert set(dropped_at) <= {-1, *range(5, 8)} and (dropped_at >= 5).any()
    for epoch in range(5, 8):  # its control drops as many rows of each class before the same epochs
        counts = [
            np.bincount(artifacts.array(step[arm], "dropped_at") == epoch, minlength=2)[1]
            for arm in ("epic", "epic_random")
        ]
        assert counts[0] == counts[1]


def test_an_attacker_who_knows_the_defense_trains_surrogates_with_it(artifacts: Counting) -> None:
    attack = {"name": "gradient_matching", "poison_fraction": 0.1, "steps": 3}
    defenses = [{"name": "adversarial_poisoning", "steps": 1, "step_size": 16}]
    found = {}
    crafted = {}
    for adaptive in ("oblivious", "surrogate", "step"):
        _, kinds, steps_of = run(artifacts, attack={**attack, "adaptive": adaptive}, defenses=defenses)
        found[adaptive] = weights(artifacts, steps_of, "surrogate")
        crafted[adaptive] = artifacts.array(next(s["key"] for s in steps_of if s["kind"] == "poison"), "images")
        assert kinds["surrogate"] == (adaptive != "step") and kinds["poison"] == 1  # the last two share surrogates
        assert kinds["train"] == (3 if adaptive == "oblivious" else 2)  # the control is the same
    assert all((found["step"][name] == found["surrogate"][name]).all() for name in found["step"])
    assert (crafted["step"] != crafted["surrogate"]).any()  # but not what they craft
    assert any((found["oblivious"][name] != found["surrogate"][name]).any() for name in found["oblivious"])


def test_the_first_trial_keeps_a_look_inside_the_step_of_a_defense_that_practises(artifacts: Counting) -> None:
    defenses = [{"name": "adversarial_poisoning", "steps": 1, "proxy": "noise"}]
    found = run(artifacts, keys=2, victims=2, scenario="from_scratch", defenses=defenses)[2]
    kept = [
        (step["poison_key"], step["victim"], step["arm"])
        for step in found
        if step["kind"] == "train" and artifacts.holds(step["key"], "practice_epochs")
    ]
    assert kept == [(0, 0, "adversarial_poisoning")]
    key = next(step["key"] for step in found if step["arm"] == "adversarial_poisoning")
    assert artifacts.array(key, "practice_epochs").tolist() == [1, 2]
    assert artifacts.meta(key)["practice"] == {"batch": 20, "all": 15, "shown": 15, "targets": 5}


def test_an_attacker_cannot_know_a_defense_that_is_not_there() -> None:
    with pytest.raises(SpecError, match="none is listed; add one to defenses"):
        experiment(attack={"name": "gradient_matching", "adaptive": "surrogate"}, defenses=[])


def test_the_same_seed_gives_the_same_poisons(artifacts: Counting, tmp_path: Path) -> None:
    def images(where: Counting) -> bytes:
        found = run(where)[2]
        return artifacts_of(where, found)

    def artifacts_of(where: Counting, found: list[dict[str, Any]]) -> bytes:
        key = next(step["key"] for step in found if step["kind"] == "poison")
        return np.asarray(where.array(key, "images")).tobytes()

    assert images(artifacts) == images(Counting(tmp_path / "again"))


def test_only_what_an_attack_needs_is_handed_over(artifacts: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Tools] = []
    real: Callable[..., Any] = Work._tools

    def noted(self: Any, attack: Any, step: Any, tell: Any) -> Tools:
        seen.append(real(self, attack, step, tell))
        return seen[-1]

    monkeypatch.setattr(Work, "_tools", noted)
    run(artifacts, attack={"name": "badnets", "poison_fraction": 0.1})
    assert seen[0].test is None and seen[0].surrogates == () and seen[0].model is None
    run(artifacts, attack={"name": "watermark", "poison_fraction": 0.1})
    assert seen[1].test is not None and seen[1].surrogates == ()
