"""Test sets by name: contested, corrected and corrupted images."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import entropy

from softcore.datasets import load
from softcore.errors import RequestError
from softcore.test_sets.named import SUSPECTS, named_test_set

ROOT = os.environ.get("SOFTCORE_DATA", "")
real = pytest.mark.skipif(not ROOT, reason="SOFTCORE_DATA does not name the folder of real data")


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture(scope="module")
def cifar():
    return load("cifar10s", Path(ROOT))


def test_contested_images_are_those_on_which_people_disagree(digits):
    test, whole = named_test_set("contested", digits, None), digits.fixed_tests["crowd"]
    assert 0 < len(test.items) < len(whole.items)
    assert (entropy(test.targets, axis=1) > 0.25).all()
    rest = ~np.isin(whole.items, test.items)
    assert (entropy(whole.targets[rest], axis=1) <= 0.25).all()
    np.testing.assert_array_equal(test.images, digits.images[test.items])
    assert str(len(test.items)) in test.title
    assert test.simulated


def test_corrupted_copies_keep_the_number_of_their_image(digits):
    test = named_test_set("corrupted", digits, None)
    kinds, rest = divmod(len(test.items), 500)
    assert (kinds, rest) == (14, 0)
    assert set(np.bincount(test.items)[np.unique(test.items)]) == {14}
    crowd = digits.fixed_tests["crowd"]
    np.testing.assert_array_equal(test.targets[500:1000], crowd.targets)
    assert "without frost" in test.title


def test_an_unknown_name_is_refused_and_so_are_votes_on_other_images(digits):
    with pytest.raises(RequestError, match="contested"):
        named_test_set("contestd", digits, None)
    with pytest.raises(RequestError, match="digits has others"):
        named_test_set("corrected", digits, None)


@real
def test_votes_on_suspected_errors_put_labels_right(cifar):
    test = named_test_set("corrected", cifar, Path(ROOT))
    votes = {row["id"]: row for row in json.loads((Path(ROOT) / SUSPECTS).read_text())}
    whole = cifar.fixed_tests["10h"].items
    inside = [item for item in votes if item in set(whole)]
    # The rule, in another way: who has three votes or more.
    decided = {item: [a for a, n in votes[item]["mturk"].items() if n >= 3] for item in inside}
    out = {item for item, answer in decided.items() if answer in ([], ["neither"])}
    assert set(whole) - set(test.items) == out
    for item, target in zip(test.items, test.targets, strict=True):
        expected = {cifar.labels[item]: 1.0}
        if decided.get(item) == ["guessed"]:
            expected = {votes[item]["our_guessed_label"]: 1.0}
        elif decided.get(item) == ["both"]:
            expected = {votes[item]["our_guessed_label"]: 0.5, votes[item]["given_original_label"]: 0.5}
        assert {int(k): target[k] for k in np.flatnonzero(target)} == expected
    assert f"{len(inside)} of the 3000 images" in test.title


@real
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "sweeps data fetch label-errors"),
        ("{", "not a JSON file"),
        ('[{"id": 3}]', "entry 0"),
        ('{"a": 1}', "entry 0"),
    ],
)
def test_votes_that_can_not_be_read_are_refused(cifar, tmp_path, content, said):
    if content is not None:
        (tmp_path / SUSPECTS).parent.mkdir()
        (tmp_path / SUSPECTS).write_text(content)
    with pytest.raises(RequestError, match=said):
        named_test_set("corrected", cifar, tmp_path)
