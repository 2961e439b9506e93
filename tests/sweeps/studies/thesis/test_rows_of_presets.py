"""The presets train what the rows of the thesis's tables stand for."""

import os
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from softcore.datasets import load
from softcore.errors import RequestError
from sweeps.spec.cells import cells
from sweeps.spec.spec import resolve
from sweeps.studies.thesis.published import tables
from sweeps.studies.thesis.row_trials import Trials


@cache
def dataset(name):
    try:
        return load(name, Path(os.environ["SOFTCORE_DATA"]))
    except RequestError as error:
        pytest.skip(str(error))


@pytest.mark.skipif(not os.environ.get("SOFTCORE_DATA"), reason="needs the real files: set SOFTCORE_DATA")
@pytest.mark.parametrize("scale", ["small", "paper"])
@pytest.mark.parametrize("key", tables())
def test_every_row_of_a_table_is_one_recipe_of_its_preset(key, scale):
    spec = resolve(tables()[key].preset, scale=scale)
    grid = [{**cell.columns, "trial": cell.id, "cell": cell.id} for cell in cells(spec, dataset(spec.dataset))]
    trials = Trials(pd.DataFrame(grid))
    for row in tables()[key].rows.values():
        parts = trials.parts(row.where)
        assert len(parts) == 1, f"{row.name}: {len(parts)} recipes"
        assert parts[0].trials["model"].is_unique
