"""Which images and answers the figures of labels show."""

import numpy as np
import pytest

from softcore.data.dataset import Dataset
from softcore.data.records import Answer, records_table
from softcore.errors import RequestError
from sweeps.studies.thesis.figures.examples import (
    LabelPairs,
    equally_rich,
    furthest,
    label_pairs,
    shared_with_similar,
    similar_classes,
    softened,
    telling_answer,
)


@pytest.fixture
def pairs():
    """A maker of pairs of labels on items 10, 11, ...; each row is (reference class, stated, clicked)."""

    def make(*rows, items=None):
        classes, stated, clicked = zip(*rows, strict=True)
        n = len(rows)
        return LabelPairs(
            items=np.arange(10, 10 + n) if items is None else np.array(items),
            classes=np.array(classes),
            stated=np.array(stated, dtype=float),
            clicked=np.array(clicked, dtype=float),
            people=np.full(n, 6),
            clicks=np.full(n, 51),
        )

    return make


CERTAIN = [1, 0, 0]


def test_the_furthest_labels_come_first_and_ties_by_item(pairs):
    # Distances: (|.5 - 1| + |.5 - 0|) / 2 = 0.5; 1; 0; 1.
    found = pairs((0, [0.5, 0.5, 0], CERTAIN), (0, [0, 1, 0], CERTAIN), (0, CERTAIN, CERTAIN), (0, [0, 0, 1], CERTAIN))
    assert found.distance.tolist() == [0.5, 1, 0, 1]
    assert furthest(found, 3) == [11, 13, 10]


def test_an_equally_rich_label_is_the_nearest_of_the_tenth_with_most_entropy(pairs):
    rows = [(0, CERTAIN, CERTAIN)] * 20  # distance 0, but not rich
    rows[4] = (0, CERTAIN, [0.4, 0.3, 0.3])  # the richest, distance 0.6
    rows[9] = (0, [0.5, 0.3, 0.2], [0.4, 0.4, 0.2])  # the second richest, distance 0.1: a tenth of 20 is two
    rows[15] = (0, [0.7, 0.3, 0], [0.7, 0.3, 0])  # the third, distance 0
    assert equally_rich(pairs(*rows)) == [19]


def test_softened_images_have_nearly_hard_clicks_the_same_first_class_and_are_of_different_classes(pairs):
    # Entropies of the stated labels: 0.80, 0.90, 0.33, 1.09, 1.03, 1.03; of the last one's clicks: 0.325.
    found = pairs(
        (0, [0.7, 0.2, 0.1], CERTAIN),
        (0, [0.6, 0.1, 0.3], CERTAIN),  # the class's largest gain
        (1, [0.1, 0.9, 0.0], [0, 1, 0]),
        (2, [0.4, 0.3, 0.3], [0.5, 0.5, 0]),  # clicks are not hard
        (2, [0.5, 0.2, 0.3], [0, 0, 1]),  # another first class
        (2, [0.3, 0.2, 0.5], [0.1, 0.0, 0.9]),  # nine in ten clicks are nearly hard: a gain of 0.70
    )
    assert softened(found, 3) == [11, 15, 12]
    assert softened(found, 1) == [11]


def test_images_shared_with_a_similar_class_are_ranked_by_the_mass_that_is_added_to_it(pairs):
    found = pairs(
        (0, [0.7, 0.2, 0.1], CERTAIN),  # adds 0.2 to class 1, which is like class 0
        (0, [0.6, 0.1, 0.3], CERTAIN),  # more entropy, but 0.1 on it
        (0, [0.75, 0.25, 0.0], [0.9, 0.1, 0.0]),  # more on it, but only 0.15 more than clicks
        (1, [0.4, 0.6, 0.0], [0, 1, 0]),  # adds 0.4 to class 0, which is like class 1
        (2, [0.0, 0.5, 0.5], [0.0, 0.5, 0.5]),
    )
    assert shared_with_similar(found, np.array([1, 0, 1]), 3) == [13, 10]


def test_no_image_of_the_kind_gives_none(pairs):
    found = pairs((0, [0.4, 0.3, 0.3], [0.5, 0.5, 0]))
    assert softened(found, 3) == shared_with_similar(found, np.array([1, 0, 1]), 3) == []


@pytest.fixture
def small():
    """A maker of a data set of five 4x4 images of three classes, from answers and counts; item 4 is no training one."""

    def make(answers, counts=None, labels=(0, 0, 1, 2, 0), classes=("cat", "dog", "owl")):
        records, odd = records_table(answers)
        return Dataset(
            name="small",
            title="five small images",
            images=np.zeros((5, 4, 4, 1), dtype=np.uint8),
            labels=np.array(labels),
            classes=classes,
            train_items=np.arange(4),
            validation_items=np.array([], dtype=np.int64),
            records=records,
            counts=None if counts is None else np.array(counts),
            fixed_tests={},
            held_out=1,
            held_out_test="pages",
            default_metric="ce/pages",
            simulated=False,
            odd_rows=odd,
            fingerprints={},
        )

    return make


