"""A whole experiment on tiny data: every step computed once, every number the one that the files say."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.attacks.base import Attack, Poisoned
from core.defenses.base import View
from core.defenses.spectral_signatures import SpectralSignatures
from core.errors import AttackError, Cancelled
from core.runs.artifacts import Artifacts
from core.steps import Step
from core.work import Work
from tests.flows.blobs import BADNETS, Blobs, Counting, Watcher, artifacts, experiment, find, run, two_cores

__all__ = ["artifacts", "two_cores"]  # fixtures


def without_times(result: dict[str, Any]) -> dict[str, Any]:
    """A result without the seconds, which differ from time to time."""
    content = json.loads(json.dumps(result))
    for arm in [content["control"], *content["arms"].values()]:
        del arm["seconds"]
    return dict(content)


def unfinished(artifacts: Artifacts) -> list[str]:
    return [path.name for path in artifacts.root.iterdir() if not (path / "meta.json").is_file() or path.name[0] == "."]


EVERYTHING = Counter(
    data=1, poison=1, control=1, undefended=1, measure=1, features=1, spectral=1, score=1, filter=1,
    spectral_signatures=1, spectral_signatures_random=1,
)  # fmt: skip
OF_THE_DEFENSE = Counter(score=1, filter=1, spectral_signatures=1, spectral_signatures_random=1)
OF_A_VICTIM = OF_THE_DEFENSE + Counter(undefended=1, features=1, spectral=1, measure=1)


def test_the_result_keeps_the_contract(artifacts: Counting) -> None:
    watcher = Watcher()
    result, computed = run(artifacts, watcher)
    assert computed == EVERYTHING and unfinished(artifacts) == []
    json.dumps(result, allow_nan=False)
    assert list(result) == ["device", "versions", "spec", "arms", "control", "pairs", "flags"] and result["pairs"] == []
    assert result["device"] == watcher.device == "cpu (2 cores)"
    assert result["spec"] == experiment().model_dump(mode="json")
    assert list(result["arms"]) == ["undefended", "spectral_signatures", "spectral_signatures_random"]
    for name, arm in [("control", result["control"]), *result["arms"].items()]:
        extra = {"detection"} if name.startswith("spectral") else set()
        assert set(arm) == {"clean_accuracy", "asr", "target_probability", "seconds", "passes"} | extra
        assert 0 < arm["target_probability"]["mean"] < 1
        for rate, n in (("clean_accuracy", 40), ("asr", 30)):  # ten test images have the wanted class already
            assert set(arm[rate]) == {"mean", "low", "high", "n", "seeds", "interval"}
            assert 0 <= arm[rate]["low"] <= arm[rate]["mean"] <= arm[rate]["high"] <= 1
            assert (arm[rate]["n"], arm[rate]["seeds"], arm[rate]["interval"]) == (n, 1, "wilson")
        assert arm["seconds"] > 0
    for flag in result["flags"]:
        assert set(flag) == {"code", "message"}
    assert {"few_images", "one_seed", "told_budget"} <= {flag["code"] for flag in result["flags"]}


def test_progress_never_goes_back_and_every_epoch_is_a_point(artifacts: Counting) -> None:
    watcher = Watcher()
    run(artifacts, watcher)
    shares = [fraction for _, fraction, _ in watcher.phases]
    assert shares == sorted(shares) and shares[-1] == pytest.approx(1.0)
    assert all(text and (left is None or left >= 0) for text, _, left in watcher.phases)
    arms = {step["arm"] for step in watcher.steps if step["kind"] == "train"}
    assert {(point["arm"], point["epoch"]) for point in watcher.points} == {(arm, e) for arm in arms for e in (0, 1, 2)}
    assert len(watcher.points) == 12
    for point in watcher.points:
        assert (point["asr"] is None) == (point["arm"] == "control") and point["victim"] == 0
        assert (point["loss"] is None) == (point["epoch"] == 0)  # the curves start at a network that knows nothing


def test_nothing_is_computed_twice(artifacts: Counting) -> None:
    first_watcher, second_watcher = Watcher(), Watcher()
    first, _ = run(artifacts, first_watcher)
    second, computed = run(artifacts, second_watcher, name="another name")
    assert computed == Counter()
    assert second | {"spec": None} == first | {"spec": None}  # the seconds too: they are those of the training

    def order(points: list[dict[str, Any]]) -> list[str]:
        return sorted((json.dumps({**point, "clean_accuracy": 0, "asr": 0}, sort_keys=True)) for point in points)

    assert order(second_watcher.points) == order(first_watcher.points)  # the curves are shown again


def test_curves_end_at_the_rates_of_the_result(artifacts: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.judge.LIVE_IMAGES", 7)  # while it trains, a part of the images has to do
    first, again = Watcher(), Watcher()
    result, _ = run(artifacts, first)
    ends = {point["arm"]: (point["clean_accuracy"], point["asr"]) for point in first.points if point["epoch"] == 2}
    for name, arm in result["arms"].items():
        assert ends[name] == (arm["clean_accuracy"]["mean"], arm["asr"]["mean"])
    run(artifacts, again)

    def order(points: list[dict[str, Any]]) -> list[str]:
        return sorted(json.dumps(point, sort_keys=True) for point in points)

    assert order(again.points) == order(first.points)


@pytest.mark.parametrize(
    "before, after, expected",
    [
        ({"defenses": []}, {}, OF_THE_DEFENSE),
        ({"defenses": [], "analysis": {"spectral": False}}, {"analysis": {"spectral": False}},
         OF_THE_DEFENSE + Counter(features=1)),
        ({}, {"defenses": [{"name": "spectral_signatures", "assumed_count": 2}]}, OF_THE_DEFENSE),
        ({}, {"victims": 2}, OF_A_VICTIM + Counter(control=1)),
        ({}, {"keys": 2}, OF_A_VICTIM + Counter(poison=1)),
        ({}, {"attack": {**BADNETS, "size": 3}}, OF_A_VICTIM + Counter(poison=1)),
        ({"attack": None, "defenses": []}, {}, EVERYTHING - Counter(data=1, control=1)),
        ({}, {"training": {"epochs": 3, "batch_size": 16, "shift": 1}}, EVERYTHING - Counter(data=1, poison=1)),
        ({}, {"seed": 1}, EVERYTHING - Counter(data=1)),
        ({}, {"data": Blobs(train=96)}, EVERYTHING),
        ({}, {"defenses": []}, Counter()),
    ],
    ids=[
        "a defense", "a defense and features", "another setting of a defense", "a victim", "a key", "another attack",
        "an attack", "an epoch", "another seed", "other data", "less",
    ],
)  # fmt: skip
def test_only_what_is_new_is_computed(
    before: dict[str, Any], after: dict[str, Any], expected: Counter[str], artifacts: Counting
) -> None:
    run(artifacts, **before)
    _, computed = run(artifacts, **after)
    assert computed == expected


def test_keys_and_victims_are_counted_as_models(artifacts: Counting) -> None:
    result, computed = run(artifacts, keys=2, victims=2, defenses=[])
    assert computed == Counter(data=1, poison=2, control=2, undefended=4, measure=4, features=4, spectral=4)
    asr, accuracy = result["arms"]["undefended"]["asr"], result["arms"]["undefended"]["clean_accuracy"]
    assert (asr["n"], asr["seeds"], asr["interval"]) == (4 * 30, 4, "seeds")
    assert (accuracy["n"], accuracy["seeds"]) == (4 * 40, 4)
    control = result["control"]  # two models, each shown the images of both keys
    assert (control["asr"]["n"], control["asr"]["seeds"]) == (4 * 30, 2)
    assert (control["clean_accuracy"]["n"], control["clean_accuracy"]["seeds"]) == (2 * 40, 2)


def test_one_control_measured_with_two_keys_is_one_model(artifacts: Counting) -> None:
    result, _ = run(artifacts, keys=2, defenses=[])
    assert (result["control"]["asr"]["seeds"], result["control"]["asr"]["interval"]) == (1, "wilson")
    assert result["control"]["asr"]["low"] < result["control"]["asr"]["high"]


def test_detection_is_what_the_files_say(artifacts: Counting) -> None:
    watcher = Watcher()
    result, _ = run(artifacts, watcher)
    truth = np.zeros(80, bool)
    truth[artifacts.array(find(watcher, "poison"), "rows")] = True
    assert truth.sum() == 8
    key = find(watcher, "filter")
    scores = artifacts.array(find(watcher, "score"), "scores")
    for arm, name in (("spectral_signatures", "flagged"), ("spectral_signatures_random", "random_flagged")):
        flagged, said = artifacts.array(key, name), result["arms"][arm]["detection"]
        caught = sum(1 for row in range(80) if flagged[row] and truth[row])
        assert said["removed"] == flagged.sum() and said["poisons_left"] == 8 - caught
        assert said["tpr"] == caught / 8 and said["fpr"] == (flagged.sum() - caught) / 72
        assert said["precision"] == pytest.approx(caught / flagged.sum())
        rank = scores if arm == "spectral_signatures" else flagged.astype(float)
        pairs = [(rank[p] > rank[c]) + (rank[p] == rank[c]) / 2 for p in range(80) for c in range(80)
                 if truth[p] and not truth[c]]  # fmt: skip
        assert said["auroc"] == pytest.approx(np.mean(pairs))
        assert artifacts.meta(find(watcher, "train", arm))["rows"] == 80 - flagged.sum()
    labels = artifacts.array(find(watcher, "data"), "train_labels").copy()
    labels[truth] = artifacts.array(find(watcher, "poison"), "labels")
    counts = [np.bincount(labels[artifacts.array(key, name)]).tolist() for name in ("flagged", "random_flagged")]
    assert counts[0] == counts[1]  # the random control takes as many of every class
    assert artifacts.meta(key)["knows"] == {"poison_count": 8}


def test_success_is_what_the_files_say_and_never_counts_the_target_class(artifacts: Counting) -> None:
    watcher = Watcher()
    result, _ = run(artifacts, watcher)
    poison, data = find(watcher, "poison"), find(watcher, "data")
    wanted, true = (artifacts.array(poison, name) for name in ("eval_wanted", "eval_true"))
    indices = artifacts.array(poison, "eval_indices")
    test_labels = artifacts.array(data, "test_labels")
    assert (wanted == 2).all() and (true != 2).all()
    assert indices.tolist() == [row for row in range(40) if test_labels[row] != 2]
    arms = {"control": result["control"], **result["arms"]}
    for arm, numbers in arms.items():
        key = find(watcher, "train", arm)
        clean = artifacts.array(key, "test_predictions")
        assert numbers["clean_accuracy"]["mean"] == (clean == test_labels).sum() / 40
        shown = artifacts.array(find(watcher, "measure") if arm == "control" else key, "eval_predictions")
        assert numbers["asr"]["mean"] == (shown == wanted).sum() / 30
        last = artifacts.meta(key)["epochs"][-1]
        assert last["clean_accuracy"] == numbers["clean_accuracy"]["mean"]
        assert last["asr"] == (None if arm == "control" else numbers["asr"]["mean"])


def test_the_projection_and_the_scores_tell_the_same(artifacts: Counting) -> None:
    watcher = Watcher()
    run(artifacts, watcher)
    projection = artifacts.array(find(watcher, "spectral"), "projection")
    scores = artifacts.array(find(watcher, "score"), "scores")
    assert projection.shape == (80, 3) and artifacts.array(find(watcher, "features"), "features").shape == (80, 32)
    assert artifacts.array(find(watcher, "spectral"), "singular_values").shape[0] == 4
    np.testing.assert_allclose(projection[:, 0].astype(float) ** 2, scores, rtol=1e-3, atol=1e-6)


def test_same_seed_same_bytes_in_another_home(artifacts: Counting, tmp_path: Path) -> None:
    other = Counting(tmp_path / "elsewhere")
    watcher = Watcher()
    first, _ = run(artifacts, watcher)
    second, _ = run(other)
    assert without_times(first) == without_times(second)
    for step in watcher.steps:
        one, two = (place.folder(step["key"]) for place in (artifacts, other))
        names = {path.name for path in one.iterdir()}
        assert names == {path.name for path in two.iterdir()}
        for name in names - {"meta.json"}:  # which holds seconds
            assert (one / name).read_bytes() == (two / name).read_bytes(), (step["label"], name)
    weights = {(artifacts.folder(step["key"]) / "weights.safetensors").read_bytes() for step in watcher.steps
               if step["kind"] == "train"}  # fmt: skip
    assert len(weights) == 4  # four arms, four models


def test_steps_beside_each_other_find_what_they_find_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[dict[str, bytes]] = []
    for lanes in (1, 2):
        monkeypatch.setattr("core.device.lanes", lambda _steps, _device, lanes=lanes: lanes)
        place, watcher = Counting(tmp_path / str(lanes)), Watcher()
        run(place, watcher)
        keys = [step["key"] for step in watcher.steps if step["kind"] == "train"]
        trained.append({key: (place.folder(key) / "weights.safetensors").read_bytes() for key in keys})
    assert len(set(trained[0].values())) == 4 and trained[0].keys() == trained[1].keys()
    assert [key for key in trained[0] if trained[0][key] != trained[1][key]] == []


def test_a_stopped_run_goes_on_where_it_was(artifacts: Counting, tmp_path: Path) -> None:
    stopped = Watcher(stop=lambda point: point["arm"] == "spectral_signatures" and point["epoch"] == 1)
    with pytest.raises(Cancelled):
        run(artifacts, stopped)
    assert unfinished(artifacts) == []
    assert not artifacts.has(find(stopped, "train", "spectral_signatures"))
    assert artifacts.has(find(stopped, "train", "undefended"))
    finished = {step["key"] for step in stopped.steps if artifacts.has(step["key"])}
    watcher = Watcher()
    result, computed = run(artifacts, watcher)
    assert computed["spectral_signatures"] == 1 and computed["undefended"] == computed["filter"] == 0
    assert set(artifacts.begun) == {step["key"] for step in watcher.steps} - finished
    assert without_times(result) == without_times(run(Counting(tmp_path / "elsewhere"))[0])


def test_a_run_that_is_stopped_before_it_begins_computes_nothing(artifacts: Counting) -> None:
    watcher = Watcher()
    watcher.stopped = True
    with pytest.raises(Cancelled):
        run(artifacts, watcher)
    assert artifacts.begun == [] and watcher.steps


def test_an_error_in_one_step_stops_the_others(artifacts: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    train = Work._train

    def failing(self: Work, step: Step, *rest: Any) -> None:
        if step.arm == "undefended":
            raise AttackError("The undefended training failed.")
        train(self, step, *rest)

    monkeypatch.setattr(Work, "_train", failing)
    watcher = Watcher()
    with pytest.raises(AttackError, match="undefended training failed"):
        run(artifacts, watcher, training={"epochs": 500, "batch_size": 16, "shift": 1})
    assert len(watcher.points) < 500  # the control was begun beside it and did not run to its end
    assert unfinished(artifacts) == []
    assert {step["kind"] for step in watcher.steps if artifacts.has(step["key"])} == {"data", "poison"}


def test_an_attack_that_breaks_its_promise_stops_the_run(artifacts: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.attacks.badnets import Badnets

    honest = Badnets.poison

    def greedy(self: Attack, *given: Any) -> Poisoned:
        return honest(self.model_copy(update={"poison_fraction": 0.2}), *given)  # type: ignore[arg-type]

    monkeypatch.setattr(Badnets, "poison", greedy)
    with pytest.raises(AttackError, match="badnets changed 16 rows; its budget is 8"):
        run(artifacts)
    assert unfinished(artifacts) == []


@pytest.mark.parametrize(
    "settings, facts",
    [
        ({}, {"poison_count": 8}),
        ({"assumed_count": 3}, {}),
        ({"assumed_count": 3, "classes": "target"}, {"target_class": 2}),
    ],
)
def test_a_defense_sees_what_it_is_told_and_no_more(
    settings: dict[str, Any], facts: dict[str, int], artifacts: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[View] = []
    scores = SpectralSignatures.scores

    def spying(self: SpectralSignatures, view: View) -> np.ndarray:
        seen.append(view)
        return scores(self, view)

    monkeypatch.setattr(SpectralSignatures, "scores", spying)
    run(artifacts, defenses=[{"name": "spectral_signatures", **settings}])
    (view,) = seen
    assert view.facts == facts
    assert view.labels.shape == (80,) and np.bincount(view.labels)[2] == 28  # as given: with the attacker's labels
    assert not view.labels.flags.writeable and not view.features.flags.writeable
    assert not any(isinstance(value, np.ndarray) and value.dtype == bool for value in vars(view).values())


def test_without_an_attack_there_is_a_control_and_nothing_else(artifacts: Counting) -> None:
    result, computed = run(artifacts, attack=None, defenses=[])
    assert computed == Counter(data=1, control=1)
    assert result["arms"] == {} and result["control"]["asr"] is None
    assert result["control"]["clean_accuracy"]["n"] == 40
    assert "few_images" not in {flag["code"] for flag in result["flags"]}


def test_a_poisoned_set_with_added_rows(artifacts: Counting) -> None:
    attack = {"name": "tran_trigger", "mode": "add", "source_class": 3, "target_class": 1, "row": 4, "column": 5,
              "poison_fraction": 0.1}  # fmt: skip
    watcher = Watcher()
    result, _ = run(artifacts, watcher, attack=attack)
    assert artifacts.array(find(watcher, "poison"), "rows").tolist() == list(range(80, 88))
    assert artifacts.array(find(watcher, "score"), "scores").shape == (88,)
    assert artifacts.meta(find(watcher, "train", "undefended"))["rows"] == 88
    assert artifacts.meta(find(watcher, "train", "control"))["rows"] == 80
    assert result["arms"]["undefended"]["asr"]["n"] == 10  # the source class only
