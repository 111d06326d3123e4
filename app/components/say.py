"""Pieces that all pages use. Words are escaped here; `small_html` alone takes ready HTML.

Names, phases and sentences about a file hold what strangers wrote, and Streamlit reads its messages and labels as
Markdown: a picture in one would make the browser ask another machine.
"""

import html

import streamlit as st

from core.describe import markdown


def empty(title: str, words: str) -> None:
    """A designed nothing: what is not here, and what to do."""
    st.html(f'<div class="ps-empty"><b>{html.escape(title)}</b>{html.escape(words)}</div>')


def section(title: str) -> None:
    """The heading of a part of the page, one level below the page's own."""
    st.header(title, anchor=False)


def error(problem: object) -> None:
    """What went wrong, in one sentence."""
    st.error(markdown(str(problem)), icon=":material/error:")


def warning(words: str, icon: str) -> None:
    """What to beware of."""
    st.warning(markdown(words), icon=f":material/{icon}:")


def small(words: str) -> None:
    """A remark below or beside something."""
    small_html(html.escape(words))


def small_html(words: str) -> None:
    """A remark that holds its own, already escaped, markup."""
    st.html(f'<p class="ps-small" style="margin:0">{words}</p>')
