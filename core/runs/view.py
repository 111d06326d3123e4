"""What a page, a figure or a report needs of one run: arrays, mapped from the files of its steps when asked for.

Everything is looked up anew at each question, so that it serves a run that is still going on too: what is not computed
yet is None.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from core.crafted import relabelled
from core.errors import StoreError
from core.runs.record import Run
from core.runs.store import Store


class RunView:
    """One run, seen through one draw of the poisons and one victim."""

    def __init__(self, store: Store, run: Run, poison_key: int = 0, victim: int = 0) -> None:
        self.store = store
        self.run = run
        self.poison_key = poison_key
        self.victim = victim

    # ---- any step

    def step(
        self,
        kind: str,
        arm: str | None = None,
        poison_key: int | None = None,
        victim: int | None = None,
        defense: str | None = None,
    ) -> dict[str, Any] | None:
        """The StepRef of a finished step, or None.

        Args:
            kind: data, poison, train, measure, features, spectral, score or filter.
            arm: of a train step; the first one if not given.
            poison_key: the view's own if not given; a step to which it does not apply fits all. So for `victim`.
            victim: which of the models that share an arm.
            defense: of a score or filter step; the first one if not given.
        """
        key = self.poison_key if poison_key is None else poison_key
        model = self.victim if victim is None else victim
        for step in self.run.steps:
            if step["kind"] != kind or step["poison_key"] not in (None, key) or step["victim"] not in (None, model):
                continue
            if arm in (None, step["arm"]) and defense in (None, step["defense"]):
                return step if self.store.artifacts.has(step["key"]) else None
        return None

    def array(self, kind: str, name: str, **where: Any) -> np.ndarray | None:
        """One array of a step, mapped and read-only; `where` as for `step`. None where the step is not finished."""
        step = self.step(kind, **where)
        return None if step is None else self.store.artifacts.array(step["key"], name)

    def meta(self, kind: str, **where: Any) -> dict[str, Any] | None:
        """The meta.json of a step; `where` as for `step`. None where the step is not finished."""
        step = self.step(kind, **where)
        return None if step is None else self.store.artifacts.meta(step["key"])

    # ---- the run

    @property
    def arms(self) -> list[str]:
        """All arms that are or will be trained, in the order of their training."""
        return list(dict.fromkeys(step["arm"] for step in self.run.steps if step["kind"] == "train"))

    @property
    def result(self) -> dict[str, Any] | None:
        """The result's JSON, once the run is done."""
        return self.run.result

    @property
    def series(self) -> list[dict[str, Any]]:
        """The points of all curves."""
        return self.store.points(self.run.id)

    # ---- the data

    @property
    def class_names(self) -> list[str] | None:
        """The k names of the classes."""
        meta = self.meta("data")
        return None if meta is None else list(meta["class_names"])

    @property
    def classes(self) -> int | None:
        """k."""
        names = self.class_names
        return None if names is None else len(names)

    @property
    def image_shape(self) -> tuple[int, ...] | None:
        """(c, h, w)."""
        images = self.array("data", "train_images")
        return None if images is None else images.shape[1:]

    # ---- the poisoned training set

    @property
    def n(self) -> int | None:
        """Rows of the training set as the victim saw it, added ones included."""
        poison = self._poison()
        return None if poison is None else poison.n

    @property
    def labels(self) -> np.ndarray | None:
        """(n,) int64: the labels that the victim was given."""
        return self._overlaid("train_labels", "labels", None)

    @property
    def is_poison(self) -> np.ndarray | None:
        """(n,) bool: the truth; covers are no poisons."""
        poison = self._poison()
        if poison is None:
            return None
        truth = np.zeros(poison.n, dtype=bool)
        truth[poison.rows[poison.poisons]] = True
        return truth

    def images(self, rows: np.ndarray) -> np.ndarray | None:
        """(m, c, h, w) uint8: the images at `rows` ((m,) integers in [0, n)) as the victim saw them."""
        return self._overlaid("train_images", "images", rows)

    def originals(self, rows: np.ndarray) -> np.ndarray | None:
        """(m, c, h, w) uint8: the images at `rows` before anything was done to them."""
        return self._overlaid("train_images", "originals", rows)

    def true_labels(self, rows: np.ndarray) -> np.ndarray | None:
        """(m,) int64: the labels at `rows` before anything was done to them."""
        return self._overlaid("train_labels", "original_labels", rows)

    # ---- what was measured

    def scores(self, defense: str) -> np.ndarray | None:
        """(n,) float64, higher = more suspicious."""
        return self.array("score", "scores", defense=defense)

    def flagged(self, defense: str) -> np.ndarray | None:
        """(n,) bool: what the defense removed."""
        return self.array("filter", "flagged", defense=defense)

    def knows(self, defense: str) -> dict[str, Any]:
        """The facts that the defense was told, with their values."""
        meta = self.meta("filter", defense=defense)
        return {} if meta is None else dict(meta["knows"])

    @property
    def projection(self) -> np.ndarray | None:
        """(n, 3) float32: every row on the top singular vectors of its own class."""
        return self.array("spectral", "projection")

    @property
    def singular_values(self) -> np.ndarray | None:
        """(k, r) float32, largest first."""
        return self.array("spectral", "singular_values")

    @property
    def evaluation(self) -> dict[str, np.ndarray] | None:
        """eval_images, eval_wanted, eval_true, eval_indices: what success is measured on; None without an attack."""
        step = self.step("poison")
        if step is None:
            return None
        names = ("eval_images", "eval_wanted", "eval_true", "eval_indices")
        return {name: self.store.artifacts.array(step["key"], name) for name in names}

    # ---- attacks on one chosen image

    @property
    def targeted(self) -> bool:
        """Whether the attack is after one chosen image."""
        meta = self.meta("poison")
        return meta is not None and bool(meta["targeted"])

    @property
    def poison_rows(self) -> np.ndarray | None:
        """(p,) int64, ascending: the rows that are poison."""
        changed = self._changed()
        return None if changed is None else changed[0][changed[1]]

    @property
    def cover_rows(self) -> np.ndarray | None:
        """(q,) int64, ascending: rows that the attack changed without relabelling, to hide its poisons."""
        changed = self._changed()
        return None if changed is None else changed[0][~changed[1]]

    @property
    def trace(self) -> np.ndarray | None:
        """(restarts, steps) float32: the crafting loss; None where nothing was crafted."""
        step = self.step("poison")
        if step is None or not self.store.artifacts.holds(step["key"], "trace"):
            return None
        return self.store.artifacts.array(step["key"], "trace")

    def probability_curve(self, arm: str) -> np.ndarray | None:
        """(epochs + 1, m, k) float32: what the arm's model thought of the attack's images, from before training on.

        None for the control, whose training knows of no target, and for attacks that are not after one image.
        """
        step = self.step("train", arm=arm)
        if step is None or not self.store.artifacts.holds(step["key"], "eval_probability_curve"):
            return None
        return self.store.artifacts.array(step["key"], "eval_probability_curve")

    def alignment(self, arm: str) -> list[float | None] | None:
        """Per epoch, from before training on, the cosine between the poisons' mean gradient and the target's."""
        meta = self.meta("train", arm=arm)
        return None if meta is None else [epoch.get("alignment") for epoch in meta["epochs"]]

    @property
    def distances(self) -> dict[str, np.ndarray] | None:
        """pixels, features, gradients: (p, 2) float32, from the target to each base and to its poison."""
        step = self.step("distances")
        if step is None:
            return None
        return {name: self.store.artifacts.array(step["key"], name) for name in ("pixels", "features", "gradients")}

    # ---- the gradient space

    def gradient_record(self, arm: str) -> dict[str, np.ndarray] | None:
        """epochs (e,), gradients (e, n, k) float16 and target (e, k) float32: softmax - onehot at the logits.

        None where the arm is not trained, sees no poison, or the attack is not after one image.
        """
        step = self.step("train", arm=arm)
        if step is None or not self.store.artifacts.holds(step["key"], "gradients"):
            return None
        names = {"epochs": "gradient_epochs", "gradients": "gradients", "target": "target_gradients"}
        return {name: self.store.artifacts.array(step["key"], file) for name, file in names.items()}

    def dropped_at(self, arm: str) -> np.ndarray | None:
        """(n,) int16: the epoch, counted from 0, before which a row left the arm's training; -1 where it stayed."""
        step = self.step("train", arm=arm)
        if step is None or not self.store.artifacts.holds(step["key"], "dropped_at"):
            return None
        return self.store.artifacts.array(step["key"], "dropped_at")

    def practice(self, arm: str) -> dict[str, Any] | None:
        """What `core.defenses.practice` kept of the arm's training: its arrays by their short names, and `sizes`.

        None where the arm is not trained, its defense makes no poisons of its own, or nothing was kept: only the first
        victim of the first key is recorded, and runs of earlier versions were not.
        """
        step = self.step("train", arm=arm)
        if step is None or not self.store.artifacts.holds(step["key"], "practice_epochs"):
            return None
        names = ("epochs", "rows", "labels", "fake", "before", "after", "course", "losses", "probabilities")
        arrays = {name: self.store.artifacts.array(step["key"], f"practice_{name}") for name in names}
        return {**arrays, "sizes": dict(self.store.artifacts.meta(step["key"])["practice"])}

    @property
    def isolation(self) -> np.ndarray | None:
        """(e, n) int32: rows in the cluster of each row's medoid, at the epochs of the undefended gradient record."""
        step = self.step("isolation")
        if step is None or not self.store.artifacts.holds(step["key"], "sizes"):
            return None
        return self.store.artifacts.array(step["key"], "sizes")

    @property
    def embedding(self) -> dict[str, Any] | None:
        """rows (m,), positions (e, m + 1, 2) with the target last, and meta: the map of the gradient space."""
        step = self.step("embedding")
        if step is None or not self.store.artifacts.holds(step["key"], "positions"):
            return None
        arrays = {name: self.store.artifacts.array(step["key"], name) for name in ("rows", "positions")}
        return {**arrays, "meta": self.store.artifacts.meta(step["key"])}

    # ---- what was predicted

    def predictions(self, arm: str) -> dict[str, np.ndarray] | None:
        """`test` (n_test,) and `eval` (m,), int64: what the arm's model made of the test and the evaluation images.

        None where the arm is not trained. There is no `eval` without an attack, nor before the control is tested, which
        is a step of its own because its training knows of no poisons.
        """
        trained = self.step("train", arm=arm)
        if trained is None:
            return None
        found = {"test": self.store.artifacts.array(trained["key"], "test_predictions")}
        judged = trained if trained["poison_key"] is not None else self.step("measure", arm=arm)
        if judged is not None:
            found["eval"] = self.store.artifacts.array(judged["key"], "eval_predictions")
        return found

    def has_network(self, arm: str) -> bool:
        """Whether the network that the arm trained is stored; shipped runs leave most behind."""
        trained = self.step("train", arm=arm)
        return trained is not None and (self.store.artifacts.folder(trained["key"]) / "weights.safetensors").is_file()

    # ---- helpers

    def _changed(self) -> tuple[np.ndarray, np.ndarray] | None:
        """(p,) the rows that the attack changed or added, and whether each is a poison; None where that is unknown."""
        step = self.step("poison")
        if step is None:
            return None
        names = ("rows", "labels", "original_labels")
        rows, given, before = (self.store.artifacts.array(step["key"], name) for name in names)
        return rows, relabelled(given, before)

    def _poison(self) -> "_Poison | None":
        """Which rows are poison; None while that is not known yet."""
        labels = self.array("data", "train_labels")
        if labels is None:
            return None
        if all(step["kind"] != "poison" for step in self.run.steps):
            return _Poison(None, np.empty(0, np.int64), np.empty(0, bool), len(labels))
        step, changed = self.step("poison"), self._changed()
        if step is None or changed is None:
            return None
        return _Poison(step["key"], *changed, int(self.store.artifacts.meta(step["key"])["n"]))

    def _overlaid(self, clean: str, poisoned: str, rows: np.ndarray | None) -> np.ndarray | None:
        """Take `rows` (None: all) from the data's array `clean`, and poison rows from the poison's array `poisoned`.

        Raises:
            StoreError: a row outside [0, n).
        """
        poison, source = self._poison(), self.array("data", clean)
        if poison is None or source is None:
            return None
        rows = np.arange(poison.n) if rows is None else np.asarray(rows, dtype=np.int64)
        if rows.size and not 0 <= rows.min() <= rows.max() < poison.n:
            raise StoreError(f"Rows of this run lie in [0, {poison.n}), not in [{rows.min()}, {rows.max()}].")
        place = np.full(poison.n, -1, dtype=np.int64)
        place[poison.rows] = np.arange(len(poison.rows))
        at = place[rows]
        taken = np.empty((len(rows), *source.shape[1:]), dtype=source.dtype)
        taken[at < 0] = source[rows[at < 0]]
        if poison.key is not None:
            taken[at >= 0] = self.store.artifacts.array(poison.key, poisoned)[at[at >= 0]]
        return taken


@dataclass(frozen=True)
class _Poison:
    """What an attack did to the training set.

    Attributes:
        key: the poisons' step; None where there is no attack.
        rows: (p,) int64, the rows that it changed or added.
        poisons: (p,) bool, which of them are poisons; the others are covers.
        n: rows of the whole poisoned set.
    """

    key: str | None
    rows: np.ndarray
    poisons: np.ndarray
    n: int
