"""A person's own images: one folder a class."""

import hashlib
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import field_validator

from core.datasets.base import Dataset, ImageSet, Report, Split
from core.datasets.image_files import ImageFile, decode_all, listing
from core.datasets.subsets import check_memory, first_of_each
from core.errors import DataError
from core.spec import setting

LAYOUT = "it must hold train/<class>/ and test/<class>/, or one folder a class"


class Folder(Dataset):
    """Image files in class folders: `train/<class>/*` with `test/<class>/*`, or `<class>/*` that is split here.

    Images become size x size in colour: the middle square, resampled; one that is size x size already keeps its pixels.
    Files that cannot be read are skipped and named in the notes. Where all file stems of a part are different whole
    numbers, they are the original indices, and the rows stand in their order; else indices count the files by class
    and name.
    """

    title: ClassVar[str] = "Image folder"
    summary: ClassVar[str] = "Your own images, one folder a class, with or without a test folder."

    path: str = setting(
        ..., "The folder that holds train/ and test/, or one folder a class.", min_length=1, max_length=4096
    )
    size: int = setting(32, "Side of the images after resampling.", unit="pixels", ge=8, le=224)
    classes: tuple[str, ...] = setting((), "Only these classes, by folder name; none named means all.")
    train_per_class: int | None = setting(
        None, "Training images kept of each class; all if not set.", unit="images", ge=1
    )
    test_per_class: int | None = setting(None, "Test images kept of each class; all if not set.", unit="images", ge=1)
    test_fraction: float = setting(
        0.2, "Share of each class held back for the test, where there is no test folder.", ge=0.01, le=0.9
    )
    flip: bool = setting(True, "A mirror image still shows the same class (not so for text, signs and digits).")
    seed: int = setting(0, "Decides which images are kept or held back.", ge=0, le=2**31 - 1, advanced=True)

    @field_validator("classes", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """Accept `a,b` from a command line."""
        if isinstance(value, str):
            value = [name.strip() for name in value.strip("[] ").split(",") if name.strip()]
        return value

    def fingerprint(self) -> str:
        """Changes when a file is added, removed, renamed or written; no file is opened."""
        content = hashlib.sha256()
        for part, classes in sorted(self._listed_files()[0].items()):
            for name, files in sorted(classes.items()):
                content.update(f"{part}/{name}\0".encode(errors="surrogateescape"))
                for file in files:
                    line = f"{file.name}\0{file.bytes}\0{file.changed_ns}\0"
                    content.update(line.encode(errors="surrogateescape"))
        return content.hexdigest()[:20]

    def positions(self) -> dict[str, int]:
        """The position in the source of every training image, by the name of its file."""
        files, _, indices = self._kept(self._listed_files()[0])["train"]
        return dict(zip(files, indices.tolist(), strict=True))

    def load(self, report: Report) -> Split:
        report(0.0, "List the folder")
        parts, notes = self._listed_files()
        rows = self._kept(parts)
        if "all" in parts:
            parts = self._split(parts["all"])
        names = tuple(parts["train"])
        check_memory(len(rows["train"][0]) + len(rows["test"][0]), self.size)
        notes += self._short(parts)
        share = len(rows["train"][0]) / (len(rows["train"][0]) + len(rows["test"][0]))
        train, told_train = self._read("train", *rows["train"], names, lambda f, text: report(f * share, text))
        test, told_test = self._read(
            "test", *rows["test"], names, lambda f, text: report(share + f * (1 - share), text)
        )
        report(1.0, "Images are read")
        return Split(train, test, flip=self.flip, notes=(*notes, *told_train, *told_test))

    def _root(self) -> Path:
        root = Path(self.path).expanduser()
        try:
            if not root.is_dir():
                raise DataError(f"There is no folder {self.path!r}; {LAYOUT}.")
            return root.resolve()
        except (OSError, ValueError):
            raise DataError(f"{self.path!r:.200} is no folder that can be read; {LAYOUT}.") from None

    def _listed_files(self) -> tuple[dict[str, dict[str, list[ImageFile]]], tuple[str, ...]]:
        """The chosen classes with their files, sorted by name, under "train" and "test", or under "all"."""
        root = self._root()
        pair = (root / "train").is_dir() and (root / "test").is_dir()
        places = {"train": root / "train", "test": root / "test"} if pair else {"all": root}
        parts: dict[str, dict[str, list[ImageFile]]] = {}
        notes: tuple[str, ...] = ()
        for part, place in places.items():
            found = listing(root, place)
            parts[part], notes = self._chosen(place, found.classes), notes + found.notes
        if pair:
            for name in parts["train"].keys() ^ parts["test"].keys():
                has, lacks = ("train", "test") if name in parts["train"] else ("test", "train")
                raise DataError(
                    f"The class {name!r} is in {has}/ and not in {lacks}/ of {self.path!r}; it must be in both."
                )
        return parts, notes

    def _chosen(self, place: Path, found: dict[str, list[ImageFile]]) -> dict[str, list[ImageFile]]:
        if not any(found.values()):
            raise DataError(f"There are no images in class folders in {str(place)!r}; {LAYOUT}.")
        missing = [name for name in self.classes if name not in found]
        if missing:
            raise DataError(
                f"There is no class {missing[0]!r} in {str(place)!r}; legal are {', '.join(sorted(found))}."
            )
        chosen = {name: found[name] for name in sorted(self.classes or found)}
        if len(chosen) < 2:
            raise DataError(f"{str(place)!r} gives only the class {next(iter(chosen))!r}; at least two are needed.")
        empty = [name for name, files in chosen.items() if not files]
        if empty:
            raise DataError(f"The class {empty[0]!r} in {str(place)!r} holds no image; fill it or remove the folder.")
        return chosen

    def _split(self, classes: dict[str, list[ImageFile]]) -> dict[str, dict[str, list[ImageFile]]]:
        train, test = {}, {}
        for name, files in classes.items():
            if len(files) < 2:
                raise DataError(
                    f"The class {name!r} holds one image; at least two are needed, one of them for the test."
                )
            count = min(max(round(len(files) * self.test_fraction), 1), len(files) - 1)
            labels = np.zeros(len(files), np.int64)
            held = set(first_of_each(labels, count, "folder", "split", name, seed=self.seed).tolist())
            train[name] = [file for row, file in enumerate(files) if row not in held]
            test[name] = [file for row, file in enumerate(files) if row in held]
        return {"train": train, "test": test}

    def _limit(self, part: str) -> int | None:
        return self.train_per_class if part == "train" else self.test_per_class

    def _short(self, parts: dict[str, dict[str, list[ImageFile]]]) -> tuple[str, ...]:
        """A sentence for each class that has fewer images than were asked for."""
        return tuple(
            f"The class {name!r} has only {len(files):,} {part} images; {self._limit(part):,} were asked for."
            for part, classes in parts.items()
            for name, files in classes.items()
            if len(files) < (self._limit(part) or 0)
        )

    def _kept(
        self, parts: dict[str, dict[str, list[ImageFile]]]
    ) -> dict[str, tuple[list[str], np.ndarray, np.ndarray]]:
        """Of both parts, file names, labels and original indices of the images that are kept."""
        # An image's index must not depend on how the folder is split, so it is given before.
        indices = {part: _indices(list(classes.values())) for part, classes in parts.items()}
        divided = self._split(parts["all"]) if "all" in parts else parts
        return {
            part: self._rows(part, list(classes.values()), indices.get(part) or indices["all"])
            for part, classes in divided.items()
        }

    def _rows(
        self, part: str, classes: list[list[ImageFile]], known: dict[str, int]
    ) -> tuple[list[str], np.ndarray, np.ndarray]:
        """File names, labels and original indices of the images kept of one part, in the order of the indices."""
        files = [file for group in classes for file in group]
        labels = np.repeat(np.arange(len(classes)), [len(group) for group in classes])
        indices = np.array([known[file.name] for file in files])
        kept = first_of_each(labels, self._limit(part), "folder", part, seed=self.seed)
        kept = kept[np.argsort(indices[kept])]
        return [files[row].name for row in kept], labels[kept], indices[kept]

    def _read(
        self,
        part: str,
        files: list[str],
        labels: np.ndarray,
        indices: np.ndarray,
        names: tuple[str, ...],
        report: Report,
    ) -> tuple[ImageSet, tuple[str, ...]]:
        decoded = decode_all(self._root(), files, self.size, report)
        labels, indices = labels[decoded.rows], indices[decoded.rows]
        lost = np.flatnonzero(np.bincount(labels, minlength=len(names)) == 0)
        if len(lost):
            reason = next((note for note in decoded.notes if "cannot be read" in note), "")
            raise DataError(f"Of the class {names[lost[0]]!r} no {part} image can be read. {reason}")
        return ImageSet(decoded.images, labels, names, indices), decoded.notes


def _indices(classes: list[list[ImageFile]]) -> dict[str, int]:
    """Every file's stem as a number where all of them are different ones, else its place by class and name."""
    files = [file for group in classes for file in group]
    numbers = [int(file.stem) for file in files if file.stem.isascii() and file.stem.isdigit() and len(file.stem) < 18]
    if len(set(numbers)) != len(files):
        numbers = list(range(len(files)))
    return {file.name: number for file, number in zip(files, numbers, strict=True)}
