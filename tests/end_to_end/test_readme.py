"""What README and docs say can be done: links lead somewhere, commands parse, Python runs."""

import json
import os
import re
import shlex
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest
from typer.main import get_command

from softcore.data.fetch import SOURCES
from softcore.datasets import DATASETS
from softcore.scoring.metrics import METRICS
from sweeps.commands.app import app
from sweeps.spec.spec import presets_by_name

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "tests/goldens/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").glob("*.ipynb")),
]
PYTHON = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.M | re.S)


def text_of(page):
    """A page's Markdown, a notebook's from its cells of text."""
    text = page.read_text("utf-8")
    if page.suffix != ".ipynb":
        return text
    return "\n\n".join("".join(c["source"]) for c in json.loads(text)["cells"] if c["cell_type"] == "markdown")


def prose(page):
    """The Markdown of `page` without its code."""
    fenced = re.sub(r"^```.*?^```", "", text_of(page), flags=re.M | re.S)
    return re.sub(r"`[^`\n]*`", "", fenced)


def anchors(page):
    """The anchors that GitHub gives the headings of `page`."""
    fenced = re.sub(r"^```.*?^```", "", text_of(page), flags=re.M | re.S)
    found = []
    for heading in re.findall(r"^#+ +(.+?) *$", fenced, re.M):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        repeats = sum(re.fullmatch(re.escape(slug) + r"(-\d+)?", other) is not None for other in found)
        found.append(f"{slug}-{repeats}" if slug in found else slug)
    return found


def links(page):
    """Targets of the links of `page` that are not on the web."""
    found = re.findall(r"\]\(<?([^()\s>]+)>?\)", prose(page)) + re.findall(r'(?:href|src)="([^"]+)"', prose(page))
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def commands(page):
    """(words after `sweeps`, whether they are all of the command) of every command line of `page`."""
    text = text_of(page)
    for line in re.findall(r"^(?: {4})+(?:\S*/)?sweeps (.+)$", text, re.M):
        yield shlex.split(line, comments=True), True
    for line in re.findall(r"`sweeps ([^`\n]+)`", text):
        words = line.replace("[", "").replace("]", "").replace("...", "").split()
        yield [word.split("|")[0] for word in words], False


def problem(words, whole=True):
    """What is wrong with a command of these words, "" where nothing is; one that is not `whole` may lack arguments."""
    command, words = get_command(app), list(words)
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        if words[0] not in command.commands:
            return f"no command {words[0]}"
        command = command.commands[words.pop(0)]
    if hasattr(command, "commands"):
        known = {name for option in command.params for name in option.opts} | {"--help"}
        return ", ".join(f"no option {word}" for word in words if word not in known)
    try:
        given = command.make_context(command.name, words).params
    except Exception as error:  # the module of Typer's own errors has moved between its versions
        lacks = type(error).__name__ == "MissingParameter"
        return "" if lacks and not whole else str(error)
    return unknown_name(command.name, given)


def unknown_name(command, given):
    """What is wrong with the preset, the data set or the metric that a command names."""
    name = given.get("spec" if command in ("run", "submit") else "name")
    known = (
        [*presets_by_name()]
        if command in ("run", "submit")
        else [*DATASETS, *SOURCES, "NAME"]
        if command != "figure"
        else [name]
    )
    if command == "metrics":
        known = [*METRICS, "NAME"]
    return "" if name is None or name in known or name.endswith(".yaml") else f"{name} is not known"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    lost = []
    for target in links(page):
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            lost.append(target)
    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_parse(page):
    refused = {" ".join(words): why for words, whole in commands(page) if (why := problem(words, whole))}
    assert refused == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_modules_to_be_run_exist(page):
    named = re.findall(r"python -m ((?:softcore|cluster|sweeps|bench|tests)[\w.]*\w)", text_of(page))
    assert [name for name in named if util.find_spec(name) is None] == []


def test_the_readme_has_links_commands_and_python_to_look_at():
    readme = ROOT / "README.md"
    assert len(links(readme)) > 10
    assert len([words for words, whole in commands(readme) if whole]) > 10
    assert len(PYTHON) == 2


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("go", "no command go"),
        ("report tables ID", "no command tables"),
        ("plan ID --budget 3", "--budget"),
        ("frontier", "sweep"),
        ("results ID --format yaml", "yaml"),
        ("run no-such-preset", "no-such-preset"),
        ("data fetch cifar11", "cifar11"),
        ("metrics auc", "auc is not known"),
        ("--verison", "--verison"),
    ],
)
def test_a_wrong_command_would_be_seen(line, why):
    assert why in problem(line.split()).lower()


def test_a_lost_link_would_be_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# One: `two`, three\n\n## Again\n\n## Again\n\n[a](#x) [b](other.md) `[c](code.md)`\n[d](http://web)\n"
    )
    assert anchors(page) == ["one-two-three", "again", "again-1"]
    assert links(page) == ["#x", "other.md"]


def run_python(block, folder):
    """What a block of Python prints as a script in an empty folder."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", block], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_training_core_runs_as_the_readme_says(tmp_path):
    printed = run_python(PYTHON[0], tmp_path)
    assert "ce/crowd" in printed
    assert "accuracy/crowd" in printed


@pytest.mark.slow
def test_a_sweep_from_python_runs_as_the_readme_says(tmp_path):
    run_python(PYTHON[1] + "\nprint(len(sweep.results()))", tmp_path)
    assert len(list((tmp_path / "sweeps-out").glob("quickstart-*/trials/*/trial.json"))) == 33
