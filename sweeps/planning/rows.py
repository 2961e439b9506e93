"""From a results table to the training data of a plan's model: each cell's purchase, mean value and noise."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from softcore.errors import RequestError, unknown_name
from softcore.scoring.metrics import lower_is_better, metric_range
from sweeps.frontier.pricing import RECORDED
from sweeps.results.table import CONTROL, DONE, FAILED, answer_columns, finished, has_answers, is_control, records
from sweeps.spec.axis_names import TRAINING_AXES
from sweeps.uncertainty.layout import Pool
from sweeps.uncertainty.replicates import Replicates, replicates
from sweeps.uncertainty.variance import VarianceModel, pooled_variance

PLAIN, SEPARATE = "plain", "separate"
# What was bought, and how a model was trained on it.
POINT = ("variety", "aggregation", "policy", "annotators", "items")
SEED_SCALE = 1.0  # prior median of seeds' standard deviation, in those of trials within a seed
_FAR = 50.0  # of logarithms: nothing that anybody measures is further from 1
LEAST_CELLS = 6  # that were bought: fewer don't tell a curve from their noise
# What may tell cells of one question apart besides M, N' and aggregation, the more telling first.
_POLICY_AXES = (
    *("mixing", "loss", "target_mixing", "rest", "gamma", "similarity", "hmix", "hmix_images", "confidence_decay"),
    *("hiring", "holdout"),
    *(axis for axis in TRAINING_AXES if axis not in ("mixing", "loss", "target_mixing")),
)
_WHOLE = ("clicks", "hmix_images", "epochs", "batch", "image_size")  # which a CSV file may have as 3.0
_WORDS = {"mixing": "{}", "loss": "{} loss", "target_mixing": "{} targets", "rest": "other items {}", "model": "{}"}


@dataclass(frozen=True)
class Naming:
    """Which axes name a policy, and the name of the commonest, which is called plain."""

    axes: tuple[str, ...]
    common: str

    def policies(self, cells: pd.DataFrame) -> pd.Series:
        """The name of each cell's policy, that is how its model was trained."""
        names = [self._name(row) for row in records(cells)]
        return pd.Series([PLAIN if name == self.common else name for name in names], index=cells.index, dtype=object)

    def _name(self, row: Mapping[str, Any]) -> str:
        values = {axis: _text(row.get(axis)) for axis in self.axes}
        words = [
            _WORDS.get(axis, axis.replace("_", " ") + " {}").format(value) for axis, value in values.items() if value
        ]
        return ", ".join(words) or PLAIN


