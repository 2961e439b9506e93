"""What the page of plans computes with, as plain values: all that no price changes, and seconds that prices change."""

import base64
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from softcore.prices.price_list import PriceList
from softcore.scoring.metrics import lower_is_better
from softcore.scoring.weighted import WeightedMetric, is_weighted
from softcore.varieties import FREE
from sweeps.frontier.banded import CellDraws
from sweeps.frontier.pricing import Purchases, answers_by_question, costs, middle, purchases, questions_of
from sweeps.frontier.weights import metric_units
from sweeps.planning.advise import best_free, covers_of_plans, interval, notes
from sweeps.planning.candidates import purchases_of
from sweeps.planning.forecast import Forecast
from sweeps.planning.plan import spec_template
from sweeps.planning.rank import axes_of, candidate_name, people_needed
from sweeps.planning.rows import POINT
from sweeps.planning.verdict import NEAR, enough, holds_for, training_words
from sweeps.results.names import (
    changes,
    direction,
    metric_title,
    metric_unit,
    metric_words,
    question,
    test_set_short,
    test_set_title,
    variety_title,
)
from sweeps.results.table import VALIDATION, metric_columns, records
from sweeps.show.drawing import colour, mark_scale, marks

FINE = 4  # decimal digits kept of the values' standard deviation
PRINTED = 1e-5  # kept at the least, as thousandths are printed; beyond a spread of 100 integers would overflow
Seconds = dict[str, list[float]]  # by question: answers, seconds at the lowest and at the highest of its prices
LEVEL = 0.9  # of a cell's interval and of bands


def pack_draws(values: Float[np.ndarray, "n p"], groups: Int[np.ndarray, " p"] | None = None) -> dict[str, Any]:
    """`values` [draws, columns] quantised, delta-coded and deflated, as plain values for JSON.

    Keys: `offset`, `step`, `shape`, `groups` and `data` (base64). A value is `offset` plus an integer times `step`, the
    power of ten that is at most 1e-4 of the values' standard deviation, and 1e-5. Integers are stored column by column;
    a column that follows two of its own group (`groups` [columns], equal numbers adjacent) as its second difference
    from them, others as they are. They are zigzag-coded (0, -1, 1, -2 as 0, 1, 2, 3) and laid out as four byte planes,
    lowest byte first. `templates/draws.js` is the decoder.
    """
    spread = float(values.std()) if values.size else 0.0
    step = 10.0 ** (np.floor(np.log10(spread)) - FINE) if spread > 0 else 1.0
    step = min(step, PRINTED) if 0 < spread < 100 else step
    offset = float(values.mean()) if values.size else 0.0
    whole = np.round((values.T - offset) / step).astype(np.int64)
    kept = whole.copy()
    if groups is not None:
        for column in range(2, len(whole)):
            if groups[column] == groups[column - 1] == groups[column - 2]:
                kept[column] -= 2 * whole[column - 1] - whole[column - 2]
    coded = np.where(kept < 0, -2 * kept - 1, 2 * kept).astype("<u4")
    planes = coded.ravel().view(np.uint8).reshape(-1, 4).T.copy()
    return {
        "offset": offset,
        "step": step,
        "shape": list(values.shape),
        "groups": None if groups is None else groups.tolist(),
        "data": base64.b64encode(zlib.compress(planes.tobytes(), 9)).decode("ascii"),
    }


