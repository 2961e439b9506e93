"""Made-up results tables, so that what reads them is tested without training."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest

from softcore.data.dataset import Dataset
from softcore.datasets import load
from softcore.errors import RequestError
from sweeps.planning.checks import check
from sweeps.planning.forecast import Forecast, make_forecast
from sweeps.planning.rows import Rows, make_rows
from sweeps.studies.coverage.planted_plans import FREE_CELLS, METRIC, QUESTIONS, World, bought_cells, planted_table
from sweeps.studies.sealed.judge import Judgement

VARIETIES = ("click", "t1-uniform", "t1-clamp", "t2-uniform", "t2-clamp")
SECONDS = {"click": 2.5, "t1-uniform": 12.8, "t1-clamp": 19.2, "t2-uniform": 25.6, "t2-clamp": 32.0}

# Means of ce and scaled-ce on 10h much like those of a throw-away grid at half resolution.
CELLS: tuple[tuple[dict[str, Any], float, float], ...] = (
    ({"variety": "hard"}, 1.792, 1.157),
    ({"variety": "smoothed", "beta": 0.05}, 1.52, 1.148),
    ({"variety": "click", "aggregation": "separate", "annotators": 1, "items": 900}, 1.785, 1.156),
    ({"variety": "click", "aggregation": "separate", "annotators": 6, "items": 900}, 1.521, 1.145),
    ({"variety": "click", "aggregation": "separate", "annotators": 50, "items": 900}, 1.471, 1.135),
    ({"variety": "t1-uniform", "aggregation": "separate", "annotators": 1, "items": 900}, 1.489, 1.207),
    ({"variety": "t1-uniform", "aggregation": "separate", "annotators": 6, "items": 900}, 1.401, 1.181),
    ({"variety": "t1-clamp", "aggregation": "separate", "annotators": 6, "items": 900}, 1.42, 1.17),
    ({"variety": "t2-uniform", "aggregation": "separate", "annotators": 6, "items": 900}, 1.424, 1.160),
    ({"variety": "t2-clamp", "aggregation": "separate", "annotators": 2, "items": 900}, 1.45, 1.16),
    ({"variety": "t2-clamp", "aggregation": "separate", "annotators": 6, "items": 900}, 1.423, 1.150),
)


def trials(
    axes: dict[str, Any], *, cell: str, values: dict[str, Sequence[float]], status: str = "done"
) -> pd.DataFrame:
    """The trials of one cell: one a value, its answers M x N' of its variety."""
    n = len(next(iter(values.values())))
    people, items = axes.get("annotators"), axes.get("items")
    bought = (50 if people == "all" else people or 0) * (items or 0) if axes["variety"] in VARIETIES else 0
    defaults = {"dataset": "cifar10s", "aggregation": None, "annotators": None, "items": None, "rest": "hard"}
    defaults |= {
        "gamma": 0.1 if axes["variety"].endswith("clamp") else None,
        "beta": None,
        "model": "cnn",
        "epochs": 15,
    }
    rows = pd.DataFrame([defaults | axes] * n)
    rows.insert(0, "trial", [f"{cell}-s{seed}-p0" for seed in range(n)])
    rows.insert(1, "cell", cell)
    rows.insert(2, "seed", range(n))
    rows.insert(3, "panel", 0)
    rows.insert(4, "status", status)
    for metric, numbers in values.items():
        rows[metric] = np.nan if status == "failed" else numbers
    rows["train_seconds"], rows["eval_seconds"] = 41.0, 2.0
    seconds = bought * SECONDS.get(axes["variety"], 0.0)
    rows["label_seconds_per_item"] = seconds / items if items else 0.0
    rows["label_seconds_total"] = seconds
    rows["label_usd"] = 99999.0  # stale on purpose: a frontier makes its own money
    for variety in VARIETIES:
        rows[f"answers/{variety}"] = bought if variety == axes["variety"] else 0
    return rows


def made_up(
    cells: Sequence[tuple[dict[str, Any], float, float]] = CELLS, n: int = 3, spread: float = 0.02
) -> pd.DataFrame:
    """A results table with `n` replicates a cell on test sets 10h and 10s, the cells' means as given."""
    rng = np.random.default_rng(5)

    def around(mean: float, scale: float = 1.0) -> np.ndarray:
        noise = rng.normal(size=n)
        return mean + scale * spread * (noise - noise.mean())

    frames = []
    for k, (axes, ce, scaled) in enumerate(cells):
        values: dict[str, Sequence[float]] = {}
        for test_set, shift in (("10h", 0.0), ("10s", 1.0)):
            values |= {
                f"ce/{test_set}": around(ce + shift),
                f"scaled-ce/{test_set}": around(scaled + shift, 0.4),
                f"rmsce/{test_set}": around(ce / 8, 0.3),
                f"fgsm/{test_set}": around(ce * 4, 4.0),
                f"accuracy/{test_set}": around(1 - ce / 4, 0.5),
            }
        frames.append(trials(axes, cell=f"c{k:02d}", values=values))
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="session")
def results() -> pd.DataFrame:
    return made_up()


