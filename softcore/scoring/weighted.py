"""Several metrics as one loss: how far each is from its best value, in a unit of its own, by weight."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float

from softcore.errors import RequestError
from softcore.scoring.metrics import WEIGHTED, lower_is_better, metric_range

_HOW = "weights are written scaled-ce/10h=0.7,accuracy/10h=0.3"


@dataclass(frozen=True)
class WeightedMetric:
    """Metrics ("ce/10h") with the share and the unit of each: what is 1 unit better in all of them is better by 1.

    Shares add up to 1. The name says it all, so that numbers in it are rounded and computed with as they are rounded:
    "weighted/0.7 scaled-ce on 10h per 0.01 and 0.3 accuracy on 10h per 0.02".
    """

    shares: Mapping[str, float]
    units: Mapping[str, float]

    @classmethod
    def of(cls, name: str) -> Self:
        """The weighted metric of this name; a name of another form is a RequestError."""
        shares, units = dict[str, float](), dict[str, float]()
        for part in name.removeprefix(f"{WEIGHTED}/").split(" and "):
            try:
                share, metric, on, test_set, per, unit = part.split(" ")
                shares[f"{metric}/{test_set}"], units[f"{metric}/{test_set}"] = float(share), float(unit)
            except ValueError:
                on = per = ""
            if (on, per) != ("on", "per"):
                raise RequestError(f"'{name}' is no weighted metric: {_HOW}")
        return cls.with_units(shares, units)

    @classmethod
    def with_units(cls, weights: Mapping[str, float], units: Mapping[str, float]) -> Self:
        """Metrics of these weights, as shares of their sum in three decimals, and units, in two digits.

        A share that rounds to none is a RequestError, as is a metric that may be better without end.
        """
        total, largest = sum(weights.values()), max(weights, key=lambda metric: weights[metric])
        shares = {metric: round(weight / total, 3) for metric, weight in weights.items()}
        shares[largest] = round(1 - sum(share for metric, share in shares.items() if metric != largest), 3)
        for metric, share in shares.items():
            if not share:
                raise RequestError(f"{metric} has less than 0.1% of all weight: leave it out")
            if not math.isfinite(metric_range(metric)[0 if lower_is_better(metric) else 1]):
                raise RequestError(f"{metric} has no best value to reckon from, so it has no weight beside others")
        return cls(shares, {metric: float(f"{units[metric]:.2g}") for metric in weights})

    @property
    def name(self) -> str:
        """What it is called in a results table, in characters that MLflow takes."""
        parts = []
        for metric, share in self.shares.items():
            name, _, test_set = metric.partition("/")
            parts.append(f"{share:.3g} {name} on {test_set} per {self.units[metric]:g}")
        return f"{WEIGHTED}/{' and '.join(parts)}"

    @property
    def words(self) -> str:
        """Its weights as a command line takes them."""
        return ",".join(f"{metric}={share:.3g}" for metric, share in self.shares.items())

    def loss(self, values: Mapping[str, Float[np.ndarray, " n"]]) -> Float[np.ndarray, " n"]:
        """The loss of n trials with these values of each metric, 0 or more; NaN where one is missing."""
        found = np.zeros(len(values[next(iter(self.shares))]))
        for metric, share in self.shares.items():
            least, most = metric_range(metric)
            far = values[metric] - least if lower_is_better(metric) else most - values[metric]
            found += share * far / self.units[metric]
        return found


def metrics_of(metric: str) -> list[str]:
    """The metrics that a weighted `metric` is of, in its order; of another one itself."""
    return list(WeightedMetric.of(metric).shares) if is_weighted(metric) else [metric]


def is_weighted(metric: str) -> bool:
    """Whether this is the name of a weighted metric."""
    return metric.startswith(f"{WEIGHTED}/")


def read_weights(words: str) -> dict[str, float]:
    """Weights above 0 by metric, of "scaled-ce/10h=0.7,accuracy/10h=0.3"; a weight below 0 is a RequestError.

    An unknown metric, one that stands twice, and weights that are all 0 are RequestErrors, too.
    """
    found = dict[str, float]()
    for part in words.split(","):
        metric, _, number = (each.strip() for each in part.partition("="))
        try:
            weight = float(number)
        except ValueError:
            weight = math.nan
        if not (math.isfinite(weight) and weight >= 0):
            raise RequestError(f"'{part.strip()}' gives no weight of 0 or more; {_HOW}")
        if metric in found:
            raise RequestError(f"{metric} has two weights in '{words}'")
        lower_is_better(metric)
        found[metric] = weight
    if not any(found.values()):
        raise RequestError(f"all weights in '{words}' are 0")
    return {metric: weight for metric, weight in found.items() if weight > 0}
