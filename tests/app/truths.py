"""One finished run under two truths: every row looks the same in both, and other rows are the poisons."""

import shutil
from typing import Any

import numpy as np
from sqlalchemy import update

from core.runs.artifacts import save
from core.runs.store import Store
from core.runs.tables import runs
from core.runs.view import RunView


class TwoTruths:
    """Writes the files and the result of a run anew, as if its poisons were these or those rows."""

    def __init__(self, store: Store, run_id: str) -> None:
        """Read what the run shows, and choose other rows of the same labels to be poisons instead."""
        self.store, self.run_id = store, run_id
        run = store.run(run_id)
        seen = RunView(store, run)
        labels, images, before = seen.labels, seen.images(np.arange(seen.n or 0)), seen.poison_rows
        assert labels is not None and images is not None and before is not None and len(before)
        self.labels, self.images = np.array(labels), images
        true = seen.true_labels(before)
        assert true is not None
        self.true = np.array(true)
        """Of poison number i, under either truth."""
        self.rows = (np.array(before), self._others(np.array(before)))
        self.steps, self.result = run.steps, run.result
        self.data = self._own_data()

    def tell(self, which: int, *, judged: bool = True) -> None:
        """Write truth 0, which is the run's own, or truth 1; `judged`: with other numbers of poisons caught."""
        rows = self.rows[which]
        originals = self.images[rows] // 2 + 20  # no row looks like this
        images, labels = self.images.copy(), self.labels.copy()
        images[rows], labels[rows] = originals, self.true
        given = {"train_images": images[: self.n], "train_labels": labels[: self.n]}
        self._write(self.data, given)
        for step in self.steps:
            if step["kind"] == "poison":
                self._write(
                    step["key"],
                    {
                        "rows": rows,
                        "images": self.images[rows],
                        "labels": self.labels[rows],
                        "originals": originals,
                        "original_labels": self.true,
                    },
                )
        self._set(steps=self.steps, result=self._judged(which) if judged else self.result)

    @property
    def n(self) -> int:
        """Rows of the clean set; none of these attacks adds any."""
        return len(self.store.artifacts.array(self.data, "train_labels"))

    def _others(self, before: np.ndarray) -> np.ndarray:
        """As many clean rows, with the labels that the poisons carry: the last ones of each class."""
        taken: list[int] = []
        for row in before:
            fits = np.flatnonzero(self.labels == self.labels[row])
            taken.append(next(int(r) for r in fits[::-1] if r not in before and r not in taken))
        return np.sort(taken)

    def _own_data(self) -> str:
        """A copy of the images under a key of its own, for other runs may share them."""
        (place,) = [i for i, step in enumerate(self.steps) if step["kind"] == "data"]
        shared = self.steps[place]["key"]
        own = shared[::-1]
        self.steps = [*self.steps]
        self.steps[place] = {**self.steps[place], "key": own}
        if not self.store.artifacts.has(own):
            shutil.copytree(self.store.artifacts.folder(shared), self.store.artifacts.root / own)
        return own

    def _judged(self, which: int) -> dict[str, Any] | None:
        """The result, with what was caught by each filter as it would be under the other truth."""
        if self.result is None or which == 0:
            return self.result
        told = {"tpr": 0.5, "fpr": 0.125, "precision": 0.25, "auroc": 0.625, "poisons_left": len(self.rows[1]) / 2}
        arms = {
            name: {**arm, "detection": {**arm["detection"], **told}} if arm.get("detection") else arm
            for name, arm in self.result["arms"].items()
        }
        return {**self.result, "arms": arms}

    def _write(self, key: str, changed: dict[str, np.ndarray]) -> None:
        artifacts = self.store.artifacts
        folder = artifacts.folder(key)
        whole = {path.stem: np.array(np.load(path)) for path in folder.glob("*.npy")} | changed
        meta = artifacts.meta(key)
        artifacts.remove(key)
        with artifacts.write(key) as fresh:
            save(fresh, meta, **whole)

    def _set(self, **values: Any) -> None:
        with self.store._engine.begin() as connection:
            connection.execute(update(runs).where(runs.c.id == self.run_id).values(**values))
