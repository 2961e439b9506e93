"""How well the simulator mimics people: measured by rules that a good and a bad one can be told apart by."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from softcore.card.simulator import _fails, simulator_card
from sweeps.commands.data import app


def test_a_failure_is_named_by_the_rule_and_nothing_else():
    test = {"mean_of_people": 0.8, "mean_simulated": 0.6, "ks": 0.2, "p": 0.001, "ks_between_people": 0.02}
    assert _fails({"first_probability": test | {"p": 0.02}}, {}) == []
    assert _fails({"first_probability": test | {"ks": 0.09}}, {}) == []
    (said,) = _fails({"first_probability": test}, {})
    assert said.startswith("The distribution of the first probability is not people's: KS distance 0.20 (p = 0.0010)")
    mean = {"people": 0.30, "simulated": 0.34, "p": 0.001}  # 13% off
    assert _fails({}, {"mass_off_the_top_two": mean | {"p": 0.02}}) == []
    assert _fails({}, {"mass_off_the_top_two": mean | {"simulated": 0.32}}) == []  # 7%
    assert _fails({}, {"mass_off_the_top_two": mean}) == [
        "Off on average, the mass off the top two classes: 0.300 of people, 0.340 simulated."
    ]
    assert _fails({}, {"distance_between_people": {"people": 0.30, "simulated": 0.34}}) == [
        "Off on average, the distance between two people's labels of an image: 0.300 of people, 0.340 simulated."
    ]


@pytest.fixture(scope="module")
def card(cifar10s):
    return simulator_card(cifar10s)


def test_half_of_the_people_are_fitted_and_the_others_compared(card):
    fidelity = card["fidelity"]
    fitted, compared = fidelity["fitted_on"], fidelity["compared_with"]
    assert fitted["people"] + compared["people"] == 248
    assert abs(fitted["people"] - compared["people"]) <= 1
    # 900 images of 6 or 7 people: 100 of the 1,000 are held out.
    assert 5_400 <= fitted["answers"] + compared["answers"] <= 5_700
    assert 850 < compared["images"] <= 900


def test_the_card_has_what_was_fitted_and_what_was_measured(card):
    assert set(card["fitted"]) == {"low_entropy", "high_entropy"}
    assert set(card["fidelity"]["distributions"]) == {
        "first_probability",
        "mass_of_the_top_two",
        "possible_classes_besides_the_first",
    }
    means = card["fidelity"]["means"]
    # facts of the data, on all people: 0.292 between two people, 0.122 of one person twice.
    assert means["distance_between_people"]["people"] == pytest.approx(0.292, abs=0.02)
    assert means["distance_of_a_person_asked_twice"]["people"] == pytest.approx(0.122, abs=0.03)
    for test in card["fidelity"]["distributions"].values():
        assert test["ks_between_people"] < 0.15
    json.dumps(card, allow_nan=False)


def test_a_simulator_without_persons_is_said_to_fail_at_asking_twice(card):
    means = card["fidelity"]["means"]
    twice = means["distance_of_a_person_asked_twice"]
    assert twice["simulated"] == means["distance_between_people"]["simulated"]
    assert any("a person asked twice" in sentence for sentence in card["fails"])


def test_the_same_seed_gives_the_same_card(cifar10s, card):
    assert simulator_card(cifar10s) == card


def test_anyone_can_measure_their_own_records(digits):
    own = replace(digits, counts=None, word_similarity=np.ones((10, 10)))
    card = simulator_card(own)
    assert card["similarity"] == "word-vectors"
    assert card["fidelity"]["compared_with"]["people"] == 31


def test_what_can_not_be_measured_is_absent_with_its_reason(digits):
    assert simulator_card(replace(digits, counts=None)) == {
        "absent": "how classes are alike is not known: no clicks known as counts, no word vectors"
    }
    two = digits.records[digits.records["annotator"].isin(["simulated-00", "simulated-01"])]
    assert "2 people answered pages" in simulator_card(replace(digits, records=two, held_out=1))["absent"]


def test_describe_shows_the_simulator_on_request_only():
    plain = CliRunner().invoke(app, ["describe", "digits", "--json"])
    asked = CliRunner().invoke(app, ["describe", "digits", "--simulator", "--json"])
    assert "simulator" not in json.loads(plain.stdout)
    assert {"fitted", "fidelity", "rule", "fails"} <= set(json.loads(asked.stdout)["simulator"])
    shown = CliRunner().invoke(app, ["describe", "digits", "--simulator"])
    assert shown.exit_code == 0
    assert "It fails on a distribution where" in " ".join(shown.stdout.split())
