"""A child of the worker whose engine takes no torch: it writes five small steps and does what the spec says.

Spec: {"do": "work" | "raise" | "exit" | "hog" | "ignore", "gate": a path, or None}. The third step is not finished
before there is a file at `gate`; `ignore` does not even look whether to stop.
"""

import os
import sys
import time
from typing import Any

import numpy as np

from core.errors import Cancelled, DataError
from core.runs.artifacts import Artifacts, save
from core.runs.child import main
from core.runs.recorder import Execute, Recorder

KEYS = [f"{number:020x}" for number in range(5)]


def execute(spec: dict[str, Any], artifacts: Artifacts, events: Recorder) -> dict[str, Any]:
    """Five steps; each says that it was computed here, so that a test can count."""
    fields = {"arm": "undefended", "poison_key": 0, "victim": 0, "defense": None, "label": "Step"}
    events.planned([{"key": key, "kind": "train", **fields} for key in KEYS], "cpu")
    print("the engine says hello", flush=True)
    if spec["do"] == "raise":
        raise DataError("There are no images.")
    if spec["do"] == "hog":
        raise RuntimeError("[enforce fail at alloc.cpp] DefaultCPUAllocator: Out of memory: you tried to allocate 9 TB")
    if spec["do"] == "exit":
        os._exit(3)
    for number, key in enumerate(KEYS):
        events.phase(f"Step {number + 1}", number / len(KEYS), 1.0)
        if artifacts.has(key):
            continue
        while number == 2 and spec["gate"] is not None and not os.path.exists(spec["gate"]):
            if events.cancelled() and spec["do"] != "ignore":
                raise Cancelled("Stopped by request.")
            time.sleep(0.01)
        with artifacts.write(key) as folder:
            save(folder, {"by": os.getpid()}, numbers=np.arange(number))
        events.point(arm="undefended", poison_key=0, victim=0, epoch=number + 1, loss=1.0, asr=0.5)
    return {"computed": [artifacts.meta(key)["by"] for key in KEYS]}


def load() -> Execute:
    """An engine that is there at once, or not at all, or as soon as there is a file where the command line says."""
    if "broken" in sys.argv:
        raise ImportError("operator torchvision::nms does not exist")
    while len(sys.argv) > 1 and not os.path.exists(sys.argv[1]):
        time.sleep(0.01)
    return execute


if __name__ == "__main__":
    main(load)
