"""A sweep's folder, opened: its trials, results, frontiers and plans."""

import logging
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from softcore.data.dataset import Dataset
from softcore.datasets import data_root
from softcore.errors import RequestError
from softcore.prices.price_list import PriceList
from softcore.scoring.weighted import metrics_of
from sweeps.evaluation.stored import all_later_scores
from sweeps.results.names import INTERVAL, SIMULATED, direction, dollars, hours_between, recipes, value
from sweeps.results.run_cost import Assumptions, RunCost, run_cost
from sweeps.results.table import (
    DONE,
    FAILED,
    axis_columns,
    cell_id,
    finished,
    records,
    results_row,
    results_table,
)
from sweeps.running import store as stores
from sweeps.running.curve import COLUMNS as CURVE_COLUMNS
from sweeps.running.store import Store
from sweeps.spec.cells import Trial, trials_of
from sweeps.spec.spec import HOW

if TYPE_CHECKING:
    from sweeps.comparison.compare import Comparison
    from sweeps.frontier.frontier import Frontiers
    from sweeps.planning.plan import Advice
    from sweeps.running.trial import Material

log = logging.getLogger(__name__)


class Sweep:
    """A sweep that has run, is running or was stopped; reads its folder each time it is asked.

    `ended_with` are the frontiers that a run made when it ended, None for a sweep that was opened.
    """

    def __init__(self, store: Store, ended_with: "Frontiers | None" = None) -> None:
        self.store = store
        self.ended_with = ended_with

    @property
    def id(self) -> str:
        """Its id."""
        return self.store.id

    @property
    def folder(self) -> Path:
        """Its folder."""
        return self.store.folder

    @property
    def metric(self) -> str:
        """The metric that its frontier shows first."""
        return str(self.store.resolved()["metric"])

    @property
    def simulated(self) -> bool:
        """Whether its annotators are simulated."""
        return bool(self.store.manifest()["simulated"])

    def trials(self) -> list[Trial]:
        """Every trial of the spec, in its order."""
        return trials_of(self.store.resolved())

    def results(self) -> pd.DataFrame:
        """One row a trial that has finished or failed, in the order of the spec (`docs/results-table.md`).

        While the sweep runs: the trials so far. A failed trial has its axes and no metrics. Metrics on test sets that
        came later (`sweeps evaluate`) are columns like all others.
        """
        done, failed = self.store.outcomes()
        for trial_id, later in all_later_scores(self.store).items():
            if trial_id in done:
                done[trial_id] = {**later, **done[trial_id]}
        content = self.store.resolved()
        columns = {cell_id(cell): cell for cell in content["cells"]}
        trials = trials_of(content)
        rows = []
        for trial in trials:
            if trial.id in done or trial.id in failed:
                status = DONE if trial.id in done else FAILED
                rows.append(results_row(trial, columns[trial.cell.id], status, done.get(trial.id, {})))
        # Before the first trial has ended: the same columns and no row.
        return results_table(rows or [results_row(trials[0], columns[trials[0].cell.id], FAILED, {})]).iloc[: len(rows)]

    def curves(self) -> pd.DataFrame:
        """The learning curves of finished trials, a row an epoch (`docs/results-table.md`); NaN for an absent score.

        Trials that kept none (`curve_every: 0`, or trained before curves came) have no rows.
        """
        table = finished(self.results())
        names = recipes(table[["cell", *axis_columns(table)]])
        about = table[["trial", "cell", "variety", "seed", "panel", "repeat"]].assign(recipe=names)
        rows = [{"trial": trial, **row} for trial in about["trial"] for row in self.store.curve(trial)]
        return about.merge(pd.DataFrame(rows, columns=["trial", *CURVE_COLUMNS]), on="trial")

    def frontier(
        self,
        metric: str | None = None,
        *,
        cost: str | PriceList = "thesis",
        wage: float | None = None,
        fee: float | None = None,
    ) -> pd.DataFrame:
        """Every cell with its cost and value, and whether it is on the frontier (`sweeps.frontier.frontier`)."""
        from sweeps.frontier.frontier import frontier

        return frontier(self.results(), metric or self.metric, cost=cost, wage=wage, fee=fee)

    def frontiers(
        self,
        metric: str | None = None,
        *,
        cost: str | PriceList = "thesis",
        wage: float | None = None,
        fee: float | None = None,
    ) -> "Frontiers":
        """The frontier of `metric`, of cross-entropy raw and scaled, and what they are made of."""
        from sweeps.frontier.frontier import frontiers

        return frontiers(self.results(), metric or self.metric, cost, wage, fee)

    def plan(self, metric: str | None = None, **budget: Any) -> "Advice":
        """What a budget buys, and whether to buy it (`sweeps.planning.advise.advise` has the arguments)."""
        from sweeps.planning.advise import advise

        return advise(self.results(), metric=metric or self.metric, **budget)

    def compare(
        self,
        *cells: str,
        test_set: str | None = None,
        metrics: Sequence[str] | None = None,
        root: str | Path | None = None,
        **asked: Any,
    ) -> "Comparison":
        """Cells (ids, beginnings of one, or words of their titles) compared on a test set, pair by pair.

        The test set is that of the sweep's metric without one, the metrics all usual ones. `asked` are `covers`,
        `level`, `shared_only` and `matters` of `sweeps.comparison.compare.Question`. The look at the test set is
        counted in the output folder.
        """
        from sweeps.comparison.compare import Question, compare

        named = test_set or metrics_of(self.metric)[0].partition("/")[2]
        question = Question(metrics=tuple(metrics) if metrics else None, **asked)
        return compare(self.store, self.results(), self.dataset(root), cells, named, question)

    def run_cost(
        self, assumptions: Assumptions | None = None, *, finished: Mapping[str, Mapping[str, Any]] | None = None
    ) -> RunCost:
        """What its finished trials cost to run (`sweeps.results.run_cost`); `finished` are those already read."""
        from cluster.resources import DEFAULT_GPUS_PER_TRIAL

        resources = self.store.spec()["resources"]
        share = resources["gpus"]
        if share is None:  # as the runner has it: a pack has a card to itself
            share = DEFAULT_GPUS_PER_TRIAL if resources.get("trials_per_gpu", 1) == 1 else 1.0
        there = self.store.finished() if finished is None else finished
        # A trial whose folder is gone has its result in the log alone.
        records = [self.store.record(name) or {"result": result} for name, result in there.items()]
        hardware = str(self.store.manifest()["hardware"])
        return run_cost(records, hardware=hardware, card_share=share, assumptions=assumptions)

    def predictions(self, trial: str) -> dict[str, np.ndarray]:
        """The stored logits of a finished trial (its id or a unique beginning) by `test-set/items|clean|fgsm`."""
        matches = [name for name in self.store.trial_folders() if name.startswith(trial)]
        if len(matches) != 1:
            raise RequestError(f"{len(matches)} finished trials of {self.id} begin with '{trial}'; name one")
        path = self.store.trials / matches[0] / "predictions.npz"
        try:
            with np.load(path, allow_pickle=False) as stored:
                return {name: stored[name] for name in stored.files}
        except Exception as error:  # zip, zlib and NumPy each have their own way to say that a file is cut
            raise self.store.unreadable(path, error) from None

    def dataset(self, root: str | Path | None = None) -> Dataset:
        """The data it ran on; refuses data that has changed since."""
        from sweeps.running.trial import load_data  # with torch, which who reads results need not wait for

        manifest = self.store.manifest()
        where = data_root(root or manifest["data_root"])
        dataset = load_data(manifest["dataset"], where, self.store.spec().get("word_vectors"))
        before, now = manifest["fingerprints"], dict(dataset.fingerprints)
        if before != now:
            changed = ", ".join(name for name in {**before, **now} if before.get(name) != now.get(name))
            raise RequestError(
                f"the data of {self.id} has changed since it began ({changed}); run the spec again for a new sweep"
            )
        return dataset

    def material(self, root: str | Path | None = None) -> "Material":
        """What its trials read; refuses data that has changed since."""
        from sweeps.running.trial import make_material

        where = data_root(root or self.store.manifest()["data_root"])
        spec = self.store.spec()
        often = {name: spec[name] for name in HOW if name in spec}  # sweeps from before they came have neither
        return make_material(self.dataset(root), spec.get("evaluate", []), where, **often)

    def __repr__(self) -> str:
        return f"Sweep({self.id!r}, {len(self.store.finished())} of {len(self.trials())} trials done)"

    def _repr_html_(self) -> str:
        """For a notebook: its id, how far it is, whether people are simulated, its frontier at the thesis's prices."""
        done, failed = self.store.outcomes()
        state = f"{len(done)} of {len(self.trials())} trials done" + (f", {len(failed)} failed" if failed else "")
        mark = f" <strong>{SIMULATED}</strong>" if self.simulated else ""
        head = f"<p>Sweep <code>{escape(self.id)}</code>: {state}.{mark}</p>"
        if not done:
            return head
        cells = self.frontier().sort_values("on_frontier", ascending=False, kind="stable")
        ends = ("low", "high")
        rows = [
            {
                "labels": row["recipe"],
                "people's time": "free" if row["free"] else hours_between(*(row[f"label_seconds_{e}"] for e in ends)),
                "money": dollars(row["label_usd"]),
                self.metric: ("★ " if row["on_frontier"] else "") + value(row["value"], row["low"], row["high"]),
                "n": row["n"],
            }
            for row in records(cells)
        ]
        note = f"★ on the frontier; {direction(self.metric)}. [ ] is a {INTERVAL}."
        return f"{head}{pd.DataFrame(rows).to_html(index=False, border=0)}<p>{note}</p>"


def open_sweep(name: str, *, out: str | Path | None = None) -> Sweep:
    """The sweep that an id, a unique beginning of one, or a path means."""
    return Sweep(stores.find(name, stores.out_folder(out)))
