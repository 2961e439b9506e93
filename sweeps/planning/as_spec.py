"""A plan as a spec: what to train once the labels are there, beside what costs nothing."""

from typing import Any

import yaml

from sweeps.axis_names import AXES, TRAINING_AXES
from sweeps.planning.plan import Plan

SEEDS = 3


def as_spec(plan: Plan) -> str:
    """YAML of a sweep that trains on what `plan` buys, with hard labels beside it, trained alike, on `SEEDS` seeds.

    It names the data set that the plan was learnt from: put your own in its place.
    """
    axes = {axis: value for axis in AXES if (value := plan.axes.get(axis)) is not None}
    # Hard labels can't be mixed by people's answers, and train plainly: they are what the plan has to beat.
    alike = {axis: axes[axis] for axis in TRAINING_AXES if axis in axes and axis not in _OF_MIXING}
    content: dict[str, Any] = {
        "name": "plan",
        "dataset": plan.axes["dataset"],
        "seeds": SEEDS,
        "metric": plan.metric,
        "common": alike,
        "blocks": [{"variety": "hard"}, {axis: value for axis, value in axes.items() if axis not in alike}],
    }
    about = (
        f"# {plan.recipe}: {plan.question}.\n"
        f"# {plan.images} images, {plan.annotators} people each ({plan.people} in all), {plan.money}.\n"
        f"# Predicted {plan.metric}: {plan.predicted:.3f}, 80% of runs with new people in "
        f"{plan.interval_80[0]:.3f} to {plan.interval_80[1]:.3f}.\n"
    )
    return about + yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


_OF_MIXING = ("mixing", "alpha", "target_mixing", "loss", "entropy_floor")
