"""Scores by class and by band of people's entropy."""

import numpy as np
import pytest

from softcore.scoring.groups import band_names, class_groups, entropy_groups, group_scores
from softcore.scoring.metrics import Logits, all_scores


@pytest.fixture
def made():
    rng = np.random.default_rng(0)
    targets = rng.dirichlet(np.full(3, 0.4), size=120)
    targets[:30] = np.eye(3)[rng.integers(0, 2, 30)]
    clean, attacked = (rng.normal(size=(120, 3)) for _ in range(2))
    return Logits(clean=clean, attacked=attacked, temperature=2.0), targets


def test_the_classes_are_where_people_have_most_mass_the_first_on_a_tie():
    found = class_groups(np.array([[0.2, 0.8, 0], [0.5, 0.5, 0], [0, 0.4, 0.6]]), ("cat", "dog", "owl"))
    assert {name: rows.tolist() for name, rows in found.items()} == {"cat": [1], "dog": [0], "owl": [2]}


def test_bands_of_entropy_have_their_lower_end():
    # Entropies 0, 0.056 (99 of 100), 0.325 (9 of 10), ln 2 = 0.693 nats; exactly ln 2 as an end is in the upper band.
    targets = np.array([[1.0, 0], [0.99, 0.01], [0.9, 0.1], [0.5, 0.5]])
    assert [rows.tolist() for rows in entropy_groups(targets).values()] == [[0, 1], [2], [3]]
    assert [rows.tolist() for rows in entropy_groups(targets, [float(np.log(2))]).values()] == [[0, 1, 2], [3]]
    assert band_names() == ["below 0.1 nats", "0.1 to 0.5 nats", "0.5 nats and more"]


def test_a_groups_values_are_those_of_its_items_alone(made):
    logits, targets = made
    groups = entropy_groups(targets)
    table = group_scores(logits, targets, groups).set_index(["metric", "group"])
    for name, rows in groups.items():
        alone = all_scores(logits.rows(rows), targets[rows])
        assert {metric: table.loc[(metric, name), "value"] for metric in alone.values} == alone.values
        assert {metric: table.loc[(metric, name), "absent"] for metric in alone.absent} == alone.absent
        assert (table.xs(name, level="group")["n"] == len(rows)).all()


def test_a_mean_over_items_is_the_mean_of_its_groups_by_their_size(made):
    logits, targets = made
    table = group_scores(logits, targets, entropy_groups(targets), metrics=["ce", "fgsm", "brier"])
    for metric, rows in table.groupby("metric"):
        whole = all_scores(logits, targets, [metric]).values[metric]
        assert np.average(rows["value"], weights=rows["n"]) == pytest.approx(whole)


def test_a_group_that_is_too_small_is_absent_with_the_count_that_is_needed(made):
    logits, targets = made
    groups = {"nine": np.arange(9), "ten": np.arange(40, 50), "nobody": np.arange(0)}
    table = group_scores(logits, targets, groups, metrics=["ce"])
    assert table["absent"].tolist() == ["9 items, 10 needed", "", "0 items, 10 needed"]
    assert table["value"].isna().tolist() == [True, False, True]
    assert group_scores(logits, targets, groups, metrics=["ce"], least=1)["value"].isna().tolist() == [
        False,
        False,
        True,
    ]


def test_metrics_come_in_the_order_of_their_table_and_groups_in_their_own(made):
    logits, targets = made
    table = group_scores(logits, targets, {"b": np.arange(50), "a": np.arange(60)}, metrics=["brier", "ce"])
    assert table[["metric", "group"]].to_numpy().tolist() == [["ce", "b"], ["ce", "a"], ["brier", "b"], ["brier", "a"]]
