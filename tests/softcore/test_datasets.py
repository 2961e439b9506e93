"""Data sets by name: splits, test sets, and refusals that say the way out."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from softcore.data import cifar10s as cifar10s_module
from softcore.data import hmix
from softcore.data.dataset import fingerprint
from softcore.data.readers import CIFAR_CLASSES, PAGE_COLUMNS
from softcore.datasets import DATASETS, data_root, load
from softcore.errors import RequestError


@pytest.fixture
def small_root(tmp_path, monkeypatch, page, write_raw):
    """A data root with all files of CIFAR-10S's layout, of 20 test and 10 validation images."""
    monkeypatch.setattr(cifar10s_module, "TEST_IMAGES", 20)
    monkeypatch.setattr(cifar10s_module, "VALIDATION_IMAGES", 10)
    labels = np.arange(20, dtype=np.uint8) % 10
    for folder in ("cifar10", "cifar10h", "splits"):
        (tmp_path / folder).mkdir()
    for name, n in (("test", 20), ("validation", 10)):
        images = np.full((n, 32, 32, 3), n, dtype=np.uint8)
        np.savez(tmp_path / "cifar10" / f"{name}.npz", images=images, labels=labels[:n])
    np.save(tmp_path / "cifar10h" / "cifar10h-counts.npy", np.eye(10, dtype=np.int64)[labels] * 49 + 1)
    np.save(tmp_path / "splits" / "train_indices.npy", np.arange(0, 14))
    np.save(tmp_path / "splits" / "test_indices.npy", np.array([19, 15, 17]))
    write_raw(tmp_path / "cifar10s" / "raw_human_data.csv", [page(item=3), page(item=5, index=7)])
    return tmp_path


def test_the_parts_of_cifar10s_are_disjoint_and_item_i_is_image_i(small_root):
    data = load("cifar10s", small_root)
    test = data.fixed_tests["10h"]
    assert data.images.shape == (30, 32, 32, 3)
    assert data.images[19, 0, 0, 0] == 20  # the last test image
    assert data.images[20, 0, 0, 0] == 10  # the first validation image
    assert list(data.validation_items) == list(range(20, 30))
    assert list(test.items) == [19, 15, 17]
    # Item 19 is of class 9: 50 clicks on it and one on each of the other nine, 59 in all.
    assert test.targets[0, 9] == pytest.approx(50 / 59)
    assert test.targets.sum(axis=1) == pytest.approx(1)
    assert list(data.annotated_items) == [3, 5]
    assert not data.counts[20:].any()


def test_an_item_with_only_a_repeat_is_not_annotated(small_root, page, write_raw):
    pages = [page(item=3), page(item=9, index=30, task="rerun_spec_conf")]
    write_raw(small_root / "cifar10s" / "raw_human_data.csv", pages)
    assert list(load("cifar10s", small_root).annotated_items) == [3]


@pytest.mark.parametrize("file", cifar10s_module.FILES)
def test_a_missing_file_is_named_with_the_way_out(small_root, file):
    (small_root / file).unlink()
    with pytest.raises(RequestError) as refused:
        load("cifar10s", small_root)
    message = str(refused.value)
    assert str(small_root / file) in message
    assert "sweeps data fetch cifar10s" in message
    assert "SOFTCORE_DATA" in message
    assert "\n" not in message


def test_an_answer_about_a_test_image_is_refused(small_root, page, write_raw):
    write_raw(small_root / "cifar10s" / "raw_human_data.csv", [page(item=15)])
    with pytest.raises(RequestError, match=r"image 15 .* not in the training split"):
        load("cifar10s", small_root)


