"""What the arms of a run cost, worked out by hand."""

from typing import Any

import pytest

from core.runs import costs
from core.runs.costs import Cost
from core.runs.store import Store
from tests.app import conftest as made


@pytest.fixture
def run(home: Any) -> Any:
    """A filter and a training defense with a twin beside no defense; the control serves all keys."""
    store, result = Store(home), made.result()
    plain = result["arms"]["undefended"]
    arms = {
        "undefended": plain | {"passes": 1000, "seconds": 2.0},
        "spectral_signatures": plain | {"passes": 800, "seconds": 1.5, "memory": 250_000_000},
        "epic": plain | {"passes": 900},
        "maxup": plain | {"passes": 4000},
    }
    whole = made.Made(made.steps(), lambda step: made.arrays()[step["kind"]], [], {**result, "arms": arms})
    return store.run(made.write_run(store, made.experiment(name="x"), whole, "done", True, {}))


def test_a_filter_counts_the_training_that_it_reads_from(run: Any) -> None:
    assert costs.of(run.result, run.steps, "undefended") == Cost(2.0, 1000.0, 1.0, None)
    assert costs.of(run.result, run.steps, "spectral_signatures") == Cost(1.5, 800.0, 1.8, 250_000_000)
    assert [costs.of(run.result, run.steps, arm).times for arm in ("epic", "maxup")] == [0.9, 4.0]


def test_pretraining_is_part_of_the_price() -> None:
    arms: dict[str, Any] = {
        "undefended": {"seconds": 2.0, "passes": 200, "pretraining": {"seconds": 10.0, "passes": 1000}},
        "adversarial_poisoning": {"seconds": 2.0, "passes": 200, "pretraining": {"seconds": 90.0, "passes": 11_800}},
        "spectral_signatures": {"seconds": 1.0, "passes": 160, "pretraining": {"seconds": 10.0, "passes": 1000}},
    }
    steps = [{"kind": "filter", "defense": "spectral_signatures"}]
    told = {arm: costs.of({"arms": arms}, steps, arm) for arm in arms}
    assert told["undefended"] == Cost(12.0, 1200.0, 1.0, None)
    assert told["adversarial_poisoning"] == Cost(92.0, 12_000.0, 10.0, None)
    assert told["spectral_signatures"].times == pytest.approx(1360 / 1200)


def test_a_control_that_serves_all_keys_is_not_compared(run: Any) -> None:
    told = costs.of(run.result, run.steps, "control")
    assert told.times is None and told.seconds == 3.5 and told.passes == 720


def test_values_have_the_units_of_their_columns(run: Any) -> None:
    told = costs.of(run.result, run.steps, "spectral_signatures").values
    assert dict(zip(costs.HEAD, told, strict=True)) == {
        "Training, s": 1.5,
        "Passes": 800,
        "× no defense": 1.8,
        "GPU memory, MB": 250.0,
    }