@pytest.fixture(scope="session")
def make() -> Callable[..., pd.DataFrame]:
    return made_up


@pytest.fixture(scope="session")
def make_trials() -> Callable[..., pd.DataFrame]:
    return trials


@pytest.fixture(scope="session")
def wide() -> Dataset:
    """Digits made as wide as CIFAR-10S: 40 batches of 25 items, answered by 6 people each, 51 clicks an item."""
    digits = load("digits")
    old = digits.records[~digits.records["is_repeat"]]
    one = old[old["annotator"] == "simulated-00"]
    items = digits.train_items[:1000].reshape(40, 25)
    tables = [
        one.assign(annotator=f"p{batch}-{person}", item=items[batch]) for batch in range(40) for person in range(6)
    ]
    counts = np.zeros((len(digits.images), 10), dtype=np.int64)
    counts[:, 0] = 51
    records = pd.concat(tables, ignore_index=True)
    return replace(digits, name="cifar10s", records=records, counts=counts, held_out=100)


class Page(HTMLParser):
    """What a browser would see: elements by name with their attributes, and the text outside scripts and styles."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._inside: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._inside and tag == self._inside[-1]:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.text += data


@pytest.fixture(scope="session")
def seen() -> type[Page]:
    """Reads a page's source as a browser would see it."""
    return Page


# Pages of T2 Clamp are far better than all else, clicks poor but cheap.
CLEAR = World(
    first=dict.fromkeys(QUESTIONS, 0.15) | {"t2-clamp": 0.27, "click": 0.05},
    everybody=dict.fromkeys(QUESTIONS, 0.35) | {"t2-clamp": 0.5, "click": 0.3},
)


def _swept(world: World, seed: int = 0) -> pd.DataFrame:
    return planted_table(world, [*bought_cells(), *FREE_CELLS], np.random.default_rng(seed))


@pytest.fixture(scope="session")
def clear_world() -> World:
    """What the cells of `clear` are worth."""
    return CLEAR


@pytest.fixture(scope="session")
def clear() -> pd.DataFrame:
    """A sweep whose best question is T2 Clamp by far."""
    return _swept(CLEAR)


@pytest.fixture(scope="session", autouse=True)
def forecasts_are_made_once():
    """What a verdict is learnt from depends on the results, the metric and the options alone: fitted once a process."""
    known: dict[object, Forecast | RequestError] = {}

    def remembered(results: pd.DataFrame, **options: Any) -> Forecast:
        same = results.astype(str)
        key = (tuple(results), int(pd.util.hash_pandas_object(same).sum()), repr(sorted(options.items())))
        if key not in known:
            try:
                known[key] = make_forecast(results, **options)
            except RequestError as error:
                known[key] = error
        found = known[key]
        if isinstance(found, RequestError):
            raise found
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sweeps.planning.verdict.make_forecast", remembered)
        yield


@pytest.fixture(scope="session")
def clear_rows(clear: pd.DataFrame) -> Rows:
    """What it says of the metric."""
    return make_rows(clear, METRIC)


@pytest.fixture(scope="session")
def forecast(clear: pd.DataFrame) -> Forecast:
    """Its draws."""
    return make_forecast(clear, metric=METRIC)


@pytest.fixture(scope="session")
def null() -> pd.DataFrame:
    """A sweep whose purchases are all as good as smoothing, which is free."""
    nothing = dict.fromkeys(QUESTIONS, 0.0)
    return _swept(World(first=nothing, everybody=nothing, smoothed=1.8), seed=1)


@pytest.fixture(scope="session")
def judged() -> Callable[..., Judgement]:
    """Makes judgements of three models."""
    return _judged


def _judged(
    metric: str,
    errors: tuple[float, ...] = (0.01, 0.02, 0.03),
    default: str = "curve",
    missed: int = 0,
    cells: int = 24,
) -> Judgement:
    """Models whose predictions are off by as much as they say, the default far off on the first cells `missed`."""
    rng = np.random.default_rng(0)
    seen = rng.normal(1.5, 0.1, cells)
    models = ("curve", "regression", "nearest cells")
    draws = {
        model: seen + error * (0.5 * rng.uniform(-1, 1, cells) + rng.standard_normal((4000, cells)))
        for model, error in zip(models, errors, strict=True)
    }
    draws[default][:, :missed] += 3 * errors[models.index(default)]
    checks = tuple(check(model, drawn, seen) for model, drawn in draws.items())
    shown = pd.DataFrame({"cell": [f"c{k}" for k in range(cells)], "variety": "click", "inside": True, "seen": seen})
    for model, drawn in draws.items():
        for name, share in (("", 0.5), (" low 80", 0.1), (" high 80", 0.9), (" low 95", 0.025), (" high 95", 0.975)):
            shown[model + name] = np.quantile(drawn, share, axis=0)
    return Judgement(
        metric=metric,
        cells=shown,
        checks=checks,
        inside=checks,
        beyond=(),
        differences=checks,
        left_out=checks,
        default=default,
    )
