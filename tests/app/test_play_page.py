"""The Play page: every state, the trigger, links, photos, drawings, the way to the Lab, and the truth hidden."""

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.runs.store import Store
from tests.app import playable
from tests.app.conftest import Open, shown, text

MakeRun = Callable[..., str]
PIXEL = {"name": "tran_trigger", "row": 3, "column": 3, "source_class": 0, "target_class": 1}
DRAWN = "drawn:ffffffffffff.ffffffffffff"


@pytest.fixture
def run(store: Store) -> str:
    return playable.make(store)


def said(page: AppTest) -> str:
    (found,) = re.findall(r'class="ps-play-said" role="status">(.*?)</div>', text(page))
    return str(found)


def reads(page: AppTest) -> list[str]:
    """State and class of every card, in order."""
    cards = re.findall(r'<section class="ps-card (\w+)">.*?“(.*?)”', text(page), re.S)
    return [f"{state} {name}" for state, name in cards]


def tried(page: AppTest) -> Any:
    return page.session_state["play"]["now"]


# ---- states


@pytest.mark.parametrize(
    ("parameters", "words"),
    [({}, "No run chosen"), ({"run": "r-nothere"}, "There is no such run"), ({"run": "../x"}, "There is no such run")],
)
def test_without_a_run_the_page_says_where_to_find_one(app: Open, parameters: dict[str, str], words: str) -> None:
    page = app("play", **parameters)
    assert not page.exception and words in text(page)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("queued", "not come that far"),
        ("running", "not come that far"),
        ("failed", "did not finish"),
        ("cancelled", "did not finish"),
        ("lost", "did not finish"),
    ],
)
def test_unfinished_runs_cannot_be_asked(app: Open, make_run: MakeRun, state: str, words: str) -> None:
    page = app("play", run=make_run(state, files=False))
    assert not page.exception and words in text(page) and "<i>stamp</i>" not in text(page)


def test_a_run_without_an_attack_or_without_a_trigger_says_so(app: Open, make_run: MakeRun) -> None:
    assert "Nothing was poisoned" in text(app("play", run=make_run(changes={"attack": None})))
    flipped = make_run(changes={"attack": {"name": "label_flip"}})
    assert "changes labels and no picture" in text(app("play", run=flipped))


def test_models_that_are_not_stored_can_be_trained_again(app: Open, make_run: MakeRun, store: Store, run: str) -> None:
    page = app("play", run=make_run())
    assert not page.exception and "not stored here" in text(page) and "to train" in text(page)
    page.button(key="train-again").click().run()
    assert [each.state for each in store.runs()].count("queued") == 1


def test_an_attack_on_one_image_shows_its_answers_instead(app: Open, make_targeted: MakeRun) -> None:
    page = app("play", run=make_targeted())
    assert not page.exception and "There is nothing to stamp" in text(page)
    assert reads(page) == ["right stop", "fooled yield", "right stop"]
    page = app("play", run=make_targeted(), truth="false")
    assert reads(page) == [] and "only the attacker knows" in text(page)


def test_the_first_run_that_can_be_played_opens_by_itself(app: Open, make_run: MakeRun, run: str) -> None:
    make_run()
    page = app("play")
    assert page.query_params["run"] == run and reads(page)


# ---- the trigger


def test_every_model_answers_at_once(app: Open, run: str) -> None:
    page = app("play", run=run)
    assert not page.exception
    assert reads(page) == ["right stop", "fooled yield", "right stop"]
    assert (
        said(page)
        == "Read as “yield”, as the attacker wants: No defense; not fooled: Clean baseline, Spectral signatures."
    )
    page = next(one for one in page.toggle if one.label == "Trigger on the picture").set_value(False).run()
    assert reads(page) == ["right stop"] * 3 and said(page) == "Without a trigger all models read it rightly."


def test_a_trigger_elsewhere_or_faded_fools_nobody(app: Open, run: str) -> None:
    # White in the corner gives 12, against 6 of class 0; at 45 % it gives 5.4.
    assert said(app("play", run=run, at="0-0")) == "The trigger fools none of these models."
    assert said(app("play", run=run, opacity="45")) == "The trigger fools none of these models."
    assert "No defense" in said(app("play", run=run, opacity="55"))


def test_a_picture_of_the_wanted_class_is_no_trial(app: Open, run: str) -> None:
    assert "what the attacker wants anyway" in said(app("play", run=run, picture="1"))


