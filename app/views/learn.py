"""Learn: eight lessons in small steps, each with a question, a guess, and then the truth."""

import html
from functools import cache as once
from typing import Any

import streamlit as st

from app import cache, class_link, routes
from app.components import frame, keys, say, top
from app.lessons import answers, catalog, teacher
from app.lessons.answers import Place
from app.lessons.shipped import RUNS, Screen
from core import describe, lessons, showcase
from core.errors import LessonError
from core.lessons import Lesson


@once
def _lessons() -> tuple[Lesson, ...]:
    return tuple(lessons.load_all())


@once
def _glossary() -> dict[str, str]:
    return lessons.glossary()


def page() -> None:
    """The page."""
    try:
        every = _lessons()
    except LessonError as error:
        st.title("Learn", anchor=False)
        say.empty("The lessons cannot be read", str(error))
        return
    place = _place(every)
    top.of("learn" if place is None else f"learn {place.lesson.number} {place.number}")
    if place is None:
        _overview(every)
    else:
        _step(place, every)


# ---- where one is, and how one goes on


def _place(every: tuple[Lesson, ...]) -> Place | None:
    """The lesson and step in the link; None where there is none. A bad lesson is none, a bad step the first."""
    if class_link.hides("lessons"):
        number = next((each.number for each in every if str(each.number) == st.query_params.get("lesson")), None)
    else:
        number = st.session_state["lesson"] if "lesson" in st.session_state else _linked("lesson", len(every))
    if number is None or number not in range(1, len(every) + 1):
        return None
    lesson = every[number - 1]
    steps = range(1, len(lesson.steps) + 1)
    if st.session_state.get("step") not in steps:  # of another lesson, perhaps
        st.session_state.pop("step", None)
    step = st.session_state.get("step") or _linked("step", len(steps)) or 1
    return Place(lesson, int(step))


def _linked(name: str, most: int) -> int | None:
    """A number in the link, where no widget has taken it over yet."""
    given = st.query_params.get(name, "")
    return int(given) if given in [str(number) for number in range(1, most + 1)] else None


def _go(place: Place | None) -> None:
    """Go somewhere; for callbacks, because both pickers take over what stands in the session."""
    st.session_state["lesson"] = None if place is None else place.lesson.number
    st.session_state["step"] = 1 if place is None else place.number


def _first_step() -> None:
    st.session_state["step"] = 1


PICKER: dict[str, Any] = {
    "bind": "query-params",
    "label_visibility": "collapsed",
    "format_func": str,
    "width": "content",
}


def _lesson_picker(every: tuple[Lesson, ...]) -> None:
    numbers = [each.number for each in every]
    st.html("Lesson", width="content")
    st.segmented_control("Lesson", numbers, key="lesson", on_change=_first_step, **PICKER)


def _pickers(place: Place, every: tuple[Lesson, ...]) -> None:
    """Lesson and step by their numbers, which stand in the link."""
    with st.container(horizontal=True, vertical_alignment="center", key="lesson-pickers"):
        if not class_link.hides("lessons"):
            _lesson_picker(every)
        steps = range(1, len(place.lesson.steps) + 1)
        st.html("Step", width="content")
        st.segmented_control("Step", steps, default=1, key="step", required=True, **PICKER)
        st.html(f'<span class="ps-quiet">{answers.done(place.lesson)} of {len(steps)} answered</span>', width="content")


# ---- all lessons


def _overview(every: tuple[Lesson, ...]) -> None:
    st.html(
        '<h1 class="ps-title">Learn</h1><p class="ps-lead">Eight lessons on real, finished runs. Every step asks you '
        "something first; then it shows what happened. Nothing has to be trained, and nothing can break.</p>"
    )
    if not class_link.hides("lessons"):
        with st.container(horizontal=True, vertical_alignment="center", key="lesson-pickers"):
            _lesson_picker(every)
    first = next((each for each in every if answers.done(each) < len(each.steps)), every[0])
    for start in range(0, len(every), 2):
        for lesson, column in zip(every[start : start + 2], st.columns(2, gap="medium"), strict=False):
            with column, st.container(border=True, key=f"card-{lesson.name}"):
                _card(lesson, lesson is first)
    _teachers_switch()
    if _teaching():
        total = sum(each.minutes for each in every)
        say.small(f"All lessons take about {teacher.minutes(total)}. Open one for notes, answers and a class link.")
        st.button("Reset all", on_click=answers.forget, key="reset-all")


