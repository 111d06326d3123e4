"""The word that a fragment has ended reaches the tab, unless the next run draws the same place again."""

from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.fragment import MemoryFragmentStorage

from app import leftovers

EARLY, ENDED = ForwardMsg.FINISHED_EARLY_FOR_RERUN, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY


@pytest.mark.parametrize(
    ("starting", "told"),
    [(["queue"], ENDED), (["lens"], EARLY), (["queue", "lens"], EARLY), (["suspects"], EARLY), (None, EARLY)],
    ids=["another fragment", "the same", "both", "a part of it", "the whole page"],
)
def test_a_tab_hears_that_a_fragment_has_ended(
    monkeypatch: pytest.MonkeyPatch, starting: list[str] | None, told: int
) -> None:
    monkeypatch.setattr(AppSession, "_clear_queue", AppSession._clear_queue)  # comes back as it was
    leftovers.install()
    message = ForwardMsg(script_finished=ENDED)
    message.metadata.run.fragment_ids.append("lens")
    queue, storage = ForwardMsgQueue(), MemoryFragmentStorage()
    storage._parent_by_id["suspects"] = "lens"
    queue.enqueue(message)
    session: Any = SimpleNamespace(_browser_queue=queue, _fragment_storage=storage)
    AppSession._clear_queue(session, starting)
    assert [sent.script_finished for sent in queue.flush()] == [told]