def test_pairs_are_the_mean_of_people_and_the_shares_of_clicks_where_both_are_known(small):
    answers = [
        Answer(annotator="ann", item=1, top1=0, p1=1.0, impossible=(1, 2)),  # [1, 0, 0]
        Answer(annotator="bob", item=1, top1=1, p1=0.5, top2=0, p2=0.3, impossible=(2,)),  # [0.3, 0.5] / 0.8
        Answer(annotator="ann", item=1, top1=2, p1=1.0, is_repeat=True, position=9),
        Answer(annotator="ann", item=2, top1=2, p1=1.0),  # nobody clicked on item 2
    ]
    found = label_pairs(small(answers, counts=[[9, 0, 0], [1, 3, 0], [0, 0, 0], [5, 0, 0], [5, 0, 0]]))
    assert found.items.tolist() == [1]
    np.testing.assert_allclose(found.stated, [[(1 + 0.375) / 2, 0.625 / 2, 0]])
    assert found.clicked.tolist() == [[0.25, 0.75, 0]]
    assert (found.people[0], found.clicks[0]) == (2, 4)


def test_without_counts_there_is_nothing_to_compare(small):
    with pytest.raises(RequestError, match="small has no counts of clicks"):
        label_pairs(small([Answer(annotator="ann", item=1, top1=0)]))


def test_similar_classes_are_read_off_the_clicks_on_training_items(small):
    # Class 0: items 0 and 1 have 2 clicks on dog and 3 on owl; item 4 (900 on dog) is no training item.
    counts = [[9, 2, 1], [9, 0, 2], [0, 9, 0], [0, 4, 9], [9, 900, 0]]
    data = small([Answer(annotator="ann", item=1, top1=0)], counts=counts)
    assert similar_classes(data).tolist() == [2, 0, 1]  # nobody mistook a dog: the lowest other index


def test_the_telling_answer_has_the_four_labels_that_differ_most(small):
    # Item 1: t1-uniform [.5 .25 .25], t1-clamp [.5 .5 0], t2-uniform [.5 .3 .2], t2-clamp [.625 .375 0]; the nearest
    # two are 0.05 apart. Item 0: all four are [1 0 0]. Item 2: as nothing is ruled out, Clamp is Uniform.
    answers = [
        Answer(annotator="ann", item=0, top1=0, p1=1.0, impossible=(1, 2)),
        Answer(annotator="ann", item=2, top1=0, p1=0.9, top2=1, p2=0.05),
        Answer(annotator="cat", item=1, top1=0, p1=0.5, top2=1, p2=0.3, impossible=(2,)),
        Answer(annotator="bob", item=1, top1=0, p1=0.5, top2=1, p2=0.3, impossible=(2,)),
        Answer(annotator="abe", item=1, top1=0, p1=0.4, top2=1, p2=0.1, impossible=(2,), is_repeat=True, position=9),
    ]
    data = small(answers)
    answer, labels = telling_answer(data)
    assert (answer["item"], answer["annotator"]) == (1, "bob")
    np.testing.assert_allclose(labels, [[0.5, 0.25, 0.25], [0.5, 0.5, 0], [0.5, 0.3, 0.2], [0.625, 0.375, 0]])
    assert telling_answer(data, [2])[0]["item"] == 2
    with pytest.raises(RequestError, match="item 3 of small has no labels to draw; 3 items have them, such as 0, 1, 2"):
        telling_answer(data, [3])


def test_an_answer_that_uses_every_part_of_the_question_comes_first(small):
    # Ann's labels are further apart, but her Clamp labels have no third class to spread over. Ben's, on four classes
    # with fox ruled out: [.8 .2/3 .2/3 .2/3], [.8 .1 .1 0], [.8 .1 .05 .05], [.8 .1 .1 0].
    answers = [
        Answer(annotator="ann", item=0, top1=0, p1=0.4, top2=1, p2=0.3, impossible=(2, 3)),
        Answer(annotator="ben", item=1, top1=0, p1=0.8, top2=1, p2=0.1, impossible=(3,)),
        Answer(annotator="cat", item=1, top1=0, p1=0.2, top2=1, p2=0.5, impossible=(3,)),  # the second is likelier
    ]
    answer, labels = telling_answer(small(answers, classes=("cat", "dog", "owl", "fox")))
    assert answer["annotator"] == "ben"
    np.testing.assert_allclose(labels[1:], [[0.8, 0.1, 0.1, 0], [0.8, 0.1, 0.05, 0.05], [0.8, 0.1, 0.1, 0]])
