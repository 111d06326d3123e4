"""The view inside the step in every state, and what it says about two batches that are known by hand."""

import json
from collections.abc import Callable, Container
from typing import Any

import pytest

from core.runs.store import Store
from tests.app import inside
from tests.app.conftest import Made, Open, experiment, text, write_run
from tests.app.test_result_page import decoded, figures, trace

MakeRun = Callable[..., str]
PROXIES = ("gradient_matching", "finite_difference", "last_layer", "feature_matching", "trigger", "noise")


@pytest.fixture
def make_inside(store: Store) -> MakeRun:
    """Writes the run of `tests.app.inside` in a given state."""

    def make(
        state: str = "done",
        *,
        files: bool | Container[str] = True,
        recorded: bool = True,
        changes: dict[str, Any] | None = None,
        **defense: Any,
    ) -> str:
        settings = inside.settings(**defense) | (changes or {})
        proxy = defense.get("proxy", "gradient_matching")
        made = Made(inside.steps(), lambda step: inside.content(step, proxy, recorded), [], inside.result())
        return write_run(store, experiment(name="A <i>step</i>", **settings), made, state, files, {})

    return make


def walls(page: Any) -> list[str]:
    """The wall of poisons and that of targets."""
    found = [one.proto.body for one in page.get("html") if one.proto.body.startswith('<div class="ps-wall"')]
    assert len(found) == 2
    return found


def table(page: Any, column: str) -> Any:
    """The one table that has such a column."""
    found = [one.value for one in page.dataframe if column in one.value.columns]
    assert len(found) == 1
    return found[0]


# ---- states


def offered(page: Any) -> list[str]:
    """The runs that can be opened from here."""
    return [button.key for button in page.button if str(button.key).startswith("newest-")]


def test_without_a_run_one_can_choose_among_those_with_such_a_defense(
    app: Open, make_inside: MakeRun, make_run: MakeRun
) -> None:
    run, _ = make_inside(), make_run()
    page = app("inside")
    assert not page.exception
    assert "No run chosen" in text(page) and offered(page) == [f"newest-{run}"]
    page.button(key=f"newest-{run}").click().run()
    assert "first batch of 6 images" in text(page)


def test_a_run_without_such_a_defense_leads_to_the_preset_and_to_one_that_has_it(
    app: Open, make_inside: MakeRun, make_run: MakeRun
) -> None:
    run = make_inside()
    page = app("inside", run=make_run())
    assert not page.exception
    assert "No defense of this run makes poisons of its own" in text(page) and offered(page) == [f"newest-{run}"]
    (link,) = [one.proto for one in page.get("page_link") if "Lab" in one.proto.label]
    assert link.query_string == "preset=robust-signs"
    assert not figures(page)


@pytest.mark.parametrize("state", ["queued", "starting", "running", "stopping", "cancelled", "failed", "lost", "done"])
def test_every_state_is_designed(app: Open, make_inside: MakeRun, state: str) -> None:
    page = app("inside", run=make_inside(state))
    assert not page.exception
    assert "<i>step</i>" not in text(page)
    if state in ("queued", "starting"):
        assert "when the first model is trained with Adversarial poisoning" in text(page)
    else:
        assert "first batch of 6 images" in text(page)


@pytest.mark.parametrize("state", ["running", "cancelled", "failed", "lost", "done"])
def test_what_is_not_there_is_told(app: Open, make_inside: MakeRun, state: str) -> None:
    page = app("inside", run=make_inside(state, files=("data", "poison")))
    assert not page.exception
    assert ("Not yet" if state == "running" else "not stored here") in text(page)
    resumed = [button.label for button in page.button].count("Resume")
    assert resumed == (state in ("cancelled", "failed", "lost"))


def test_a_run_that_was_made_before_says_how_to_get_a_record(app: Open, make_inside: MakeRun) -> None:
    page = app("inside", run=make_inside(recorded=False))
    assert not page.exception
    assert "made before batches were kept" in text(page) and "another seed" in text(page)
    assert not figures(page)


def test_bad_choices_in_the_link_fall_back(app: Open, make_inside: MakeRun) -> None:
    page = app("inside", run=make_inside(), epoch="3", row="8", view="x")
    assert not page.exception
    assert page.select_slider(key="epoch").value == 4
    assert page.selectbox(key="row").value == 4
    assert page.segmented_control(key="view").value == "After"


# ---- the batch


def test_the_page_opens_with_the_poison_that_suffers_most(app: Open, make_inside: MakeRun) -> None:
    page = app("inside", run=make_inside())
    said = text(page)
    assert "Epoch 4, first batch of 6 images: 4 became poisons, 2 are their targets." in said
    assert "to be read as “no &lt;b&gt;entry&lt;/b&gt;”, the fake label" in said
    assert "Untouched, the alignment is 0.12; after 2 steps it is 0.66." in said
    assert "loss on the poisons goes from 0.10 to 0.80" in said
    assert "the defense’s own practice poisons" in said
    assert "<b>Row 4: “yield”</b>" in said and "90.0 % → 20.0 %" in said and "yield → stop" in said
    assert "9/255" in said and "targets that are read as “no &lt;b&gt;entry" in said
    assert "<b>entry" not in said


def test_another_epoch_and_another_poison(app: Open, make_inside: MakeRun) -> None:
    page = app("inside", run=make_inside(), row="33")
    assert "<b>Row 33: “stop”</b>" in text(page)
    page.select_slider(key="epoch").set_value(1).run()
    assert "Epoch 1, first batch" in text(page) and "goes from 1.50 to 1.90" in text(page)
    assert page.selectbox(key="row").value in inside.BATCHES[0][: inside.SHOWN]
    page.selectbox(key="row").set_value(8).run()
    assert not page.exception and "<b>Row 8: “no &lt;b&gt;entry" in text(page)


