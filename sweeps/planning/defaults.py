"""Which model makes the plans: the one that leaving cells out chooses, unless it lost on the sealed cells.

A module of its own, as whoever judges models must not import it (`tests/sweeps/planning/test_defaults.py`).
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from sweeps.planning.checks import ModelChoice, choose_model
from sweeps.planning.rows import Rows

# By metric the model that leaving cells out of the grid had chosen and the one that did better on the sealed cells, as
# the reading of the planner's version 6 has it (docs/results/grid/sealed-readings.json; docs/grid.md): 0.1246 for
# 0.1261, by a hair. The rule stood before the first reading: what loses is no default, inside the measured M and N' or
# beyond. Until version 5 the curve lost on ce/10s instead. What it changes is in docs/plans.md. Whoever judges models
# reads none of this, so that no later reading is decided by an earlier one.
LOST: Mapping[str, tuple[str, str]] = MappingProxyType({"scaled-ce/10s": ("curve", "regression")})


def default_model(rows: Rows, rng: np.random.Generator, *, beyond: bool = False) -> ModelChoice:
    """The model to plan with: that of `choose_model`, or the one that beat it on the sealed cells for this metric."""
    choice = choose_model(rows, rng, beyond=beyond)
    loser, winner = LOST.get(rows.metric, ("", ""))
    if choice.chosen.name != loser:
        return choice
    return replace(
        choice,
        chosen=next(model for model in choice.tried if model.name == winner),
        checks=tuple(sorted(choice.checks, key=lambda check: check.model != winner)),
        why=f"{choice.why}; it lost on the sealed cells to the {winner}, which makes the plans for {rows.metric}",
    )