def plan_data(forecast: Forecast, prices: PriceList) -> dict[str, Any]:
    """The candidates of one metric with all that their draws say, the best free recipe, and what goes with them.

    `kinds` (question, M, way of training) have seconds an image; a candidate is a kind and a number of images. Values
    in `expected` and `draws` are less the better, all others as the metric is.
    """
    table = forecast.table
    kind = table.groupby(list(POINT[:-1]), sort=False).ngroup().to_numpy()
    first = [int((kind == k).argmax()) for k in range(kind.max() + 1)]
    sizes = table["items"].to_numpy(dtype=float)[first]
    seconds = seconds_of(purchases_of(table.iloc[first], forecast.rows), prices)
    free = best_free(forecast)
    places = range(len(table))
    return {
        "metric": forecast.rows.metric,
        "sign": forecast.rows.sign,
        "matters": forecast.matters,
        "enough": enough(forecast.matters),
        "improves": changes(forecast.rows.metric),
        "worsens": changes(forecast.rows.metric, better=False),
        "near": NEAR,
        "seeds": forecast.seeds,
        "free": {"recipe": free.recipe, "predicted": free.predicted, "interval_80": free.interval_80},
        "kinds": [
            _kind(forecast, place, {q: [x / n for x in three] for q, three in each.items()})
            for place, n, each in zip(first, sizes, seconds, strict=True)
        ],
        "candidates": {
            "kind": kind.tolist(),
            "items": table["items"].astype(int).tolist(),
            "name": [candidate_name(forecast, place) for place in places],
            "people": people_needed(forecast).tolist(),
            "beyond": table["beyond"].astype(bool).tolist(),
            "expected": forecast.expected.tolist(),
            "gain": forecast.gain.tolist(),
            "apart": (forecast.free_values[:, forecast.best_free].mean() - forecast.expected).tolist(),
            "beats_free": forecast.beats_free.tolist(),
            "gains_enough": forecast.gains_enough.tolist(),
            "seeds_needed": forecast.seeds_needed.tolist(),
            "worth": forecast.worth_buying.tolist(),
            "interval_80": [interval(forecast, forecast.runs[:, place], 0.8) for place in places],
            "interval_95": [interval(forecast, forecast.runs[:, place], 0.95) for place in places],
        },
        "readings": {name: chance.round(6).tolist() for name, chance in forecast.readings.items()},
        "draws": pack_draws(forecast.values, kind),
        "checked": "; ".join(r.words for r in forecast.measured),
        "chosen": forecast.choice.chosen.name,
        "model": [forecast.choice.why, *(check.words for check in forecast.choice.shown)],
        "covers": covers_of_plans(forecast),
        "notes": list(notes(forecast, ())),
        "holds_for": list(holds_for(forecast)),
    }


def _kind(forecast: Forecast, place: int, seconds: Seconds) -> dict[str, Any]:
    row, axes = forecast.table.iloc[place], axes_of(forecast, place)
    return {
        "variety": str(row["variety"]),
        "question": question(str(axes["variety"]), axes.get("pages_on")),
        "people": int(row["annotators"]),
        "training": training_words(axes),
        "seconds": seconds,
        "spec": spec_template(axes, forecast.rows.metric),
    }


def cell_data(summary: pd.DataFrame, prices: PriceList) -> list[dict[str, Any]]:
    """The measured cells of a `summary` that have a cost, on any metric: what they asked and what that takes.

    Cells that bought labels and do not say how many have no place on an axis of costs, and are left out.
    """
    bought = purchases(summary)
    seconds, asked = seconds_of(bought, prices), questions_of(summary)
    pages_on = summary["pages_on"] if "pages_on" in summary else [None] * len(summary)
    return [
        {
            "cell": str(cell),
            "recipe": recipe,
            "variety": str(variety),
            "question": question(str(variety), where),
            "free": not names,
            "asked": sorted(names),
            "seconds": taken,
        }
        for cell, recipe, variety, where, names, taken in zip(
            summary["cell"], summary["recipe"], summary["variety"], pages_on, asked, seconds, strict=True
        )
        if names or variety in FREE
    ]


def frontier_data(drawn: CellDraws, cells: Sequence[Mapping[str, Any]], sign: float) -> dict[str, Any]:
    """What one metric's joint draws say of those of `cells` that have it; `cells` are then places in that list."""
    found, values = drawn.found.cells, drawn.draws.values
    there = {str(cell): place for place, cell in enumerate(found["cell"])}
    shown = [i for i, cell in enumerate(cells) if cell["cell"] in there]
    places = [there[cells[i]["cell"]] for i in shown]
    shares, worse = drawn.draws.shares(LEVEL), np.broadcast_to(drawn.draws.worse, len(found))[places]
    low, high = np.quantile(values[:, places], shares, axis=0)
    ends = sign * np.stack([low, high + worse]).clip(*drawn.draws.ends)
    lacking = [str(cell) for cell in found["cell"] if cell not in {each["cell"] for each in cells}]
    return {
        "sign": sign,
        "level": LEVEL,
        "shares": list(shares),
        "worse": worse.tolist(),
        "ends": list(drawn.draws.ends),  # None where there is no end
        "covers": drawn.draws.covers,
        "notes": list(drawn.notes),
        "excluded": [f"{cell}: {why}" for cell, why in drawn.excluded.items()]
        + [f"{cell}: bought labels, but no answers on record to price" for cell in lacking],
        "cells": shown,
        "trials": np.bincount(drawn.model.strata.layout.cell)[places].tolist(),
        "mean": (sign * drawn.draws.mean[places]).tolist(),
        "value": (sign * drawn.draws.best_guess[places]).tolist(),
        "interval": np.sort(ends, axis=0).T.tolist(),
        "questions": sorted({name for i in shown for name in cells[i]["asked"] if len(cells[i]["asked"]) == 1}),
        "draws": pack_draws(values[:, places]),
    }


