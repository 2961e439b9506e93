"""`sweeps report spending`: what clicks on test images buy, replayed on recorded trials and recorded clicks."""

from pathlib import Path

import numpy as np
import pandas as pd

from softcore.data.dataset import Dataset
from softcore.errors import RequestError
from softcore.prices.read import price, usd
from sweeps.evaluation.seeing import BY_CLICK, pooled_spread, spread
from sweeps.evaluation.stored import on_test_set
from sweeps.results.names import dollars
from sweeps.results.table import records
from sweeps.sources import from_names
from sweeps.studies.document import Document, Picture, Section, Table
from sweeps.studies.report import (
    command,
    log_to_mlflow,
    manifest_notes,
    pages,
    report_folder,
    save_files,
    simulated_words,
    source_rows,
)
from sweeps.studies.spending.choosing import GAPS, pairs_of, replay_choices
from sweeps.studies.spending.clicks import RecordedModels, recorded_models
from sweeps.studies.spending.pictures import choices_png, rounds_png, splits_png
from sweeps.studies.spending.rounds import RANDOM, TRUTH, simulate_rounds
from sweeps.studies.spending.splitting import replay_splits
from sweeps.sweep import Sweep, open_sweep

NAME = "spending"
GAINS = (0.005, 0.01, 0.03)


def write_report(
    name: str,
    *,
    metric: str = "scaled-ce",
    replays: int = 200,
    seeds: int = 20,
    out: str | Path | None = None,
    to: Path | None = None,
    data_root: str | Path | None = None,
) -> tuple[Document, dict[str, Path]]:
    """Write the report on one sweep; the document and the paths of its files by name.

    RequestError, before anything is written, for a metric that can't be replayed by clicks, or a data set without
    clicks on its test images.
    """
    if metric not in BY_CLICK:
        raise RequestError(f"metric {metric} can't be replayed on single clicks; allowed: {', '.join(BY_CLICK)}")
    if replays < 1 or seeds < 2:
        raise RequestError(f"{replays} replays and {seeds} seeds; at least 1 and 2 are needed")
    folder, sweep = report_folder(NAME, [name], out, to, None), open_sweep(name, out=out)
    dataset = sweep.dataset(data_root)
    models = recorded_models(sweep, metric, dataset)
    sources = from_names([name], out)
    sections = (
        _choosing(models, replays, sweep.simulated),
        _splitting(models, replays, sweep.simulated),
        _rounds(sweep, models, dataset, seeds),
    )
    document = Document(
        name=NAME,
        title="What test labels buy",
        simulated=simulated_words(sources),
        summary=tuple(line for section in sections for line in section.summary),
        sources=source_rows(sources),
        command=command(NAME, sweep.id, "--metric", metric, "--replays", str(replays)),
        notes=(
            f"Clicks are drawn without replacement from those that {dataset.name} has on the {len(models.counts):,} "
            f"images of {models.test_set} ({models.counts.sum():,} in all); the truth is what all of them say, on "
            "these images, so that what is said here does not cover other images.",
            *manifest_notes(sources),
        ),
        sections=sections,
    )
    paths = save_files(folder, pages(document))
    log_to_mlflow([sweep], list(paths.values()))
    return document, paths


def _choosing(models: RecordedModels, replays: int, simulated: bool) -> Section:
    found = replay_choices(models, replays=replays)
    right, each = found.right, sorted(found.right["each"].unique())
    rows = []
    for (gap, pairs, clicks), group in right.groupby(["gap", "pairs", "clicks"], sort=False):
        values = group.set_index("each")["mean"]
        rows.append((str(gap), f"{pairs}", f"{clicks:,}", *(f"{values[k]:.0%}" for k in each)))
    headings = ("apart by", "pairs", "clicks", *(f"{k} click{'' if k == 1 else 's'} an image" for k in each))
    wide = right.pivot_table(index=["gap", "clicks"], columns="each", values="mean", sort=False)
    worst = float((wide[each[0]].to_numpy()[:, None] - wide[each[1:]].to_numpy()).min())
    near = right[(right["gap"] == right["gap"].iloc[0]) & (right["clicks"] == _nearest(right["clicks"], 1000))]
    shares = near.set_index("each")["mean"]
    said = ", ".join(f"{shares[k]:.0%} of draws at {k} click{'' if k == 1 else 's'} an image" for k in each)
    summary = (
        f"Of two models that are {near['gap'].iloc[0]} apart in {models.metric}, {int(near['clicks'].iloc[0]):,} "
        f"test clicks choose the better one in {said} (means over {int(near['pairs'].iloc[0])} pairs).",
    )
    lines = (
        f"Every pair of models with the same seed whose true losses are at least {GAPS[0][0]} apart, {replays} draws "
        "of clicks; all models meet the same clicks. "
        + (
            "One click on each of many images is the best use of clicks at every budget and gap."
            if worst >= 0
            else f"One click an image is ahead, or behind by {-worst:.1%} at most."
        ),
        'Source of the question: Dorner & Hardt 2024, "Don\'t label twice" (arXiv:2402.02249).',
    )
    picture = Picture(
        name="choosing",
        words="How often the better of two models is chosen against clicks, by clicks an image",
        png=choices_png(found, simulated),
    )
    table = Table(headings=headings, rows=tuple(rows), numbers=tuple(range(1, len(headings))), spanned=2)
    return Section(
        title="Choosing between two models",
        lines=lines,
        tables=(table, _sizes(models)),
        pictures=(picture,),
        summary=summary,
        data={"metric": models.metric, "replays": replays, "right": right.to_dict("records")},
    )