def test_sliders_change_the_patch_and_the_link(app: Open, run: str) -> None:
    page = app("play", run=run)
    next(one for one in page.slider if one.label == "Size (pixels)").set_value(3).run()
    assert tried(page).patch.size == 3 and (tried(page).patch.row, tried(page).patch.column) == (5, 5)
    assert page.query_params["size"] == "3" and page.query_params["at"] == "5-5"


def test_a_link_is_followed_and_what_is_illegal_in_it_is_said(app: Open, run: str) -> None:
    page = app("play", run=run, picture="9999", size="x", at="3-4", colour="00ff00", pattern="<b>", stamp="off")
    assert not page.exception
    now = tried(page)
    assert (now.patch.row, now.patch.column, now.patch.colour, now.stamped) == (3, 4, "#00ff00", False)
    notes = " ".join(shown(page.warning))
    assert all(f"{name}=" in notes for name in ("picture", "size", "pattern")) and "at=" not in notes


def test_a_drawing_is_a_trigger_too(app: Open, run: str) -> None:
    page = app("play", run=run, pattern=DRAWN)
    assert not page.exception and "No defense" in said(page)
    cells = next(one for one in page.slider if one.label == "Cells a side")
    cells.set_value(4).run()
    assert tried(page).patch.size == 4 and tried(page).patch.pattern.count(".") == 3


def test_a_drawing_of_the_link_is_there_again_after_another_look(app: Open, run: str) -> None:
    page = app("play", run=run, pattern=DRAWN)
    for look in ("solid", "drawn"):
        kinds = next(one for one in page.get("button_group") if "My drawing" in str(one.proto))
        kinds.set_value(look).run()
    assert not page.exception and tried(page).patch.pattern == DRAWN


def test_an_opacity_between_the_sliders_steps_stays(app: Open, store: Store) -> None:
    page = app("play", run=playable.make(store, attack={"name": "badnets", **playable.PATCH, "opacity": 0.125}))
    assert not page.exception and tried(page).patch.opacity == 0.125


@pytest.mark.parametrize("percent", [1, 3, 100])
def test_every_opacity_that_a_link_may_name_is_shown(percent: int, app: Open, run: str) -> None:
    page = app("play", run=run, opacity=str(percent))
    assert not page.exception and tried(page).patch.opacity == percent / 100
    assert next(one for one in page.slider if one.label == "Opacity (%)").value == percent


def test_a_trigger_goes_to_the_lab(app: Open, run: str) -> None:
    page = app("play", run=run, pattern=DRAWN, at="1-2")
    next(one for one in page.button if one.label == "Send to the Lab").click().run()
    assert not page.exception
    told = {name: page.query_params[name] for name in ("attack.pattern", "attack.row", "attack.column", "attack.place")}
    assert told == {"attack.pattern": DRAWN, "attack.row": "1", "attack.column": "2", "attack.place": "custom"}


def test_a_trigger_that_is_no_patch_is_shown_as_the_run_has_it(app: Open, store: Store) -> None:
    page = app("play", run=playable.make(store, attack=PIXEL))
    assert not page.exception and tried(page).whole and reads(page)
    broken = {**PIXEL, "source_class": 9}
    page = app("play", run=playable.make(store, attack=broken))
    assert not page.exception and "source_class is 9" in " ".join(shown(page.error))


# ---- photos


def photo(colour: str) -> bytes:
    kept = io.BytesIO()
    Image.new("RGB", (30, 20), colour).save(kept, "PNG")
    return kept.getvalue()


def test_a_photo_is_read_by_all_models(app: Open, run: str) -> None:
    page = app("play", run=run)
    page.file_uploader[0].upload("me.png", photo("black"), "image/png").run()
    assert not page.exception and tried(page).picture == -1
    assert reads(page) == ["plain stop", "fooled yield", "plain stop"]
    assert "picture" not in page.query_params


@pytest.mark.parametrize("content", [b"<svg/>", b"", photo("red")[:50]])
def test_a_file_that_is_no_photo_is_refused(app: Open, run: str, content: bytes) -> None:
    page = app("play", run=run)
    page.file_uploader[0].upload("me.png", content, "image/png").run()
    assert not page.exception and tried(page).picture != -1
    assert "cannot be read" in " ".join(shown(page.error))


# ---- the truth


def test_with_the_truth_hidden_neither_trigger_nor_aim_is_told(app: Open, run: str) -> None:
    page = app("play", run=run, truth="false")
    assert not page.exception
    patch = tried(page).patch
    assert (patch.size, patch.row, patch.column) == (3, 2, 2), "a plain patch in the middle"
    assert "◆" not in text(page) and "attacker wants" not in text(page)
    assert said(page) == "The trigger changes no answer."
    assert next(one for one in page.button if one.label == "Send to the Lab").disabled
