"""The notebooks in examples/ run from top to bottom, and are kept without outputs."""

from pathlib import Path

import nbclient
import nbformat
import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_is_a_notebook():
    assert NOTEBOOKS


def test_a_notebook_is_kept_without_outputs(notebook):
    nbformat.validate(notebook)
    assert [cell for cell in code(notebook) if cell.outputs or cell.execution_count] == []


@pytest.mark.slow
def test_a_notebook_runs_and_every_cell_shows_something(notebook, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert all(cell.outputs for cell in code(notebook))
    kinds = {kind for cell in code(notebook) for output in cell.outputs for kind in output.get("data", {})}
    assert {"text/html", "image/png"} <= kinds
    shown = code(notebook)[0].outputs[-1]["data"]["text/html"]
    assert "33 of 33 trials done" in shown
    assert "SIMULATED ANNOTATORS" in shown
