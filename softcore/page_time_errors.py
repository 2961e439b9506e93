"""What the model of page time gets wrong on people it has not seen, beside a flat 32 s and a flat mean."""

from typing import Any

import numpy as np
import pandas as pd

from softcore.costs import price
from softcore.errors import RequestError
from softcore.page_time import fit_page_time, panel_hours
from softcore.seeding import generator
from softcore.statistics import half_width

LEVEL = 0.9
SHORT = 10  # pages of a session that is cut short
PREDICTORS = ("model", "flat_mean", "flat_32_s")
_NOBODY = -1


def held_out_errors(
    pages: pd.DataFrame, *, folds: int = 8, panel: int = 10, deals: int = 5, seed: int = 0, draws: int = 100
) -> dict[str, Any]:
    """Errors on held-out people of the model and of two flat figures, as nested dicts of plain values.

    People are dealt into `folds`, `deals` times anew; each fold's pages are predicted by what was fitted on the others'
    (`pages` as `timed_pages` gives them). `page_mean_absolute_error` is in seconds a page. A panel is `panel` people of
    one fold, in one deal nobody is in two: `panel_error` is the mean of |predicted / true - 1| of a panel's hours,
    `panel_bias` the mean of predicted / true - 1, `short_sessions` the same of each session's first 10 pages.
    `inside_interval` is the share of panels whose hours lie in the model's 90% interval. `difference` is the model's
    panel error less the flat mean's, with a 95% interval over the panels of one deal; `beats_flat_mean` holds where all
    of it lies below zero. Folds with fewer people than a panel are a RequestError.
    """
    names, person = np.unique(pages["annotator"].to_numpy().astype(str), return_inverse=True)
    if folds < 2 or len(names) // folds < panel:
        raise RequestError(f"{len(names)} people in {folds} folds are too few for panels of {panel}")
    coded = pages.assign(annotator=person)  # whole numbers are sorted and compared faster than names
    found = [_deal(coded, _folds(len(names), folds, seed, deal, panel), panel, draws) for deal in range(deals)]
    by_page = {name: float(np.mean([errors[name] for errors, _ in found])) for name in found[0][0]}
    panels = pd.concat([table for _, table in found])
    paired = (panels["whole model"] - 1).abs() - (panels["whole flat_mean"] - 1).abs()
    # Dealing people anew gives no new people, so the interval counts the panels of one deal.
    half, mean = float(half_width(paired.std(), len(panels) // deals)), float(paired.mean())
    return {
        "people": len(names),
        "folds": folds,
        "deals": deals,
        "people_a_panel": panel,
        "panels": len(panels),
        "page_mean_absolute_error": by_page,
        **_errors(panels, "whole"),
        "short_sessions": {"pages_a_session": SHORT, **_errors(panels, "short")},
        "inside_interval": {"level": LEVEL, "share": float(panels["inside"].mean())},
        "difference": {"mean": mean, "low": mean - half, "high": mean + half, "level": 0.95, "over": "panels"},
        "beats_flat_mean": mean + half < 0,
        "verdict": _verdict(panels, mean + half < 0),
    }


def _folds(people: int, folds: int, seed: int, deal: int, panel: int) -> np.ndarray:
    """The fold of each person, alike in size."""
    order = generator("panel", seed, deal, folds, panel).permutation(people)
    fold = np.empty(people, dtype=np.int64)
    fold[order] = np.arange(people) % folds
    return fold


def _deal(pages: pd.DataFrame, fold: np.ndarray, panel: int, draws: int) -> tuple[dict[str, float], pd.DataFrame]:
    """Mean absolute errors a page by predictor, and one row a panel: predicted over true seconds, whether inside."""
    person, position = pages["annotator"].to_numpy(np.int64), pages["position"].to_numpy(np.int64)
    hard, seconds = pages["difficulty"].to_numpy(dtype=float), pages["seconds"].to_numpy(dtype=float)
    predicted = {name: np.full(len(pages), np.nan) for name in (*PREDICTORS, "model_median")}
    predicted["flat_32_s"][:] = price("t2-clamp")
    panel_of = np.full(len(fold), _NOBODY)
    inside: list[bool] = []
    for out in range(fold.max() + 1):
        held = fold[person] == out
        model = fit_page_time(pages[~held])
        predicted["model"][held] = model.seconds(position[held], hard[held])
        predicted["model_median"][held] = model.median_seconds(position[held], hard[held])
        predicted["flat_mean"][held] = seconds[~held].mean()
        people = np.flatnonzero(fold == out)
        for start in range(0, len(people) - panel + 1, panel):
            hired = people[start : start + panel]
            panel_of[hired] = len(inside)
            sessions = [hard[person == one] for one in hired]
            hours = panel_hours(model, sessions, level=LEVEL, draws=draws)
            inside.append(hours.low <= seconds[np.isin(person, hired)].sum() / 3600 <= hours.high)
    errors = {name: float(np.abs(guess - seconds).mean()) for name, guess in predicted.items()}
    place = pd.Series(person).groupby(person).cumcount().to_numpy()
    rows = {"inside": np.array(inside, dtype=float)}
    for kind, kept in (("whole", panel_of[person] >= 0), ("short", (panel_of[person] >= 0) & (place < SHORT))):
        group = panel_of[person[kept]]
        true = np.bincount(group, seconds[kept])
        rows |= {f"{kind} {name}": np.bincount(group, predicted[name][kept]) / true for name in PREDICTORS}
    return errors, pd.DataFrame(rows)


def _errors(panels: pd.DataFrame, kind: str) -> dict[str, dict[str, float]]:
    off = {name: panels[f"{kind} {name}"] - 1 for name in PREDICTORS}
    return {
        "panel_error": {name: float(error.abs().mean()) for name, error in off.items()},
        "panel_bias": {name: float(error.mean()) for name, error in off.items()},
    }


def _verdict(panels: pd.DataFrame, beats: bool) -> str:
    whole, short = (_errors(panels, kind)["panel_error"] for kind in ("whole", "short"))
    return (
        f"For the hours of a whole panel of new people the model {'beats' if beats else 'does not beat'} a flat mean: "
        f"off by {whole['model']:.1%} against {whole['flat_mean']:.1%} (flat 32 s: {whole['flat_32_s']:.1%}). "
        f"Of sessions cut to their first {SHORT} pages: {short['model']:.1%} against {short['flat_mean']:.1%}."
    )