def test_only_poisons_can_be_chosen_and_the_part_shown_is_counted(app: Open, make_inside: MakeRun) -> None:
    page = app("inside", run=make_inside())
    poisons, targets = walls(page)
    assert [f'data-row="{row}"' in poisons for row in (20, 4, 33)] == [True] * 3
    assert "data-row" not in targets and targets.count("<figure") == 2
    assert "**Poisons: 3 of 4 shown**" in text(page) and "**Targets: all 2**" in text(page)


def test_the_wall_shows_before_perturbation_or_after(app: Open, make_inside: MakeRun) -> None:
    page = app("inside", run=make_inside())
    seen = []
    for view in ("Before", "Perturbation", "After"):
        page.segmented_control(key="view").set_value(view).run()
        seen.append(walls(page))
    poisons, targets = ({one[part] for one in seen} for part in (0, 1))
    assert len(poisons) == 3
    assert len(targets) == 2  # not changed: before and after are the same


def test_the_charts_are_those_of_the_epoch(app: Open, make_inside: MakeRun) -> None:
    page = app("inside", run=make_inside(), epoch="1")
    line = trace(page, "Epoch 1")
    assert decoded(line["y"]) == pytest.approx([0.1, 0.05, 0.3, 0.4])
    bars = [(one["name"], decoded(one["y"])) for one in figures(page)[1]["data"]]
    assert [name for name, _ in bars] == ["Before", "Crafted", "Not changed", "Not changed"]
    assert [value for _, own in bars for value in own] == pytest.approx([1.5, 1.9, 1.4, 2.0])
    assert table(page, "Step")["Epoch 4"].tolist() == ["0.120", "0.020", "0.500", "0.660"]
    assert table(page, "Poisons, own label: crafted")["Poisons, own label: crafted"].tolist() == ["1.900", "0.800"]
    assert table(page, "fake label of its target")["row"].tolist() == list(inside.BATCHES[0])


@pytest.mark.parametrize("proxy", PROXIES)
def test_every_proxy_is_explained_in_three_lines(app: Open, make_inside: MakeRun, proxy: str) -> None:
    page = app("inside", run=make_inside(proxy=proxy))
    assert not page.exception
    said = text(page)
    told = {
        "gradient_matching": "\\cos\\big(\\nabla_\\theta",
        "finite_difference": "how the gradient at the pixels changes",
        "last_layer": "\\cos\\big(\\nabla_W",
        "feature_matching": "looks like $T$ on average",
        "trigger": "random patches",
        "noise": "towards nothing",
    }
    (lines,) = [one.value for one in page.markdown if "**Split" in one.value]
    assert lines.count("\n") == 2 and told[proxy] in lines and lines.count("$") % 2 == 0
    assert ("No alignment" in said) == (proxy in ("trigger", "noise"))
    assert len(figures(page)) == (1 if proxy in ("trigger", "noise") else 2)
    assert ("the alignment is 0.12" in said) == (proxy in ("gradient_matching", "finite_difference"))
    assert ("the alignment in the last layer is 0.12" in said) == (proxy == "last_layer")
    assert ("both of the last layer’s weights alone" in said) == (proxy == "last_layer")
    if proxy == "feature_matching":
        assert "the distance in features is 0.12" in said and "there is no fake label" in said
    if proxy == "trigger":  # of row 7, class 1
        assert "yield → no &lt;b&gt;entry" in walls(page)[1]
        assert "Not changed" not in [one["name"] for one in figures(page)[0]["data"]]


def test_shuffled_says_that_all_are_poisons(app: Open, make_inside: MakeRun) -> None:
    page = app("inside", run=make_inside(targets="shuffled"))
    assert not page.exception
    assert "put in random order, a target in $T$" in text(page)


# ---- the truth


def test_the_attackers_poisons_are_marked_where_that_may_be_seen(app: Open, make_inside: MakeRun) -> None:
    page = app("inside", run=make_inside())
    poisons, targets = walls(page)
    assert poisons.count('class="poison"') == targets.count('class="poison"') == 1
    assert "2 of the 5 training images shown are the attacker’s: outlined." in text(page)
    assert "the attacker’s poison</span>" in text(page)  # row 4 is the one shown large
    assert table(page, "the attacker’s")["the attacker’s"].tolist() == [False, True, False, True, False]
    page.select_slider(key="epoch").set_value(1).run()
    assert "None of the 5 training images shown is one of the attacker’s." in text(page)


def test_with_the_truth_hidden_nothing_tells_which_rows_are_the_attackers(app: Open, make_inside: MakeRun) -> None:
    page = app("inside", run=make_inside(), truth="false")
    assert not page.exception
    said = text(page).replace("not the attacker’s", "")
    assert "attacker" not in said and 'class="poison"' not in said
    assert all("attacker" not in json.dumps(figure) for figure in figures(page))
    assert all("attacker" not in " ".join(one.value.columns) for one in page.dataframe)


# ---- the way here


def test_the_run_page_leads_here(app: Open, make_inside: MakeRun, make_run: MakeRun) -> None:
    def links(run: str) -> list[str]:
        page = app("result", run=run)
        assert not page.exception
        return [one.proto.query_string for one in page.get("page_link") if "inside" in one.proto.label]

    run = make_inside()
    assert links(run) == [f"run={run}"]
    assert links(make_run()) == []
