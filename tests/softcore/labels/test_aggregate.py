"""What becomes of an item's labels before a batch sees them."""

import numpy as np
import pytest

from softcore.errors import RequestError
from softcore.labels.aggregate import AGGREGATORS, aggregate
from softcore.labels.label_set import group

LABELS = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.5, 0.3, 0.2], [0.0, 0.0, 1.0]])


@pytest.fixture
def labels():
    """Item 7 has the labels of ann, bob and cat (rows 0, 2 and 3); item 4 has bob's (row 1) alone."""
    return group(
        np.array([7, 4, 7, 7]), LABELS, np.array(["ann", "bob", "bob", "cat"]), "t2-clamp", np.array([0, 1, 0, 2])
    )


def test_grouping_sorts_items_and_keeps_each_items_labels_in_their_order(labels):
    assert labels.items.tolist() == [4, 7]
    assert labels.counts.tolist() == [1, 3]
    assert labels.label_items.tolist() == [4, 7, 7, 7]
    assert labels.annotators.tolist() == ["bob", "ann", "bob", "cat"]
    assert labels.choices.tolist() == [1, 0, 0, 2]
    assert np.array_equal(labels.probs, LABELS[[1, 0, 2, 3]])


def test_separate_keeps_every_annotators_label(labels):
    assert aggregate(labels, "separate") is labels


def test_the_mean_is_that_of_an_items_own_labels(labels):
    # Item 7: (0.9 + 0.5 + 0) / 3, (0.1 + 0.3 + 0) / 3, (0 + 0.2 + 1) / 3. Item 4 has one label: itself.
    pooled = aggregate(labels, "mean")
    np.testing.assert_allclose(pooled.probs, [[0.2, 0.8, 0.0], [1.4 / 3, 0.4 / 3, 1.2 / 3]])
    assert pooled.items.tolist() == [4, 7]
    assert pooled.counts.tolist() == [1, 1]


def chosen(*answers, n_classes=4):
    """A label set of answers, each (item, class), with labels that say nothing."""
    items, classes = np.array(answers).T
    probs = np.full((len(items), n_classes), 1 / n_classes)
    return group(items, probs, np.full(len(items), "ann"), "t2-clamp", classes)


def test_the_majority_is_the_class_most_often_chosen_first():
    # Item 4: class 1 twice, class 0 once. Item 9: one answer.
    pooled = aggregate(chosen((4, 1), (4, 0), (9, 3), (4, 1)), "majority")
    assert pooled.items.tolist() == [4, 9]
    assert pooled.probs.tolist() == [[0, 1, 0, 0], [0, 0, 0, 1]]


def test_classes_that_tie_for_the_majority_share_it_evenly():
    # Classes 0 and 2 twice each, class 1 once: 0.5 and 0.5. Three classes once each: a third each.
    pooled = aggregate(chosen((1, 0), (1, 2), (1, 2), (1, 0), (1, 1), (2, 3), (2, 1), (2, 0)), "majority")
    np.testing.assert_allclose(pooled.probs, [[0.5, 0, 0.5, 0], [1 / 3, 1 / 3, 0, 1 / 3]])


def test_the_majority_looks_at_choices_and_not_at_mass(labels):
    # Item 7: two of three chose class 0 first, though class 2 has mass 1 from the third.
    assert aggregate(labels, "majority").probs.tolist() == [[0, 1, 0], [1, 0, 0]]


@pytest.mark.parametrize("method", ["mean", "majority"])
def test_a_pooled_label_is_nobodys_own(labels, method):
    assert aggregate(labels, method).annotators.tolist() == ["", ""]
    assert aggregate(labels, method).choices.tolist() == [-1, -1]


def test_pooling_leaves_the_labels_it_was_given_alone(labels):
    aggregate(labels, "mean")
    assert np.array_equal(labels.probs, LABELS[[1, 0, 2, 3]])


@pytest.mark.parametrize("method", AGGREGATORS)
def test_no_labels_stay_no_labels(method):
    none = group(np.zeros(0, dtype=np.int64), np.zeros((0, 3)), np.zeros(0, dtype=str), "click")
    assert aggregate(none, method).probs.shape == (0, 3)


def test_the_table_of_labels_has_a_row_a_label_and_a_column_a_class(labels):
    frame = labels.frame(("cat", "dog", "owl"))
    assert list(frame.columns) == ["item", "annotator", "p_cat", "p_dog", "p_owl"]
    assert frame.iloc[1].tolist() == [7, "ann", 0.9, 0.1, 0.0]


def test_an_unknown_method_is_refused_with_the_known_ones(labels):
    with pytest.raises(RequestError, match=f"unknown aggregation 'median'; known: {', '.join(sorted(AGGREGATORS))}"):
        aggregate(labels, "median")
