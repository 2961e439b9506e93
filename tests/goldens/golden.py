"""Compare what the program gives with the files that were accepted, or accept it: the environment variable `GOLDENS`.

A golden is a text of the folder `files`. Three ways to compare one, by what may differ between machines:

- `exactly`: the same on every machine (ids, answers, seconds of labels).
- `closely`: the same text on an equal platform; on another one the same words, and numbers within a tolerance.
- `on_this_platform`: the same on an equal platform; on another one nothing can be said, and the test is skipped.
"""

import hashlib
import json
import math
import os
import platform
import re
from collections.abc import Mapping
from difflib import unified_diff
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

FILES = Path(__file__).parent / "files"
MADE_ON = FILES / "made_on.json"
LIBRARIES = ("torch", "numpy", "scipy", "pandas", "matplotlib")
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?", re.IGNORECASE)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
LONG = 300  # characters of a string in a JSON golden; a longer one stands there as its digest
SHOWN = 40  # lines of a difference


def exactly(name: str, found: str, request: pytest.FixtureRequest) -> None:
    """Refuse any difference from the golden, whatever the machine."""
    if not _accepted(name, found):
        _same_text(name, _stored(name), found, request, "compared exactly: this must not depend on the machine")


def closely(
    name: str,
    found: str,
    request: pytest.FixtureRequest,
    *,
    rel: float,
    floor: float = 0.0,
    committed: Path | None = None,
    again: str = "",
) -> None:
    """Refuse any difference on an equal platform; on another, other words or numbers further off than `rel`.

    Off by `rel` of the golden's number or by `floor`, whichever is more. Digests are then not compared. `committed` is
    a file that is compared with in place of one in `files`, and never written here: the command `again` makes it.
    """
    if _accepted(name, found if committed is None else None):
        return
    golden, other = _stored(name) if committed is None else committed.read_text("utf-8"), _other_platform(name)
    if not other:
        _same_text(name, golden, found, request, "compared to the last digit: same platform", again)
        return
    how = f"{other}; words compared exactly, numbers within {rel:g} of each (or {floor:g}), digests not at all"
    if far := too_far(golden, found, rel, floor):
        pytest.fail(f"{name}: {far}\n({how})\n{_way_out(request, again)}", pytrace=False)


def on_this_platform(name: str, found: str, request: pytest.FixtureRequest, instead: str) -> None:
    """Refuse any difference on an equal platform; skip on another, where `instead` says what was compared in place."""
    if _accepted(name, found):
        return
    golden = _stored(name)
    if other := _other_platform(name):
        pytest.skip(f"{name} not compared: {other}. {instead}")
    _same_text(name, golden, found, request, "compared to the byte: same platform")


def too_far(golden: str, found: str, rel: float, floor: float = 0.0) -> str:
    """What makes two texts differ by more than the last digits of their numbers; empty where nothing does."""
    golden, found = DIGEST.sub("sha256", golden), DIGEST.sub("sha256", found)
    words, others = NUMBER.split(golden), NUMBER.split(found)
    numbers, measured = NUMBER.findall(golden), NUMBER.findall(found)
    for i, word in enumerate(words):
        if i >= len(others) or word != others[i]:
            return f"after number {i}, expected {word!r}, found {others[i] if i < len(others) else 'the end'!r}"
        if i < len(numbers) and i < len(measured):
            a, b = float(numbers[i]), float(measured[i])
            if not math.isclose(a, b, rel_tol=rel, abs_tol=floor):
                return f"after {word[-60:]!r}, expected {numbers[i]}, found {measured[i]}"
    return "" if len(words) == len(others) else f"{len(others) - len(words)} numbers more than expected"


def as_json(content: Any, digits: int | None = 9, longest: int | None = None) -> str:
    """Plain values as JSON, an entry a line; numbers to so many significant digits (None: all), long text as digest.

    Of a list of more than `longest` entries stand the first three, the number of all and their digest.
    """
    plain = _rounded(content, digits)
    return json.dumps(plain if longest is None else _shortened(plain, longest), indent=1, ensure_ascii=False) + "\n"


def digest(text: str) -> str:
    """`sha256:<hex>` of a text."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def excerpt(text: str, lines: int = 60) -> str:
    """The digest of a long text and its first lines, for people to read."""
    start = text.splitlines()[:lines]
    return "\n".join([digest(text), f"{len(text.splitlines())} lines, the first {len(start)}:", *start]) + "\n"


def this_platform() -> dict[str, str]:
    """All that last digits depend on: processor and its instructions, where models run, versions of libraries."""
    import torch

    return {
        "machine": platform.machine(),
        "processor": _processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "device": "cuda" if torch.cuda.is_available() else "cpu",
        **{library: metadata.version(library) for library in LIBRARIES},
    }


def _processor() -> str:
    """Maker, family and model of the processor; its name where the system has no such file."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    found = dict(re.findall(r"^(vendor_id|cpu family|model)\s*:\s*(.+)$", text, re.MULTILINE))
    return " ".join(found.values()) or platform.processor()


def _rounded(value: Any, digits: int | None) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _rounded(each, digits) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(each, digits) for each in value]
    if isinstance(value, str):
        return value if len(value) <= LONG else digest(value)
    if isinstance(value, np.generic):
        value = value.item()
    return float(f"{value:.{digits}g}") if isinstance(value, float) and digits is not None else value


def _shortened(value: Any, longest: int) -> Any:
    if isinstance(value, dict):
        return {key: _shortened(each, longest) for key, each in value.items()}
    if not isinstance(value, list):
        return value
    if len(value) <= longest:
        return [_shortened(each, longest) for each in value]
    first = [_shortened(each, longest) for each in value[:3]]
    return [*first, f"... of {len(value)} entries", digest(json.dumps(value))]


def _accepted(name: str, found: str | None) -> bool:
    """Whether goldens are being accepted; then `found` is written (None: the golden is a file that others make)."""
    if os.environ.get("GOLDENS") != "accept":
        return False
    FILES.mkdir(exist_ok=True)
    if found is not None:
        (FILES / name).write_text(found, encoding="utf-8")
    made_on = _made_on() | {name: this_platform()}
    MADE_ON.write_text(json.dumps(dict(sorted(made_on.items())), indent=1) + "\n", encoding="utf-8")
    return True


def _made_on() -> dict[str, dict[str, str]]:
    return json.loads(MADE_ON.read_text("utf-8")) if MADE_ON.is_file() else {}


def _stored(name: str) -> str:
    return (FILES / name).read_text("utf-8")


def _other_platform(name: str) -> str:
    """In what the golden's platform differs from this one; empty where they are equal."""
    made, here = _made_on()[name], this_platform()
    differ = [f"{key} {made.get(key)} (here {here[key]})" for key in here if made.get(key) != here[key]]
    return f"the golden was made with {', '.join(differ)}" if differ else ""


def _same_text(name: str, golden: str, found: str, request: pytest.FixtureRequest, how: str, again: str = "") -> None:
    if golden == found:
        return
    lines = list(unified_diff(golden.splitlines(), found.splitlines(), name, "found", lineterm="", n=1))
    more = [f"... and {len(lines) - SHOWN} lines more"] if len(lines) > SHOWN else []
    difference = "\n".join(line[:200] for line in [*lines[:SHOWN], *more])
    pytest.fail(f"{name} differs ({how})\n{difference}\n{_way_out(request, again)}", pytrace=False)


def _way_out(request: pytest.FixtureRequest, again: str) -> str:
    command = again or f"python -m tests.goldens.accept -k {request.node.originalname}"
    return f"If this is meant: {command}, then read `git diff`"
