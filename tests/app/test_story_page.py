"""The stakeholder's story: every screen, forward and back, its numbers, and not one technical word."""

import html
import re
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from app.components.choices import ATTACKS, DEFENSES
from app.components.slides import SLIDES
from core.runs.store import Store
from tests.app.conftest import Open, text

Ship = Callable[..., list[tuple[str, ...]]]

JARGON = (
    "ASR", "attack success", "epsilon", "gradient", "backdoor", "back door", "clean-label", "clean label", "logit",
    "poison", "trigger", "label", "model", "data set", "dataset", "training set", "epoch", "accuracy", "neural",
    "network", "feature", "spectral", "singular", "vector", "classifier", "class", "victim", "surrogate", "baseline",
    "filter", "score", "seed", "hyperparameter", "loss", "probability", "false positive", "recall", "precision",
    "BadNets", "EPIC", "AI", "hacked",
)  # fmt: skip


def words(page: AppTest) -> str:
    """All that people read on the slide, without markup; what the sidebar says is hidden by the page's style."""
    every = [each.proto.body for each in page.get("html")]
    bodies = [body for body in every if "<style>" not in body and "Device:" not in body]
    spoken = [each for body in bodies for each in re.findall(r'(?:alt|aria-label)="([^"]*)"', body)]
    read = [re.sub(r"<[^>]+>", " ", body) for body in bodies]
    hidden = ("truth", "big")
    labels = [each.label for kind in ("toggle", "button") for each in page.get(kind) if each.key not in hidden]
    return re.sub(r"\s+", " ", html.unescape(" ".join([*read, *spoken, *labels])))


def opened(app: Open, step: int) -> AppTest:
    page = app("story", step=str(step))
    assert not page.exception
    for key in ("sticker", "marked", "odd", "notes"):
        if key in [each.key for each in page.toggle]:
            page.toggle(key=key).set_value(True).run()
    assert not page.exception
    return page


def heading(page: AppTest) -> str:
    return re.findall(r"<h1>(.*?)</h1>", text(page))[0]


@pytest.mark.parametrize("step", range(1, len(SLIDES) + 1))
def test_no_screen_needs_a_technical_word(app: Open, showcase: Ship, step: int) -> None:
    showcase()
    said = words(opened(app, step))
    assert len(said) > 150, "the screen's words were found"
    assert [word for word in JARGON if re.search(rf"\b{re.escape(word)}s?\b", said, re.I)] == []


def test_plain_names_are_plain() -> None:
    said = " ".join([*ATTACKS.values(), *DEFENSES.values()])
    assert [word for word in JARGON if re.search(rf"\b{re.escape(word)}s?\b", said, re.I)] == []


def test_it_takes_about_three_minutes() -> None:
    assert 150 <= sum(slide.seconds for slide in SLIDES) <= 200 and len(SLIDES) == 7


def test_forward_back_and_around(app: Open, showcase: Ship) -> None:
    showcase()
    page = app("story")
    seen = [heading(page)]
    assert page.button(key="back").disabled
    for _ in SLIDES[1:]:
        page.button(key="next").click().run()
        seen.append(heading(page))
    assert len(set(seen)) == len(SLIDES)
    assert page.button(key="next").label == "Once more"
    page.button(key="next").click().run()
    assert heading(page) == seen[0]
    page = app("story", step="3")
    assert heading(page) == seen[2], "a link leads to a screen"
    page.button(key="back").click().run()
    assert heading(page) == seen[1]


@pytest.mark.parametrize("step", ["0", "8", "x", "-1", "2.5"])
def test_a_bad_link_begins_at_the_beginning(app: Open, showcase: Ship, step: str) -> None:
    showcase()
    page = app("story", step=step)
    assert not page.exception and heading(page) == "A computer learned to read traffic signs."


NUMBERS = {
    1: ["90 pictures", "986 of 1,000 correctly"],
    2: ["990 of 1,000 are now read as “yield”", "does so with 12 of 1,000"],
    3: ["6 of 90 pictures were enough", "3 300 of 1,000", "6 600 of 1,000"],
    4: ["98.6 %", "986 of 1,000", "98.5 %", "985 of 1,000", "Learned with 6 altered ones"],
    5: ["6 of the 24 oddest are altered"],
    6: ["990 of 1,000 4 of 1,000", "985 of 1,000 983 of 1,000", "2.0 times",
        "9 pictures were set aside. 6 of them were altered, and 3 were fine"],
    7: ["6 of 90 pictures altered", "Do nothing 990 of 1,000", "Set odd pictures aside, then learn again 4 of 1,000",
        "2.0 times the computing, 3 good pictures, 98.3 % of ordinary pictures right instead of 98.5 %"],
}  # fmt: skip


@pytest.mark.parametrize("step", NUMBERS)
def test_every_number_is_the_runs(app: Open, showcase: Ship, step: int) -> None:
    showcase()
    said = words(opened(app, step))
    for part in NUMBERS[step]:
        assert part in said, said


def test_altered_pictures_are_marked_only_when_asked(app: Open, showcase: Ship) -> None:
    showcase()
    for step, key in ((3, "marked"), (5, "odd")):
        page = app("story", step=str(step))
        assert 'class="poison"' not in text(page) and "An altered picture" not in text(page)
        page.toggle(key=key).set_value(True).run()
        assert text(page).count('class="poison"') == 6


def test_notes_are_for_the_speaker(app: Open, showcase: Ship) -> None:
    showcase()
    page = app("story", step="4")
    assert "<aside" not in text(page)
    page.toggle(key="notes").set_value(True).run()
    assert "<aside" in text(page) and "25 s" in text(page)
    assert "<aside" in text(app("story", step="5", notes="true"))


@pytest.mark.parametrize("step", range(1, len(SLIDES) + 1))
def test_while_the_images_are_drawn_the_story_goes_on(app: Open, showcase: Ship, step: int) -> None:
    showcase(without=("data", "poison"))
    page = opened(app, step)
    assert ("are being drawn" in text(page)) == (step in (3, 5))


def test_without_demo_runs_it_says_what_to_do(app: Open, store: Store) -> None:
    page = app("story")
    assert not page.exception and "make showcase" in text(page)
