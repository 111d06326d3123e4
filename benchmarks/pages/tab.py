"""A browser's tab without a browser: it speaks Streamlit's protocol over a websocket and draws nothing."""

import time
from contextlib import ExitStack
from dataclasses import dataclass

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Subprotocol

PATIENCE = 60.0
"""Seconds that an answer may take; it only ends a measurement that has failed."""
LARGEST = 64 * 2**20
ENDED = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)


@dataclass(frozen=True)
class Answer:
    """What a run of the script took and sent."""

    seconds: float
    messages: int
    bytes: int


class Tab:
    """One session of the dashboard.

    Attributes:
        pages: paths of all pages, as the navigation tells them.
        timers: seconds between two looks, by the part of the page (fragment) that wants them.
    """

    def __init__(self, address: str) -> None:
        self._address = address.replace("http", "ws", 1) + "/_stcore/stream"
        self._open = ExitStack()
        self._place: dict[str, str] = {}
        self.pages: list[str] = []
        self.timers: dict[str, float] = {}

    def __enter__(self) -> "Tab":
        streamlit = connect(self._address, subprotocols=[Subprotocol("streamlit")], max_size=LARGEST, compression=None)
        self._socket = self._open.enter_context(streamlit)
        return self

    def __exit__(self, *raised: object) -> None:
        self._open.close()

    def open(self, path: str) -> Answer:
        """Go to a page such as `result?run=…`; the time from the message to the end of the script."""
        name, _, query = path.partition("?")
        self._place = {"page_name": name, "query_string": query}
        self.timers.clear()
        return self._ask()

    def look(self, fragment: str) -> Answer:
        """Let a part of the page look again, as its timer would."""
        return self._ask(fragment_id=fragment, is_auto_rerun=True)

    def _ask(self, **more: str | bool) -> Answer:
        asked = BackMsg()
        for name, value in {**self._place, **more}.items():
            setattr(asked.rerun_script, name, value)
        asked.rerun_script.widget_states.SetInParent()
        begun, messages, size = time.perf_counter(), 0, 0
        self._socket.send(asked.SerializeToString())
        while True:
            data = self._socket.recv(timeout=PATIENCE)
            assert isinstance(data, bytes)
            messages, size = messages + 1, size + len(data)
            told = ForwardMsg.FromString(data)
            kind = told.WhichOneof("type")
            if kind == "script_finished" and told.script_finished in ENDED:
                return Answer(time.perf_counter() - begun, messages, size)
            if kind == "navigation":
                self.pages = [page.url_pathname for page in told.navigation.app_pages]
            elif kind == "auto_rerun":
                self.timers[told.auto_rerun.fragment_id] = told.auto_rerun.interval
