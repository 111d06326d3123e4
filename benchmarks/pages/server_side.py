"""What the server takes, timed at websocket clients that draw nothing: scripts, ticks of a class, memory."""

import threading
import time
from collections.abc import Iterator
from statistics import median

import psutil

from benchmarks.measure import Measure
from benchmarks.pages.site import Site, end
from benchmarks.pages.tab import Answer, Tab
from core import presets, spec
from tests.browser.dashboard import until

SCRIPT, TICK, MEMORY = 0.15, 0.2, 300.0
"""Seconds, seconds, megabytes that were promised."""
TURNS, WARM = 9, 2
TABS, LOOKS = 30, 6
"""Watching tabs, and how often each of them looks."""
EPOCHS = 1000
"""Of the run that is watched: more than it has time for."""
ROUNDS = 5


def script(site: Site) -> Iterator[Measure]:
    """Every page, opened by new sessions while nothing else goes on: from the message to the end of the script."""
    for name, path in site.paths.items():
        _opened(site, path, WARM)
        before = _busy(site)
        answers = _opened(site, path, TURNS)
        processor = (_busy(site) - before) / TURNS
        last = answers[-1]
        facts = {"processor_ms": processor * 1e3, "messages": float(last.messages), "kilobytes": last.bytes / 1e3}
        yield Measure(f"script of {name}", "seconds", [answer.seconds for answer in answers], SCRIPT, facts)


def tabs(site: Site) -> Iterator[Measure]:
    """A class that watches a training: what one look of one tab takes while all look at their own pace."""
    content = {**presets.load("badnets-digits").content, "name": "Watched by a class"}
    asked = spec.parse(spec.changed(content, [f"training.epochs={EPOCHS}"]))
    run = site.store.queue(asked.model_dump(mode="json"), spec_hash=asked.hash(), name=asked.name)
    until(lambda: len(site.store.points(run)) > 2, "a training that can be watched", 90)
    try:
        with Tab(site.dashboard.address) as tab:
            tab.open("lab")
            frame = set(tab.timers)
        before, begun = _busy(site), time.perf_counter()
        answers, interval = _watched(site, run, frame)
        busy = (_busy(site) - before) / (time.perf_counter() - begun)
    finally:
        end(site, run)
    seconds = [answer.seconds for answer in answers]
    facts = {"interval": interval, "server_share_of_a_core": busy, "kilobytes": median(a.bytes for a in answers) / 1e3}
    yield Measure(f"tabs: one look of {TABS} at a live run", "seconds", seconds, TICK, facts)


def memory(site: Site) -> Iterator[Measure]:
    """What the server's process holds in memory, after every round through all pages."""
    server, held = psutil.Process(site.dashboard.process.pid), []
    for _ in range(ROUNDS):
        for path in site.paths.values():
            _opened(site, path, 1)
        held.append(server.memory_info().rss / 1e6)
    facts = {"private_megabytes": server.memory_full_info().uss / 1e6}
    yield Measure("memory of the server's process (RSS)", "megabytes", held, MEMORY, facts)


def _busy(site: Site) -> float:
    """Seconds of a processor that the server has used."""
    return sum(psutil.Process(site.dashboard.process.pid).cpu_times()[:2])


def _opened(site: Site, path: str, turns: int) -> list[Answer]:
    answers = []
    for _ in range(turns):
        with Tab(site.dashboard.address) as tab:
            answers.append(tab.open(path))
    return answers


def _watched(site: Site, run: str, frame: set[str]) -> tuple[list[Answer], float]:
    """Looks at a run's own part of its page, and the seconds between two of them.

    Every tab looks at the frame's part too, as browsers do, and that is not counted.
    """
    answers: list[Answer] = []
    intervals: list[float] = []
    ready = threading.Barrier(TABS)

    def watch(number: int) -> None:
        with Tab(site.dashboard.address) as tab:
            tab.open(f"result?run={run}")
            own = next(fragment for fragment in tab.timers if fragment not in frame)
            interval = tab.timers[own]
            ready.wait(timeout=60)
            due = time.perf_counter() + interval * number / TABS  # timers of tabs that were opened one after the other
            for _ in range(LOOKS):
                time.sleep(max(0.0, due - time.perf_counter()))
                answers.append(tab.look(own))
                for fragment in frame & tab.timers.keys():
                    tab.look(fragment)
                due += interval
            intervals.append(interval)

    threads = [threading.Thread(target=watch, args=(number,)) for number in range(TABS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(intervals) < TABS:
        raise RuntimeError(f"only {len(intervals)} of {TABS} tabs came to their end")
    return answers, median(intervals)