def _card(lesson: Lesson, first: bool) -> None:
    steps, seen = len(lesson.steps), answers.done(lesson)
    words, button = st.columns([4, 1], vertical_alignment="center")
    time = f" · {teacher.minutes(lesson.minutes)}" if _teaching() else ""
    words.html(
        f'<h2 class="ps-lesson-name">{lesson.number}. {html.escape(lesson.title)}</h2>'
        f'<p class="ps-small" style="margin:0">{html.escape(lesson.summary)}</p>'
        f'<div class="ps-state">{_dots(steps, seen)}<span class="ps-small ps-quiet">{steps} steps{time}</span></div>'
    )
    button.button(
        "Again" if seen == steps else "Go on" if seen else "Start",
        type="primary" if first else "secondary",
        on_click=_go,
        args=(Place(lesson, min(seen, steps - 1) + 1),),
        key=f"open-{lesson.name}",
        width="stretch",
    )


def _dots(steps: int, seen: int) -> str:
    marks = "".join(f'<i class="{"done" if at < seen else ""}"></i>' for at in range(steps))
    return f'<div class="ps-dots" aria-hidden="true">{marks}</div>'


# ---- one step


def _step(place: Place, every: tuple[Lesson, ...]) -> None:
    known = answers.known(place.step)
    seen = answers.revealed(place)
    _head(place, every)
    words, picture = st.columns([3, 4], gap="large")
    with words, st.container(key="lesson-words"):
        st.header(place.step.title, anchor=False)
        st.markdown(lessons.filled(place.step.prose, known, blank="…"))
        _question(place, known)
        if seen:
            said, tone = answers.feedback(place.step.guess, answers.guess(place))
            st.html(f'<div class="ps-verdict {tone}" role="status">{said}</div>')
            st.markdown(lessons.filled(place.step.reveal, known))
        _back_and_next(place, every)
    with picture, st.container(key="lesson-picture"):
        catalog.draw(Screen(place.step, place.key, seen, frame.big()))
        _behind(place, seen)
    if place.number == len(place.lesson.steps):
        with st.expander("Sources", expanded=True):
            st.markdown(place.lesson.sources)
    _teachers_switch()
    if _teaching():
        teacher.panel(place, known)


def _head(place: Place, every: tuple[Lesson, ...]) -> None:
    words, tools = st.columns([5, 4], vertical_alignment="center")
    words.html(f'<h1 class="ps-name">{place.lesson.number}. {html.escape(place.lesson.title)}</h1>')
    with tools, st.container(horizontal=True, horizontal_alignment="right"):
        with st.popover("Glossary", icon=":material/menu_book:", type="tertiary"):
            _words()
        with st.popover("Link", icon=":material/link:", type="tertiary"):
            say.small("Leads to this step.")
            hide = [name for name in class_link.HIDABLE if class_link.hides(name)]
            st.code(teacher.address(place, hide), language=None, wrap_lines=True)
        if not class_link.hides("lessons"):
            st.button(
                "All lessons",
                icon=":material/apps:",
                type="tertiary",
                on_click=_go,
                args=(None,),
                key="all-lessons",
            )
    _pickers(place, every)


def _words() -> None:
    wanted = st.text_input("Find a word", key="find-word", placeholder="Find a word", label_visibility="collapsed")
    found = {term: words for term, words in _glossary().items() if wanted.casefold() in f"{term} {words}".casefold()}
    with st.container(height=380, border=False):
        st.markdown("\n\n".join(f"**{term}.** {words}" for term, words in found.items()) or "No such word.")