@dataclass(frozen=True)
class Scale:
    """The scale that a metric is modelled on, so that no interval leaves its range; less is better on both sides.

    `least` and `most` are the ends of the metric (times -1 where more is better: an accuracy lies in -1..0). What has a
    best value is modelled by the logarithm of its distance from it (cross-entropies, errors); where some trial is at
    that best value (`log` false), as it is, and cut off at the ends.
    """

    least: float
    most: float
    log: bool

    @classmethod
    def of(cls, metric: str, values: Float[np.ndarray, " n"]) -> "Scale":
        """The scale for `metric`, of which less is better in `values`, those of trials."""
        ends = metric_range(metric)
        least, most = ends if lower_is_better(metric) else (-ends[1], -ends[0])
        return cls(least, most, bool(np.isfinite(least) and values.min(initial=np.inf) > least))

    def modelled(self, values: np.ndarray) -> np.ndarray:
        """Values of the metric on the scale of the model."""
        return np.log(values - self.least) if self.log else values

    def metric(self, modelled: np.ndarray) -> np.ndarray:
        """Values on the scale of the model in units of the metric."""
        found = self.least + np.exp(np.clip(modelled, -_FAR, _FAR)) if self.log else modelled
        return found.clip(self.least, self.most)


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """The training data of a plan's model: cells of a results table and the pooled noise of their replicates.

    `cells` has a row a cell: `cell`, `recipe`, `crowd`, `free`, `anchor` (hard labels, however trained), the columns of
    `POINT` (of free cells `variety` is the recipe, annotators and items are 0) and `answers/X`, the answers bought an
    item. `variance` has what the cells are worth by their trials, and their noise, on `scale`; less is better in it, so
    values of a metric of which more is better are times `sign` -1. `page_seconds` is the mean time recorded with an
    answer that had one (NaN if none).
    """

    metric: str
    sign: float
    scale: Scale
    cells: pd.DataFrame
    axes: Mapping[str, Mapping[str, Any]]
    variance: VarianceModel
    page_seconds: float
    dataset: str
    naming: "Naming"
    left_out: tuple[str, ...]
    free_lacking: tuple[str, ...]
    seed_scale: float | None = None

    @property
    def mean(self) -> Float[np.ndarray, " c"]:
        """What each cell's trials say it is worth, shared seeds and panels evened out, on `scale`; less is better."""
        return self.variance.estimates.values

    @property
    def between(self) -> Float[np.ndarray, "j c c"]:
        """What a unit of each variance component adds to the covariance of `mean`."""
        return self.variance.estimates.between

    @property
    def variance_of_metric(self) -> VarianceModel:
        """The noise of trials in units of the metric, where `variance` is on `scale`."""
        return pooled_variance(self.variance.strata, self.scale.metric(self.variance.values))

    @property
    def bought(self) -> np.ndarray:
        """Places of the cells that cost anything."""
        return np.flatnonzero(~self.cells["free"].to_numpy(dtype=bool))

    @property
    def free(self) -> np.ndarray:
        """Places of the free recipes' cells."""
        return np.flatnonzero(self.cells["free"].to_numpy(dtype=bool))

    @property
    def told(self) -> np.ndarray:
        """Places of the cells that others tell of: all, without the free recipe where there is one alone."""
        return np.arange(len(self.cells)) if len(self.free) > 1 else self.bought

    @property
    def starts(self) -> dict[str, str]:
        """By policy the free recipe that is hard labels of the same training (names of `cells`), where there is one."""
        hard = self.cells[self.cells["anchor"].astype(bool)]
        found = {}
        for policy, cells in self.cells.iloc[self.bought].groupby("policy", sort=False):
            training = {axis: self.axes[cells["cell"].iloc[0]].get(axis) for axis in TRAINING_AXES}
            for cell, recipe in zip(hard["cell"], hard["variety"], strict=True):
                if {axis: self.axes[cell].get(axis) for axis in TRAINING_AXES} == training:
                    found[str(policy)] = str(recipe)
        return found

    def like(self, other: "Rows") -> bool:
        """Whether both have the same questions, ways of training and free recipes, under the same names."""
        names = ["variety", "policy", "aggregation", "free"]
        one, two = ({*rows.cells[names].itertuples(index=False, name=None)} for rows in (self, other))
        return self.naming == other.naming and self.scale == other.scale and one == two

    def draw_variances(self, n: int, rng: np.random.Generator) -> Float[np.ndarray, "n j"]:
        """`n` draws of the variance components of the noise.

        A plan predicts single runs, whose luck with seeds does not cancel, and a pilot has three seeds: their part is
        drawn with a half-Cauchy prior of median `seed_scale` (`components.draw`; None: without a prior). Bands compare
        cells on shared seeds and need none.
        """
        return self.variance.draw_variances(n, rng, self.seed_scale)

    @property
    def spread(self) -> float:
        """The standard deviation of what labels give, the means of bought cells and hard labels: large or small.

        Other free recipes say nothing of that: smoothing may do much harm after one temperature.
        """
        told = ~self.cells["free"].to_numpy(dtype=bool) | self.cells["anchor"].to_numpy(dtype=bool)
        return float(self.mean[told].std()) or self.spread_of_all

    @property
    def spread_of_all(self) -> float:
        """The standard deviation of all cells' means."""
        return float(self.mean.std()) or 1.0


