"""What cells cost under price lists, and which of them stay unbeaten at all prices of an interval."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softcore.errors import RequestError
from softcore.prices.price_list import PriceList
from softcore.prices.read import PRICES
from sweeps.frontier.frontier import frontier, to_reprice
from sweeps.frontier.pricing import Purchases, costs, middle, non_dominated, non_dominated_over_prices, reprice

PAGE = PRICES["page"]


def bought(answers, recorded=None, dataset="cifar10s"):
    """Purchases from one mapping of answers by question a cell."""
    questions = tuple(dict.fromkeys(q for cell in answers for q in cell))
    return Purchases(
        cells=tuple(f"c{i}" for i in range(len(answers))),
        questions=questions,
        answers=np.array([[cell.get(q, 0.0) for q in questions] for cell in answers], dtype=float),
        recorded=np.array(recorded if recorded is not None else [np.nan] * len(answers), dtype=float),
        dataset=(dataset,) * len(answers),
    )


def ends(purchases, prices):
    low, high = costs(purchases, prices).ends
    return list(zip(low.tolist(), high.tolist(), strict=True))


def test_points_cost_answers_times_seconds():
    # 10 clicks and 2 pages: 25 + 64 = 89 s.
    assert ends(bought([{"click": 10, "t2-clamp": 2}, {"t2-clamp": 3}]), PRICES["thesis"]) == [(89, 89), (96, 96)]


def test_what_was_recorded_is_charged_where_it_is_known_and_the_mean_where_it_is_not():
    # 100 s recorded: the whole page all of it, two of five parts 40 to 100 s. Unknown: 2 x 44.38 s, 2 x 17.752 to that.
    cells = [{"t2-clamp": 2}, {"t1-uniform": 2}, {"t2-clamp": 2}, {"t1-uniform": 2}]
    known = bought(cells, recorded=[100, 100, np.nan, np.nan])
    assert ends(known, PAGE) == [(100, 100), (40, 100), (88.76, 88.76), (35.504, 88.76)]
    # The thesis's list does not ask what was recorded.
    assert ends(known, PRICES["thesis"]) == [(64, 64), (25.6, 25.6), (64, 64), (25.6, 25.6)]


def test_clicks_beside_recorded_pages_keep_their_own_price():
    # 90 s on the pages and 4 clicks of 2.5 s.
    assert ends(bought([{"click": 4, "t2-clamp": 2}], recorded=[90]), PAGE) == [(100, 100)]
    # Clicks alone have nothing recorded.
    assert ends(bought([{"click": 4}], dataset="digits"), PAGE) == [(10, 10)]


def test_two_recorded_questions_of_a_cell_share_its_seconds_by_what_they_would_take():
    # One part of a page and a whole page, each of 44.38 s: half of 100 s each; 0.4 x 50 + 50 = 70 to 100 s.
    assert ends(bought([{"t1-uniform": 1, "t2-clamp": 1}], recorded=[100]), PAGE) == [(70, 100)]


def test_pages_of_other_data_need_recorded_seconds():
    with pytest.raises(
        RequestError, match=r"price list 'page' takes .* cell c1 of digits has none \(column recorded_s"
    ):
        costs(bought([{"click": 1}, {"t2-clamp": 1}], dataset="digits"), PAGE)
    assert ends(bought([{"t2-clamp": 1}], recorded=[50], dataset="digits"), PAGE) == [(50, 50)]


def test_session_prices_refuse_clicks_only_where_some_were_bought():
    assert ends(bought([{"click": 0, "t2-clamp": 1}]), PRICES["session"]) == [(64.76, 64.76)]
    with pytest.raises(RequestError, match="--click-overhead"):
        costs(bought([{"click": 1}]), PRICES["session"])


def test_dominance_is_claimed_only_where_it_holds_at_all_prices():
    # Pages of two parts: 40 to 100 s; whole pages 100 s. Values: less is better.
    cells = bought(
        [{"t2-clamp": 1}, {"t1-uniform": 1}, {"t1-uniform": 2}, {"t1-uniform": 3}], recorded=[100, 100, 200, 300]
    )
    priced = costs(cells, PAGE)
    # The whole page (100 s) is better than two parts (40-100 s), and at no price cheaper: both stay. Twice two parts
    # (80-200 s) and worse than the whole page: beaten only at some prices, but by once two parts as good at all. Three
    # times two parts (120-300 s) and worse than the whole page at all prices: beaten.
    value = np.array([1.0, 2.0, 2.0, 1.5])
    assert non_dominated_over_prices(priced.low, priced.high, value).tolist() == [True, True, False, False]
    # At the middle (100, 70, 140, 210 s) twice two parts of a better value than once would seem beaten by the page.
    value = np.array([1.0, 2.0, 1.8, 1.5])
    assert non_dominated_over_prices(priced.low, priced.high, value).tolist() == [True, True, True, False]
    assert non_dominated(middle(priced), value).tolist() == [True, True, False, False]


def test_one_price_holds_for_all_cells_that_ask_the_same():
    # Both ask two parts of a page, read otherwise: whatever these take, two of them cost twice as much as one.
    cells = bought([{"t1-uniform": 1}, {"t1-semantic": 2}])
    priced = costs(cells, PAGE)
    assert priced.questions == ("t1-uniform",)
    assert non_dominated_over_prices(priced.low, priced.high, np.array([1.0, 1.0])).tolist() == [True, False]
    # Of other questions the same intervals are no reason.
    other = costs(bought([{"t1-uniform": 1}, {"select-two": 2}]), PAGE)
    assert non_dominated_over_prices(other.low, other.high, np.array([1.0, 1.0])).tolist() == [True, True]


amounts = st.lists(
    st.tuples(st.tuples(st.integers(0, 3), st.integers(0, 3)), st.integers(0, 4)), min_size=1, max_size=9
)


@settings(max_examples=60)
@given(amounts, st.tuples(st.integers(1, 3), st.integers(0, 3)), st.tuples(st.integers(1, 3), st.integers(0, 3)))
def test_an_unbeaten_cell_is_beaten_by_no_other_at_every_price(cells, first, second):
    number, value = np.array([c for c, _ in cells], float), np.array([v for _, v in cells], float)
    low = number * [first[0], second[0]]
    high = number * [sum(first), sum(second)]
    corners = np.array([[low, high][i][:, 0] + [low, high][j][:, 1] for i in (0, 1) for j in (0, 1)])

    def beats(a, b):
        # Costs are linear in prices: what holds at the corners holds between.
        return (
            value[a] <= value[b]
            and (corners[:, a] <= corners[:, b]).all()
            and (value[a] < value[b] or (corners[:, a] < corners[:, b]).any())
        )

    expected = [not any(beats(a, b) for a in range(len(cells))) for b in range(len(cells))]
    assert non_dominated_over_prices(low, high, value).tolist() == expected


def lists(n, seed=3):
    """Random price lists, every second with intervals."""
    rng = np.random.default_rng(seed)
    for i in range(n):
        low = rng.uniform(0, 60, len(PRICES["thesis"].seconds))
        high = low * (1 if i % 2 else rng.uniform(1, 3, len(low)))
        seconds = {q: (float(a), float(b)) for q, a, b in zip(PRICES["thesis"].seconds, low, high, strict=True)}
        yield PriceList(name=f"r{i}", seconds=seconds, basis="Random.")


@pytest.mark.parametrize("metric", ["ce/10h", "accuracy/10h"])
def test_repricing_gives_the_frontier_made_from_scratch(results, make_trials, metric):
    # With a cell that has no value, one that has no answers on record, and recorded seconds of some.
    gaps = [
        make_trials({"variety": "click", "annotators": 2, "items": 900}, cell="nan", values={metric: [0.1, np.nan]}),
        make_trials({"variety": "click", "annotators": 2, "items": 900}, cell="gap", values={metric: [0.1]}).assign(
            **{"answers/click": 0}
        ),
    ]
    table = pd.concat([results, *gaps], ignore_index=True)
    table["recorded_seconds"] = table["answers/t2-clamp"].where(table["cell"] == "c10") * 40.0
    purchases, value = to_reprice(table, metric)
    asked = [*lists(12), PRICES["thesis"], PAGE, replace(PRICES["session"], click_overhead=1.0)]
    for prices, (priced, on) in zip(asked, reprice(purchases, value, asked), strict=True):
        made = frontier(table, metric, prices).set_index("cell").loc[list(purchases.cells)]
        assert on.tolist() == made["on_frontier"].tolist()
        compared = np.isfinite(value)
        seconds = made["label_seconds_total"].to_numpy()
        assert middle(priced)[compared].tolist() == seconds[compared].tolist()


def test_a_price_that_makes_clicks_or_pages_free_moves_the_winner(results):
    purchases, value = to_reprice(results, "scaled-ce/10h")
    thesis = PRICES["thesis"]
    clicks_free = replace(thesis, seconds={**thesis.seconds, "click": (0, 0)})
    pages_free = replace(thesis, seconds={**dict.fromkeys(thesis.seconds, (0.0, 0.0)), "click": (2.5, 2.5)})
    recipe = frontier(results, "scaled-ce/10h").set_index("cell")["recipe"]
    best = [
        {recipe[cell] for cell, is_on in zip(purchases.cells, on, strict=True) if is_on}
        for _, on in reprice(purchases, value, [clicks_free, pages_free])
    ]
    # 50 free clicks have the best value of all: nothing else is left, not even what is free for other reasons.
    assert best[0] == {"clicks, separate, M=50, N'=900"}
    # Free pages: no page does better than label smoothing (1.148), which is as free; clicks still buy more.
    assert best[1] == {"label smoothing 0.05", "clicks, separate, M=6, N'=900", "clicks, separate, M=50, N'=900"}
