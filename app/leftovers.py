"""Keeps what a fragment replaced from staying on the page beside what replaced it.

A tab takes away what a fragment no longer draws when it hears that the fragment's run has ended. If another fragment
(the queue in the sidebar looks every few seconds) starts before that word was sent, Streamlit 1.67 sends instead that
the run was broken off for another one, and the tab keeps everything: after a change of class the old histogram stood
below the new one in about one of three visits. To send that is right where the next run draws the same fragment, or a
part of it, again; it is wrong where the two have nothing in common.
"""

from collections.abc import Sequence
from typing import Any

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.app_session import AppSession

ENDED = ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY
_clear = AppSession._clear_queue


def apart(ended: Sequence[str], starting: Sequence[str], storage: Any) -> bool:
    """Whether none of the fragments that start has ended just now, or lies in one that has (`storage` knows)."""
    return not any(one in ended or storage.has_ancestor_in(one, ended) for one in starting)


def _clear_but_say_so(session: AppSession, fragment_ids_this_run: list[str] | None = None) -> None:
    starting, storage = fragment_ids_this_run, session._fragment_storage
    ended = [
        message
        for message in session._browser_queue._queue
        if starting
        and message.WhichOneof("type") == "script_finished"
        and message.script_finished == ENDED
        and apart(message.metadata.run.fragment_ids, starting, storage)
    ]
    _clear(session, starting)
    for message in ended:
        message.script_finished = ENDED


def install() -> None:
    """Put it in place; again does nothing."""
    AppSession._clear_queue = _clear_but_say_so  # type: ignore[method-assign, assignment]  # Streamlit offers no other place for it
