"""Progress of several steps at once, by hand and with a clock that stands until it is moved."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from core.errors import Cancelled
from core.watch import Watch


class Notes:
    """Writes down what a watch says."""

    def __init__(self) -> None:
        self.phases: list[tuple[str, float, float | None]] = []
        self.points: list[dict[str, Any]] = []
        self.stop = False

    def planned(self, steps: list[dict[str, Any]], device: str) -> None: ...

    def phase(self, text: str, fraction: float, eta_seconds: float | None) -> None:
        self.phases.append((text, fraction, eta_seconds))

    def point(self, **point: Any) -> None:
        self.points.append(point)

    def concluded(self, result: dict[str, Any]) -> None: ...

    def cancelled(self) -> bool:
        return self.stop


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr("core.watch.time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def test_progress_is_weighed_and_time_left_follows_the_pace(clock: SimpleNamespace) -> None:
    notes = Notes()
    watch = Watch(notes, {"a": 1.0, "b": 3.0})  # seconds that are expected
    clock.now += 2
    watch.step("a", 0.25, "first")  # a quarter of one second of four: too little to tell the pace
    watch.step("a", 1.0, "")  # 1 of 4 after two seconds: half as fast as expected
    clock.now += 5
    watch.step("b", 0.5, "second")  # 2.5 of 4 after seven seconds
    watch.step("b", 1.0, "")
    shares = [(fraction, left) for _, fraction, left in notes.phases]
    assert shares == [
        (0.0625, pytest.approx(3.75)),
        (0.25, pytest.approx(6.0)),
        (0.625, pytest.approx(1.5 * 7 / 2.5)),
        (1.0, 0.0),
    ]


def test_what_was_computed_earlier_does_not_count_as_pace(clock: SimpleNamespace) -> None:
    notes = Notes()
    watch = Watch(notes, {"a": 6.0, "b": 4.0})
    watch.found("a")
    clock.now += 3
    watch.step("b", 0.2, "")  # 0.8 of 10 fresh, too little to tell the pace: 3.2 expected seconds left
    watch.step("b", 0.5, "")  # 2 of 10 fresh in three seconds: 2 left at 1.5 each
    assert notes.phases[0][1:] == (pytest.approx(0.68), pytest.approx(3.2))
    assert notes.phases[1][1:] == (pytest.approx(0.8), pytest.approx(3.0))


def test_the_text_names_what_runs_and_stays_between_two_steps() -> None:
    notes = Notes()
    watch = Watch(notes, {"a": 1.0, "b": 1.0})
    watch.step("a", 0.0, "A")
    watch.step("b", 0.0, "B")
    watch.step("a", 0.5, "A: half")
    watch.step("b", 1.0, "B")
    watch.step("a", 1.0, "")
    assert [text for text, *_ in notes.phases] == ["A", "A · B", "B · A: half", "A: half", "A: half"]


def test_a_wish_to_stop_is_passed_on() -> None:
    notes = Notes()
    watch = Watch(notes, {})
    watch.raise_if_cancelled()
    notes.stop = True
    assert watch.cancelled()
    with pytest.raises(Cancelled):
        watch.raise_if_cancelled()


def test_abandoned_steps_stop_though_nobody_asked() -> None:
    watch = Watch(Notes(), {})
    watch.abandon()
    assert watch.cancelled()


def test_points_from_many_threads_all_arrive_one_after_the_other() -> None:
    class Busy(Notes):
        inside = 0

        def point(self, **point: Any) -> None:
            self.inside += 1
            assert self.inside == 1
            super().point(**point)
            self.inside -= 1

    notes, errors = Busy(), list[BaseException]()
    watch = Watch(notes, {"a": 1.0})

    def work(number: int) -> None:
        try:
            for epoch in range(50):
                watch.point(arm=str(number), epoch=epoch)
                watch.step("a", epoch / 50, str(number))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors and len(notes.points) == 200
    assert {(point["arm"], point["epoch"]) for point in notes.points} == {
        (str(number), epoch) for number in range(4) for epoch in range(50)
    }
