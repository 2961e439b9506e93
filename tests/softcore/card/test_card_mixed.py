"""The card's section on mixed images: worked by hand on two images, the published figures on the real data."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from softcore.card.card import describe
from softcore.card.mixed import (
    at_three_coefficients,
    coefficient_consistency,
    describe_mixed,
    inferred_coefficients,
    of_soft_labels,
)
from softcore.data.hmix import INFERENCE_COLUMNS, MixedImages
from softcore.data.records import Answer, records_table

LABELS = np.array([0, 1, 2])  # of items 0, 1 and 2; class 3 has no image
NAMES = ("mixed_0.25_Bird_1_Cat_2.png", "mixed_0.75_Ant_0_Bird_1.png")


def said(mixed, annotator, coefficient, seconds=8.0, position=1, is_repeat=False):
    return (mixed, annotator, coefficient, 0.5, seconds, position, is_repeat)


INFERENCES = pd.DataFrame(
    [
        said(1, "ann", 0.8, seconds=10.0),
        said(1, "ann", 0.7, seconds=4.0, position=3, is_repeat=True),
        said(1, "bob", 0.4, seconds=20.0),
        said(0, "ann", 0.1, seconds=30.0, position=2),
    ],
    columns=list(INFERENCE_COLUMNS),
).astype(INFERENCE_COLUMNS)


def labelled():
    """Soft labels of both images by both people, and one of ann's again."""
    answers = [
        # Image 1, classes 0 and 1. ann leaves 0.2, which goes to classes 2 and 3: 0.2 off, 0.6 on the first.
        Answer(annotator="ann", item=1, top1=0, p1=0.6, top2=1, p2=0.2),
        # bob spends all on class 2; gamma 0.1 goes to classes 0 and 1: 0.9 off, 0.05 on the first.
        Answer(annotator="bob", item=1, top1=2, p1=1.0, impossible=(3,)),
        # Image 0, classes 1 and 2. 0.3 and 0.5 with nothing else possible become 0.375 and 0.625: nothing off.
        Answer(annotator="ann", item=0, top1=1, p1=0.3, top2=2, p2=0.5, impossible=(0, 3), position=2),
        # 0.7 on class 3, the rest on classes 1 and 2: 0.7 off, 0.15 on the first.
        Answer(annotator="bob", item=0, top1=3, p1=0.7, impossible=(0,), position=2),
        Answer(annotator="ann", item=1, top1=3, p1=1.0, position=3, is_repeat=True),
    ]
    return records_table(answers)


@pytest.fixture
def mixed():
    records, odd = labelled()
    return MixedImages(
        names=NAMES,
        endpoints=np.array([[1, 2], [0, 1]]),
        coefficients=np.array([0.25, 0.75]),
        inferences=INFERENCES,
        records=records,
        odd_rows={"stored-twice": 0, "both-at-50": 2, **odd},
    )


def test_mass_off_the_endpoints_worked_by_hand(mixed):
    card = of_soft_labels(mixed, LABELS, 4)
    assert (card["images"], card["people"], card["answers"], card["repeats"]) == (2, 2, 4, 1)
    found = card["mass_off_the_endpoints"]
    assert found["mean"] == pytest.approx((0.2 + 0.9 + 0 + 0.7) / 4)
    assert found["low"] < found["mean"] < found["high"]
    assert (found["n"], found["level"], found["label"]) == (4, 0.95, "t2-clamp, gamma 0.1")
    assert found["over"] == "people (2) and images (2), both drawn anew"


def test_mass_on_an_endpoint_follows_its_share_as_worked_by_hand(mixed):
    found = of_soft_labels(mixed, LABELS, 4)["mass_on_an_endpoint_against_its_share"]
    # Masses 0.6, 0.05, 0.375, 0.15 (mean 0.29375) at shares 0.75, 0.75, 0.25, 0.25 (mean 0.5):
    # 0.25 (0.30625 - 0.24375 - 0.08125 + 0.14375) = 0.03125; squares add to 0.18047 and 0.25;
    # 0.03125 / sqrt(0.18047 * 0.25) = 0.1471. Ranks 4, 1, 3, 2 and shares' ranks 3.5, 3.5, 1.5, 1.5 give no trend:
    # (1.5 - 1.5) * 1 + (0.5 - 0.5) * -1 = 0.
    assert found["pearson"] == pytest.approx(0.1471, abs=1e-4)
    assert found["rank_correlation"] == pytest.approx(0, abs=1e-9)
    assert found["low"] < found["pearson"] < found["high"]


