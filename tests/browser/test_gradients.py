"""The map of the gradient space in a real browser: it plays, shows images, answers clicks and stands in the link."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import expect

from core.runs.store import Store
from tests.app import gradients
from tests.app.conftest import Made, experiment, write_run
from tests.browser.conftest import Visit
from tests.browser.dashboard import Dashboard, until
from tests.browser.visitor import POINT, SCHEMES, Visitor

MANY = 5000
PLAY = """async gd => {
  const drawn = [], moved = () => drawn.push([performance.now(), gd._fullData[0].x[0]]);
  let over = false; gd.on('plotly_animatingframe', moved); gd.on('plotly_animated', () => { over = true; });
  const play = [...gd.querySelectorAll('.updatemenu-button')].find(button => button.textContent.includes('Play'));
  play.dispatchEvent(new MouseEvent('click', {bubbles: true}));
  while (!over) await new Promise(done => setTimeout(done, 50));
  return drawn; }"""
COLOURS = "gd => gd._fullData.map(trace => trace.marker.color)"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Dashboard, str, str]]:
    """A dashboard of its own, a small run and one with as many rows as a map shows."""
    home = tmp_path_factory.mktemp("gradients") / "home"
    home.mkdir()
    found = []
    for name, rows in (("A small walk", 90), ("A long walk", MANY)):
        content = partial(gradients.content, rows=rows)
        steps = [{**step, "key": f"{rows:04d}{step['key'][4:]}"} for step in gradients.steps()]
        made = Made(steps, content, gradients.points(), gradients.result())
        found.append(write_run(Store(home), experiment(name=name, **gradients.SETTINGS), made, "done", True, {}))
    started = Dashboard(home)
    try:
        yield started.wait(), found[0], found[1]
    finally:
        started.stop()


def chart(visitor: Visitor) -> Any:
    """The map; Streamlit keeps the one that it replaces for a moment, behind it."""
    found = visitor.page.locator("[class*='st-key-map-'] .js-plotly-plot").first
    found.locator(".nsewdrag").first.wait_for()
    return found


def test_the_page_is_whole_in_both_themes(visit: Visit, runs: tuple[Dashboard, str, str]) -> None:
    visitor = visit(f"/gradients?run={runs[1]}", at=runs[0])
    chart(visitor)
    for scheme in SCHEMES:
        visitor.lit(scheme).check_layout()
        visitor.shot(f"gradients-{scheme}")


def test_a_point_shows_its_image_and_is_kept_by_a_click(visit: Visit, runs: tuple[Dashboard, str, str]) -> None:
    visitor = visit(f"/gradients?run={runs[1]}", at=runs[0], size=(1280, 1100))
    page, figure = visitor.page, chart(visitor)
    handle = figure.element_handle()
    trace = figure.evaluate("gd => gd.data.findIndex(trace => trace.name.startsWith('Effective'))")
    point: Any = page.evaluate(POINT, [handle, trace, 0])
    until(lambda: visitor.hovered(point) == point["row"], "the thumbnail of the row under the pointer")
    page.mouse.click(point["x"], point["y"])
    expect(page.locator(".st-key-map-wall figure")).to_contain_text(f"row {point['row']}")
    star: Any = page.evaluate(POINT, [handle, len(figure.evaluate("gd => gd.data.map(t => t.name)")) - 1, 0])
    page.mouse.move(star["x"] + 1, star["y"])
    page.mouse.move(star["x"], star["y"])
    expect(page.locator("body > .ps-tip:not([hidden])")).to_contain_text("target")


def test_epoch_and_colour_stand_in_the_link(visit: Visit, runs: tuple[Dashboard, str, str]) -> None:
    visitor = visit(f"/gradients?run={runs[1]}&epoch=4&key=2&colour=Cluster%20size", at=runs[0])
    expect(visitor.page.get_by_role("heading", name="Rows that stand alone after epoch 4")).to_be_visible()
    until(lambda: "1: stands alone (2)" in chart(visitor).evaluate("gd => gd.data.map(t => t.name)"), "two stand alone")
    slider = visitor.page.locator(".st-key-epoch input[type=range]")
    slider.focus()
    visitor.page.keyboard.press("ArrowLeft")
    expect(visitor.page.get_by_role("heading", name="Rows that stand alone after epoch 3")).to_be_visible()
    until(lambda: visitor.parameters.get("key") == "2", "the link keeps the key")


def test_play_moves_five_thousand_points(
    visit: Visit, runs: tuple[Dashboard, str, str], timings: dict[str, float]
) -> None:
    visitor = visit(f"/gradients?run={runs[2]}&epoch=1", at=runs[0])
    expect(visitor.page.get_by_text(f"{MANY:,} of {MANY:,} rows shown")).to_be_visible()
    figure = chart(visitor)
    visitor.settled()
    before = figure.evaluate(COLOURS)
    drawn = figure.evaluate(PLAY)
    assert len({place for _, place in drawn}) >= len(gradients.RECORDED)
    assert figure.evaluate(COLOURS) == before
    gaps = sorted(after - now for (now, _), (after, _) in zip(drawn, drawn[1:], strict=False))
    timings["a frame of 5,000 points, median"] = gaps[len(gaps) // 2] / 1000
