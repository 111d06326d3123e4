"""Every page at two sizes in light and dark: nothing too wide, cut, covered or pale, and what matters in sight."""

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.dashboard import Dashboard
from tests.browser.visitor import LARGE, LENS, SCHEMES, SMALL, Visitor


def check(visitor: Visitor, name: str, *in_sight: str) -> None:
    """It fits at both sizes in light and dark; some things are wholly on the screen, without scrolling."""
    for size in (SMALL, LARGE):
        visitor.sized(size)
        for scheme in SCHEMES:
            visitor.lit(scheme)
            visitor.check_in_sight(*in_sight)
            visitor.check_layout()
            visitor.shot(f"{name}-{scheme}-{size[0]}x{size[1]}")


def test_start_fits_before_anything_was_run(visit: Visit) -> None:
    visitor = visit()
    expect(visitor.page.get_by_text("Device: cpu")).to_be_visible()
    check(
        visitor,
        "start-bare",
        "h1",
        ".st-key-poison-now button >> nth=0",
        ".ps-empty >> nth=0",
        ".st-key-go-build button",
    )


def test_the_lab_fits(visit: Visit) -> None:
    visitor = visit("/lab")
    visitor.page.locator(".st-key-lab-side .ps-pairs img").nth(8).wait_for()
    check(
        visitor.settled(),
        "lab",
        "h1",
        "text=Start from",
        ".st-key-lab-side img >> nth=1",
        ".st-key-lab-side [kind=primary]",
    )


def test_a_finished_run_fits(visit: Visit, finished: str) -> None:
    visitor = visit(finished).finished()
    check(visitor, "run-finished", "h1", ".ps-state", ".ps-verdict", *(f".ps-card >> nth={i}" for i in range(3)))
    for size in (SMALL, LARGE):
        visitor.sized(size).show(LENS)
        visitor.check_in_sight("[class*='st-key-scatter-'] .js-plotly-plot", "svg[role=slider]")
        visitor.shot(f"run-lens-{size[0]}x{size[1]}")


def test_cards_hold_long_names(visit: Visit, shown: Dashboard) -> None:
    visitor = visit("/result?run=showcase-others", at=shown)
    expect(visitor.page.locator(".ps-card").first).to_contain_text("Evasion adversarial training")
    visitor.settled().check_layout()
    expect(visitor.page.get_by_text("DP-SGD: epsilon 6,235 at delta 1e-05")).to_be_visible()


def test_runs_fit(visit: Visit, finished: str) -> None:
    visitor = visit("/runs")
    visitor.page.get_by_test_id("stDataFrame").locator("canvas").first.wait_for()
    check(visitor, "runs", "h1", ".st-key-run-buttons", "[data-testid=stDataFrame]")


def test_the_report_fits(visit: Visit, finished: str) -> None:
    visitor = visit(finished.replace("/result", "/report"))
    visitor.page.frame_locator("iframe").locator(".plot .main-svg").first.wait_for()
    check(visitor, "report", "h1", ".st-key-download-report")
