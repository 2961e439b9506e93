"""The changelog's tables of what was moved and renamed name modules, and things in them, that there are."""

import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

CHANGELOG = (Path(__file__).parents[2] / "CHANGELOG.md").read_text("utf-8")


def rows(heading):
    """The rows below a table's heading, each as its cells."""
    lines = CHANGELOG.split(heading)[1].splitlines()[2:]
    there = (line.strip() for line in lines[: next(i for i, line in enumerate(lines) if not line.strip())])
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in there]


def test_every_moved_module_is_where_the_changelog_says():
    found = rows("| now in | was in | modules |")
    moved = [
        (f"{now.strip('`')}.{new or old}")
        for now, _, modules in found
        for old, new in re.findall(r"`(\w+)`(?: as `(\w+)`)?", modules)
    ]
    assert len(moved) > 100
    assert [module for module in moved if find_spec(module) is None] == []


def test_every_renamed_function_and_class_has_the_name_that_the_changelog_says():
    named = [
        (module.strip("`"), name)
        for module, _, now in rows("| in | was | is |")
        for name in re.findall(r"`(\w+)`", now)
    ]
    assert len(named) > 10
    there = {module: Path(import_module(module).__file__).read_text("utf-8") for module, _ in named}
    assert [(module, name) for module, name in named if not re.search(rf"\b{name}\b", there[module])] == []
