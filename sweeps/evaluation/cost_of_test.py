"""What a test set that can see a plan's gain would cost, from how a sweep's own models differ on people's clicks."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from softcore.data.dataset import Dataset
from softcore.prices.price_list import PriceList
from softcore.prices.read import price, usd
from sweeps.evaluation.seeing import BY_CLICK, Spread, click_losses, pooled_spread, spread
from sweeps.evaluation.stored import on_test_set
from sweeps.results.names import dollars
from sweeps.results.table import finished, is_control, is_free
from sweeps.running.store import Store

PAIRS = 12  # of a free recipe's model and a bought cell's with the same seed: their variances differ little
EACH = (1, 3)  # clicks an image


@dataclass(frozen=True, kw_only=True)
class TestCost:
    """Test images with `clicks_an_image` that see a gain at 95% with 80% power, and what their clicks cost."""

    __test__ = False  # pytest: not a class of tests

    metric: str
    gain: float
    clicks_an_image: int
    images: int
    usd: float


def test_costs(
    store: Store,
    results: pd.DataFrame,
    dataset: Dataset,
    metric: str,
    gain: float,
    prices: PriceList,
    *,
    wage: float,
    fee: float,
) -> list[TestCost]:
    """What it takes to see `gain` in `metric` ("scaled-ce/10h") between a free recipe's model and a bought one.

    `results` are those of the sweep in `store`.

    Empty where it can't be said: no gain, a metric that is no mean over clicks, a test set without clicks, fewer than
    two such pairs of models.
    """
    name, _, test_set = metric.partition("/")
    if not gain > 0 or name not in BY_CLICK or dataset.counts is None or test_set not in dataset.fixed_tests:
        return []
    counts = dataset.counts[dataset.fixed_tests[test_set].items]
    pairs = _pairs(finished(results))
    if len(pairs) < 2 or not counts.sum():
        return []
    losses: dict[str, np.ndarray] = {}
    for trial in {trial for pair in pairs for trial in pair}:
        losses[trial] = click_losses(name, on_test_set(store, trial, test_set, dataset).logits)
    found = pooled_spread([spread(losses[free] - losses[bought], counts) for free, bought in pairs])
    return [_cost(found, metric, gain, each, prices, wage, fee) for each in EACH]


def _pairs(done: pd.DataFrame) -> list[tuple[str, str]]:
    """Trials of a free recipe and of a bought cell with the same seed, some of each bought cell first."""
    done = done[~is_control(done)]
    free = done[is_free(done)].drop_duplicates("seed").set_index("seed")["trial"]
    bought = done[~is_free(done) & done["seed"].isin(free.index)]
    turns = bought.assign(turn=bought.groupby("cell").cumcount()).sort_values("turn", kind="stable").head(PAIRS)
    return [(str(free[seed]), str(trial)) for seed, trial in zip(turns["seed"], turns["trial"], strict=True)]


def _cost(found: Spread, metric: str, gain: float, each: int, prices: PriceList, wage: float, fee: float) -> TestCost:
    images = int(np.ceil(found.images_to_see(gain, each)))
    money = usd(images * each * price("click", prices), wage, fee)
    return TestCost(metric=metric, gain=gain, clicks_an_image=each, images=images, usd=money)


def test_cost_words(costs: list[TestCost]) -> str:
    """One line of them; nothing where there are none."""
    if not costs:
        return ""
    one, several = costs[0], costs[-1]
    return (
        f"to see a gain of {one.gain:.3f} yourself between two trained models takes about {_about(one.images)} test "
        f"images with one click each ({dollars(one.usd)}), or {_about(several.images)} with "
        f"{several.clicks_an_image} each ({dollars(several.usd)}): seen in 80% of tests, at 95%"
    )


def _about(number: int) -> str:
    """A number in two digits: more are not known."""
    return f"{float(f'{number:.2g}'):,.0f}"


def as_dicts(costs: list[TestCost]) -> list[dict[str, Any]]:
    """For JSON."""
    return [asdict(cost) for cost in costs]


test_costs.__test__ = False  # type: ignore[attr-defined]  # not tests of pytest's
test_cost_words.__test__ = False  # type: ignore[attr-defined]
