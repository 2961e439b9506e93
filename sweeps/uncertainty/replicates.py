"""From a results table to the arrays that a pooled variance and joint draws are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Float

from softcore.errors import RequestError, unknown_name
from softcore.scoring.metrics import lower_is_better, metric_range
from softcore.varieties import FREE
from sweeps.results.names import kind, recipes
from sweeps.results.table import (
    ANSWERS,
    DONE,
    FAILED,
    answer_columns,
    finished,
    is_free,
    metric_columns,
    unknown_metric,
)
from sweeps.uncertainty.layout import NOBODY, Layout, Pool
from sweeps.uncertainty.shrinkage import Draws, plain_draws, shrunk_draws
from sweeps.uncertainty.strata import Strata, strata
from sweeps.uncertainty.variance import VarianceModel, pooled_variance

PAGES, PAGES_BY_IMAGE, CLICKS = "pages", "pages by image", "clicks"
DRAWN = {
    PAGES: "whole people",
    PAGES_BY_IMAGE: "people, drawn for each image apart",
    CLICKS: "clicks, drawn by image and not by person",
}
# How many answers an item there are, where that is known; elsewhere as many as the results show, which is the least
# that there can be: too few make panels of different seeds look too alike, and intervals too wide.
THERE_ARE = {"cifar10s": {PAGES: 6.0, PAGES_BY_IMAGE: 6.0, CLICKS: 51.0}}
# Not part of a curve: what is bought more or less of along it.
ALONG = ("annotators", "items", "budget_hours", "hired_hours")


FAR_OUT = 2.5  # by how many standard deviations of a trial a failed one is taken to be worse than those that finished


@dataclass(frozen=True, kw_only=True, eq=False)
class Replicates:
    """The finished trials of cells that can be compared, and what each cell is.

    `strata` serve every metric of the table. `cells` has a row a cell: `cell`, `recipe`, `variety`, `curve`, `crowd`,
    `kind`, `annotators` (M), `per_item` (answers an item, of mixed questions all of them), `items`, `asked_items`
    (where the page is asked, of mixed questions), `free`, and the answers bought by question as `answers/X`.
    `lacking` is the share of each cell's trials that failed or lack the metric, at least that of all trials.
    """

    strata: Strata
    results: pd.DataFrame
    cells: pd.DataFrame
    lacking: Float[np.ndarray, " cells"]

    def variance(self, metric: str) -> VarianceModel:
        """The pooled variance of `metric`, of which less is better (of one where more is better, the negative)."""
        sign = 1.0 if lower_is_better(metric) else -1.0
        return pooled_variance(self.strata, sign * self.results[metric].to_numpy(dtype=float))

    def draws(
        self,
        model: VarianceModel,
        rng: np.random.Generator,
        n: int = 1000,
        *,
        metric: str | None = None,
        shrunk: bool = True,
    ) -> Draws:
        """`n` joint draws of the cells' values, of a `variance` model; made once, whatever prices they meet.

        Trials that failed may be the worst of their cells: `worse` is by how much each cell then is. With `metric` no
        value lies outside its range.
        """
        bought = ~self.cells["free"].to_numpy(dtype=bool)
        if shrunk:
            drawn = shrunk_draws(model, tuple(self.cells["curve"]), self.features(), bought, rng, n)
        else:
            drawn = plain_draws(model, bought, rng, n)
        worse = FAR_OUT * self.lacking * model.trial_deviation
        if metric is None:
            return replace(drawn, worse=worse)
        least, most = metric_range(metric)
        ends = (least, most) if lower_is_better(metric) else (-most, -least)
        return replace(drawn, values=np.clip(drawn.values, *ends), worse=worse, ends=ends)

    def features(self) -> Float[np.ndarray, "cells 2"]:
        """log M and log N' of each cell, 0 for free ones."""
        return np.log(self.cells[["per_item", "items"]].to_numpy(dtype=float).clip(1))

    def answers(self, question: str) -> Float[np.ndarray, " cells"]:
        """How many answers to `question` each cell bought."""
        column = ANSWERS + question
        if column not in self.cells:
            names = [name.removeprefix(ANSWERS) for name in answer_columns(self.cells)]
            raise unknown_name("question", question, names or ["none in these results"])
        return self.cells[column].to_numpy(dtype=float)


def replicates(
    results: pd.DataFrame,
    metrics: list[str],
    pools: Mapping[str, Pool] | None = None,
    all_items: float | None = None,
) -> Replicates:
    """The finished trials of a results table that have a finite value of all `metrics`.

    `pools` says whom panels of a crowd ("pages" of whole people, "pages by image", "clicks") are drawn from, by default
    `pools_of`; `all_items` how many annotated items there are (by default the largest N' seen). Free cells are the same
    on every panel and count once a seed. A seed that only one cell has tells nothing of it and is kept all the same.
    Unknown metrics, no cell left, or a single seed are a RequestError.
    """
    for metric in metrics:
        if metric not in metric_columns(results):
            raise unknown_metric(metric, metric_columns(results))
    results = results.reset_index(drop=True)  # rows are told apart by their place, whatever tables were put together
    done = finished(results)
    done = done[np.isfinite(done[metrics].to_numpy(dtype=float)).all(axis=1)]
    if done.empty:
        raise RequestError(f"no finished trial has a finite {' and '.join(metrics)}")
    cells = _cells(done)
    lacking = lacking_shares(results, done).reindex(cells["cell"]).to_numpy(dtype=float)
    free = done["cell"].isin(cells["cell"][cells["free"]])
    done = done[~(free & done.duplicated(_replicate(done)))].reset_index(drop=True)
    share = cells["asked_items"] / (all_items or cells["items"].max() or 1)
    layout = Layout(
        cells=tuple(cells["cell"]),
        cell=pd.Index(cells["cell"]).get_indexer(done["cell"]),
        seed=done["seed"].to_numpy(dtype=np.int64),
        panel=done["panel"].to_numpy(dtype=np.int64),
        repeat=done["repeat"].fillna(0).to_numpy(dtype=np.int64) if "repeat" in done else None,
        crowd=tuple(cells["crowd"]),
        annotators=cells["annotators"].to_numpy(dtype=float),
        share=np.where(cells["free"], 1.0, np.minimum(share, 1.0)).astype(float),
        pools=dict(pools_of(done, cells) if pools is None else pools),
    )
    return Replicates(strata=strata(layout), results=done, cells=cells, lacking=lacking)


