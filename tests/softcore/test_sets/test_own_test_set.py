"""A user's own test images: folders and archives, labels and answers beside them, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from softcore.datasets import load
from softcore.errors import RequestError
from softcore.test_sets.own import read_own_test_set

N = 6


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (N, 8, 8), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path, images):
    """Images a.png .. f.png, in no folder of a class."""
    place = tmp_path / "mine"
    place.mkdir()
    for name, image in zip("abcdef", images, strict=True):
        Image.fromarray(image).save(place / f"{name}.png")
    return place


def csv(path, rows):
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def test_a_folder_of_classes_is_labelled_by_its_folders(tmp_path, digits, images):
    for k, image in enumerate(images):
        (tmp_path / "set" / str(k % 2)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(tmp_path / "set" / str(k % 2) / f"{k}.png")
    test = read_own_test_set(tmp_path / "set", digits, name="set")
    assert test.names == ("0/0.png", "0/2.png", "0/4.png", "1/1.png", "1/3.png", "1/5.png")
    assert test.targets.argmax(axis=1).tolist() == [0, 0, 0, 1, 1, 1]
    np.testing.assert_array_equal(test.images[..., 0], images[[0, 2, 4, 1, 3, 5]])


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([[0.5, 0.5, 0], [0, 1, 0]], [[0.5, 0.5, 0], [0, 1, 0]]),
        ([[50, 49.5, 0.5], [0, 100, 0]], [[0.5, 0.495, 0.005], [0, 1, 0]]),
        ([[3, 1, 0], [0, 0, 7]], [[0.75, 0.25, 0], [0, 0, 1]]),
    ],
)
def test_probabilities_percent_and_counts_are_told_apart(folder, digits, tmp_path, rows, expected):
    table = pd.DataFrame(0.0, index=range(N), columns=list(digits.classes))
    table["0"] = 1.0
    table.loc[[0, 1], ["0", "1", "2"]] = rows
    table.insert(0, "image", [f"{name}.png" for name in "abcdef"])
    test = read_own_test_set(folder, digits, name="mine", labels=csv(tmp_path / "l.csv", table))
    np.testing.assert_allclose(test.targets[:2, :3], expected)
    np.testing.assert_allclose(test.targets.sum(axis=1), 1)
    assert test.is_soft


def test_rows_of_a_labels_file_may_be_in_any_order_and_go_by_name(folder, digits, tmp_path):
    rows = [{"image": f"{name}.png", "label": str(k)} for k, name in enumerate("abcdef")]
    test = read_own_test_set(folder, digits, name="mine", labels=csv(tmp_path / "l.csv", rows[::-1]))
    assert test.targets.argmax(axis=1).tolist() == [0, 1, 2, 3, 4, 5]
    assert not test.is_soft


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda rows: rows[:-2], "2 of 6 images have no row: e.png, f.png"),
        (lambda rows: [*rows, {"image": "z.png", "label": "1"}], r"row 8, image: 'z.png'.*6 images, such as a.png"),
        (lambda rows: [*rows, rows[0]], "one row an image"),
        (lambda rows: [{**rows[0], "label": "eleven"}, *rows[1:]], "label: 'eleven'"),
        (lambda rows: [{"image": row["image"]} for row in rows], "needed are a column image"),
        (lambda rows: [{"file": row["image"], "label": "1"} for row in rows], "needed are a column image"),
    ],
)
def test_labels_that_do_not_fit_the_images_are_refused(folder, digits, tmp_path, spoil, said):
    rows = [{"image": f"{name}.png", "label": str(k)} for k, name in enumerate("abcdef")]
    with pytest.raises(RequestError, match=said):
        read_own_test_set(folder, digits, name="mine", labels=csv(tmp_path / "l.csv", spoil(rows)))


@pytest.mark.parametrize("value", ["-0.5", "nan", "much", ""])
def test_a_label_that_is_no_number_is_refused_with_its_row(folder, digits, tmp_path, value):
    rows = [{"image": f"{name}.png"} | dict.fromkeys(digits.classes, "0") | {"3": "1"} for name in "abcdef"]
    rows[2]["4"] = value
    with pytest.raises(RequestError, match=r"4.*0 or more"):
        read_own_test_set(folder, digits, name="mine", labels=csv(tmp_path / "l.csv", rows))


def test_a_row_without_a_sum_is_refused(folder, digits, tmp_path):
    rows = [{"image": f"{name}.png"} | dict.fromkeys(digits.classes, "0") | {"3": "0.7"} for name in "abcdef"]
    with pytest.raises(RequestError, match="sum to 1, percent to 100, or whole counts"):
        read_own_test_set(folder, digits, name="mine", labels=csv(tmp_path / "l.csv", rows))


def test_answers_of_people_make_the_mean_label_and_images_without_are_left_out(folder, digits, tmp_path):
    rows = [
        {"annotator": who, "item": f"{image}.png", "top1": top}
        for who, image, top in [("x", "a", "1"), ("y", "a", "2"), ("x", "c", "3"), ("y", "c", "3"), ("x", "f", "0")]
    ]
    test = read_own_test_set(folder, digits, name="mine", answers=csv(tmp_path / "a.csv", rows))
    assert test.names == ("a.png", "c.png", "f.png")
    np.testing.assert_allclose(test.targets[0, :4], [0, 0.5, 0.5, 0])
    np.testing.assert_allclose(test.targets[1:].max(axis=1), 1)
    assert test.notes == (
        "3 images with the mean label of 2 people (a.csv)",
        "3 images that nobody answered are left out",
    )


def test_pages_are_spread_as_held_out_answers_are(folder, digits, tmp_path):
    rows = [{"annotator": "x", "item": "b.png", "top1": "1", "p1": 60, "top2": "4", "p2": 30, "impossible": "0|9"}]
    how = {"name": "mine", "probabilities": "percent"}
    test = read_own_test_set(folder, digits, answers=csv(tmp_path / "a.csv", rows), **how)
    np.testing.assert_allclose(test.targets.sum(axis=1), 1)
    assert test.targets[0, 1] > test.targets[0, 4] > test.targets[0, 2] > 0  # T2 Clamp: classes not ruled out share
    assert test.targets[0, 0] == test.targets[0, 9] == 0


def test_an_archive_has_labels_or_targets(tmp_path, digits, images):
    np.savez(tmp_path / "hard.npz", images=images, labels=np.array(["3"] * N))
    assert read_own_test_set(tmp_path / "hard.npz", digits, name="x").targets[:, 3].tolist() == [1] * N
    np.savez(tmp_path / "soft.npz", images=images, targets=np.full((N, 10), 0.1))
    assert read_own_test_set(tmp_path / "soft.npz", digits, name="x").is_soft


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"labels": np.zeros(N - 1, dtype=int)}, r"`labels` is \[5\]; one for each of 6 images"),
        ({"labels": np.full(N, 10)}, "label of image 0 is '10'"),
        ({"labels": np.array(["cat"] * N)}, "label of image 0 is 'cat'"),
        ({"targets": np.full((N, 9), 1 / 9)}, r"numbers \[6, 10\]"),
        ({"targets": np.full((N, 10), 0.2)}, "`targets` of image 0"),
        ({}, "no array 'labels'"),
    ],
)
def test_an_archive_that_does_not_fit_is_refused(tmp_path, digits, images, arrays, said):
    np.savez(tmp_path / "bad.npz", images=images, **arrays)
    with pytest.raises(RequestError, match=said):
        read_own_test_set(tmp_path / "bad.npz", digits, name="x")


def test_images_of_any_size_are_brought_to_that_of_the_data_set(tmp_path, digits):
    for k, size in enumerate([(30, 20), (8, 8), (64, 64)]):
        (tmp_path / "big" / "7").mkdir(parents=True, exist_ok=True)
        Image.new("L", size, color=40 * k).save(tmp_path / "big" / "7" / f"{k}.png")
    test = read_own_test_set(tmp_path / "big", digits, name="big", resize=True)
    assert test.images.shape == (3, 8, 8, 1)
    assert test.images.mean(axis=(1, 2, 3)).tolist() == [0, 40, 80]
    with pytest.raises(RequestError, match="all images must be of one size"):
        read_own_test_set(tmp_path / "big", digits, name="big")


def test_images_without_labels_are_refused_with_the_ways_to_give_them(folder, digits):
    with pytest.raises(RequestError, match=r"a.png is in no folder of a class; .*--labels.*--answers"):
        read_own_test_set(folder, digits, name="mine")


def test_what_is_not_there_is_refused(tmp_path, digits):
    with pytest.raises(RequestError, match=r"no such folder or \.npz file"):
        read_own_test_set(tmp_path / "nothing", digits, name="x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(RequestError, match="no images"):
        read_own_test_set(tmp_path / "empty", digits, name="x")
