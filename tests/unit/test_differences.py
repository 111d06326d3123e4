"""Settings side by side."""

from core.runs.differences import settings
from core.runs.store import Store
from tests.comparing import EPIC, Add


def test_only_what_differs_is_told_and_a_dash_where_there_is_none(add_run: Add) -> None:
    runs = [add_run(), add_run(attack={"epsilon": 8}, defenses=[], seed=3), add_run(defenses=[{**EPIC, "share": 0.1}])]
    assert settings(runs) == {
        "attack.epsilon": ["16", "8", "16"],
        "seed": ["0", "3", "0"],
        "defenses.epic": ["yes", "no", "yes"],
        "defenses.epic.share": ["0.2", "–", "0.1"],
    }


def test_all_settings_on_request_in_the_order_of_the_experiment(add_run: Add) -> None:
    table = settings([add_run(), add_run()], only_differences=False)
    assert list(table)[:2] == ["data.name", "data.seed"]
    assert table["training.epochs"] == ["10", "10"] and table["training.flip"] == ["yes", "yes"]
    assert not settings([add_run(), add_run(name="other")])


def test_nothing_is_pretrained_from_scratch(add_run: Add) -> None:
    table = settings([add_run(), add_run(scenario="fine_tune")], only_differences=False)
    assert table["pretraining.part"] == ["–", "0.5"]


def test_an_experiment_of_another_version_is_shown_as_it_is(run_store: Store, add_run: Add) -> None:
    run = add_run()
    odd = run_store.queue({**run.spec, "model": {"name": "of the future"}}, spec_hash="x", name="odd")
    assert settings([run, run_store.run(odd)])["model.name"] == ["small_cnn", "of the future"]