def lacking_shares(results: pd.DataFrame, kept: pd.DataFrame) -> pd.Series:
    """By cell, the share of the trials that ended (done or failed) which are not among the `kept`.

    It is at least the share of all trials: what made others fail was at work in a cell that lost none, too.
    """
    ended = results[results["status"].isin([DONE, FAILED])]
    lost = (~ended.index.isin(kept.index)).astype(float)
    return (
        pd.Series(lost, index=ended.index).groupby(ended["cell"]).mean().clip(lower=lost.mean() if len(lost) else 0.0)
    )


def _replicate(results: pd.DataFrame) -> list[str]:
    """The columns that tell the trials of a free cell apart, which are the same on every panel."""
    return ["cell", "seed", *(["repeat"] if "repeat" in results else [])]


def pools_of(results: pd.DataFrame, cells: pd.DataFrame) -> dict[str, Pool]:
    """Whom the panels of each crowd of a results table are drawn from, as far as is known or can be seen."""
    datasets = set(results["dataset"]) if "dataset" in results else set()
    known_sizes: Mapping[str, float] = THERE_ARE.get(str(next(iter(datasets))), {}) if len(datasets) == 1 else {}
    crowd = results["cell"].map(cells.set_index("cell")["crowd"])
    batches = results["holdout"].eq("batches") if "holdout" in results else pd.Series(False, index=results.index)
    found = {}
    for name in [name for name in DRAWN if name in set(crowd)]:
        # Panels of one seed share nobody where whole people are hired, and no click where whole batches are held out.
        disjoint = name == PAGES or (name == CLICKS and bool(batches[crowd == name].all()))
        panels = results[crowd == name].groupby(["cell", "seed"])["panel"].nunique()
        most = panels.groupby("cell").max() if disjoint else panels.groupby("cell").max() * 0 + 1
        seen = float((cells.set_index("cell")["annotators"] * most).max())
        found[name] = Pool(annotators=known_sizes.get(name, float(np.ceil(seen))), disjoint=disjoint, drawn=DRAWN[name])
    return found


def _cells(done: pd.DataFrame) -> pd.DataFrame:
    first = done.drop_duplicates("cell").reset_index(drop=True)
    answered = done[answer_columns(done)].fillna(0).astype(float).groupby(done["cell"], sort=False)
    answers = answered.mean().reset_index(drop=True)
    every = answers.sum(axis="columns")
    free = is_free(answers.assign(variety=first["variety"]))
    items = pd.to_numeric(first["items"], errors="coerce").astype(float)
    mixed = first["pages_on"].notna() if "pages_on" in first else pd.Series(False, index=first.index)
    variety = first["variety"].astype(str)
    hired = first["hiring"].notna() if "hiring" in first else pd.Series(False, index=first.index)
    pages_of = np.where(hired, PAGES, PAGES_BY_IMAGE)
    crowd = np.where(free, NOBODY, np.where((variety == "click") & ~mixed, CLICKS, pages_of))
    # Of mixed questions M is that of the pages, which go to some of the items only.
    pages = every - answers.get(f"{ANSWERS}click", pd.Series(0.0, index=first.index))
    stated = pd.to_numeric(first["annotators"], errors="coerce").astype(float)
    per_item = every / items.where(items > 0)
    per_item = per_item.where(per_item > 0, stated).fillna(1.0)  # answers that were not kept, or on who knows what
    annotators = per_item.where(~mixed, stated.fillna(1.0))
    table = pd.DataFrame(
        {
            "cell": first["cell"].astype(str),
            "recipe": recipes(first),
            "variety": variety,
            "curve": recipes(_with_aggregation(first), without=ALONG),
            "crowd": crowd,
            "kind": [kind(v, free=f, mixed=m) for v, f, m in zip(variety, free, mixed, strict=True)],
            "annotators": annotators.where(~free, 0.0),
            "per_item": per_item.where(~free, 0.0),
            "items": items.where(~free, 0.0).fillna(0.0),
            "asked_items": items.where(~mixed, pages / annotators).where(~free, 0.0).fillna(0.0),
            "free": free,
        }
    )
    return pd.concat([table, answers], axis="columns")


def _with_aggregation(cells: pd.DataFrame) -> pd.DataFrame:
    """One answer an item has no aggregation; it lies on the curve of labels that are kept separate."""
    if "aggregation" not in cells:
        return cells
    alone = cells["aggregation"].isna() & ~cells["variety"].isin(FREE)
    return cells.assign(aggregation=cells["aggregation"].astype(object).where(~alone, "separate"))