def _nearest(clicks: pd.Series, wanted: int) -> int:
    there = clicks.unique()
    return int(there[np.abs(np.log(there / wanted)).argmin()])


def _sizes(models: RecordedModels) -> Table:
    """Test images and money that it takes to see a gain, from the mean variances over all pairs."""
    pairs = pairs_of(models)
    every = pooled_spread([spread(models.losses[a] - models.losses[b], models.counts) for a, b in pairs])
    rows = []
    for gain in GAINS:
        for each in (1, 3, 10):
            images = every.images_to_see(gain, each)
            money = dollars(usd(images * each * price("click")))
            rows.append((f"{gain:g}", f"{each}", f"{images:,.0f}", f"{images * each:,.0f}", money))
    caption = (
        f"Test images to see a gain in {models.metric} between two trained models: 80% power, two-sided 95%, means "
        f"over {len(pairs)} pairs (variance between images {every.between:.3f}, between clicks on one "
        f"{every.within:.3f}); thesis prices"
    )
    headings = ("gain", "clicks an image", "images", "clicks", "money")
    return Table(headings=headings, rows=tuple(rows), caption=caption, numbers=tuple(range(5)), spanned=1)


def _splitting(models: RecordedModels, replays: int, simulated: bool) -> Section:
    found = replay_splits(models, replays=replays)
    chosen = found.chosen
    rows = tuple(
        (
            f"{row['training']:,}",
            f"{row['candidates']}",
            f"{row['test']:,}" if row["test"] else "0 (a model at random)",
            f"{row['total']:,}",
            f"{row['loss']:.4f} [{row['low']:.4f}, {row['high']:.4f}]",
            f"{row['best']:.4f}",
        )
        for row in records(chosen)
    )
    headings = (
        "training clicks",
        "cells to choose from",
        "test clicks",
        "in all",
        models.metric,
        "best of them in truth",
    )
    free, most = chosen[chosen["training"] == 0], chosen[chosen["training"] == chosen["training"].max()]
    first, tested, bought = free.iloc[0], free.iloc[-1], most.iloc[-1]
    summary = (
        f"Of free recipes alone, {int(tested['test']):,} test clicks take the chosen model from {first['loss']:.3f} "
        f"(one at random) to {tested['loss']:.3f}; {int(bought['training']):,} clicks on training labels beside "
        f"as many on the test take it to {bought['loss']:.3f} [{bought['low']:.3f}, {bought['high']:.3f}] "
        f"({models.metric}, {found.seeds} seeds).",
    )
    lines = (
        "Candidates are all cells that so many clicks can train, free recipes among them; each seed chooses the model "
        f"with the least loss on the test clicks, one on each image, in {replays} draws. Intervals are over seeds.",
    )
    picture = Picture(
        name="splitting",
        words="The loss of the chosen model against clicks in all, by what went into training labels",
        png=splits_png(found, simulated),
    )
    table = Table(headings=headings, rows=rows, numbers=(0, 1, 2, 3, 4, 5), spanned=2)
    data = {"chosen": chosen.to_dict("records"), "seeds": found.seeds}
    return Section(
        title="Training labels against test labels",
        lines=lines,
        tables=(table,),
        pictures=(picture,),
        summary=summary,
        data=data,
    )


def _rounds(sweep: Sweep, models: RecordedModels, dataset: Dataset, seeds: int) -> Section:
    cell = models.trials["cell"].iloc[0]
    trials = models.trials[models.trials["cell"] == cell]
    features = np.concatenate(
        [on_test_set(sweep.store, trial, models.test_set, dataset).logits.clean for trial in trials["trial"]], axis=1
    )
    found = simulate_rounds(features, models.counts, seeds=seeds)
    progress = found.progress
    rows = tuple(
        (
            str(row.labels),
            f"{row.round}",
            f"{row.images:.0f}",
            f"{row.wrong:.1%}",
            f"{row.accuracy:.4f}",
            f"{row.gain:+.4f} [{row.low:+.4f}, {row.high:+.4f}]",
        )
        for row in progress.itertuples()
    )
    last = progress[progress["round"] == progress["round"].max()].set_index("labels")
    said = "; ".join(
        f"{last.loc[arm, 'gain']:+.3f} [{last.loc[arm, 'low']:+.3f}, {last.loc[arm, 'high']:+.3f}] "
        + {TRUTH: "with the truth", RANDOM: "with as many images at random"}.get(str(arm), f"with labels of {arm}")
        for arm in last.index
    )
    summary = (
        f"After {int(progress['round'].max())} rounds of relabelling errors, accuracy on held-out images: {said} "
        f"({seeds} seeds).",
    )
    recipe = trials["recipe"].iloc[0]
    lines = (
        f"A logistic regression on the logits of {len(trials)} models ({recipe}) is fitted to labelled test images; in "
        "every round up to a hundred of its errors, as the labellers see them, are labelled and added. People's votes "
        "are drawn from the images' own clicks; the truth is the class of most clicks.",
        'After Shirali, Abebe & Hardt 2023, "A theory of dynamic benchmarks" (arXiv:2210.03165).',
    )
    picture = Picture(
        name="rounds", words="Accuracy gained by round, by who labels", png=rounds_png(found, sweep.simulated)
    )
    headings = ("labels", "round", "images", "wrong labels", "accuracy", "gained since the start")
    table = Table(headings=headings, rows=rows, numbers=(1, 2, 3, 4, 5), spanned=1)
    return Section(
        title="Rounds of relabelling",
        lines=lines,
        tables=(table,),
        pictures=(picture,),
        summary=summary,
        data={"progress": progress.to_dict("records"), "seeds": seeds},
    )
