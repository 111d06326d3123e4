"""The Lab with poisons from a file: a path or an upload, and one sentence where it is neither."""

from pathlib import Path

from core.attacks.badnets import Badnets
from core.datasets.base import Split
from core.runs.store import Store
from tests.app.conftest import Open
from tests.app.test_lab_page import queued, widget
from tests.poison_files import archive


def test_imported_poisons_need_a_path_and_take_a_zip(
    app: Open, store: Store, tiny_split: Split, tmp_path: Path
) -> None:
    page = app("lab")
    widget(page, "selectbox", "attack:name").set_value("imported").run()
    assert not page.exception
    assert any("Choose a file of poisons" in error.value for error in page.error)
    made = archive(tmp_path / "poisons.zip", Badnets(poison_fraction=0.1), tiny_split.train, tiny_split.test)
    page.file_uploader[0].upload("poisons.zip", made.read_bytes()).run()
    assert not page.exception and [error.value for error in page.error] == []
    path = widget(page, "text_input", "attack.imported.path").value
    assert path.startswith(str(store.home / "uploads")) and Path(path).read_bytes() == made.read_bytes()
    assert queued(page, store)["attack"] == {"name": "imported", "poison_fraction": None, "path": path}


def test_a_file_that_is_none_is_refused_in_one_sentence(app: Open, store: Store) -> None:
    page = app("lab")
    widget(page, "selectbox", "attack:name").set_value("imported").run()
    page.file_uploader[0].upload("poisons.zip", b"nonsense").run()
    assert not page.exception
    assert any(error.value.startswith("The file is not a readable zip archive") for error in page.error)
    assert not (store.home / "uploads").exists() or list((store.home / "uploads").iterdir()) == []


def test_a_path_to_nowhere_is_said_and_breaks_nothing(app: Open, tmp_path: Path) -> None:
    page = app("lab", **{"attack": "imported", "attack.path": str(tmp_path / "nowhere.zip")})
    assert not page.exception
    assert any("There is no file of poisons" in error.value and "nowhere.zip" in error.value for error in page.error)
