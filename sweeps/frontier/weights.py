"""Weights on several metrics: worked out of each trial they are a metric like any other."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from softcore.scoring.weighted import WeightedMetric, is_weighted, metrics_of, read_weights
from sweeps.frontier.regimes import MATTERS
from sweeps.results.table import finished, metric_columns, unknown_metric


def with_metric(results: pd.DataFrame, metric: str) -> tuple[pd.DataFrame, str]:
    """The results with a column of `metric`, and its name.

    Weights ("scaled-ce/10h=0.7,accuracy/10h=0.3") are a new column, that of a `WeightedMetric`, whose name has the
    units of `metric_units`; so is such a name. It is worked out of each trial before anything is fitted: what metrics
    of one trial share (its seed, its people) is then in the spread of the sum. Weights on one metric alone are that
    metric. A metric that the results do not have is a RequestError.
    """
    if metric in results or not ("=" in metric or is_weighted(metric)):
        return results, metric
    weights = {} if is_weighted(metric) else read_weights(metric)
    there, named = metric_columns(results), list(weights) or metrics_of(metric)
    for name in named:
        if name not in there:
            raise unknown_metric(name, there)
    if len(named) == 1:
        return results, named[0]
    if weights:
        done = finished(results)
        finite = done[named].astype(float).replace([np.inf, -np.inf], np.nan)
        means = finite.groupby(done["cell"]).mean()
        weighted = WeightedMetric.with_units(weights, dict(zip(named, metric_units(means, named), strict=True)))
    else:
        weighted = WeightedMetric.of(metric)
    values = {name: results[name].to_numpy(dtype=float, na_value=np.nan) for name in named}
    return results.assign(**{weighted.name: weighted.loss(values)}), weighted.name


def metric_units(means: pd.DataFrame, metrics: Sequence[str]) -> list[float]:
    """The difference in each of `metrics` that counts as much as a unit of another, from the cells' `means`.

    It is the gap that matters (0.03 of `ce`, 0.01 of `scaled-ce`), of other metrics a tenth of the range of the cells,
    in two digits.
    """
    columns = [means[name].astype(float) for name in metrics]
    ranges = [float(each.max() - each.min()) for each in columns]
    return [
        MATTERS.get(name.partition("/")[0], float(f"{(each / 10) or 1.0:.2g}"))
        for name, each in zip(metrics, ranges, strict=True)
    ]
