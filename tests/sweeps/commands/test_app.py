"""The command line's front door: version, help in the order of a first hour, the shell's completion."""

import os
import subprocess
import sys
from importlib import metadata
from types import SimpleNamespace

import pytest
from typer.main import get_command

from sweeps.commands import options
from sweeps.commands.app import PANELS, app
from sweeps.running import store
from sweeps.spec.spec import presets_by_name

HEAVY = ("torch", "ray", "mlflow", "pandas", "numpy", "rich")  # Typer itself imports pydantic where it is there


def sweeps(*words, **environment):
    """The standard output of a new process, whose last line lists what heavy it has imported."""
    code = (
        "import sys; from sweeps.commands.app import main\n"
        f"sys.argv = ['sweeps', *{list(words)}]\n"
        "try: main()\n"
        f"finally: print([name for name in {HEAVY} if name in sys.modules])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ | environment
    )
    assert ended.returncode == 0, ended.stderr
    *lines, loaded = ended.stdout.splitlines()
    return lines, loaded


def completions(line, **environment):
    """What the shell offers at the end of `line`, found without anything heavy."""
    words = {"COMP_WORDS": line, "COMP_CWORD": str(line.count(" ")), "_SWEEPS_COMPLETE": "complete_bash"}
    lines, loaded = sweeps(**words, **environment)
    assert loaded == "[]"
    return lines


def test_the_version_is_that_of_the_package():
    assert sweeps("--version") == ([f"label-sweeps {metadata.version('label-sweeps')}"], "[]")


def test_every_command_stands_in_one_panel():
    assert sorted(name for names in PANELS.values() for name in names) == sorted(get_command(app).commands)


def test_help_lists_commands_in_the_order_of_a_first_hour():
    lines, _ = sweeps("--help")
    shown = [line for line in lines if line.endswith(":") and line[0] != " " and line != "Options:"]
    assert shown == [f"{panel}:" for panel in PANELS]
    after = lines[lines.index("First steps:") + 1 :]
    commands = [line.split()[0] for line in after if line.startswith("  ") and line[2] != " "]
    assert commands == [name for names in PANELS.values() for name in names]


@pytest.mark.parametrize("command", ["run", "submit"])
def test_presets_are_completed(command):
    assert completions(f"sweeps {command} ") == list(presets_by_name())
    assert completions(f"sweeps {command} table-3") == [
        name for name in presets_by_name() if name.startswith("table-3")
    ]


@pytest.mark.parametrize(
    "words", ["show", "plan other", "report bands", "report table", "report grid", "figure 3.5", "stop"]
)
def test_sweeps_of_the_output_folder_are_completed(words, tmp_path):
    for name in ("pages-1", "pages-2", "clicks-3"):
        (tmp_path / name).mkdir()
        (tmp_path / name / store.RESOLVED).write_text("{}")
    (tmp_path / "pages-no-sweep").mkdir()
    assert completions(f"sweeps {words} pa", SWEEPS_OUT=str(tmp_path)) == ["pages-1", "pages-2"]


def test_completion_looks_where_the_commands_look(tmp_path, monkeypatch):
    def completed(out):
        return options.sweep_ids(SimpleNamespace(params={"out": out}), "")

    for name in ("a", "b"):
        (tmp_path / "sweeps-out" / name).mkdir(parents=True)
        (tmp_path / "sweeps-out" / name / store.RESOLVED).write_text("{}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SWEEPS_OUT", raising=False)
    assert completed(None) == [found.id for found in store.stores(store.out_folder(None))] == ["a", "b"]
    assert completed("elsewhere") == []


def test_figures_are_completed():
    assert completions("sweeps figure B") == ["B.1", "B.2", "B.3"]


def test_the_shell_gets_its_completion_script(tmp_path):
    # As from someone's bash, whose child the command is: that is how it is told which shell asks.
    script = f"{sys.executable} -m sweeps --show-completion; true"
    ended = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, check=True)
    assert "_SWEEPS_COMPLETE=complete_bash" in ended.stdout
