"""What varies, and what ways of training and asking change, on made-up recordings of the grid."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from softcore.errors import RequestError
from sweeps.studies.grid.effects import CHANGES, effects_section
from sweeps.studies.grid.recorded import GRID, REPEATS, VARIANCE, assumptions_words, between, core
from sweeps.studies.grid.repeated import ITS_PEOPLE, TRAINING, shares_of_variance
from sweeps.studies.grid.variances import crossed_variances, variances_section

METRIC = "scaled-ce/10h"
QUIET = {"crowd": 1e-4, "cell": 1e-4, "trial": 1e-4}


def of_people(size):
    return {"shared": {"pages": size, "clicks": size}, "own": {"pages": 1e-4, "clicks": 1e-4}}


@pytest.mark.parametrize(("seed", "people", "said"), [(1e-3, 0.1, "people vary"), (0.2, 1e-3, "seeds vary")])
def test_the_larger_of_seeds_and_people_is_named_where_it_is_clear(small, seed, people, said):
    sources = small(seed=seed, **of_people(people), **QUIET)
    section = variances_section({VARIANCE: sources[VARIANCE]})
    assert said in section.summary[0]
    assert "grid: not recorded yet" in " ".join(section.lines)


def test_standard_deviations_of_crossed_trials_are_those_that_were_planted(small):
    held = {"people": 0, "seeds": 0}
    for number in range(6):
        found = list(crossed_variances(small(number, seed=0.05, **of_people(0.05), **QUIET)[VARIANCE].results))
        largest = max(found, key=lambda each: "900" in each.cell)  # one person an item on nearly all items
        held["people"] += largest.people[1] <= 0.05 <= largest.people[2]
        held["seeds"] += largest.seeds[1] <= 0.05 <= largest.seeds[2]
        assert largest.df == (12, 3)
    assert min(held.values()) >= 4


def test_pooled_estimates_come_with_the_grid_and_say_their_degrees_of_freedom(small):
    section = variances_section(small())
    assert [table.caption[:20] for table in section.tables][1].startswith("Standard deviations")
    assert "Degrees of freedom: seeds" in " ".join(section.lines)
    assert "clicks: people, on all cells" in section.tables[1].headings


def repeated(sources, training, number):
    """The sources where training itself varies by so much, and each trial of the crossed cells is trained twice."""
    rng = np.random.default_rng(number)
    every = pd.concat([source.results for source in sources.values()]).drop_duplicates("trial")
    noise = dict(zip(every["trial"], rng.normal(0, training, len(every)), strict=True))
    crossed = sources[VARIANCE].results
    found = {
        name: source.results.assign(**{METRIC: source.results[METRIC] + source.results["trial"].map(noise)})
        for name, source in sources.items()
    }
    twice = crossed.assign(
        trial=crossed["trial"] + "-r1", repeat=1, **{METRIC: crossed[METRIC] + rng.normal(0, training, len(crossed))}
    )
    found[REPEATS] = pd.concat([found[VARIANCE], twice], ignore_index=True)
    return {name: replace(sources[GRID], name=name, results=table) for name, table in found.items()}


@pytest.mark.parametrize(("people", "training"), [(0.06, 0.02), (1e-4, 0.04)])
def test_what_training_itself_varies_by_is_told_from_people(small, people, training):
    shares = {TRAINING: [], ITS_PEOPLE: []}
    for number in range(4):
        sources = repeated(small(number, seed=0.01, **of_people(people), **QUIET), training, number)
        largest = max(shares_of_variance(sources), key=lambda each: "900" in each.cell)
        assert largest.training[0] == pytest.approx(training, rel=0.35)
        assert largest.training[1] <= training * 1.1
        assert largest.training[2] >= training * 0.9
        for name, found in shares.items():
            found.append(largest.shares[name][0])
    whole = 0.01**2 + people**2 + training**2
    assert np.mean(shares[ITS_PEOPLE]) == pytest.approx(people**2 / whole, abs=0.1)
    assert np.mean(shares[TRAINING]) == pytest.approx(training**2 / whole, abs=0.1)


def test_people_are_said_net_of_training_where_repeats_are_recorded_and_not_before(small):
    sources = small()
    assert "not known: `sweeps run repeats --scale half`" in variances_section(sources).summary[-1]
    section = variances_section(repeated(sources, 0.02, 0))
    assert "net of what training itself varies by" in section.summary[-1]
    assert "two trainings that differ in rounding alone" in section.tables[1].caption


def test_a_recording_without_a_second_panel_is_refused(small):
    results = small()[VARIANCE].results
    with pytest.raises(RequestError, match="two panels of one seed"):
        list(crossed_variances(results[results["panel"] == 0]))


@pytest.fixture(scope="module")
def changed(recording):
    return effects_section(recording)


def rows(section, change):
    return [row for row in section.tables[0].rows if row[0].startswith(change)]


def test_every_change_of_the_grid_is_compared_with_the_cell_that_lacks_it_alone(changed):
    assert {row[0] for row in changed.tables[0].rows} == {change.name for change in CHANGES}
    assert len(rows(changed, "mixup, ")) == 6
    assert len(rows(changed, "mixup with")) == 6
    assert len(rows(changed, "the mean")) == 4
    assert len(rows(changed, "pages on a share")) == 2 * 8
    assert len(rows(changed, "pages where")) == 4
    assert {row[2] for row in changed.tables[0].rows} == {"4"}  # two seeds and two panels, or four seeds


def test_a_planted_gain_is_found_and_none_is_made_up(changed):
    found = changed.data["effects"]
    mixup = [e for e in found if e["change"].startswith("mixup, ") and e["metric"] == "ce/10h"]
    assert np.mean([effect["found"]["value"] for effect in mixup]) == pytest.approx(-0.1, abs=0.02)
    assert sum(effect["together"]["high"] < 0 for effect in mixup) >= 3
    assert "the mean of people's labels, against labels kept separate: nothing clear" in changed.summary[0]


def test_a_difference_is_that_of_the_trials_that_both_cells_have(recording, changed):
    results = core(recording)
    effect = next(e for e in changed.data["effects"] if e["change"].startswith("the mean") and e["metric"] == "ce/10h")
    plain = (results["variety"] == "t1-uniform") & (results["annotators"] == 3) & results["mixing"].isna()
    cells = results[plain & (results["items"] == 900) & results["seed"].isin([0, 1])]
    mean, separate = (cells.loc[cells["aggregation"] == how, "ce/10h"].mean() for how in ("mean", "separate"))
    assert effect["recipe"].startswith("T1 Uniform, mean")
    assert effect["found"]["value"] == pytest.approx(mean - separate)


def test_looking_at_many_comparisons_together_asks_for_more(changed):
    assert all(each["together"]["low"] < each["found"]["low"] for each in changed.data["effects"])
    assert "by chance alone" in changed.lines[1]


def test_a_grid_without_such_cells_says_so(small):
    with pytest.raises(RequestError, match="no cell differs from another"):
        effects_section({GRID: small()[GRID]})


def test_numbers_have_no_negative_zero_and_assumptions_are_said_once():
    assert between(-1e-9, -0.1, 0.1) == "0.000 [-0.100, 0.100]"
    assert between(np.nan, 0, 0) == "–"
    assert assumptions_words(["assumes that a x costs 1 s", "assumes that a y costs 2 s"]) == (
        "assumes that a x costs 1 s and a y costs 2 s"
    )
