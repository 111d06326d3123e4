"""The teacher's panel: notes, time, the answer, links for a class, and starting anew."""

from urllib.parse import urlencode

import streamlit as st

from app import class_link
from app.components import say
from app.lessons import answers
from app.lessons.answers import Place
from core import lessons
from core.lessons import Lesson


def address(place: Place, hide: list[str] | None = None) -> str:
    """The link of a step, with what it hides."""
    base = (st.context.url or "").rstrip("/").removesuffix("/learn")
    given = {"lesson": str(place.lesson.number), "step": str(place.number)}
    if hide:
        given["hide"] = ",".join(hide)
    return f"{base}/learn?{urlencode(given, safe=',')}"


def minutes(number: float) -> str:
    """Minutes as a teacher plans them."""
    return f"{number:g} min"


def panel(place: Place, known: dict[str, str]) -> None:
    """The panel below a step."""
    step, lesson = place.step, place.lesson
    left = sum(each.minutes for each in lesson.steps[place.number - 1 :])
    with st.container(border=True, key="teacher"):
        notes, tools = st.columns([3, 2], gap="large")
        with notes:
            say.section("For the teacher")
            st.markdown(lessons.filled(step.teacher, known, blank="…"))
            say.small(f"About {minutes(step.minutes)} of {minutes(lesson.minutes)}; {minutes(left)} left from here.")
            with st.expander("The answer"):
                said, _ = answers.feedback(step.guess, None)
                st.html(f'<p style="margin:0">{said}</p>')
        with tools:
            st.markdown("**A link for the class**")
            chosen = st.multiselect(
                "It hides",
                list(class_link.HIDABLE),
                ["nav", "truth", "teacher"],
                format_func=lambda name: class_link.HIDABLE[name],
                key="class-hides",
            )
            st.code(address(place, chosen), language=None, wrap_lines=True)
            _buttons(place, lesson)


def _buttons(place: Place, lesson: Lesson) -> None:
    with st.container(horizontal=True):
        st.button(
            "Reveal without a guess",
            on_click=answers.reveal,
            args=(place,),
            key="reveal-anyway",
            disabled=answers.revealed(place),
        )
        st.button("Reset this lesson", on_click=answers.forget, args=(lesson,), key="reset-lesson")
        st.button("Reset all", on_click=answers.forget, key="reset-all")
