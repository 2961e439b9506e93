"""How often a study has looked at each test set: an append-only file in the output folder.

Every comparison or evaluation that reads a test set is a look. Whoever looks often enough finds something, so that
the count is said beside each answer. The same question with the same answer is the same look: nothing new was learnt.
A question is the trials that were read, the test set, and what was asked of them; an answer is its numbers to six
digits. A question whose answer has changed (more trials, other labels) is another look.
"""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeps.spec.cells import digest

LOOKS = "looks.jsonl"
DIGITS = 6


@dataclass(frozen=True, kw_only=True)
class Look:
    """The `number` of a look at a test set in a study, from 1, and whether it was there `before`.

    One that could not be written down is not `counted`, and its number is the one that it would have had.
    """

    study: str
    test_set: str
    number: int
    before: bool
    counted: bool = True

    @property
    def words(self) -> str:
        """ "look 7 at 10h in study grid", and whether it is an old one or was not counted."""
        said = f"look {self.number} at {self.test_set} in study {self.study}"
        if not self.counted:
            return f"{said}, NOT COUNTED: the output folder can't be written"
        return f"{said} (asked before, with the same answer)" if self.before else said


def count_look(out: Path, study: str, test_set: str, question: Any, answer: Any) -> Look:
    """Count a look in the output folder `out`; `question` and `answer` are plain values, as JSON takes them."""
    name = digest(question)[:16], digest(_rounded(answer))[:16]
    there = looks(out).get((study, test_set), [])
    if name in there:
        return Look(study=study, test_set=test_set, number=there.index(name) + 1, before=True)
    line = {"study": study, "test_set": test_set, "question": name[0], "answer": name[1], "time": round(time.time(), 3)}
    number = len(there) + 1
    try:
        _append(out / LOOKS, json.dumps(line, ensure_ascii=False))
    except OSError:
        return Look(study=study, test_set=test_set, number=number, before=False, counted=False)
    return Look(study=study, test_set=test_set, number=number, before=False)


def looks(out: Path) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """The looks so far by study and test set, oldest first: the digests of question and answer, each once."""
    path, found = out / LOOKS, dict[tuple[str, str], dict[tuple[str, str], None]]()
    if path.is_file():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                row = json.loads(line)
                where, what = (row["study"], row["test_set"]), (row["question"], row["answer"])
            except (ValueError, TypeError, KeyError):
                continue  # half a line of a killed process
            found.setdefault(where, {})[what] = None
    return {where: list(each) for where, each in found.items()}


def _append(path: Path, line: str) -> None:
    """Append a line in one write, which processes that look at once do not mix; it is on disk when this returns."""
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(file).st_size
        # After half a line of a killed process begin a new one.
        start = b"\n" if size and os.pread(file, 1, size - 1) != b"\n" else b""
        os.write(file, start + line.encode() + b"\n")
        os.fsync(file)
    finally:
        os.close(file)


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _rounded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return f"{value + 0.0:.{DIGITS}g}" if isinstance(value, float) else value  # -0.0 is 0.0