@pytest.mark.parametrize(
    ("file", "array", "said"),
    [
        ("splits/test_indices.npy", np.array([3, 19]), "image 3 is in splits/train_indices.npy too"),
        ("splits/test_indices.npy", np.array([20]), "different ones from 0 to 19"),
        ("splits/test_indices.npy", np.array([15, 15]), "different ones"),
        ("splits/train_indices.npy", np.array([0.5]), "float64"),
        ("cifar10h/cifar10h-counts.npy", np.ones((5, 10), dtype=int), "whole numbers"),
        ("cifar10h/cifar10h-counts.npy", np.roll(np.eye(10, dtype=int)[np.arange(20) % 10], 1, axis=1), "disagree"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(small_root, file, array, said):
    np.save(small_root / file, array)
    with pytest.raises(RequestError, match=said):
        load("cifar10s", small_root)


def test_a_cache_of_images_that_is_cut_or_of_another_shape_is_refused(small_root):
    path = small_root / "cifar10" / "test.npz"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(RequestError, match=r"test\.npz: not a readable \.npz"):
        load("cifar10s", small_root)
    np.savez(path, images=np.zeros((20, 16, 16, 3), dtype=np.uint8), labels=np.zeros(20, dtype=np.uint8))
    with pytest.raises(RequestError, match=r"images are uint8 \[20, 16, 16, 3\]"):
        load("cifar10s", small_root)


@pytest.fixture
def small_hmix(small_root):
    """The small data root with H-Mix's two files: one mixed image of items 3 and 5, answered once for each file."""
    said = ("ann", "rate_mixture", 6, 60_000, "mixed_0.25_Cat_3_Dog_5.png", '{"mixingcoeff":90,"confidence":60}')
    shown = (8_000, "Cat", "Dog", 0.25, 3.0, 5.0)
    page = json.dumps({"classSelect": "mostProbCat", "prob": "80", "classSelect2": "secondProbNo", "prob2": ""})
    (small_root / "hmix").mkdir()
    for file, header, row in (
        (hmix.INFERENCES, (*hmix.PAGE, "rt", *hmix.STIMULUS[1:]), (*said, *shown)),
        (hmix.SOFT_LABELS, (*PAGE_COLUMNS, "filename"), (6, 60_000, "ann", 9_000, page, "spec_conf", said[4])),
    ):
        with (small_root / file).open("w", newline="") as out:
            csv.writer(out).writerows([header, row])
    return small_root


def test_hmix_is_cifar10s_with_mixed_images_and_two_more_fingerprints(small_hmix):
    plain, data = load("cifar10s", small_hmix), load("hmix", small_hmix)
    assert plain.mixed is None
    assert data.mixed.endpoints.tolist() == [[3, 5]]
    assert list(data.mixed.records["item"]) == [0]
    assert np.array_equal(data.images, plain.images)
    assert data.records.equals(plain.records)
    assert set(data.fingerprints) - set(plain.fingerprints) == set(hmix.FILES)


@pytest.mark.parametrize("file", [*cifar10s_module.FILES, *hmix.FILES])
def test_a_missing_file_of_hmix_is_fetched_under_its_own_name(small_hmix, file):
    (small_hmix / file).unlink()
    with pytest.raises(RequestError, match=rf"{file} is missing; fetch it with `sweeps data fetch hmix`"):
        load("hmix", small_hmix)


def test_a_mix_of_an_image_outside_the_training_split_is_refused(small_hmix):
    for file in hmix.FILES:
        path = small_hmix / file
        path.write_text(path.read_text().replace("Dog_5", "Dog_15").replace("5.0", "15.0"))
    with pytest.raises(RequestError, match=r"mixed_0\.25_Cat_3_Dog_15\.png \(1 in all\) mixes an image that is not"):
        load("hmix", small_hmix)


def test_an_unknown_name_lists_the_known_ones(tmp_path):
    with pytest.raises(RequestError) as refused:
        load("cifar11", tmp_path)
    assert all(name in str(refused.value) for name in DATASETS)


def test_the_data_root_is_what_is_given_else_the_environment_else_the_cache(monkeypatch):
    monkeypatch.setenv("SOFTCORE_DATA", "/there")
    assert data_root("/here") == Path("/here")
    assert data_root() == Path("/there")
    monkeypatch.delenv("SOFTCORE_DATA")
    assert data_root() == Path.home() / ".cache" / "softcore"


def test_a_fingerprint_tells_arrays_apart_by_content_shape_and_type():
    a = np.arange(6, dtype=np.int64)
    different = {fingerprint(x) for x in (a, a.reshape(2, 3), a.astype(np.int32), a + 1)}
    assert len(different) == 4
    assert fingerprint(a[::2]) == fingerprint(a[::2].copy())


def test_the_real_data_set_has_the_theses_parts(cifar10s):
    assert (len(cifar10s.train_items), len(cifar10s.annotated_items), len(cifar10s.validation_items)) == (
        7000,
        1000,
        5000,
    )
    assert cifar10s.fixed_tests["10h"].targets.shape == (3000, 10)
    assert cifar10s.images.shape == (15_000, 32, 32, 3)
    assert cifar10s.classes == CIFAR_CLASSES
    assert np.isin(cifar10s.records["item"], cifar10s.train_items).all()
    assert np.abs(cifar10s.fixed_tests["10h"].targets.sum(axis=1) - 1).max() < 1e-12
