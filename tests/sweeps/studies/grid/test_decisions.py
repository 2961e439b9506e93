"""What the report says of decisions: means and intervals beside rules of thumb, worded as the intervals allow."""

from dataclasses import replace

import pandas as pd
import pytest

from sweeps.sources import Source
from sweeps.studies.coverage.planted_plans import METRIC
from sweeps.studies.document import Section
from sweeps.studies.grid.decisions import decision_words, decisions_section
from sweeps.studies.grid.recorded import GRID
from sweeps.studies.sealed.regret import NOTHING, PLANNER, RULES, Regret, decision_regret


@pytest.fixture(scope="module")
def few(clear: pd.DataFrame) -> pd.DataFrame:
    return clear[clear["variety"].isin(["click", "t2-clamp", "hard", "smoothed"])]


@pytest.fixture(scope="module")
def found(few: pd.DataFrame) -> Regret:
    return decision_regret(few, metric=METRIC)


@pytest.fixture(scope="module")
def section(few: pd.DataFrame, found: Regret) -> Section:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sweeps.studies.grid.decisions.decision_regret", lambda results, metric: found)
        return decisions_section({GRID: Source(name="planted", results=few, about={})})


def test_each_rule_is_paired_with_the_planner(found: Regret):
    paired = found.paired.set_index("strategy")
    assert set(paired.index) == {NOTHING, *RULES}
    for name, row in paired.iterrows():
        assert row["difference"] == pytest.approx(found.mean[name] - found.mean[PLANNER])
        assert row["low"] <= row["difference"] <= row["high"]
        assert row[["better", "same", "worse"]].sum() == 24
    # Pages are worth 0.1 to 0.4 here, and replicates vary by some 0.02.
    assert paired.loc[NOTHING, "low"] > 0
    assert paired.loc[NOTHING, "high"] - paired.loc[NOTHING, "low"] < 0.1


def test_the_words_follow_the_interval(found: Regret):
    assert f"{NOTHING} {found.mean[NOTHING]:.4f}, worse by +" in decision_words(found)
    unsure = found.paired.assign(low=-0.1, high=0.1)
    assert "not told apart from the planner" in decision_words(replace(found, paired=unsure))
    better = found.paired.assign(low=-0.2, high=-0.1)
    assert "better than the planner" in decision_words(replace(found, paired=better))
    same = found.paired.assign(better=0, same=24, worse=0)
    assert "which bought the same throughout" in decision_words(replace(found, paired=same))


def test_the_section_has_every_strategy_and_what_the_planner_bought(section: Section):
    regrets, bought = section.tables
    assert regrets.rows[0][1] == PLANNER
    assert len(regrets.rows) == 2 + len(RULES)
    assert len(bought.rows) == 12
    assert section.summary[0].startswith("Decisions at 12 budgets on 1 metrics: of 5 comparisons")
    assert set(section.data) == {METRIC}
