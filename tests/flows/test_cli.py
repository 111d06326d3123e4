"""The command line: one JSON value where it is asked for, one sentence where something is wrong."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from core import cli, presets, registry, remembered, spec
from core.errors import Cancelled
from core.runs.store import Store

TINY = """
[data]
name = "digits"
size = 16

[model]
name = "small_cnn"
width = 8

[training]
epochs = 1
batch_size = 128
shift = 1

[attack]
name = "badnets"
poison_fraction = 0.05
target_class = 3

[[defenses]]
name = "spectral_signatures"
"""


@pytest.fixture
def tiny_file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


class Said:
    """What a command printed, and how it ended."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def call(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Calls the command line in this process, in a home of its own."""
    monkeypatch.setenv("COLUMNS", "200")

    def command(*words: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["python -m core", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert isinstance(ended.value.code, int)
        return Said(ended.value.code, *capsys.readouterr())

    return command


def queued(home: Path, name: str = "waiting") -> str:
    return Store(home).queue({"seed": 1}, spec_hash="h", name=name)


# ---- run


def test_run_prints_one_json_value_and_nothing_else(home: Path, tiny_file: Path, root: Path) -> None:
    command = [sys.executable, "-m", "core", "run", str(tiny_file), "--json", "--set", "seed=7", "--set", "name=mine"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert done.stdout.count("\n") == 1
    assert list(result) == ["run", "name", "seconds", "device", "versions", "spec", "arms", "control", "pairs", "flags"]
    assert result["name"] == "mine" and result["spec"]["seed"] == 7 and result["seconds"] > 0
    assert set(result["arms"]) == {"undefended", "spectral_signatures", "spectral_signatures_random"}
    for arm in (result["control"], *result["arms"].values()):
        assert arm["clean_accuracy"]["n"] == 500 and arm["asr"]["n"] == 450  # fifty of the digits are threes
        assert {"mean", "low", "high", "n"} <= set(arm["asr"]) and arm["passes"] >= 1
    found = result["arms"]["spectral_signatures"]["detection"]
    assert set(found) == {"tpr", "fpr", "precision", "auroc", "removed", "poisons_left"}
    assert all(set(flag) == {"code", "message"} for flag in result["flags"])

    run = Store(home).run(result["run"])  # the same store as the dashboard's
    assert (run.state, run.progress, run.name) == ("done", 1.0, "mine")
    assert run.result == {key: result[key] for key in result if key not in ("run", "name", "seconds")}
    assert len(Store(home).points(run.id)) == 4 * 2  # four models, before and after their one epoch


FINISHED = {
    "device": "cpu (2 cores)",
    "spec": {"name": "x"},
    "arms": {
        "undefended": {
            "clean_accuracy": {"mean": 0.9, "low": 0.8, "high": 0.95, "n": 50, "seeds": 1, "interval": "wilson"},
            "asr": {"mean": 1.0, "low": 0.9, "high": 1.0, "n": 40, "seeds": 1, "interval": "wilson"},
            "seconds": 1.0, "passes": 3.0,
        },
    },
    "control": {
        "clean_accuracy": {"mean": 0.91, "low": 0.8, "high": 0.95, "n": 50, "seeds": 1, "interval": "wilson"},
        "asr": None, "seconds": 1.0, "passes": 3.0,
    },
    "flags": [{"code": "one_seed", "message": "One seed only [/b]."}],
}  # fmt: skip


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """An engine that does what `do` says instead of training; `given` is the experiment that it got."""
    state: dict[str, Any] = {"do": lambda events: FINISHED}

    def execute(experiment: Any, artifacts: Any, events: Any) -> Any:
        state["given"] = experiment
        events.planned([], "cpu (2 cores)")
        return state["do"](events)

    monkeypatch.setattr("core.execution.execute", execute)
    return state


def test_settings_are_changed_by_their_path(call: Any, engine: dict[str, Any], tiny_file: Path) -> None:
    assignments = ["training.epochs=3", "defenses=[]", "attack.mode=all_to_all", "model=mlp"]
    said = call("run", tiny_file, *[word for each in assignments for word in ("--set", each)], "--json")
    assert said.status == 0 and said.json["name"] == "tiny"  # the file's own
    given = engine["given"]
    assert given.training.epochs == 3 and given.defenses == () and given.attack.mode == "all_to_all"
    assert given.model.name == "mlp" and given.data.name == "digits"


def test_a_result_for_people_names_everything(call: Any, engine: dict[str, Any], tiny_file: Path) -> None:
    said = call("run", tiny_file, "--set", "name=[/b] and [red]text[/red]")
    assert said.status == 0
    for words in ("[/b] and [red]text[/red]", "undefended", "control", "90.0% [80.0%, 95.0%]", "! One seed only [/b]."):
        assert words in said.out
    listed = call("list")
    assert "[/b] and [red]text[/red]" in listed.out and "done" in listed.out


def test_an_estimate_runs_nothing_and_tells_what_is_ahead(call: Any, tiny_file: Path, home: Path) -> None:
    experiment = spec.parse(spec.read(tiny_file))
    remembered.keep_look(experiment, "data", 4.0)
    remembered.keep_epoch(experiment, 3000.0)
    said = call("run", tiny_file, "--set", "defenses=[]", "--estimate")
    assert said.status == 0 and re.match(r"About (50|100) min on cpu", said.out), said.out  # side by side, or in turn
    assert "2 models to train; 0 of 7 steps are computed already." in said.out
    told = call("run", tiny_file, "--set", "defenses=[]", "--estimate", "--json").json
    assert (told["trainings"], told["ready"], told["missing"]) == (2, 0, 7) and told["seconds"] > 3000
    assert Store(home).runs() == []


def test_a_json_file_and_every_preset_can_be_run(call: Any, engine: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"training": {"epochs": 4}}')
    assert call("run", path, "--json").json["name"] == "x" and engine["given"].training.epochs == 4
    for name in presets.names():
        needs = [word for need in presets.load(name).needs for word in ("--set", f"{need}={tmp_path}")]
        said = call("run", name, "--json", *needs)
        assert said.status == 0 and engine["given"].name == said.json["name"]


def test_a_run_has_a_heartbeat_and_can_be_stopped_from_outside(
    call: Any, engine: dict[str, Any], tiny_file: Path, home: Path
) -> None:
    beats: list[float] = []

    def wait(events: Any) -> None:
        store = Store(home)
        (run,) = store.runs()
        assert run.state == "running" and run.owner is not None and run.owner.pid == os.getpid()
        began, end = run.heartbeat or 0.0, time.monotonic() + 60
        while (now := store.run(run.id).heartbeat or 0.0) <= began:
            assert time.monotonic() < end, "the heart does not beat"
            time.sleep(0.05)
        beats.append(now)
        assert call_in_store(store, run.id)
        while not events.cancelled():
            assert time.monotonic() < end, "the wish to stop does not arrive"
            time.sleep(0.05)
        raise Cancelled("Stopped by request.")

    def call_in_store(store: Store, run_id: str) -> bool:
        store.cancel(run_id)
        return store.run(run_id).state == "stopping"

    engine["do"] = wait
    said = call("run", tiny_file, "--json")
    assert len(beats) == 1 and said.status == 2 and said.out == ""
    assert "cancelled" in said.err and "Traceback" not in said.err
    assert Store(home).runs()[0].state == "cancelled"


def test_an_error_of_the_engine_is_one_sentence_and_its_traceback_is_in_the_log(
    call: Any, engine: dict[str, Any], tiny_file: Path, home: Path
) -> None:
    def fail(events: Any) -> None:
        raise RuntimeError("the matrix\nis singular")

    engine["do"] = fail
    said = call("run", tiny_file, "--json")
    assert (said.status, said.out, said.err) == (2, "", "RuntimeError: the matrix is singular\n")
    (run,) = Store(home).runs()
    assert run.state == "failed" and "Traceback" in Store(home).log_tail(run.id)


@pytest.mark.skipif(not hasattr(signal, "SIGINT"), reason="needs signals")
def test_control_c_is_recorded(home: Path, tiny_file: Path, root: Path) -> None:
    command = [sys.executable, "-m", "core", "run", str(tiny_file), "--json", "--set", "training.epochs=1000"]
    with subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        store, end = Store(home), time.monotonic() + 90
        while not any(store.points(run.id) for run in store.runs()):
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "") and "Traceback" not in err and "Stopped." in err
    (run,) = store.runs()
    assert run.state == "cancelled"
    assert not any(path.name.startswith(".") for path in store.artifacts.root.iterdir())


# ---- errors


@pytest.mark.parametrize(
    "words, expected",
    [
        (["run", "badnets-sings"], ["badnets-sings", "badnets-signs"]),
        (["run", "missing.toml"], ["missing.toml", "No such file"]),
        (["run", "broken.toml"], ["broken.toml"]),
        (["run", "list.json"], ["list.json", "table"]),
        (["run", "binary.toml"], ["binary.toml"]),
        (
            ["run", "badnets-signs", "--set", "training.epochs=0"],
            ["training.epochs", "greater than or equal to 1", "0"],
        ),
        (["run", "badnets-signs", "--set", "epochs=5"], ["epochs", "no such setting"]),
        (["run", "badnets-signs", "--set", "epochs"], ["epochs", "path=value"]),
        (["run", "badnets-signs", "--set", "attack=badnet"], ["badnet", "Did you mean 'badnets'"]),
        (["run", "badnets-signs", "--set", "seed=NaN"], ["seed", "nan"]),
        (["run", "badnets-signs", "--set", "attack.poison_fraction=Infinity"], ["poison_fraction", "inf"]),
        (["run", "badnets-signs", "--set", "data.train.x=1"], ["train", "integer"]),
        (["run"], ["PRESET|FILE.toml", "--help"]),
        (["run", "badnets-signs", "--sett", "a=1"], ["--sett", "--help"]),
        (["frobnicate"], ["frobnicate", "--help"]),
        (["show", "r-nothere"], ["r-nothere"]),
        (["cancel", "r-nothere"], ["r-nothere"]),
        (["resume", "r-nothere"], ["r-nothere"]),
        (["delete", "r-nothere"], ["r-nothere"]),
        (["delete", "../../etc"], ["../../etc"]),
        (["export", "r-nothere", "x.zip"], ["r-nothere"]),
        (["poisons", "r-nothere", "x.zip"], ["r-nothere"]),
        (["import", "missing.zip"], ["missing.zip"]),
        (["import", "broken.toml"], ["not a readable zip"]),
        (["attacks", "badnet"], ["badnet", "Did you mean 'badnets'"]),
        (["defenses", "../errors"], ["../errors", "spectral_signatures"]),
        (["datasets", "imagenet"], ["imagenet", "signs"]),
        (["models", "small_cnm"], ["small_cnn"]),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_every_error_is_one_sentence(
    words: list[str], expected: list[str], call: Any, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.toml").write_text("epochs = ")
    Path("list.json").write_text("[1]")
    Path("binary.toml").write_bytes(bytes(range(128, 256)))
    said = call(*words)
    assert said.status == 2 and said.out == ""
    assert said.err.count("\n") == 1 and said.err.rstrip()[-1] in ".?" and "Traceback" not in said.err, said.err
    assert all(word in said.err for word in expected), said.err
    assert Store(home).runs() == []


def test_a_preset_that_needs_a_path_says_which(call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.toml").write_text(
        '[preset]\ntitle="t"\nsummary="s."\nneeds=["data.path"]\n[data]\nname="folder"\n'
    )
    monkeypatch.setattr(presets, "FOLDER", tmp_path)
    said = call("run", "mine", "--json")
    assert (said.status, said.out) == (2, "") and "--set data.path=VALUE" in said.err


def test_a_home_that_cannot_be_made_is_named(call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("POISONSCOPE_HOME", str(tmp_path / "file" / "home"))
    said = call("list")
    assert said.status == 2 and said.err.count("\n") == 1 and str(tmp_path / "file") in said.err


def test_help_is_help(call: Any) -> None:
    said = call("--help")
    assert said.status == 0 and "presets" in said.out and said.err == ""
    nothing = call()
    assert nothing.status == 2 and "Usage" in nothing.err + nothing.out and "Traceback" not in nothing.err


def test_every_command_explains_itself(call: Any) -> None:
    commands = call("--help").out
    for name in ("run", "list", "show", "resume", "cancel", "delete", "export", "import", "poisons", "presets",
                 "attacks", "defenses", "datasets", "models", "worker", "bench"):  # fmt: skip
        assert f"  {name} " in commands
        said = call(name, "--help")
        assert said.status == 0 and "Usage" in said.out and len(said.out.splitlines()) > 4


# ---- what there is


def test_without_runs_the_list_says_how_to_make_one(call: Any) -> None:
    assert "python -m core run badnets-signs" in call("list").out
    assert call("list", "--json").json == []


def test_runs_are_listed_shown_renamed_states_and_all(call: Any, home: Path) -> None:
    first, second = queued(home, "first"), queued(home, "second")
    said = call("list", "--json").json
    assert [(run["id"], run["state"]) for run in said] == [(second, "queued"), (first, "queued")]
    assert call("cancel", first).status == 0
    shown = call("show", first, "--json").json
    assert (shown["id"], shown["name"], shown["state"], shown["spec"]) == (first, "first", "cancelled", {"seed": 1})
    assert shown["result"] is None and "cancelled" in call("show", first).out
    assert call("resume", first).status == 0 and Store(home).run(first).state == "queued"
    refused = call("delete", second)
    assert refused.status == 2 and "queued" in refused.err
    call("cancel", second)
    assert call("delete", second).status == 0
    assert [run.id for run in Store(home).runs()] == [first]


def test_a_finished_run_travels(call: Any, engine: dict[str, Any], tiny_file: Path, home: Path, tmp_path: Path) -> None:
    run_id = call("run", tiny_file, "--json").json["run"]
    shown = call("show", run_id)
    assert "undefended" in shown.out and "90.0%" in shown.out
    target = tmp_path / "run.zip"
    assert call("export", run_id, target).status == 0 and target.is_file()
    again = call("export", run_id, target)
    assert again.status == 2 and "run.zip" in again.err
    nowhere = call("export", run_id, tmp_path / "no" / "run.zip")
    assert nowhere.status == 2 and nowhere.err.count("\n") == 1
    assert call("delete", run_id).status == 0 and Store(home).runs() == []
    imported = call("import", target)
    assert imported.status == 0
    run = Store(home).run(imported.out.strip())
    assert (run.origin, run.state, run.result) == ("imported", "done", FINISHED)


@pytest.mark.parametrize("kind", registry.KINDS)
def test_components_and_their_settings_are_listed(kind: str, call: Any) -> None:
    names = registry.names(kind)
    table, content = call(kind), call(kind, "--json").json
    assert [each["name"] for each in content] == list(names)
    assert all(each["title"] and each["summary"] and each["name"] in table.out for each in content)
    for name in names:
        settings = call(kind, name, "--json").json
        assert [each["setting"] for each in settings] == list(registry.load(kind, name).model_fields)  # type: ignore[attr-defined]
        said = call(kind, name)
        assert said.status == 0 and all(each["setting"] in said.out for each in settings)


def test_presets_are_listed_the_default_first(call: Any) -> None:
    content = call("presets", "--json").json
    assert [each["name"] for each in content] == presets.names() and content[0]["name"] == presets.DEFAULT
    assert all(each["name"] in call("presets").out for each in content)
