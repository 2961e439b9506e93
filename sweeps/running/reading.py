"""Reading the files of a sweep, whatever has become of them: one line with file and way out, never a traceback."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from softcore.errors import RequestError
from sweeps.results.table import DONE

NUMBERS = {int, float, type(None)}  # what JSON has for a number that may be absent


class Entries(dict[str, Any]):
    """What a file of a sweep says; an entry that it lacks is a RequestError with the file and the way out."""

    def __init__(self, content: Mapping[str, Any], path: Path, way_out: str) -> None:
        super().__init__(content)
        self.path, self.way_out = path, way_out

    def __missing__(self, name: str) -> Any:
        raise _refusal(self.path, f"no entry '{name}'", self.way_out)


def read_mapping(path: Path, way_out: str = "") -> dict[str, Any]:
    """The mapping in a JSON or YAML file of a sweep; a RequestError in one line where it can't be read as one."""
    try:
        text = path.read_text(encoding="utf-8")
        content = yaml.safe_load(text) if path.suffix == ".yaml" else json.loads(text)
    except FileNotFoundError:
        raise _refusal(path, "it is gone", way_out) from None
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        said = getattr(error, "strerror", None) or getattr(error, "problem", None) or error
        raise _refusal(path, f"can't be read ({' '.join(str(said).split())})", way_out) from None
    if not isinstance(content, dict):
        raise _refusal(path, "its content is no mapping" if text.strip() else "it is empty", way_out)
    return Entries(content, path, way_out)


def _refusal(path: Path, why: str, way_out: str) -> RequestError:
    return RequestError(f"{path}: {why}" + (f"; {way_out}" if way_out else ""))


def as_event(line: str) -> dict[str, Any] | None:
    """The event that a line of the log is; None for half a line, and for what is no event."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or not all(isinstance(event.get(name), str) for name in ("trial", "status")):
        return None
    if type(event.get("time", 0)) not in NUMBERS:
        return None
    return event if is_result(event.get("result", None if event["status"] == DONE else {})) else None


def is_result(content: Any) -> bool:
    """Whether this is a trial's result: numbers by name, some of which may be absent, and the answers by question."""
    if not isinstance(content, dict) or not isinstance(answers := content.get("answers", {}), dict):
        return False
    kinds = {type(value) for name, value in content.items() if name != "answers"}
    return kinds.union(map(type, answers.values())) <= NUMBERS


def misshapen(content: Mapping[str, Any]) -> str:
    """What of a resolved spec has not the shape of one, "" where nothing has; entries that lack are another matter."""
    cells, replicates = content.get("cells", []), content.get("replicates", {})
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        return "its cells are no list of mappings"
    for name in ("seeds", "panels", "repeats"):
        numbers = content.get(name, [])
        if not isinstance(numbers, list) or not all(type(number) is int for number in numbers):
            return f"its {name} are no list of whole numbers"
    if not isinstance(replicates, dict) or not all(map(_are_replicates, replicates.values())):
        return "its replicates are no lists of seed and panel by cell"
    budgets = content.get("budgets", [])
    if not isinstance(budgets, list) or not all(isinstance(budget, dict) for budget in budgets):
        return "its budgets are no list of mappings"
    return ""


def _are_replicates(own: Any) -> bool:
    """Whether these are replicates as a resolved spec has them: a seed, a panel, and where there are some a repeat."""
    return isinstance(own, list) and all(
        isinstance(each, list) and len(each) in (2, 3) and all(type(number) is int for number in each) for each in own
    )
