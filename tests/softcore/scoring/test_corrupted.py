"""Corrupted copies of test images: from files in CIFAR-10-C's format, or generated and then called so."""

from dataclasses import replace

import numpy as np
import pytest

from softcore.errors import RequestError
from softcore.scoring.corrupted import FURTHER, STANDARD, corrupted_images
from softcore.scoring.corruptions import CORRUPTIONS, corrupt

TESTS = 6  # images a severity in the small files


@pytest.fixture(scope="module")
def small(digits):
    """A data set that says its items are CIFAR-10's test images, of which there are six of 8x8."""
    return replace(digits, name="cifar10s", images=digits.images[:20], labels=digits.labels[:20])


def block(index):
    """The six images of severity 3 of the corruption at `index`: block 3 of 5, value 100 + index, item in a corner."""
    rows = np.full((5 * TESTS, 8, 8, 1), 7, dtype=np.uint8)
    rows[2 * TESTS : 3 * TESTS] = 100 + index
    rows[2 * TESTS : 3 * TESTS, 0, 0, 0] = np.arange(TESTS)
    return rows


@pytest.fixture
def official(tmp_path):
    folder = tmp_path / "cifar10c"
    folder.mkdir()
    for index, name in enumerate(STANDARD):
        np.save(folder / f"{name}.npy", block(index))
    return tmp_path


def test_the_official_files_give_severity_3_of_the_items_asked_for(official, small):
    np.save(official / "cifar10c" / "spatter.npy", block(50))
    found = corrupted_images(official, small, np.array([4, 1, 4]), test_images=TESTS)
    assert (found.source, found.suffix, found.severity) == ("official", "c", 3)
    assert found.items.tolist() == [1, 4]
    assert set(found.images) == {*STANDARD, "spatter"}
    for index, name in enumerate(STANDARD):
        images = found.images[name]
        assert (type(images), images.dtype, images.shape) == (np.ndarray, np.uint8, (2, 8, 8, 1))
        assert images[:, 0, 0, 0].tolist() == [1, 4]
        assert np.unique(images[:, 1:]).tolist() == [100 + index]
    assert set(found.absent) == set(FURTHER) - {"spatter"}
    assert found.absent["saturate"] == "no file cifar10c/saturate.npy"


def test_frost_is_one_of_the_fifteen_standard_ones():
    assert len(STANDARD) == 15
    assert set(STANDARD) - set(CORRUPTIONS) == {"frost"}


def test_without_the_files_corruptions_are_generated_and_called_so(tmp_path, digits):
    items = np.array([30, 2])
    found = corrupted_images(tmp_path, digits, items)
    assert (found.source, found.suffix) == ("generated", "c-generated")
    assert tuple(found.images) == CORRUPTIONS
    assert found.items.tolist() == [2, 30]
    assert np.array_equal(found.images["fog"], corrupt(digits.images[[2, 30]], "fog", np.array([2, 30])))
    assert list(found.absent) == ["frost"]
    assert "photographs" in found.absent["frost"]


def test_the_official_files_are_of_no_use_to_another_data_set(official, digits):
    assert corrupted_images(official, digits, np.array([1])).source == "generated"


def test_a_folder_with_some_of_the_files_is_refused_with_those_it_lacks(official, small):
    for name in ("fog", "frost"):
        (official / "cifar10c" / f"{name}.npy").unlink()
    with pytest.raises(RequestError, match=r"cifar10c: lacks fog\.npy, frost\.npy; all 15 standard files"):
        corrupted_images(official, small, np.array([1]), test_images=TESTS)


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (np.zeros((4 * TESTS, 8, 8, 1), np.uint8), r"uint8 \[24, 8, 8, 1\]"),
        (np.zeros((5 * TESTS, 8, 8, 3), np.uint8), r"uint8 \[30, 8, 8, 3\]"),
        (np.zeros((5 * TESTS, 8, 8, 1), np.float32), r"float32 \[30, 8, 8, 1\]"),
    ],
)
def test_a_file_of_another_shape_or_type_is_refused(official, small, array, found):
    np.save(official / "cifar10c" / "snow.npy", array)
    with pytest.raises(RequestError, match=rf"snow\.npy: {found}; uint8 \[30, 8, 8, 1\] is allowed"):
        corrupted_images(official, small, np.array([1]), test_images=TESTS)


def test_a_file_that_is_no_array_is_refused(official, small):
    (official / "cifar10c" / "snow.npy").write_text("not an array")
    with pytest.raises(RequestError, match=r"snow\.npy: not a readable \.npy array"):
        corrupted_images(official, small, np.array([1]), test_images=TESTS)


def test_labels_beside_the_files_must_be_the_data_sets(official, small):
    labels = np.tile(small.labels[:TESTS], 5).astype(np.uint8)
    np.save(official / "cifar10c" / "labels.npy", labels)
    assert corrupted_images(official, small, np.array([1]), test_images=TESTS).source == "official"
    labels[2 * TESTS] += 1
    np.save(official / "cifar10c" / "labels.npy", labels)
    with pytest.raises(RequestError, match=r"labels\.npy: 1 labels differ from the data set's"):
        corrupted_images(official, small, np.array([1]), test_images=TESTS)


def test_an_item_that_is_no_test_image_is_an_error(official, small):
    with pytest.raises(ValueError, match="item 6 is not one of the 6 test images"):
        corrupted_images(official, small, np.array([1, 6]), test_images=TESTS)


def test_the_full_files_have_ten_thousand_images_a_severity(official, small):
    with pytest.raises(RequestError, match=r"uint8 \[50000, 8, 8, 1\] is allowed"):
        corrupted_images(official, small, np.array([1]))


def test_rows_are_where_the_items_are(tmp_path, digits):
    found = corrupted_images(tmp_path, digits, np.array([9, 2, 30]))
    assert found.rows(np.array([30, 2])).tolist() == [2, 0]
    with pytest.raises(ValueError, match="no corrupted image of item 3 "):
        found.rows(np.array([2, 3]))


def test_images_are_pooled_to_a_trials_size_as_the_clean_ones_are(official, small):
    found = corrupted_images(official, small, np.array([1]), test_images=TESTS)
    assert found.at(4).images["fog"].shape == (1, 4, 4, 1)
    # The corner holds the item, 1, and three pixels of 108: (1 + 3 x 108) / 4 = 81.25.
    assert found.at(4).images["fog"][0, 0, 0, 0] == 81
    assert found.at(None).images["fog"] is found.images["fog"]
    assert found.at(4).items.tolist() == [1]
