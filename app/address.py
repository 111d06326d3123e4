"""What a page keeps in the address bar, so that a link is the page; two write there, it and whoever follows a link."""

import time
from collections.abc import Callable

import streamlit as st

IN_FLIGHT = 5.0
"""Seconds in which the browser may still send a link that this page has replaced since."""

Link = dict[str, str]


class Address:
    """The parameters of one page in one session's address bar."""

    def __init__(self, mine: Callable[[str], bool]) -> None:
        """Nothing is written yet.

        Args:
            mine: whether a parameter is this page's.
        """
        self.mine = mine
        self.written: Link = {}
        self.replaced: list[tuple[Link, float]] = []

    def told(self) -> Link:
        """What the bar holds of this page."""
        return {key: value for key, value in st.query_params.to_dict().items() if self.mine(key)}

    def foreign(self) -> Link | None:
        """What the bar holds where somebody else wrote it; None where it is empty, or this page's own."""
        told = self.told()
        return None if not told or told == self.written or self._in_flight(told) else told

    def read(self) -> None:
        """Count what the bar holds as read, or else it would win over what the page writes next."""
        self.replaced.append((self.written, time.monotonic()))
        self.written = self.told()

    def write(self, told: Link) -> None:
        """Put a link in the bar."""
        # First the memory: the next move of the person may stop this script at any word to the address bar.
        before, now = self.written, time.monotonic()
        self.written = told
        self.replaced = [(link, when) for link, when in self.replaced if now - when < IN_FLIGHT]
        if told != before:
            self.replaced.append((before, now))
        if told != self.told():
            for key in self.told().keys() - told.keys():
                self.replaced.append((self.told(), now))
                del st.query_params[key]
            self.replaced.append((self.told(), now))
            st.query_params.update(told)

    def _in_flight(self, told: Link) -> bool:
        """Whether the browser sent a link before it heard of the newer one: a quick hand overtakes the bar."""
        return any(link == told and time.monotonic() - when < IN_FLIGHT for link, when in self.replaced)