def _question(place: Place, known: dict[str, str]) -> None:
    """The guess, and the button that ends it."""
    guess, key, seen = place.step.guess, f"guess-{place.key}", answers.revealed(place)
    kept = answers.guess(place)
    st.markdown(f"**{lessons.filled(guess.question, known, blank='…')}**")
    if seen:  # what was guessed stands in the answer
        return
    common: dict[str, Any] = {
        "label": guess.question,
        "label_visibility": "collapsed",
        "key": key,
        "on_change": answers.note,
        "args": (place, key),
    }
    if guess.choices:
        st.radio(options=guess.choices, index=guess.choices.index(kept) if kept in guess.choices else None, **common)
    else:
        _number(place, kept, common)
    st.button(
        "Reveal",
        type="primary",
        icon=":material/visibility:",
        on_click=answers.reveal,
        args=(place,),
        key="reveal",
        disabled=kept is None,
        help="Make your guess first." if kept is None else None,
    )


def _number(place: Place, kept: Any, common: dict[str, Any]) -> None:
    guess = place.step.guess
    whole = all(float(value).is_integer() for value in (guess.low, guess.high, guess.step))
    low, high, step = (int(v) if whole else float(v) for v in (guess.low, guess.high, guess.step))
    form = f"{'%d' if whole else '%g'}{' ' + guess.unit.replace('%', '%%') if guess.unit else ''}"
    st.slider(min_value=low, max_value=high, value=low if kept is None else kept, step=step, format=form, **common)


def _back_and_next(place: Place, every: tuple[Lesson, ...]) -> None:
    before, after = _neighbours(place, every)
    done = answers.revealed(place)
    with st.container(horizontal=True, horizontal_alignment="distribute", key="back-and-next"):
        st.button(
            "Back", icon=":material/arrow_back:", on_click=_go, args=(before,), key="back", disabled=before is None
        )
        st.button(
            "Next" if after is None or after.lesson is place.lesson else f"Lesson {after.lesson.number}",
            type="primary" if done else "secondary",
            icon=":material/arrow_forward:",
            icon_position="right",
            on_click=_go,
            args=(after,),
            key="next",
            disabled=after is None,
        )

    def walk(by: int) -> None:
        if abs(by) > 1:
            _go(Place(place.lesson, 1 if by < 0 else len(place.lesson.steps)))
        elif (goal := after if by > 0 else before) is not None:
            _go(goal)

    keys.arrows(walk, key="lesson-arrows")


def _neighbours(place: Place, every: tuple[Lesson, ...]) -> tuple[Place | None, Place | None]:
    """The steps before and after this one, across lessons unless the link keeps its visitors in one."""
    places = [Place(lesson, number) for lesson in every for number in range(1, len(lesson.steps) + 1)]
    if class_link.hides("lessons"):
        places = [each for each in places if each.lesson is place.lesson]
    at = places.index(place)
    return (places[at - 1] if at else None), (places[at + 1] if at + 1 < len(places) else None)


def _behind(place: Place, seen: bool) -> None:
    """A link to the run that the picture shows; the truth stays hidden there while it is hidden here."""
    name = catalog.RUN.get(place.step.widget, str(place.step.show.get("run", "")))
    if class_link.hides("run") or not name:
        return
    run = showcase.find(cache.store(), RUNS[name])
    if run is None:
        return
    st.page_link(
        routes.page("result"),
        label=f"The run behind it: {describe.markdown(run.name)}",
        icon=":material/monitoring:",
        query_params={"run": run.id, **({} if seen else {"truth": "false"})},
    )


# ---- teaching


def _teachers_switch() -> None:
    if not class_link.hides("teacher"):
        st.toggle("Teacher’s panel", key="teach", bind="query-params", help="Notes, time, answers, links for a class.")


def _teaching() -> bool:
    linked = st.query_params.get("teach") == "true"  # the switch, which stands below, has not taken it over yet
    return bool(st.session_state.get("teach", linked)) and not class_link.hides("teacher")
