"""Made-up shipped runs, as zips beside a list, for pages that show the showcase."""

from collections.abc import Container
from pathlib import Path
from typing import Any

import numpy as np

from core.runs.archive import Light, export_run
from core.runs.store import Store
from tests.app import conftest
from tests.app.conftest import NAMES, POISONS, ROWS, TARGET, Made, arm, arrays, experiment, reference, write_run

MAIN = "showcase-badnets"
ALTERED = {"showcase-rates-3": 3, "showcase-rates-6": POISONS}
DRAWN = ("data", "poison")


def answers(labels: list[int]) -> np.ndarray:
    """(m, k) float32: 0.9 for each label, the rest shared."""
    found = np.full((len(labels), len(NAMES)), 0.05, np.float32)
    found[np.arange(len(labels)), labels] = 0.9
    return found


def brought(poisons: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What the `shipped` step holds: two signs, read rightly by everybody until they are stamped."""
    true = [0, 2]
    clean = np.full((2, 3, 8, 8), 60, np.uint8)
    stamped = clean.copy()
    stamped[:, :, -2:, -2:] = 255
    fooled = [TARGET, TARGET]
    meta = {
        "version": "0.1.0",
        "command": "python -m core run badnets-signs",
        "rows": ROWS,
        "poisons": poisons,
        "arms": ["control", "undefended", "spectral_signatures"],
        "class_names": NAMES,
        "drawn": {},
    }
    return meta, {
        "rows": np.array([0, 2]),
        "true": np.array(true),
        "wanted": np.array(fooled),
        "clean": clean,
        "stamped": stamped,
        "clean_answers": np.stack([answers(true)] * 3),
        "stamped_answers": np.stack([answers(true), answers(fooled), answers(true)]),
    }


def write(folder: Path, maker: Path, without: Container[str] = ()) -> None:
    """Write the list and its zips.

    Args:
        folder: where to.
        maker: a home folder to make them in.
        without: kinds of steps that are left out.
    """
    folder.mkdir()
    store = Store(maker)
    for run_id, poisons in {MAIN: POISONS, **ALTERED}.items():
        _pack(store, folder / f"{run_id}.zip", run_id, poisons, without)
    listed = [f'[[runs]]\nid = "{each}"\ntitle = "{each}"\npreset = "badnets-signs"' for each in (MAIN, *ALTERED)]
    (folder / "showcase.toml").write_text("\n".join(listed))
    store.close()


def _pack(store: Store, target: Path, run_id: str, poisons: int, without: Container[str]) -> None:
    parts = [*conftest.steps(), reference("shipped", "Pack for shipping", salt=run_id)]
    found = conftest.result()
    found["arms"]["undefended"] = arm(985, 990 if run_id == MAIN else 100 * poisons)
    found["spec"] = experiment().model_dump(mode="json")
    # Filters look at a model that was trained before, and train another one: 720 and 720 passes.
    content = {**arrays(), "shipped": brought(poisons)}
    whole = Made(parts, lambda step: content[step["kind"]], [], found)
    made = write_run(store, experiment(name=run_id), whole, "done", True, {})
    export_run(store, made, target, Light(lambda step, file: step["kind"] not in without, "Shipped."))
