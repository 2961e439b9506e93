"""One bad file stops nothing else: other sweeps are listed, and its own gives one line with file and way out."""

import json
import re
import shutil
import sys

import pytest

from softcore.datasets import load
from sweeps.commands.app import main
from sweeps.running import store as stores
from sweeps.running.provenance import manifest
from sweeps.running.store import DONE
from sweeps.spec.cells import spec_content, sweep_id
from sweeps.spec.spec import resolve
from sweeps.sweep import Sweep

RESULT = {"ce/crowd": 0.5, "accuracy/crowd": 0.9, "train_seconds": 1.0, "eval_seconds": 0.1}
COSTS = {"label_seconds_per_item": 0.0, "label_seconds_total": 0.0, "label_usd": 0.0, "answers": {}}


@pytest.fixture
def ask(monkeypatch, capfd, tmp_path):
    """Runs a `sweeps` command on the test's output folder: its exit code, what it printed, what it said."""

    def asked(*words):
        monkeypatch.setattr(sys, "argv", ["sweeps", *map(str, words), "--out", str(tmp_path)])
        with pytest.raises(SystemExit) as ended:
            main()
        sys.stdout.flush()
        return ended.value.code, *capfd.readouterr()

    return asked


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The folder of two sweeps that have results in their logs, and no trained model."""
    digits, out = load("digits"), tmp_path_factory.mktemp("out")
    for name in ("first", "second"):
        spec = resolve({"name": name, "dataset": "digits", "seeds": 2, "blocks": [{"variety": "hard", "epochs": 2}]})
        told = manifest(spec, digits, out, None)
        store = stores.create(out, sweep_id(spec, digits), spec.model_dump(), spec_content(spec, digits), told)
        for trial in Sweep(store).trials():
            store.log(trial.id, 2, DONE, result={**RESULT, **COSTS})
    return out


@pytest.fixture
def two(both, tmp_path):
    """A copy of both for each test to spoil."""
    shutil.copytree(both, tmp_path, dirs_exist_ok=True)
    return stores.stores(tmp_path)


WORDS = {"cut": '{"name": "fir', "empty": "", "null": "null", "list": "[1, 2]", "deep": "[" * 100_000, "mapping": "{}"}
BAD = [(name, how) for name in ("resolved.json", "manifest.json") for how in WORDS]
SHAPES = [("cells", 3), ("cells", [3]), ("seeds", "x"), ("seeds", [None]), ("budgets", {}), ("replicates", {"a": 1})]


def check_refusals(ask, broken, name, other):
    """`list` shows both sweeps; `show`, `results` and `resume` refuse the broken one in a line, or do without."""
    code, printed, said = ask("list", "--json")
    rows = {row["sweep"]: row for row in json.loads(printed)}
    assert (code, said) == (0, "")
    assert rows[other.id]["done"] == 2
    assert name in rows[broken.id]["unreadable"]
    assert ask("list")[0] == 0
    for command in ("show", "resume"):
        code, _, said = ask(command, broken.id)
        assert (code, said.count("\n")) == (2, 1)
        assert re.search(rf"{name}: .*; .*`sweeps (verify|run)", said)
    code, _, said = ask("results", broken.id)
    assert code == 0 if name != "resolved.json" else (code, said.count("\n")) == (2, 1)
    code, printed, said = ask("verify", broken.id)
    assert (code, said) == (1, "")
    assert printed.startswith(f"broken: {name}")


@pytest.mark.parametrize(("name", "how"), BAD)
def test_a_bad_file_is_one_line_and_other_sweeps_are_shown(ask, two, name, how):
    broken, other = two
    (broken.folder / name).write_text(WORDS[how])
    check_refusals(ask, broken, name, other)


@pytest.mark.parametrize(("entry", "value"), SHAPES)
def test_a_resolved_spec_of_another_shape_is_one_line(ask, two, entry, value):
    broken, other = two
    path = broken.folder / "resolved.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), entry: value}))
    check_refusals(ask, broken, "resolved.json", other)


def test_a_spec_that_can_not_be_read_is_one_line(ask, two):
    (two[0].folder / "spec.yaml").write_text("blocks: [")
    for command in ("show", "resume"):
        code, _, said = ask(command, two[0].id)
        assert (code, said.count("\n")) == (2, 1)
        assert re.search(r"spec\.yaml: can't be read .*; `sweeps run` with the spec", said)
    assert ask("list")[0] == ask("results", two[0].id)[0] == 0


def test_a_sweep_that_lost_its_resolved_spec_is_listed(ask, two):
    (two[0].folder / "resolved.json").unlink()
    rows = {row["sweep"]: row for row in json.loads(ask("list", "--json")[1])}
    assert "it is gone" in rows[two[0].id]["unreadable"]


def test_stray_files_and_lines_change_nothing_that_is_printed(ask, two, tmp_path):
    before = [ask("list")[1], ask("show", two[0].id)[1], ask("results", two[0].id)[1]]
    (tmp_path / "a folder").mkdir()
    (tmp_path / "a file").write_text("")
    (two[0].trials / "notes").write_text("")
    (two[0].trials / "ab-s0-p0").mkdir()
    (two[0].trials / "ac-s0-p0").mkdir()
    (two[0].trials / "ac-s0-p0" / "trial.json").write_text("{")
    with (two[0].folder / "events.jsonl").open("a") as log:
        log.write('1\nnull\n{"trial"')
    assert [ask("list")[1], ask("show", two[0].id)[1], ask("results", two[0].id)[1]] == before


def test_verify_says_each_broken_trial_in_a_line_and_in_json(ask, two):
    code, printed, said = ask("verify", two[0].id)
    assert (code, said) == (1, "")
    assert printed.count("its folder is gone; `sweeps verify") == 2
    code, printed, _ = ask("verify", two[0].id, "--json")
    found = json.loads(printed)
    assert (code, found["whole"], found["finished"]) == (1, False, 2)
    assert [fault["trial"] for fault in found["faults"]] == [trial.id for trial in Sweep(two[0]).trials()]


def test_what_is_no_sweep_can_be_neither_verified_nor_mirrored(ask, two):
    for command in ("verify", "mirror"):
        code, _, said = ask(command, "third")
        assert (code, said.count("\n")) == (2, 1)
