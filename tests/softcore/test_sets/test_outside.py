"""A test set that comes after the training: what fits, and what shares images with it."""

from dataclasses import replace

import numpy as np
import pytest

from softcore.datasets import load
from softcore.errors import RequestError
from softcore.test_sets.outside import OutsideTestSet, check_outside, item_numbers, same_pictures


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def outside(images, **more):
    targets = np.eye(10)[np.zeros(len(images), dtype=int)]
    names = tuple(f"{k}.png" for k in range(len(images)))
    return OutsideTestSet(
        name="mine", title="", images=images, targets=targets, items=item_numbers(len(images)), names=names, **more
    )


def unseen(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 8, 8, 1), dtype=np.uint8)


def test_images_that_nobody_trained_on_pass(digits):
    check_outside(outside(unseen(20)), digits)


@pytest.mark.parametrize("use", ["training", "validation"])
def test_an_image_that_models_have_seen_is_refused_by_name_and_count(digits, use):
    items = digits.train_items if use == "training" else digits.validation_items
    images = np.concatenate([unseen(3), digits.images[items[[5, 9]]]])
    expected = rf"2 of 5 images are {use} images of digits: 3.png \(item {items[5]}\), 4.png \(item {items[9]}\); leave"
    with pytest.raises(RequestError, match=expected):
        check_outside(outside(images), digits)


def test_the_same_picture_in_another_compression_is_refused_too(digits):
    noise = np.random.default_rng(1).normal(0, 4, (1, 8, 8, 1))
    copy = (digits.images[digits.train_items[[7]]] + noise).clip(0, 255).astype(np.uint8)
    with pytest.raises(RequestError, match="1 of 1 images are training images"):
        check_outside(outside(copy), digits)


def test_only_a_few_names_are_printed(digits):
    with pytest.raises(RequestError, match=r"40 of 40 .* and 35 more; leave them out") as refusal:
        check_outside(outside(digits.images[digits.train_items[:40]]), digits)
    assert len(str(refusal.value)) < 300


def test_items_of_the_data_set_are_known_by_their_number(digits):
    test = replace(outside(unseen(1)), items=digits.train_items[:1], of_dataset=True)
    with pytest.raises(RequestError, match="1 of 1 images are training images"):
        check_outside(test, digits)


@pytest.mark.parametrize(
    ("shape", "way_out"),
    [((9, 8, 1), "8 wide, 9 high, those of digits 8 wide, 8 high; --resize"), ((8, 8, 3), "3 channels")],
)
def test_images_of_another_size_are_refused_with_the_way_out(digits, shape, way_out):
    with pytest.raises(RequestError, match=way_out):
        check_outside(outside(np.zeros((2, *shape), dtype=np.uint8)), digits)


def test_pairs_are_those_of_a_search_over_all_pixels():
    # By brute force over all pairs of images that differ by all sorts of amounts.
    rng = np.random.default_rng(2)
    known = rng.integers(0, 256, (60, 20, 24, 3), dtype=np.uint8)
    noise = rng.normal(0, 1, known[:40].shape) * np.linspace(0, 20, 40)[:, None, None, None]
    images = (known[:40] + noise).clip(0, 255).astype(np.uint8)
    apart = np.sqrt(((images[:, None].astype(float) - known[None]) ** 2).mean(axis=(2, 3, 4)))
    expected = [(row, int(apart[row].argmin())) for row in range(40) if apart[row].min() < 8]
    assert 5 < len(expected) < 35
    assert same_pictures(images, known) == expected


def test_what_a_test_set_is_shows_in_its_digest():
    first = outside(unseen(4))
    assert first.digest == outside(unseen(4)).digest
    others = [replace(first, targets=first.targets[:, ::-1]), replace(first, images=unseen(4, seed=1))]
    assert len({first.digest, *(other.digest for other in others)}) == 3
    assert not first.is_soft
    assert replace(first, targets=np.full((4, 10), 0.1)).is_soft
