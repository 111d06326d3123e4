"""Be the attacker: the budget in every state, what is queued, and the table of own runs."""

from collections.abc import Callable
from typing import Any

import pytest

from app.components import attack_budget
from core import presets
from core.runs.store import Store
from core.settings import preset_form
from core.spec import parse
from tests.app.conftest import POISONS, Made, Open, arm, arrays, detection, result, steps, text, write_run

MakeRun = Callable[..., str]


@pytest.fixture
def attacked(store: Store) -> MakeRun:
    """A finished attack on the default preset with a budget of its own; its files say that six rows were poisoned."""

    def make(fraction: float = 0.001, success: int = 990, state: str = "done", **attack: Any) -> str:
        form = preset_form(presets.load(presets.DEFAULT).content)
        spent = {**form["attack"], "poison_fraction": fraction, **attack}
        asked = parse({**form, "attack": spent, "name": "A <b>try</b>"})
        found = result()
        found["arms"]["undefended"] = arm(985, success)
        found["arms"]["spectral_signatures"] = arm(983, 4, detection=detection(6, POISONS, 9, 84))
        made = Made(steps(), lambda step: arrays()[step["kind"]], [], found)
        return write_run(store, asked, made, state, True, {})

    return make


def table(page: Any) -> str:
    found = [one.proto.body for one in page.get("html") if ' ps-board"' in one.proto.body]
    return found[0] if found else ""


def test_nobody_has_attacked_yet(app: Open) -> None:
    page = app("attacker")
    assert not page.exception
    assert "Nobody has attacked here yet" in text(page) and "60 of 6,000 training images, 1 %" in text(page)
    assert page.select_slider(key="budget").value == 60 and page.select_slider(key="strength").value == 5
    assert not table(page)


def test_only_presets_that_need_nothing_and_have_a_budget_are_played_on(app: Open) -> None:
    offered = attack_budget.games()
    assert presets.DEFAULT in offered and "gm-signs" in offered
    assert not [name for name, preset in offered.items() if preset.needs]


def test_budget_and_strength_come_from_the_link_and_are_queued(app: Open, store: Store) -> None:
    page = app("attacker", budget="15", strength="3")
    assert "15 of 6,000 training images, 0.25 %" in text(page)
    page.button(key="attack").click().run()
    assert not page.exception
    (run,) = store.runs()
    assert run.spec["attack"]["poison_fraction"] == 0.0025 and run.spec["attack"]["size"] == 3
    assert run.name == "A sticker on traffic signs · 15 poisons · size 3"
    form = preset_form(presets.load(presets.DEFAULT).content)
    assert {**run.spec, "attack": None, "name": ""} == {**form, "attack": None, "name": ""}
    assert page.query_params["run"] in (run.id, [run.id])


def test_an_attack_in_pixels_has_epsilon(app: Open, store: Store) -> None:
    page = app("attacker", game=presets.load("gm-signs").title, strength="8")
    assert not page.exception
    assert page.selectbox(key="game").value == "gm-signs" and page.select_slider(key="strength").value == 8
    page.button(key="attack").click().run()
    (run,) = store.runs()
    assert run.spec["attack"]["epsilon"] == 8 and run.spec["attack"]["poison_fraction"] == 0.02


def test_a_wrong_link_falls_back(app: Open) -> None:
    page = app("attacker", game="chess", budget="77", strength="many")
    assert not page.exception
    assert page.selectbox(key="game").value == presets.DEFAULT
    assert page.select_slider(key="budget").value == 60 and page.select_slider(key="strength").value == 5


def test_the_same_attack_is_not_trained_twice(app: Open, store: Store, attacked: MakeRun) -> None:
    run_id = attacked(fraction=0.01)
    page = app("attacker")
    assert "This very attack is finished" in "".join(one.value for one in page.info)
    page.button(key="same-attack").click().run()
    assert page.query_params["run"] in (run_id, [run_id])


def test_the_board_ranks_by_success_per_poison_with_intervals(app: Open, attacked: MakeRun) -> None:
    weak, strong = attacked(size=2, success=300), attacked(size=4, success=900)
    found = table(app("attacker"))
    assert found.index(strong) < found.index(weak)
    # 90.0 % less the baseline's 1.2 %, shared by six poisons: 14.8 points; each rate is 1 point wide to both sides.
    assert "<b>15 points</b>" in found and "15 to 15" in found
    assert "<b>4.8 points</b>" in found and "clean baseline 1.2 %" in found
    assert "89.0 to 91.0 %, 900 of 1,000" in found and "Spectral signatures: <b>0.4 %</b>" in found
    assert "A &lt;b&gt;try&lt;/b&gt;" in found and "<b>try" not in found
    assert "size 4" in found and "one model" in found


def test_attacks_that_cannot_be_told_apart_share_places(app: Open, attacked: MakeRun) -> None:
    attacked(size=2, success=900), attacked(size=4, success=905)
    assert table(app("attacker")).count("<b>1 to 2</b>") == 2


def test_the_line_of_what_is_being_put_together_stands_out(app: Open, attacked: MakeRun) -> None:
    attacked(fraction=0.01, size=4)
    page = app("attacker", strength="4")
    assert table(page).count('class="mine"') == 1
    page.select_slider(key="strength").set_value(6).run()
    assert 'class="mine"' not in table(page)


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_run_on_its_way_is_named(app: Open, attacked: MakeRun, state: str) -> None:
    attacked(state=state)
    page = app("attacker")
    assert not page.exception and "Nobody has attacked here yet" in text(page)
    assert [link.proto.label for link in page.get("page_link")].count(r"A \<b\>try\</b\>") == 1


@pytest.mark.parametrize("state", ["failed", "cancelled", "lost"])
def test_runs_without_a_result_are_not_ranked(app: Open, attacked: MakeRun, state: str) -> None:
    attacked(state=state)
    page = app("attacker")
    assert not page.exception and not table(page)


def test_shipped_runs_stand_beside_ones_own_unless_unwanted(
    app: Open, store: Store, showcase: Callable[..., Any]
) -> None:
    showcase()
    page = app("attacker")
    assert not page.exception and table(page).count("shipped") == 1, "equal experiments are one entry"
    page.toggle(key="shipped").set_value(False).run()
    assert "Nobody has attacked here yet" in text(page)


def test_with_the_truth_hidden_no_budget_of_any_run_is_told(app: Open, attacked: MakeRun) -> None:
    attacked()
    page = app("attacker", truth="false")
    assert not page.exception and not table(page)
    assert "Switch on “Reveal truth”" in text(page)