def test_the_theses_way_counts_repeats_and_takes_image_means(mixed):
    found = of_soft_labels(mixed, LABELS, 4)["as_in_the_thesis"]
    # ann's repeat says class 3 is certain: 0.9 stay on it, 1/30 go to each other one: 0.9 + 1/30 off.
    assert found["answers_with_repeats"] == 5
    assert found["mass_off_the_endpoints"] == pytest.approx((0.2 + 0.9 + 0 + 0.7 + 0.9 + 0.1 / 3) / 5)
    # Image 1, shares 0.75 and 0.25: means (0.6 + 0.05 + 1/30) / 3 and (0.2 + 0.05 + 1/30) / 3.
    # Image 0, shares 0.25 and 0.75: (0.375 + 0.15) / 2 and (0.625 + 0.15) / 2.
    means = [(0.65 + 1 / 30) / 3, (0.25 + 1 / 30) / 3, 0.2625, 0.3875]
    assert found["pearson_of_image_means"] == pytest.approx(np.corrcoef(means, [0.75, 0.25, 0.25, 0.75])[0, 1])


def test_seconds_people_and_answers_are_of_first_answers(mixed):
    card = describe_mixed(mixed, LABELS, 4)
    assert (card["images"], card["image_pairs"], card["class_pairs"]) == (2, 2, 2)
    assert (card["people"], card["answers"], card["repeats"]) == (2, 3, 1)
    assert card["page_seconds"]["median"] == 20.0
    assert card["page_seconds"]["mean_of_repeats"] == 4.0
    assert card["answers_an_image"] == {"min": 1, "max": 2, "distribution": {1: 1, 2: 1}}
    assert card["odd_rows"] == {"stored-twice": 0, "both-at-50": 2}
    assert "both-at-50" not in card["soft_labels"]["odd_rows"]
    json.dumps(card, allow_nan=False)


def test_a_repeat_is_compared_with_its_own_first_answer_and_people_with_each_other(mixed):
    found = coefficient_consistency(mixed.inferences)
    assert found["one_person_twice"] == {"pairs": 1, "mean_absolute_difference": pytest.approx(0.1)}
    assert found["two_people"] == {"pairs": 1, "mean_absolute_difference": pytest.approx(0.4)}


def test_inferred_coefficients_are_summed_up_by_what_was_mixed(mixed):
    card = inferred_coefficients(mixed)
    assert list(card) == ["0.25", "0.75"]
    # 0.4 and 0.8 (the repeat's 0.7 left out): the median is 0.6, the quartiles 0.5 and 0.7.
    assert card["0.75"] == pytest.approx(
        {"images": 1, "answers": 2, "lower_quartile": 0.5, "median": 0.6, "upper_quartile": 0.7}
    )


def test_what_can_not_be_computed_is_absent_with_its_reason(mixed):
    bare = replace(mixed, records=mixed.records.iloc[:0])
    assert of_soft_labels(bare, LABELS, 4) == {"absent": "no mixed image has soft labels"}
    one = replace(mixed, records=mixed.records[mixed.records["annotator"] == "bob"].iloc[:1])
    card = of_soft_labels(one, LABELS, 4)
    assert card["mass_off_the_endpoints"]["interval"] == {"absent": "one person or one image gives none"}
    assert card["mass_on_an_endpoint_against_its_share"] == {"absent": "one of the two is the same everywhere"}
    alone = mixed.inferences[mixed.inferences["annotator"] == "bob"]
    assert coefficient_consistency(alone)["one_person_twice"] == {"absent": "nobody was asked twice"}


def test_only_a_data_set_with_mixed_images_has_the_section(digits):
    assert "mixed" not in describe(digits)


def test_the_real_section_gives_the_published_figures(hmix_data):
    card = json.loads(json.dumps(describe(hmix_data), allow_nan=False))["mixed"]
    assert (card["images"], card["people"], card["answers"], card["repeats"]) == (2070, 81, 4788, 162)
    assert (card["image_pairs"], card["class_pairs"]) == (1530, 45)
    assert at_three_coefficients(hmix_data.mixed) == {"images": 810, "people": 33, "answers": 1908}
    assert card["page_seconds"]["median"] == pytest.approx(8.5, abs=0.05)
    assert card["page_seconds"]["mean"] == pytest.approx(11.3, abs=0.05)
    soft = card["soft_labels"]
    assert (soft["images"], soft["people"], soft["answers"]) == (100, 8, 200)
    assert soft["page_seconds"]["median"] == pytest.approx(26.5, abs=0.05)
    assert soft["page_seconds"]["mean"] == pytest.approx(39.1, abs=0.05)
    # The thesis says 38.3% and 0.52 (section 5.1.2). Both come out with the 16 repeats counted as further answers.
    assert soft["as_in_the_thesis"]["mass_off_the_endpoints"] == pytest.approx(0.383, abs=0.002)
    assert soft["as_in_the_thesis"]["pearson_of_image_means"] == pytest.approx(0.52, abs=0.005)
    off, r = soft["mass_off_the_endpoints"], soft["mass_on_an_endpoint_against_its_share"]
    assert off["mean"] == pytest.approx(0.390, abs=0.0005)
    assert off["low"] < 0.383 < off["high"]
    assert r["pearson"] == pytest.approx(0.489, abs=0.0005)
    assert r["low"] < 0.52 < r["high"]
