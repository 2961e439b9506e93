"""Imports go downwards only, heavy libraries stay in their one room, and the command line starts without them."""

import ast
import importlib
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("softcore", "cluster", "sweeps")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
MODULES = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in SOURCES]
ONLY_IN = {
    "mlflow": ("sweeps.tracking",),
    "ray": ("sweeps.running", "cluster"),
    "torchattacks": ("softcore.scoring",),
}
# Rooms in their order: each line may import from the lines above it (docs/architecture.md).
ROOMS = {
    "softcore": """
        errors
        seeding policy files plugins completion
        varieties
        prices statistics
        data
        labels
        datasets
        training
        scoring
        train evaluate test_sets
        pack
        card
        """,
    "sweeps": """
        spec
        results
        running
        uncertainty
        frontier
        planning
        evaluation
        comparison
        sweep
        sources
        tracking
        show
        drive
        repair
        studies
        commands
        __main__
        """,
}
FLOOR = {
    f"{package}.{room}": k
    for package, rows in ROOMS.items()
    for k, row in enumerate(rows.split("\n"))
    for room in row.split()
}
MOST_FILES, MOST_LINES = 15, 400


def imports(path):
    """Every module that a file imports, anywhere in it: (name, whether at import of the file)."""
    tree = ast.parse(path.read_text())
    inner = {
        node
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node not in inner) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            # `from cluster import jobs` imports cluster.jobs, `from cluster.jobs import Job` cluster.jobs.
            yield from ((f"{node.module}.{alias.name}", node not in inner) for alias in node.names)


IMPORTS = {module: list(imports(path)) for module, path in zip(MODULES, SOURCES, strict=True)}


def belongs(name, package):
    return name == package or name.startswith(f"{package}.")


def importers(package):
    return {module for module, found in IMPORTS.items() if any(belongs(name, package) for name, _ in found)}


def test_the_walk_sees_what_it_should():
    # A walker that finds nothing would pass everything below.
    assert {"softcore.train", "sweeps.sweep"} <= importers("softcore")
    assert "sweeps.running.runner" in importers("cluster")
    assert "sweeps.tracking.runs" in importers("mlflow")
    assert importers("ray")


@pytest.mark.parametrize("other", ["sweeps", "cluster", "ray", "mlflow", "matplotlib", "plotly", "typer", "rich"])
def test_the_core_imports_nothing_above_it(other):
    assert [m for m in importers(other) if belongs(m, "softcore")] == []


@pytest.mark.parametrize("other", ["sweeps", "softcore", "mlflow", "torch"])
def test_the_cluster_imports_nothing_of_the_science(other):
    assert [m for m in importers(other) if belongs(m, "cluster")] == []


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_heavy_library_has_one_room(library):
    assert [m for m in importers(library) if not any(belongs(m, room) for room in ONLY_IN[library])] == []


def test_training_is_called_from_one_place():
    # One trial in its loop, many in a pack; `packs` takes from `train` what an epoch is.
    assert {m for m in importers("softcore.train") if not belongs(m, "softcore")} == {
        "sweeps.running.trial",
        "sweeps.running.packs",
    }
    assert {m for m in importers("softcore.pack") if not belongs(m, "softcore")} == {"sweeps.running.packs"}


def test_modules_do_not_import_each_other_in_circles_when_they_load():
    top = {
        module: {name for name in MODULES if any(belongs(found, name) and at_load for found, at_load in found_all)}
        - {module, *PACKAGES}
        for module, found_all in IMPORTS.items()
    }
    settled = set()
    while ready := {m for m, needs in top.items() if m not in settled and needs <= settled | set(PACKAGES)}:
        settled |= ready
    assert set(top) - settled == set()


@pytest.mark.parametrize("module", [m for m in MODULES if not m.endswith("__main__")])
def test_every_module_can_be_imported(module):
    assert importlib.import_module(module).__doc__


def room(name):
    return ".".join(name.split(".")[:2])


def module_of(name):
    """The module that an imported name is, or is in."""
    return name if name in IMPORTS else name.rpartition(".")[0]


@pytest.mark.parametrize("package", ROOMS)
def test_every_module_has_a_room(package):
    assert {room(m) for m in MODULES if belongs(m, package) and m != package} == {
        r for r in FLOOR if belongs(r, package)
    }


def test_rooms_import_only_what_stands_above_them():
    upward = {
        f"{module} imports {name}"
        for module, found in IMPORTS.items()
        for name in (module_of(name) for name, _ in found)
        if room(module) in FLOOR and room(name) in FLOOR and belongs(name, module.partition(".")[0])
        if room(name) != room(module) and FLOOR[room(name)] >= FLOOR[room(module)]
    }
    assert upward == set()


def test_studies_are_imported_by_commands_alone_and_only_when_asked_for():
    known = [
        (m, name, at_load) for m, found in IMPORTS.items() for name, at_load in found if belongs(name, "sweeps.studies")
    ]
    outside = {(m, at_load) for m, _, at_load in known if not belongs(m, "sweeps.studies")}
    assert outside
    assert {m for m, at_load in outside if at_load or not belongs(m, "sweeps.commands")} == set()


def test_no_folder_is_crowded_and_no_file_is_long():
    every = [path for top in (*PACKAGES, "tests", "bench") for path in (ROOT / top).rglob("*.py")]
    folders = Counter(path.parent.relative_to(ROOT).as_posix() for path in every)
    assert {folder: n for folder, n in folders.items() if n > MOST_FILES} == {}
    lines = {path.relative_to(ROOT).as_posix(): len(path.read_text("utf-8").splitlines()) for path in every}
    assert {path: n for path, n in lines.items() if n > MOST_LINES} == {}


def run(code):
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


HEAVY = "('torch', 'ray', 'mlflow', 'pandas', 'numpy', 'scipy', 'sklearn', 'plotly', 'matplotlib', 'pydantic')"


@pytest.mark.parametrize("module", ["sweeps.commands.app", "sweeps", "cluster", "softcore"])
def test_the_command_line_starts_without_anything_heavy(module):
    assert run(f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])") == "[]"


@pytest.mark.parametrize("module", ["sweeps.sweep", "sweeps.show.tables", "sweeps.repair"])
def test_what_lists_and_reads_sweeps_waits_for_neither_torch_nor_statistics(module):
    # `sweeps list`, `show` and `results`: with them 2.4 s and 760 MB, without 0.9 s and 165 MB for 1,000 trials.
    loaded = "[n for n in ('torch', 'ray', 'mlflow', 'scipy.stats', 'scipy.optimize', 'sklearn') if n in sys.modules]"
    assert run(f"import sys, {module}; print({loaded})") == "[]"


def test_the_core_trains_without_ray_mlflow_or_plots():
    loaded = "[n for n in ('ray', 'mlflow', 'plotly', 'matplotlib', 'sweeps', 'cluster') if n in sys.modules]"
    assert run(f"import sys, softcore.train, softcore.evaluate, softcore.datasets; print({loaded})") == "[]"
