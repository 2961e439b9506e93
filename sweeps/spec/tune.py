"""Choose the value of one axis on the validation images, before the sweep that uses it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from softcore.data.dataset import Dataset
from softcore.errors import RequestError, unknown_name
from sweeps.spec.cells import cells
from sweeps.spec.spec import Spec

METRIC = "ce/validation"  # against the validation images' hard labels; no test set is read
MAXENT_ALPHAS = (5, 10, 20, 50)
# What the thesis chose from: sections 3.3, 3.3.1, 5.2.2 and B.2.
VALUES: Mapping[str, Sequence[float]] = {
    "gamma": (0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4),
    "beta": (0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4),
    "learning_rate": (0.001, 0.01, 0.1, 0.2, 0.3, 0.4, 0.5),
    "alpha": (0.1, 0.2, 0.4, 1, 5, 10),  # Mix-MaxEnt has a list of its own
    "entropy_floor": (0.0, 0.2, 0.5, 0.7, 0.9),
}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The value chosen for one block of a spec, and the curve: the mean of `METRIC` by value, over how many trials."""

    block: int  # from 1
    axis: str
    value: float
    curve: tuple[Mapping[str, float], ...]


def tuning_spec(spec: Spec, axis: str, dataset: Dataset) -> tuple[Spec, dict[int, Spec]]:
    """The sweep that tunes `axis`, and its part that each block of `spec` (from 1) is decided by.

    Blocks that the axis does not apply to have no part. Only the first seed and panel are used, so that the others say
    what the choice is worth. Raises RequestError for an axis without a list of values, or one that applies nowhere.
    """
    if axis not in VALUES:
        raise unknown_name("axis to tune", axis, VALUES)
    # Its axes are written out, so no scale is to be put over the values that are tried.
    base = {**spec.model_dump(), "scale": None, "seeds": spec.seeds[:1], "panels": spec.panels[:1], "evaluate": []}
    parts = {}
    for number, block in enumerate(spec.blocks, start=1):
        alone = Spec(**{**base, "blocks": [block]})
        if all(cell.axes[axis] is None for cell in cells(alone, dataset)):
            continue
        if axis == "alpha" and block.get("mixing") == ["mix-maxent"]:
            values: Sequence[float] = MAXENT_ALPHAS
        else:
            values = VALUES[axis]
        parts[number] = Spec(**{**base, "blocks": [{**block, axis: list(values)}]})
    if not parts:
        raise RequestError(f"--tune {axis}: it applies to no cell of {spec.name}")
    blocks = [block for part in parts.values() for block in part.blocks]
    return Spec(**{**base, "name": f"{spec.name}-tune-{axis.replace('_', '-')}", "blocks": blocks}), parts


def choose(results: pd.DataFrame, axis: str, parts: Mapping[int, Spec], dataset: Dataset) -> list[Choice]:
    """For each part the value of `axis` with the least mean of `METRIC`, the first of the list on a tie.

    Raises RequestError where a value has a trial that failed: its mean would not be comparable.
    """
    done = results[results["status"] == "done"]
    choices = []
    for number, part in parts.items():
        ids = [cell.id for cell in cells(part, dataset)]
        mine = done[done["cell"].isin(ids)]
        if missing := len(ids) * len(part.seeds) - len(mine):
            raise RequestError(f"{missing} trials that tune {axis} have not finished; run it again to go on with them")
        means = mine.groupby(axis)[METRIC].agg(["mean", "size"])
        curve = tuple(
            {axis: float(str(value)), METRIC: float(row["mean"]), "trials": int(row["size"])}
            for value, row in means.iterrows()
        )
        best = min(curve, key=lambda point: point[METRIC])
        choices.append(Choice(block=number, axis=axis, value=best[axis], curve=curve))
    return choices


def apply_choices(spec: Spec, choices: Sequence[Choice]) -> Spec:
    """`spec`, which is resolved, with the chosen values in place."""
    blocks = [dict(block) for block in spec.blocks]
    for choice in choices:
        blocks[choice.block - 1][choice.axis] = [choice.value]
    return Spec(**{**spec.model_dump(), "scale": None, "blocks": blocks})


def choice_records(choices: Sequence[Choice], sweep_id: str) -> list[dict[str, Any]]:
    """The choices as they are kept in the manifest of the sweep that uses them."""
    return [{"tuned_by": sweep_id, **asdict(choice)} for choice in choices]


def curve(recorded: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Recorded choices as rows: a block and value each, the chosen ones marked with a star."""
    return [
        {
            "block": f"block {choice['block']}",
            choice["axis"]: f"{point[choice['axis']]:g}",
            METRIC: f"{point[METRIC]:.4f}",
            "trials": point["trials"],
            "chosen": "★" if point[choice["axis"]] == choice["value"] else "",
        }
        for choice in recorded
        for point in choice["curve"]
    ]
