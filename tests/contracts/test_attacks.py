"""What the framework promises about every attack, and that an attack which breaks a promise does not get through."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from core import registry, spec
from core.attacks.base import Attack, Evaluation, Poisoned, Tools, apply, evaluation
from core.crafted import relabelled
from core.datasets.base import ImageSet
from core.errors import AttackError
from core.spec import setting
from core.train.loop import build
from tests.poison_files import archive

SETTINGS: dict[str, list[dict[str, Any]]] = {
    "adaptive_blend": [{"target_class": 1, "cover_fraction": 0.15}, {"cover_fraction": 0}],
    "badnets": [
        {"target_class": 1},
        {"mode": "one_source", "source_class": 2, "target_class": 0, "place": "centre", "opacity": 0.5},
        {"mode": "all_to_all", "size": 4, "pattern": "checker", "colour": "#ff8000"},
    ],
    "bullseye_polytope": [{"steps": 5}, {"steps": 5, "views": 2}],
    "convex_polytope": [{"steps": 5}],
    "feature_collision": [{"steps": 5}, {"steps": 5, "form": "l2"}],
    "gradient_matching": [
        {"steps": 5, "restarts": 2},
        {"steps": 5, "choice": "gradient_norm", "source_class": 2, "target_class": 1, "epsilon": 4},
        {"steps": 5, "adaptive": "gradient_space", "nearness": 2.0},
    ],
    "imported": [{"path": "poisons.zip"}],
    "label_flip": [{"mode": mode} for mode in ("symmetric", "pair", "fixed")],
    "metapoison": [{"steps": 2, "surrogates": 2}, {"steps": 2, "surrogates": 1, "first_order": True}],
    "tran_trigger": [
        {"source_class": 3, "target_class": 1, "row": 5, "column": 9, "shape": shape, "mode": mode}
        for shape, mode in [("pixel", "replace"), ("x", "add"), ("l", "replace")]
    ],
    "watermark": [{}, {"epsilon": 8, "opacity": 1.0}],
}
"""Settings that fit four classes of twenty 16 x 16 images; an attack that is not here is tried as it comes."""

POISONS_NOTHING = ("as_given",)
"""Attacks that look at data as they came: they craft no poisons, and show the victim nothing (`test_as_given`)."""
CRAFTING = [name for name in registry.names("attacks") if name not in POISONS_NOTHING]
CASES = [(name, settings) for name in CRAFTING for settings in SETTINGS.get(name, [{}])]
each_attack = pytest.mark.parametrize("name, settings", CASES, ids=[f"{name}-{i}" for i, (name, _) in enumerate(CASES)])


def make(name: str, settings: dict[str, Any], **more: Any) -> Attack:
    attack: Attack = registry.load("attacks", name)(**{"poison_fraction": 0.1, **settings, **more})
    return attack


def tools_for(attack: Attack, data: ImageSet, seed: int = 0, key: int = 0) -> Tools:
    """What the runner would hand over: test images, one untrained surrogate, a short training."""
    tools = Tools(seed, key)
    if "test" in attack.needs:
        tools = replace(tools, test=data)
    if attack.needs:
        model = registry.load("models", "mlp")(width=8)
        tools = replace(tools, model=model, training=spec.Training(epochs=2, batch_size=40, shift=1))
    if "surrogates" in attack.needs:
        assert tools.model is not None
        tools = replace(tools, surrogates=(build(tools.model, data, 7, "cpu").eval(),))
    return tools


def poison(attack: Attack, data: ImageSet, seed: int = 0, key: int = 0) -> Poisoned:
    try:
        return apply(attack, data, tools_for(attack, data, seed, key))
    except AttackError as error:
        pytest.fail(f"{error} If the settings do not fit tiny data, add a line for {attack.name} to SETTINGS.")


def contents(poisoned: Poisoned) -> list[bytes]:
    arrays = (poisoned.data.images, poisoned.data.labels, poisoned.rows, poisoned.originals, poisoned.original_labels)
    return [np.ascontiguousarray(array).tobytes() for array in arrays]


def test_the_table_names_attacks_that_exist() -> None:
    assert set(SETTINGS) <= set(registry.names("attacks"))


@pytest.fixture(autouse=True)
def poisons_of_before(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_images: Callable[..., ImageSet],
) -> None:
    """Three keys of an earlier run on the same images, in a file for the attack that needs one."""
    call = getattr(request.node, "callspec", None)
    if call is None or call.params.get("name") != "imported":
        return
    train, test = (
        make_images(per_class=number, seed=seed, channels=call.params.get("channels", 3))
        for number, seed in ((20, 0), (10, 1))
    )
    archive(tmp_path / "poisons.zip", make("badnets", {"target_class": 1}), train, test, keys=3)
    monkeypatch.chdir(tmp_path)


@each_attack
@pytest.mark.parametrize("channels", [1, 3])
def test_an_attack_changes_what_it_reports_and_no_more(
    name: str, settings: dict[str, Any], channels: int, make_images: Callable[..., ImageSet]
) -> None:
    data, untouched = make_images(channels=channels), make_images(channels=channels)
    attack = make(name, settings)
    poisoned = poison(attack, data)
    assert np.array_equal(data.images, untouched.images) and np.array_equal(data.labels, untouched.labels)

    after, rows, n = poisoned.data, poisoned.rows, len(data)
    assert 1 <= len(rows) <= 8 + attack.cover_budget(80)  # a tenth of 80, and what hides it
    assert relabelled(after.labels[rows], poisoned.original_labels).sum() <= 8
    assert after.images.dtype == poisoned.originals.dtype == np.uint8
    changed = np.zeros(len(after), dtype=bool)
    changed[:n] = (after.images[:n] != data.images).any(axis=(1, 2, 3)) | (after.labels[:n] != data.labels)
    changed[n:] = True
    assert set(np.flatnonzero(changed)) <= set(rows)
    inside = rows < n
    assert np.array_equal(poisoned.originals[inside], data.images[rows[inside]])
    assert np.array_equal(poisoned.original_labels[inside], data.labels[rows[inside]])
    assert (after.labels[rows] != poisoned.original_labels).any() == attack.changes_labels
    if attack.epsilon_bound:
        assert np.abs(after.images[rows].astype(int) - poisoned.originals.astype(int)).max() <= attack.epsilon  # type: ignore[attr-defined]


@each_attack
@pytest.mark.parametrize("channels", [1, 3])
def test_the_evaluation_set_never_holds_images_of_the_wanted_class(
    name: str, settings: dict[str, Any], channels: int, make_images: Callable[..., ImageSet]
) -> None:
    test = make_images(per_class=10, seed=1, channels=channels)
    shown = evaluation(make(name, settings), test, Tools(seed=0))
    assert len(shown.images) > 0 and shown.images.dtype == np.uint8
    assert (test.labels[shown.indices] != shown.wanted).all()
    assert np.array_equal(shown.true, test.labels[shown.indices])
    assert set(shown.wanted) <= set(range(4))


@each_attack
def test_same_seed_and_key_same_bytes_and_another_key_or_seed_others(
    name: str, settings: dict[str, Any], tiny: ImageSet
) -> None:
    attack = make(name, settings)
    first = contents(poison(attack, tiny, seed=3, key=1))
    assert first == contents(poison(make(name, settings), tiny, seed=3, key=1))
    assert first != contents(poison(attack, tiny, seed=3, key=2))
    if attack.family != "imported":  # what was crafted before does not depend on a seed any more
        assert first != contents(poison(attack, tiny, seed=4, key=1))


@each_attack
def test_a_smaller_budget_poisons_some_of_the_same_images(name: str, settings: dict[str, Any], tiny: ImageSet) -> None:
    small, large = (poison(make(name, settings, poison_fraction=share), tiny) for share in (0.05, 0.1))
    originals = [{image.tobytes() for image in poisoned.originals} for poisoned in (small, large)]
    assert len(small.rows) < len(large.rows) and originals[0] < originals[1]


@each_attack
def test_an_attack_survives_the_way_through_json(name: str, settings: dict[str, Any]) -> None:
    experiment = spec.parse({"attack": {"name": name, **settings}})
    again = spec.parse(json.loads(experiment.model_dump_json()))
    assert again == experiment and again.hash() == experiment.hash()
    assert again.attack == registry.load("attacks", name)(**settings)


@pytest.mark.parametrize("name", registry.names("attacks"))
def test_an_attack_says_what_it_is(name: str) -> None:
    attack = registry.load("attacks", name)
    assert issubclass(attack, Attack) and attack.__doc__
    for text in (attack.title, attack.summary, attack.source, attack.threat):
        assert isinstance(text, str) and text.strip()
    assert attack.summary.endswith(".") and attack.threat.endswith(".")
    assert attack.changes_labels in (True, False)
    assert not attack.epsilon_bound or "epsilon" in attack.model_fields
    for field, facts in attack.model_fields.items():
        assert facts.description and facts.description.endswith("."), f"{name}.{field} has no sentence of help"


# ---- attacks that break their promise


class Honest(Attack):
    """Darkens three or four images of class 0 and calls them class 1."""

    changes_labels = True
    target_class: int = setting(1, "Wanted class.")

    def poison(self, data: ImageSet, tools: Tools) -> Poisoned:
        rows = np.flatnonzero(data.labels == 0)[: self.budget(len(data))]
        images, labels = data.images.copy(), data.labels.copy()
        images[rows], labels[rows] = self.craft(images[rows]), self.label(labels[rows])
        after = ImageSet(images, labels, data.class_names, data.indices)
        return Poisoned(after, rows, data.images[rows], data.labels[rows])

    def craft(self, images: np.ndarray) -> np.ndarray:
        return images // 2

    def label(self, labels: np.ndarray) -> np.ndarray:
        return np.full_like(labels, self.target_class)

    def evaluation_set(self, test: ImageSet, tools: Tools) -> Evaluation:
        rows = np.flatnonzero(test.labels == 0)
        return Evaluation(self.craft(test.images[rows]), self.label(test.labels[rows]), test.labels[rows], rows)


class CleanLabel(Honest):
    """Moves every pixel by at most eight levels and keeps the labels."""

    changes_labels = False
    epsilon_bound: ClassVar[bool] = True
    epsilon: int = setting(8, "Largest change.")
    step: int = setting(8, "Change that is made.")

    def craft(self, images: np.ndarray) -> np.ndarray:
        return (images.astype(int) + self.step).clip(0, 255).astype(np.uint8)

    def label(self, labels: np.ndarray) -> np.ndarray:
        return labels


def changed(array: np.ndarray, place: Any, value: Any) -> np.ndarray:
    result = array.copy()
    result[place] = value
    return result


def appended(poisoned: Poisoned, image: np.ndarray, index: int, original: np.ndarray, label: int = 0) -> Poisoned:
    """One more row behind the others, reported as it should be."""
    data, n = poisoned.data, len(poisoned.data)
    after = ImageSet(
        np.concatenate([data.images, image[None]]), np.append(data.labels, 1), data.class_names,
        np.append(data.indices, index),
    )  # fmt: skip
    originals = np.concatenate([poisoned.originals[:3], original[None]])
    return Poisoned(after, np.append(poisoned.rows[:3], n), originals, np.append(poisoned.original_labels[:3], label))


def with_data(poisoned: Poisoned, **arrays: Any) -> Poisoned:
    return replace(poisoned, data=replace(poisoned.data, **arrays))


def three_and_one_added(poisoned: Poisoned, clean: ImageSet, index: int, original: np.ndarray, label: int) -> Poisoned:
    fourth = poisoned.rows[3]
    images = changed(poisoned.data.images, fourth, clean.images[fourth])
    labels = changed(poisoned.data.labels, fourth, clean.labels[fourth])
    return appended(with_data(poisoned, images=images, labels=labels), clean.images[0] // 2, index, original, label)


Spoil = Callable[[Poisoned, ImageSet], Poisoned]
BROKEN: dict[str, tuple[Spoil, str]] = {
    "more rows than the budget": (
        lambda p, d: replace(
            p, rows=np.append(p.rows, 79), originals=np.concatenate([p.originals, d.images[79:]]),
            original_labels=np.append(p.original_labels, d.labels[79]),
        ), "budget is 4",
    ),
    "no rows": (lambda p, d: Poisoned(d, p.rows[:0], p.originals[:0], p.original_labels[:0]), "at least one"),
    "rows that descend": (lambda p, d: replace(p, rows=p.rows[::-1].copy()), "ascending"),
    "a row twice": (lambda p, d: replace(p, rows=p.rows[[0, 1, 1, 2]]), "ascending"),
    "a negative row": (lambda p, d: replace(p, rows=changed(p.rows, 0, -1)), "inside"),
    "a row that is not there": (lambda p, d: replace(p, rows=changed(p.rows, 3, 80)), "inside"),
    "rows as fractions": (lambda p, d: replace(p, rows=p.rows.astype(float)), "int64"),
    "rows as a column": (lambda p, d: replace(p, rows=p.rows[:, None]), "int64"),
    "a pixel elsewhere": (lambda p, d: with_data(p, images=changed(p.data.images, (79, 0, 0, 0), 0)), "not report"),
    "a label elsewhere": (lambda p, d: with_data(p, labels=changed(p.data.labels, 79, 0)), "not report"),
    "another order": (lambda p, d: with_data(p, indices=p.data.indices[::-1].copy()), "not report"),
    "other classes": (lambda p, d: with_data(p, class_names=("a", "b", "c", "d")), "classes"),
    "smaller images": (lambda p, d: with_data(p, images=p.data.images[..., :8]), "shape"),
    "fewer rows": (lambda p, d: replace(p, data=p.data.rows(np.arange(79))), "removed rows"),
    "an added row in silence": (
        lambda p, d: replace(p, data=p.data.rows(np.append(np.arange(80), 0))), "does not report",
    ),
    "poisons as originals": (lambda p, d: replace(p, originals=p.data.images[p.rows]), "not the clean images"),
    "originals as fractions": (lambda p, d: replace(p, originals=p.originals.astype(float)), "uint8"),
    "too few originals": (lambda p, d: replace(p, originals=p.originals[:3]), "each of its 4"),
    "original labels that lie": (lambda p, d: replace(p, original_labels=p.original_labels + 1), "original labels"),
    "an added row from nowhere": (lambda p, d: three_and_one_added(p, d, -1, d.images[0], 0), "not the clean images"),
    "an added row of another image": (
        lambda p, d: three_and_one_added(p, d, 0, d.images[4], 0), "not the clean images",
    ),
    "an added row with another label": (lambda p, d: three_and_one_added(p, d, 0, d.images[0], 2), "original labels"),
}  # fmt: skip


def spoiled(base: type[Honest], spoil: Spoil) -> Attack:
    class Broken(base):  # type: ignore[valid-type, misc]
        def poison(self, data: ImageSet, tools: Tools) -> Poisoned:
            return spoil(super().poison(data, tools), data)

    return Broken(poison_fraction=0.05)


def test_an_honest_attack_gets_through(tiny: ImageSet) -> None:
    for attack in (Honest(poison_fraction=0.05), CleanLabel(poison_fraction=0.05)):
        assert apply(attack, tiny, Tools(0)).rows.tolist() == [0, 4, 8, 12]
    added = spoiled(Honest, lambda p, d: three_and_one_added(p, d, 0, d.images[0], 0))
    assert apply(added, tiny, Tools(0)).rows.tolist() == [0, 4, 8, 80]


@pytest.mark.parametrize("what", BROKEN)
def test_an_attack_that_breaks_a_promise_is_stopped(what: str, tiny: ImageSet) -> None:
    spoil, words = BROKEN[what]
    with pytest.raises(AttackError, match=words):
        apply(spoiled(Honest, spoil), tiny, Tools(0))


@pytest.mark.parametrize("lie", [False, True])
def test_a_clean_label_attack_keeps_labels_and_cannot_hide_it(lie: bool, tiny: ImageSet) -> None:
    def relabel(poisoned: Poisoned, data: ImageSet) -> Poisoned:
        labels = changed(poisoned.data.labels, poisoned.rows, 1)
        return replace(
            with_data(poisoned, labels=labels),
            original_labels=labels[poisoned.rows] if lie else poisoned.original_labels,
        )

    with pytest.raises(AttackError, match="original labels" if lie else "clean-label"):
        apply(spoiled(CleanLabel, relabel), tiny, Tools(0))


def test_epsilon_holds_to_the_level(tiny: ImageSet) -> None:
    dark = replace(tiny, images=tiny.images // 2)
    apply(CleanLabel(step=8), dark, Tools(0))
    with pytest.raises(AttackError, match="9/255; its epsilon is 8/255"):
        apply(CleanLabel(step=9), dark, Tools(0))
    with pytest.raises(AttackError, match="10/255"):  # 5 - 10 is 251 in uint8: the difference must not wrap around
        apply(CleanLabel(step=-10), replace(tiny, images=np.full_like(tiny.images, 20)), Tools(0))


def test_a_bound_without_a_number_allows_nothing(tiny: ImageSet) -> None:
    class Boundless(Honest):
        epsilon_bound: ClassVar[bool] = True

    with pytest.raises(AttackError, match="epsilon is 0/255"):
        apply(Boundless(), tiny, Tools(0))


@pytest.mark.parametrize("array", ["images", "labels", "indices"])
def test_the_clean_data_cannot_be_written_into(array: str, tiny: ImageSet) -> None:
    class Vandal(Honest):
        def poison(self, data: ImageSet, tools: Tools) -> Poisoned:
            getattr(data, array)[-1] = 0
            return super().poison(data, tools)

        def evaluation_set(self, test: ImageSet, tools: Tools) -> Evaluation:
            getattr(test, array)[-1] = 0
            return super().evaluation_set(test, tools)

    before = getattr(tiny, array).copy()
    for call in (apply, evaluation):
        with pytest.raises(ValueError, match="read-only"):
            call(Vandal(), tiny, Tools(0))  # type: ignore[operator]
    assert np.array_equal(getattr(tiny, array), before) and getattr(tiny, array).flags.writeable


SHOWN: dict[str, tuple[Callable[[Evaluation, ImageSet], Evaluation], str]] = {
    "images of the wanted class": (lambda e, d: replace(e, wanted=e.true), "already are of the wanted class"),
    "one image of the wanted class": (lambda e, d: replace(e, wanted=changed(e.wanted, 0, 0)), "already are"),
    "true labels that lie": (lambda e, d: replace(e, true=np.full_like(e.true, 3)), "true labels"),
    "images as fractions": (lambda e, d: replace(e, images=e.images / 255), "uint8"),
    "smaller images": (lambda e, d: replace(e, images=e.images[..., :8]), "uint8 of the test set's shape"),
    "a class that is none": (lambda e, d: replace(e, wanted=np.full_like(e.wanted, 4)), "0 to 3"),
    "a negative class": (lambda e, d: replace(e, wanted=np.full_like(e.wanted, -1)), "0 to 3"),
    "a row that is not there": (lambda e, d: replace(e, indices=changed(e.indices, 0, 80)), "test set of 80"),
    "a row counted from behind": (lambda e, d: replace(e, indices=e.indices - 80), "test set of 80"),
    "too few labels": (lambda e, d: replace(e, wanted=e.wanted[1:]), "another number"),
    "labels as a column": (lambda e, d: replace(e, wanted=e.wanted[:, None]), "another number"),
    "nothing": (lambda e, d: Evaluation(e.images[:0], e.wanted[:0], e.true[:0], e.indices[:0]), "no test image"),
}


@pytest.mark.parametrize("what", SHOWN)
def test_an_evaluation_set_that_breaks_a_promise_is_stopped(what: str, tiny: ImageSet) -> None:
    spoil, words = SHOWN[what]

    class Broken(Honest):
        def evaluation_set(self, test: ImageSet, tools: Tools) -> Evaluation:
            return spoil(super().evaluation_set(test, tools), test)

    assert len(evaluation(Honest(), tiny, Tools(0)).images) == 20
    with pytest.raises(AttackError, match=words):
        evaluation(Broken(), tiny, Tools(0))