def weights_data(
    summary: pd.DataFrame,
    cells: Sequence[Mapping[str, Any]],
    metric: str,
    prices: PriceList,
    judged: Sequence[str] = (),
) -> dict[str, Any] | None:
    """What weights on several metrics choose from: those that all cells with `metric` have, each with its unit.

    None where that is `metric` alone. To begin with all weight is on `metric`, or as it weighs. `judged` are the
    metrics that the page has plans for: weights that are one of them have its verdict.
    """
    summary = summary[summary["cell"].isin([cell["cell"] for cell in cells]) & summary[metric].notna()]
    offered = [m for m in metric_columns(summary) if m.partition("/")[2] != VALIDATION and not is_weighted(m)]
    whole = [m for m in offered if summary[m].notna().all()]
    if len(whole) < 2:
        return None
    own = WeightedMetric.of(metric).units if is_weighted(metric) else {}
    units = [own.get(m, unit) for m, unit in zip(whole, metric_units(summary, whole), strict=True)]
    shares = {m: WeightedMetric.of(m).shares if is_weighted(m) else {m: 1.0} for m in (metric, *judged)}
    summary = summary.assign(cost=middle(costs(purchases(summary), prices))).sort_values(["cost", "cell"])
    place = {cell["cell"]: i for i, cell in enumerate(cells)}
    rest = [m for m in offered if m not in whole]
    return {
        "metrics": [
            {
                "metric": name,
                "title": metric_title(name),
                "test_set": test_set_short(name.partition("/")[2]),
                "direction": direction(name),
                "sign": 1.0 if lower_is_better(name) else -1.0,
                "unit": unit,
            }
            for name, unit in zip(whole, units, strict=True)
        ],
        "start": [100.0 * shares[metric].get(name, 0.0) for name in whole],
        "judged": {m: [shares[m].get(name, 0.0) for name in whole] for m in judged},
        "cells": [
            {"cell": place[row["cell"]], "recipe": row["recipe"], "values": [row[name] for name in whole]}
            for row in records(summary)
        ],
        "left_out": f"Not offered, as some cells lack it: {', '.join(rest)}." if rest else "",
    }


def price_data(data: Iterable[Sequence[Mapping[str, Any]]], prices: PriceList) -> list[dict[str, Any]]:
    """Each question that anything bought: its words, and seconds an answer at the lowest and at the highest prices.

    `data` are lists of things that have `seconds`. Of questions that are charged by what was recorded the mean counts.
    """
    total: dict[str, np.ndarray] = {}
    for things in data:
        for thing in things:
            for name, three in thing["seconds"].items():
                total[name] = total.get(name, np.zeros(3)) + np.array(three)
    return [
        {
            "question": name,
            "title": variety_title(name),
            "asked": question(name),
            "low": float(low / answers),
            "high": float(high / answers),
            "recorded": name in prices.recorded,
        }
        for name, (answers, low, high) in total.items()
    ]


def metric_data(metric: str) -> dict[str, str]:
    """A metric in words."""
    name, _, test_set = metric.partition("/")
    return {
        "metric": metric,
        "short": name,
        "asked": WeightedMetric.of(metric).words if is_weighted(metric) else metric,
        "title": metric_title(metric),
        "words": metric_words(metric),
        "test_set": test_set_title(test_set),
        "direction": direction(metric),
        "unit": metric_unit(metric),
    }


def look_data(varieties: Iterable[str]) -> dict[str, dict[str, Any]]:
    """How cells of each variety are drawn."""
    return {
        variety: {
            "title": variety_title(variety),
            "colour": colour(variety),
            "symbol": marks(variety)[1],
            "text": marks(variety)[2],
            "size": round(10 * mark_scale(variety) ** 0.5),
        }
        for variety in varieties
    }


def seconds_of(bought: Purchases, prices: PriceList) -> list[Seconds]:
    """Answers and seconds of each purchase by question, of the questions that it asked."""
    priced, answers = costs(bought, prices), answers_by_question(bought)
    return [
        {
            name: [float(answers[i, j]), float(priced.low[i, j]), float(priced.high[i, j])]
            for j, name in enumerate(priced.questions)
            if answers[i, j] > 0
        }
        for i in range(len(bought.cells))
    ]
