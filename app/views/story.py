"""Story: an attack and what stands against it in three minutes, one screen a step, for people who decide."""

import streamlit as st

from app import cache, routes
from app.components import hero, keys, say, slides
from app.components.slides import SLIDES
from core import showcase
from core.runs.record import Run
from core.story import Case, case

MAIN, RATES, COMPARED = "showcase-badnets", "showcase-rates-", "showcase-others"
"""The run that is told; the beginning of those with other numbers of poisons; and of those for Compare alone, whose
defenses cost too much to be on a list of what one might do."""
PLACES = range(1, len(SLIDES) + 1)


def page() -> None:
    """The page."""
    st.html(f"<style>{cache.asset('story.css')}</style>")
    told = _told()
    if told is None:
        say.empty(*hero.MISSING)
        st.page_link(routes.page("start"), label="Back to Start", icon=":material/home:")
        return
    _bar()
    slide = SLIDES[_place() - 1]
    with st.container(key="slide"):
        slide.draw(told)
    _feet()
    keys.arrows(_go, key="story-keys")
    if st.session_state.get("notes"):
        st.html(
            f'<aside class="ps-notes" aria-label="Speaker notes"><b>Say it in your own words · {slide.seconds} s</b>'
            f"<p>{slide.notes(told)}</p></aside>"
        )


def _told() -> slides.Told | None:
    """What the shipped runs hold; None where they are not here."""
    runs = [run for run in cache.store().runs() if run.origin == showcase.ORIGIN and run.result]
    found = {run.id: (run, known) for run in sorted(runs, key=_order) if (known := case(cache.view(run)))}
    if MAIN not in found:
        return None
    rates: list[Case] = sorted((known for run, known in found.values() if run.id.startswith(RATES)), key=_altered)
    others = [known for run, known in found.values() if run.id != MAIN and not run.id.startswith((RATES, COMPARED))]
    return slides.Told(cache.view(found[MAIN][0]), found[MAIN][1], tuple(rates), tuple(others))


def _order(run: Run) -> tuple[float, str]:
    return run.created, run.id


def _altered(known: Case) -> int:
    return known.altered


# ---- where one is, and how one goes on


def _place() -> int:
    place = st.session_state.get("step")
    return int(place) if place is not None and place in PLACES else 1


def _go(by: int) -> None:
    st.session_state["step"] = min(max(_place() + by, 1), len(SLIDES))


def _bar() -> None:
    """Dots, one a screen, with a title that a screen reader says; notes; the way out."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="story-bar"):
        st.segmented_control(
            "Screen",
            PLACES,
            default=1,
            key="step",
            bind="query-params",
            required=True,
            format_func=lambda place: f"{place}",
            label_visibility="collapsed",
            help="Arrow keys go forward and back.",
        )
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            st.toggle("Speaker notes", key="notes", bind="query-params")
            st.page_link(routes.page("start"), label="Leave", icon=":material/close:")


def _feet() -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", key="story-feet"):
        st.button(
            "Back", key="back", icon=":material/arrow_back:", on_click=_go, args=(-1,), disabled=_place() == PLACES[0]
        )
        if _place() < PLACES[-1]:
            st.button("Next", key="next", icon=":material/arrow_forward:", type="primary", on_click=_go, args=(1,))
        else:
            st.button("Once more", key="next", icon=":material/replay:", on_click=_go, args=(-len(SLIDES),))
