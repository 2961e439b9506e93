"""What one panel of people tells of another under the same seeds."""

import numpy as np
import pytest

from softcore.errors import RequestError
from sweeps.studies.coverage.panels import PEOPLE_OUT, both_ways
from sweeps.studies.coverage.planted import STYLES
from sweeps.studies.grid.across import A, B, draws, pairs, panel_variance, seen_by
from sweeps.studies.grid.panel_bands import BEST, COSTS, PICKED, SEEDS_BEST, SEEDS_PICKED, fixed_costs, one_way
from sweeps.studies.grid.panel_findings import TOGETHER, panels_section
from sweeps.studies.grid.recorded import GRID, VARIANCE
from sweeps.uncertainty.layout import Layout, Pool
from sweeps.uncertainty.strata import CELL, PEOPLE, SEED, covariance

METRIC = "scaled-ce/10h"


def predicted(grid, variance, seen=A):
    paired = pairs(grid, [METRIC])
    model = panel_variance(paired, variance, METRIC, seen)
    return draws(paired, model, METRIC, seen, np.random.default_rng(0), 300)


def with_noise_on(table, panels):
    """The table with other values in these panels, far from the old."""
    rng = np.random.default_rng(9)
    there = table["panel"].isin(panels)
    return table.assign(**{METRIC: table[METRIC].mask(there, 50 + 10 * rng.random(len(table)))})


@pytest.mark.parametrize(("seen", "hidden"), [(A, (1, 3)), (B, (0, 2))])
def test_nothing_of_the_predicted_panel_enters_its_prediction(small, seen, hidden):
    sources = small()
    grid, variance = (sources[name].results for name in (GRID, VARIANCE))
    bought = with_noise_on(grid[grid["variety"] != "hard"], hidden)
    before = predicted(grid, variance, seen)
    np.testing.assert_array_equal(predicted(bought, with_noise_on(variance, hidden), seen), before)


def test_what_the_seed_adds_is_in_both_panels_and_enters_once(small):
    still = {"crowd": 1e-4, "cell": 1e-4, "trial": 1e-4, "images": 0.0}
    people = {"shared": {"pages": 1e-4, "clicks": 1e-4}, "own": {"pages": 1e-4, "clicks": 1e-4}}
    sources = small(seed=0.2, **still, **people)
    paired = pairs(sources[GRID].results, [METRIC])
    drawn = predicted(sources[GRID].results, sources[VARIANCE].results)
    assert drawn.std(axis=0).max() < 0.002  # a hundredth of what seeds add
    assert np.abs(drawn.mean(axis=0) - paired.means(METRIC, B)).max() < 0.002


def test_the_other_panels_people_are_in_the_prediction(small):
    quiet, loud = (
        predicted(*(small(own={"pages": size, "clicks": size})[name].results for name in (GRID, VARIANCE)))
        for size in (0.005, 0.05)
    )
    assert (loud.std(axis=0) > 2 * quiet.std(axis=0)).mean() > 0.8


def test_one_person_under_each_of_two_seeds_by_hand(small):
    sources = small()
    paired = pairs(sources[GRID].results, [METRIC])
    model = panel_variance(paired, sources[VARIANCE].results, METRIC, A)
    names = list(model.strata.components)
    seen = seen_by(paired, model, METRIC, A)
    alone = int(np.flatnonzero((paired.cells["annotators"] == 1) & (paired.cells["items"] == 900))[0])
    at = (alone, alone)
    seed, people, cell = (names.index(name) for name in (SEED, PEOPLE + "pages", CELL))
    # Means over three seeds. Seeds are shared whole; of six people an item panels of two seeds share one in six.
    assert [seen.noise[seed][at], seen.pull[seed][at], seen.around[seed][at]] == pytest.approx([1 / 3, 0, 0])
    assert seen.noise[people][at] == pytest.approx((3 * 1 + 6 / 6) / 9)
    assert seen.pull[people][at] == pytest.approx(seen.noise[people][at] - (3 * 0 + 6 / 6) / 9)
    assert seen.around[people][at] == pytest.approx(2 / 3)
    # What a cell adds in a seed is not known to be shared: the other panel's is its own.
    assert [seen.noise[cell][at], seen.pull[cell][at], seen.around[cell][at]] == pytest.approx([1 / 3, 1 / 3, 2 / 3])
    shared = seen_by(paired, model, METRIC, A, shared=True)
    assert [shared.pull[cell][at], shared.around[cell][at]] == pytest.approx([0, 0])


def test_a_components_covariance_of_trials_by_hand():
    layout = Layout(
        cells=("a", "b"),
        cell=np.array([0, 0, 1]),
        seed=np.array([0, 1, 0]),
        panel=np.array([0, 0, 0]),
        crowd=("pages", "pages"),
        annotators=np.array([1.0, 2.0]),
        share=np.array([1.0, 1.0]),
        pools={"pages": Pool(annotators=6)},
    )
    np.testing.assert_array_equal(covariance(layout, SEED), [[1, 0, 1], [0, 1, 0], [1, 0, 1]])
    np.testing.assert_array_equal(covariance(layout, CELL), np.eye(3))
    np.testing.assert_allclose(
        covariance(layout, PEOPLE + "pages"), [[1, 1 / 6, 1 / 2], [1 / 6, 1, 1 / 6], [1 / 2, 1 / 6, 1 / 2]]
    )