def make_rows(results: pd.DataFrame, metric: str, pools: Mapping[str, Pool] | None = None) -> Rows:
    """The training data for `metric` from a results table; `pools` as in `sweeps.uncertainty.replicates`.

    Cells that hire people until hours are spent, and bought cells without a number of items, are left out, with a
    reason. A metric that nobody measured is a RequestError that lists those that were, as are fewer than six bought
    cells, no free recipe, or a single seed.
    """
    kept, left_out = _usable(results)
    found = replicates(kept, [metric], pools)
    lacking = _lacking(kept, found, metric)
    first = finished(kept).drop_duplicates("cell").set_index("cell")
    first = first.loc[list(found.cells["cell"])].reset_index()
    cells, naming = _cells(found.cells, first)
    bought = int((~cells["free"]).sum())
    if bought < LEAST_CELLS:
        raise RequestError(
            f"a plan for {metric} needs {LEAST_CELLS} bought cells or more to learn from; these results have {bought}"
        )
    if not cells["free"].any():
        raise RequestError(
            f"a plan for {metric} needs a free recipe to hold purchases against (variety hard or smoothed); "
            "these results have none"
        )
    dataset = first["dataset"].iloc[0] if "dataset" in first else ""
    sign = 1.0 if lower_is_better(metric) else -1.0
    values = sign * found.results[metric].to_numpy(dtype=float)
    scale = Scale.of(metric, values)
    return Rows(
        metric=metric,
        sign=sign,
        scale=scale,
        cells=cells,
        axes=dict(zip(cells["cell"], _axes(first), strict=True)),
        variance=pooled_variance(found.strata, scale.modelled(values)),
        page_seconds=_page_seconds(kept),
        dataset=str(dataset),
        naming=naming,
        seed_scale=SEED_SCALE,
        left_out=(*lacking.values(), *left_out),
        free_lacking=tuple(lacking[cell] for cell in cells["cell"][cells["free"]] if cell in lacking),
    )


def _lacking(results: pd.DataFrame, found: Replicates, metric: str) -> dict[str, str]:
    """By cell, where trials failed or lack the metric, how many are left out, in words; free recipes first."""
    ended = results[results["status"].isin([DONE, FAILED])].groupby("cell").size()
    done = finished(results)
    there = done[np.isfinite(done[metric].to_numpy(dtype=float))].groupby("cell").size()
    cells = found.cells.sort_values("free", ascending=False, kind="stable")
    words = {}
    for cell, recipe in zip(cells["cell"], cells["recipe"], strict=True):
        if (lost := int(ended[cell] - there[cell])) > 0:
            words[cell] = f"{lost} of {ended[cell]} trials of {recipe} failed or have no {metric} and are left out"
    return words


