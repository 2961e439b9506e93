"""A plan as a spec: what to train once the labels are there, beside what costs nothing."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from sweeps.axis_names import AXES, TRAINING_AXES
from sweeps.planning.plan import Plan

SEEDS = 3
_ABOUT = """\
# <recipe>: <question>.
# <images> images, <annotators> people each (<people> in all), <money>.
# Predicted <metric>: <predicted>, 80% of runs with new people in <low> to <high>.
"""
_OF_MIXING = ("mixing", "alpha", "target_mixing", "loss", "entropy_floor")


def as_spec(plan: Plan) -> str:
    """YAML of a sweep that trains on what `plan` buys, with hard labels beside it, trained alike, on `SEEDS` seeds.

    It names the data set that the plan was learnt from: put your own in its place.
    """
    words = {
        "recipe": plan.recipe,
        "question": plan.question,
        "images": str(plan.images),
        "annotators": str(plan.annotators),
        "people": str(plan.people),
        "money": plan.money,
        "metric": plan.metric,
        "predicted": f"{plan.predicted:.3f}",
        "low": f"{plan.interval_80[0]:.3f}",
        "high": f"{plan.interval_80[1]:.3f}",
    }
    return re.sub(r"<(\w+)>", lambda word: words.get(word[1], word[0]), template(plan.axes, plan.metric))


def template(axes: Mapping[str, Any], metric: str) -> str:
    """The spec of a plan that trains cells of these axes, with `<images>` and other words of `as_spec` to fill in.

    All plans of one question, M and way of training have the same.
    """
    named = {axis: value for axis in AXES if (value := axes.get(axis)) is not None} | {"items": "<images>"}
    # Hard labels can't be mixed by people's answers, and train plainly: they are what the plan has to beat.
    alike = {axis: named[axis] for axis in TRAINING_AXES if axis in named and axis not in _OF_MIXING}
    content: dict[str, Any] = {
        "name": "plan",
        "dataset": axes["dataset"],
        "seeds": SEEDS,
        "metric": metric,
        "common": alike,
        "blocks": [{"variety": "hard"}, {axis: value for axis, value in named.items() if axis not in alike}],
    }
    return _ABOUT + yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