def test_a_grid_that_has_both_panels_of_one_seed_only_is_refused(small):
    grid = small()[GRID].results
    with pytest.raises(RequestError, match="panels A and B of 2 seeds"):
        pairs(grid[grid["seed"] == 0], [METRIC])


def test_cells_with_fewer_seeds_than_the_most_are_left_out_and_counted(small):
    grid = small()[GRID].results
    one = grid.loc[grid["variety"] == "click", "cell"].iloc[0]
    paired = pairs(grid[(grid["cell"] != one) | (grid["seed"] < 2)], [METRIC])
    assert one not in set(paired.cells["cell"])
    assert (paired.fewer, paired.seeds) == (1, 3)


def test_eight_costs_are_fixed_by_what_was_bought_and_reach_both_ends():
    costs = fixed_costs(np.array([np.nan, 640.0, 0.0, 10.0, 77.0]))
    assert len(costs) == COSTS
    assert (costs[0], costs[-1]) == (10.0, 640.0)
    np.testing.assert_allclose(np.diff(np.log(costs)), np.log(64) / 7)


def test_the_best_is_the_lowest_mean_that_a_cost_buys_and_the_recommended_cell_is_held_as_it_is(small):
    sources = small()
    paired = pairs(sources[GRID].results, [METRIC])
    seconds = np.arange(1.0, 1.0 + len(paired.cells))
    drawn = predicted(sources[GRID].results, sources[VARIANCE].results)
    way = one_way(paired, METRIC, A, drawn, seconds)
    there = paired.means(METRIC, B)
    for i, cost in enumerate(way.costs):
        had = np.flatnonzero(seconds <= cost)
        assert way.held[BEST].values[i] == there[had].min()
        assert way.cells[i] in had
        assert way.held[PICKED].values[i] == there[way.cells[i]]
    lowest = np.argmin(paired.means(METRIC, A))
    assert way.held[SEEDS_PICKED].values[-1] == there[lowest]
    assert way.held[SEEDS_BEST].intervals[-1].mean() == pytest.approx(paired.means(METRIC, A)[lowest])


def shares(problems, **how):
    """The share of costs covered in each problem, by kind of interval."""
    ways = [both_ways(n // len(STYLES), STYLES[n % len(STYLES)], **how) for n in range(problems)]
    kinds = ways[0][0].held
    return {kind: np.array([np.mean([way.held[kind].covered for way in two]) for two in ways]) for kind in kinds}


def test_bands_from_one_panel_cover_the_other_in_a_few_problems():
    found = shares(6, people=4, n=400)
    assert found[BEST].mean() > 0.7
    assert found[PICKED].mean() > 0.7


@pytest.mark.simulation
def test_prediction_bands_hold_at_about_their_level_where_people_vary_and_seeds_alone_do_not():
    whole = shares(150, people=4, n=500)
    error = {kind: 2.6 * share.std() / np.sqrt(len(share)) for kind, share in whole.items()}
    for kind in (BEST, PICKED):
        assert 0.9 - error[kind] <= whole[kind].mean() <= 0.97
    for kind in (SEEDS_BEST, SEEDS_PICKED):
        assert whole[kind].mean() + error[kind] < 0.92
        assert whole[kind].mean() < whole[BEST].mean() - 0.03


@pytest.mark.simulation
def test_bands_without_people_are_seen_to_cover_less():
    whole, broken = (shares(75, people=4, n=500, broken=how) for how in (None, PEOPLE_OUT))
    assert broken[BEST].mean() < whole[BEST].mean() - 0.04
    assert broken[BEST].mean() < 0.93  # the share of the draws that a 90% interval holds


def test_trials_that_failed_are_not_paired(small):
    grid = small()[GRID].results
    lost = (grid["variety"] == "click") & (grid["panel"] == 1) & (grid["seed"] == 2)
    paired = pairs(grid.assign(status=np.where(lost, "failed", "done")), [METRIC])
    assert "click" not in set(paired.cells["variety"])


def test_bands_of_single_questions_are_counted_apart_from_all_together(small):
    section = panels_section(small())
    alone = [row for row in section.tables[0].rows if row[1] != TOGETHER]
    held = [int(count) for row in alone for count in row[4].split(", ")]
    assert len(held) == 2 * len(alone) >= 4
    together, single = section.summary[:2], section.summary[2]
    assert all(line.startswith("Conditional on these people and images, 90% bands from ") for line in together)
    assert f"scaled-ce on 10h {np.mean(held) / COSTS:.0%} of the fixed costs" in single