def _usable(results: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The rows that have M and N', and why the other cells have no part."""
    hired = results["hired_hours"].notna() if "hired_hours" in results else pd.Series(False, index=results.index)
    unsized = has_answers(results) & pd.to_numeric(results["items"], errors="coerce").isna() & ~hired
    reasons = []
    control, until_spent = is_control(results), "people were hired until hours were spent"
    for which, why in ((control, CONTROL), (hired, until_spent), (unsized, "N' is not known")):
        if count := results["cell"][which].nunique():
            reasons.append(f"{count} {'cell' if count == 1 else 'cells'} left out: {why}")
    return results[~hired & ~unsized & ~control], tuple(reasons)


def named_like(learnt: Rows, results: pd.DataFrame) -> pd.DataFrame:
    """The bought cells of other results as points, a row each in order of first appearance, named as in `learnt`.

    Columns: `cell`, `crowd`, `free` and those of `POINT`. A variety, a policy or an aggregation that `learnt` does not
    have is a RequestError.
    """
    first = results.drop_duplicates("cell").reset_index(drop=True)
    answers = first[answer_columns(first)].fillna(0).astype(float).sum(axis="columns")
    items = pd.to_numeric(first["items"], errors="coerce").astype(float)
    stated = pd.to_numeric(first["annotators"], errors="coerce").astype(float)
    cells = pd.DataFrame(
        {
            "cell": first["cell"].astype(str),
            "free": False,
            "variety": [_variety(axes) for axes in records(first)],
            "aggregation": first["aggregation"].where(first["aggregation"].notna(), SEPARATE).astype(str),
            "policy": learnt.naming.policies(first),
            "annotators": stated.fillna(answers / items),
            "items": items,
        }
    )
    bought = learnt.cells.iloc[learnt.bought]
    for name in ("variety", "aggregation", "policy"):
        for value in cells[name]:
            if value not in set(bought[name]):
                raise unknown_name(name, value, dict.fromkeys(bought[name]))
    return cells.assign(crowd=cells["variety"].map(dict(zip(bought["variety"], bought["crowd"], strict=True))))


def _cells(found: pd.DataFrame, first: pd.DataFrame) -> tuple[pd.DataFrame, Naming]:
    cells = found[["cell", "recipe", "crowd", "free", "annotators", "items"]].copy()
    free = cells["free"].to_numpy(dtype=bool)
    cells["variety"] = np.where(free, cells["recipe"], [_variety(axes) for axes in records(first)])
    aggregation = first["aggregation"].where(first["aggregation"].notna(), SEPARATE).astype(str)
    cells["aggregation"] = np.where(free, SEPARATE, aggregation)  # of one answer an item there is nothing to pool
    naming = _naming(first.assign(variety=cells["variety"])[~free])
    cells["policy"] = naming.policies(first)
    cells["anchor"] = free & (first["variety"] == "hard").to_numpy()
    answers = found[answer_columns(found)]
    each = answers.div(cells["items"].where(cells["items"] > 0), axis="index").fillna(0.0)
    return pd.concat([cells, each], axis="columns"), naming


def _variety(axes: Mapping[str, Any]) -> str:
    """The variety; of mixed questions also where the page is asked, and how many clicks everybody gives."""
    variety, where, clicks = str(axes["variety"]), axes.get("pages_on"), axes.get("clicks")
    if where is None or pd.isna(where):
        return variety
    return f"{variety} ({where}{'' if clicks is None or pd.isna(clicks) else f', {clicks:g} clicks'})"


def _naming(bought: pd.DataFrame) -> Naming:
    """The axes that differ within a variety: what others tell apart already is not named again."""
    texts = pd.DataFrame(index=bought.index)
    for axis in (axis for axis in _POLICY_AXES if axis in bought):
        text = bought[axis].map(_text)
        by = [bought["variety"], *(texts[other] for other in texts)]
        if text.groupby(by).nunique().max() > 1:
            texts[axis] = text
    naming = Naming(tuple(texts.columns), "")
    names = naming.policies(bought)
    # Cells without any word are plain already: another policy of that name, however common, would be taken for them.
    common = PLAIN if not len(names) or PLAIN in set(names) else names.mode().iloc[0]
    return Naming(naming.axes, common)


def _text(value: Any) -> str:
    if value is None or pd.isna(value):
        return ""
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)


def _axes(first: pd.DataFrame) -> list[dict[str, Any]]:
    """The axes of each cell that apply to it, as plain values."""
    named = ["dataset", "variety", "aggregation", "rest", "gamma", "beta", "pages_on", "clicks", *_POLICY_AXES]
    plain = []
    for row in records(first[[axis for axis in dict.fromkeys(named) if axis in first]]):
        there = {axis: value for axis, value in row.items() if not pd.isna(value)}
        values = {axis: value.item() if hasattr(value, "item") else value for axis, value in there.items()}
        plain.append({axis: int(value) if axis in _WHOLE else value for axis, value in values.items()})
    return plain


def _page_seconds(results: pd.DataFrame) -> float:
    """The mean time recorded with an answer; clicks known as counts have none."""
    if RECORDED not in results:
        return float("nan")
    timed = pd.to_numeric(results[RECORDED], errors="coerce")
    answers = results[[c for c in answer_columns(results) if c != "answers/click"]].fillna(0).astype(float)
    known = (timed > 0) & (answers.sum(axis="columns") > 0)
    return float(timed[known].sum() / answers[known].sum().sum()) if known.any() else float("nan")
