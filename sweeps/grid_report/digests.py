"""Digests that tell one reading of sealed results from another: of tables, and of all source that predicts."""

import ast
import hashlib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

import sweeps

_ROOT = Path(sweeps.__file__).parents[1]  # where the packages of this project lie
_PACKAGES = ("softcore", "sweeps")


def table_digest(results: pd.DataFrame, metrics: Sequence[str]) -> str:
    """SHA-256 (hex) of the finished trials of a results table and of their `metrics`, in any order of rows.

    A trial's id says what it is; what else its row holds (seconds of training) tells nothing.
    """
    done = results[results["status"] == "done"].sort_values("trial")
    lines = [
        f"{trial} " + " ".join(f"{value:.9g}" for value in values)
        for trial, values in zip(done["trial"], done[[*metrics]].to_numpy(dtype=float), strict=True)
    ]
    return _sha256("\n".join([" ".join(metrics), *lines]))


def source_digest(module: str, root: Path = _ROOT) -> str:
    """SHA-256 (hex) of the source of a module, and of every module of this project that it imports, directly or not."""
    return _sha256(
        "\n".join(f"{path.relative_to(root)}\n{path.read_text('utf-8')}" for path in sources_of(module, root))
    )


def sources_of(module: str, root: Path = _ROOT) -> list[Path]:
    """The files of a module of this project and of those that it imports, directly or not, by name.

    Imports are read and not run. Packages themselves hold nothing that computes.
    """
    found: set[Path] = set()
    left = [module]
    while left:
        name = left.pop()
        path = root.joinpath(*name.split(".")).with_suffix(".py")
        if path in found or name.partition(".")[0] not in _PACKAGES or not path.is_file():
            continue
        found.add(path)
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                left += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                left += [alias.name for alias in node.names]
    return sorted(found)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
