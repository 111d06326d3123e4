"""Learn: every step of every lesson with and without shipped runs; guess, then reveal; links; the teacher's side."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app import class_link
from app.lessons import answers, catalog, facts
from app.lessons.answers import Place
from app.lessons.honesty import CLAIMS
from core import lessons
from core.lessons import Guess
from core.runs.store import Store
from core.showcase import load
from tests.app import lesson_runs
from tests.app.conftest import Open, text
from tests.app.test_result_page import decoded, figures

EVERY = lessons.load_all()
PLACES = [Place(lesson, number) for lesson in EVERY for number in range(1, len(lesson.steps) + 1)]
EACH = pytest.mark.parametrize("place", PLACES, ids=[place.key for place in PLACES])
RUNLESS = {"arrows", "batch", "budget", "claimed", "condition", "descent", "interval", "medoids", "passes", "plane"}
RUNLESS |= {"variance"}
"""Widgets that need no run."""


@pytest.fixture
def shipped(showcase: Callable[..., Any], store: Store) -> None:
    """All runs that lessons show."""
    showcase()
    load(store)
    store.add_point("showcase-badnets", **lesson_runs.POINT)
    lesson_runs.clean_label(store)
    lesson_runs.robust(store)


def opened(app: Open, place: Place, **more: str) -> AppTest:
    page = app("learn", lesson=str(place.lesson.number), step=str(place.number), **more)
    assert not page.exception, [error.value for error in page.exception]
    assert page.header[0].value == place.step.title
    return page


def revealed(page: AppTest) -> AppTest:
    """After a guess and a press of Reveal, by the keys of a student."""
    if page.radio:
        page.radio[0].set_value(page.radio[0].options[0]).run()
    else:
        page.slider[0].set_value(page.slider[0].min + page.slider[0].step).run()
    page.button(key="reveal").click().run()
    assert not page.exception, [error.value for error in page.exception]
    return page


def verdict(page: AppTest) -> str:
    """What is said about the guess."""
    return re.sub(r"<[^>]+>", "", re.findall(r'<div class="ps-verdict \w+" role="status">(.*?)</div>', text(page))[0])


# ---- every step


def test_every_widget_of_the_text_is_known_and_used() -> None:
    assert {place.step.widget for place in PLACES} == set(catalog.WIDGETS)
    assert set(catalog.RUN) < set(catalog.WIDGETS)


def test_every_fact_of_the_text_is_known() -> None:
    known = {"rates": facts.RATES, "bill": facts.BILL}
    asked = {pair for place in PLACES for said in answers.texts(place.step) for pair in lessons.facts(said)}
    asked |= {pair for place in PLACES for pair in lessons.facts(place.step.guess.answer)}
    assert [pair for pair in asked if pair[1] not in known.get(pair[0], facts.FACTS)] == []
    assert len(asked) > 40


@EACH
def test_a_step_without_shipped_runs(app: Open, store: Store, place: Place) -> None:
    page = opened(app, place)
    empty = "Nothing to show here yet" in text(page)
    assert empty == (place.step.widget not in RUNLESS)
    page = revealed(page)
    assert ("Nothing to show here yet" in text(page)) == empty
    assert "make showcase" in text(page) or not empty


@EACH
def test_a_step_with_shipped_runs(app: Open, shipped: None, place: Place) -> None:
    page = opened(app, place)
    before = text(page)
    assert "Nothing to show" not in before
    assert set(lessons.facts(place.step.prose)) <= {tuple(name.split(".")) for name in answers.known(place.step)}
    reveal = lessons.filled(place.step.reveal, answers.known(place.step))
    assert reveal and reveal not in before, "the reveal waits"
    page = revealed(page)
    after = text(page)
    assert "Nothing to show" not in after and reveal in after
    assert "is not here" not in verdict(page)
    assert "{{" not in after


TOLD = re.compile(r"oison|arget|ffective", re.I)


@EACH
def test_nothing_tells_a_poison_before_the_reveal(app: Open, shipped: None, place: Place) -> None:
    page = opened(app, place)
    for figure in figures(page):
        names = [trace.get("name", "") for trace in figure["data"]]
        assert place.step.widget == "arrows" or not any(TOLD.search(name) for name in names), names
    walls = " ".join(each.proto.body for each in page.get("html") if each.proto.body.startswith('<div class="ps-wall'))
    assert "poison" not in walls.replace("poisoned", "")
    assert not any(str(column).lower() == "poison" for table in page.dataframe for column in table.value.columns)


def test_after_the_reveal_the_truth_is_drawn(app: Open, shipped: None) -> None:
    for number, step, count in ((3, 1, 6), (6, 1, 5)):
        place = next(each for each in PLACES if (each.lesson.number, each.number) == (number, step))
        page = opened(app, place)
        assert [trace["name"].split(" (")[0] for trace in figures(page)[0]["data"]] == ["Rows"]
        (figure,) = figures(revealed(page))
        found = next(trace for trace in figure["data"] if trace["name"].startswith("Poisons"))
        values = decoded(found["x"] if number == 3 else found["y"])
        assert (len(values) if number == 3 else sum(values)) == count


# ---- guessing


def place_of(number: int, step: int) -> Place:
    return next(each for each in PLACES if (each.lesson.number, each.number) == (number, step))


def test_a_guess_comes_before_the_reveal(app: Open, shipped: None) -> None:
    page = opened(app, place_of(1, 3))
    assert page.button(key="reveal").disabled and page.radio[0].value is None
    page.radio[0].set_value("Something at random").run()
    assert not page.button(key="reveal").disabled and "Your guess" not in text(page)
    page.button(key="reveal").click().run()
    assert verdict(page) == "Your guess: Something at random. The answer: The class that the attacker wants."
    assert not page.radio and not [button for button in page.button if button.key == "reveal"]


def test_a_right_choice_is_right_and_a_near_number_close(app: Open, shipped: None) -> None:
    page = opened(app, place_of(1, 3))
    page.radio[0].set_value("The class that the attacker wants").run()
    page.button(key="reveal").click().run()
    assert verdict(page) == "Right. The answer: The class that the attacker wants."
    page = opened(app, place_of(1, 5))
    page.slider[0].set_value(95).run()
    page.button(key="reveal").click().run()
    assert verdict(page) == "Close. Your guess: 95 %. The answer: 99.0 %."


CHOICE: dict[str, Any] = {"question": "How?", "choices": ("a", "<i>")}
NUMBER: dict[str, Any] = {"question": "How?", "high": 100}


@pytest.mark.parametrize(
    ("guess", "guessed", "said", "tone"),
    [
        (Guess(**CHOICE, answer="a"), "<i>", "Your guess: &lt;i&gt;. The answer: <b>a</b>.", "bad"),
        (Guess(**CHOICE, answer="a"), "a", "<b>Right.</b> The answer: <b>a</b>.", "good"),
        (Guess(**CHOICE), "a", "Your guess: a. No guess is right or wrong here.", "plain"),
        (Guess(**NUMBER, answer="50"), 5, "Your guess: 5. The answer: <b>50</b>.", "bad"),
        (Guess(**NUMBER, answer="50"), 46, "<b>Close.</b> Your guess: 46. The answer: <b>50</b>.", "good"),
        (Guess(**NUMBER, unit="σ", answer="2.5"), None, "The answer: <b>2.5 σ</b>.", "plain"),
        (
            Guess(**NUMBER, answer="{{badnets.asr}}"),
            5,
            "Your guess: 5. The answer needs a shipped run that is not here.",
            "plain",
        ),
    ],
)
def test_what_is_said_about_a_guess(store: Store, guess: Guess, guessed: Any, said: str, tone: str) -> None:
    assert answers.feedback(guess, guessed) == (said, tone)


@pytest.mark.parametrize(("said", "number"), [("98.7 %", 98.7), ("1,440", 1440), ("under 0.1 %", 0.1), ("-0.2", -0.2)])
def test_numbers_are_read_from_answers(said: str, number: float) -> None:
    assert answers.number(said) == number


def test_a_revealed_step_stays_so_and_is_counted(app: Open, shipped: None) -> None:
    page = revealed(opened(app, place_of(3, 1)))
    assert "1 of 6 answered" in text(page)
    page.button(key="next").click().run()
    assert page.header[0].value == "Two means" and page.button(key="reveal").disabled
    page.button(key="back").click().run()
    assert page.header[0].value == "What the network sees" and not page.radio
    assert "Your guess: One." in text(page)


# ---- numbers come from the runs


def test_numbers_in_the_text_are_those_of_the_runs(app: Open, shipped: None) -> None:
    def of(lesson: int, step: int) -> str:
        return re.sub(r"\s+", " ", text(revealed(opened(app, place_of(lesson, step)))))

    assert "6 of 90 pictures are like that: a *poison budget* of 1.0 %" in of(1, 1)
    said = of(1, 5)
    assert "99.0 % of 1,000 stamped pictures (95 % interval 98.0 % to 100.0 %)" in said
    assert "answer to 1.2 % of them" in said
    assert "From 6 on (60.0 %); 3 are too few (30.0 %)." in of(2, 2)
    assert "EPIC: 10.0 % instead of 90.0 %. Nearest to it: “Random filter”." in of(6, 5)
    assert "12.0 times the passes, 10.0 times the seconds" in of(7, 3)


def test_names_of_classes_bring_no_markup(app: Open, shipped: None) -> None:
    said = text(revealed(opened(app, place_of(4, 1))))
    assert "<b>entry" not in said


def test_published_values_are_the_answers(app: Open) -> None:
    tables = {name: dict(table["rows"]) for name, table in CLAIMS.items()}
    assert tables["rerun"]["EPIC-0.1, re-run"] == float(place_of(8, 5).step.guess.answer)
    assert tables["rerun"]["EPIC-0.1, paper"] == 2.3
    assert tables["adaptive"]["Adap-Patch"] == float(place_of(8, 3).step.guess.answer)
    assert tables["fraction"]["Spectral, 15 % of each class"] == float(place_of(8, 4).step.guess.answer)
    assert place_of(4, 6).step.guess.answer == f"{tables['transfer']['From scratch']} %"


def test_claimed_bars_wait_and_say_that_they_are_claimed(app: Open) -> None:
    page = opened(app, place_of(8, 5))
    (figure,) = figures(page)
    assert decoded(figure["data"][0]["x"]) == [45, 44, 2.3]
    assert "Claimed, not measured here." in text(page)
    (figure,) = figures(revealed(page))
    assert len(decoded(figure["data"][0]["x"])) == 8


# ---- links


def test_the_overview_shows_all_lessons_and_where_to_go_on(app: Open, shipped: None) -> None:
    page = app("learn")
    assert not page.exception
    assert all(lesson.title in text(page) for lesson in EVERY)
    primary = [button.key for button in page.button if button.proto.type == "primary"]
    assert primary == ["open-one-stamp"]
    page.button(key="open-alone").click().run()
    assert page.header[0].value == "Not all poisons work"
    page.button(key="all-lessons").click().run()
    assert "1 of" not in text(page) and "Eight lessons" in text(page)


@pytest.mark.parametrize("lesson", ["0", "9", "x", "-1", "1.5", "<b>"])
def test_a_bad_lesson_is_the_overview(app: Open, lesson: str) -> None:
    page = app("learn", lesson=lesson, step="2")
    assert not page.exception and "Eight lessons" in text(page)


@pytest.mark.parametrize("step", ["0", "7", "x", "", "2.0"])
def test_a_bad_step_is_the_first(app: Open, step: str) -> None:
    page = app("learn", lesson="3", step=step)
    assert not page.exception and page.header[0].value == "What the network sees"


def test_back_and_next_cross_lessons(app: Open) -> None:
    page = opened(app, place_of(1, 5))
    assert page.button(key="next").label == "Lesson 2"
    page.button(key="next").click().run()
    assert page.header[0].value == "Counting squares"
    page.button(key="back").click().run()
    assert page.header[0].value == "How often does it work?"
    assert opened(app, place_of(1, 1)).button(key="back").disabled
    assert opened(app, PLACES[-1]).button(key="next").disabled


def test_the_link_names_lesson_and_step(app: Open) -> None:
    codes = [code.value for code in opened(app, place_of(3, 4)).code]
    assert codes == ["/learn?lesson=3&step=4"]


def test_sources_stand_at_the_end_of_a_lesson(app: Open) -> None:
    assert "arXiv:1811.00636" in text(opened(app, place_of(3, 6)))
    assert "arXiv:1811.00636" not in text(opened(app, place_of(3, 5)))


def test_the_glossary_is_everywhere_and_can_be_searched(app: Open) -> None:
    page = opened(app, place_of(5, 2))
    assert "**Medoid.**" in text(page)
    page.text_input(key="find-word").set_value("medoid").run()
    assert "**Medoid.**" in text(page) and "**Epoch.**" not in text(page)
    page.text_input(key="find-word").set_value("zzz").run()
    assert "No such word." in text(page)


def test_a_step_leads_to_its_run_without_giving_the_truth_away(app: Open, shipped: None) -> None:
    page = opened(app, place_of(3, 1))
    assert page.get("page_link")[-1].proto.query_string == "run=showcase-badnets&truth=false"
    assert revealed(page).get("page_link")[-1].proto.query_string == "run=showcase-badnets"
    assert not opened(app, place_of(3, 2)).get("page_link"), "a playground has no run"


# ---- the class link


def test_only_known_names_are_hidden() -> None:
    assert class_link.known("nav,truth,admin,../x,,NAV") == {"nav", "truth"}
    assert class_link.known("") == frozenset()


def test_a_class_link_hides_controls(app: Open, shipped: None) -> None:
    page = opened(app, place_of(3, 1), hide="nav,lessons,lab,run,truth,teacher,bogus")
    assert [toggle.key for toggle in page.toggle] == ["big"]
    assert not page.get("page_link")
    assert not [button for button in page.button if button.key == "all-lessons"]
    assert page.button(key="back").disabled, "the lesson before is out of reach"
    assert "hide=nav,lessons,lab,run,truth,teacher" in page.code[0].value and "bogus" not in page.code[0].value
    page.button(key="next").click().run()
    assert page.header[0].value == "Two means" and [toggle.key for toggle in page.toggle] == ["big"]


def test_hiding_the_switch_hides_the_truth_everywhere(app: Open, make_run: Callable[..., str]) -> None:
    page = app("result", run=make_run(), hide="truth")
    names = [trace.get("name", "") for figure in figures(page) for trace in figure["data"]]
    assert names and not any(name.startswith("Poisons") for name in names)


def test_a_visitor_without_a_class_link_sees_everything(app: Open) -> None:
    page = opened(app, place_of(3, 1))
    assert {"truth", "big", "teach"} <= {toggle.key for toggle in page.toggle}
    assert page.toggle(key="truth").disabled, "in a lesson Reveal decides"


# ---- the teacher's panel


def test_the_panel_has_notes_time_answer_and_a_class_link(app: Open, shipped: None) -> None:
    assert "Do not yet explain the axes." not in text(opened(app, place_of(3, 1)))
    page = opened(app, place_of(3, 1), teach="true")
    said = text(page)
    assert "Do not yet explain the axes." in said and "About 3 min of 22 min; 22 min left from here." in said
    assert "The answer: <b>Two</b>." in said
    assert page.code[1].value == "/learn?lesson=3&step=1&hide=nav,truth,teacher"
    page.multiselect(key="class-hides").set_value(["lab"]).run()
    assert page.code[1].value.endswith("&hide=lab")


def test_the_teacher_reveals_without_a_guess_and_resets(app: Open, shipped: None) -> None:
    page = opened(app, place_of(3, 1), teach="true")
    page.button(key="reveal-anyway").click().run()
    assert verdict(page) == "The answer: Two." and page.button(key="reveal-anyway").disabled
    page.button(key="reset-lesson").click().run()
    assert page.button(key="reveal").disabled and "0 of 6 answered" in text(page)


def test_resetting_a_lesson_leaves_the_others(app: Open, shipped: None) -> None:
    page = revealed(opened(app, place_of(3, 6), teach="true"))
    page.button(key="next").click().run()
    page = revealed(page)
    page.button(key="reset-lesson").click().run()
    assert "0 of 6 answered" in text(page)
    page.button(key="back").click().run()
    assert "1 of 6 answered" in text(page)
    page.button(key="reset-all").click().run()
    assert "0 of 6 answered" in text(page)


def test_the_overview_tells_a_teacher_the_time(app: Open) -> None:
    page = app("learn", teach="true")
    total = sum(lesson.minutes for lesson in EVERY)
    assert f"All lessons take about {total:g} min." in text(page)
    assert "steps · 15 min" in text(page)


def test_tables_stand_beside_charts(app: Open, shipped: None) -> None:
    page = revealed(opened(app, place_of(6, 4)))
    assert json.loads(page.get("plotly_chart")[0].proto.spec)["data"] and len(page.dataframe) == 1
