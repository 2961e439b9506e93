"""A user's own data: images, a table of answers and a small YAML file become a data set, or one clear line."""

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from softcore.data.own import split_images
from softcore.datasets import load
from softcore.errors import RequestError
from softcore.test_sets import test_sets

CLASSES = ["cat", "dog", "owl"]


@pytest.fixture
def own(tmp_path):
    """A writer of a user's data set: 60 RGB images of 20x24 pixels in 3 classes, two answers on each of 24 images."""
    images = np.zeros((60, 20, 24, 3), dtype=np.uint8)
    images[:, 0, 0, 0] = np.arange(60)
    np.savez(tmp_path / "images.npz", images=images, labels=np.arange(60) % 3)
    rows = [
        {
            "annotator": person,
            "item": item,
            "top1": CLASSES[item % 3],
            "p1": 80,
            "top2": "owl",
            "p2": 15,
            "impossible": "",
        }
        for item in range(24)
        for person in ("ann", "bob")
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "answers.csv", index=False)

    def write(**keys):
        declared = {
            "name": "pets",
            "images": "images.npz",
            "classes": CLASSES,
            "answers": "answers.csv",
            "probabilities": "percent",
        }
        declared = {key: value for key, value in {**declared, **keys}.items() if value is not None}
        (tmp_path / "pets.yaml").write_text(yaml.safe_dump(declared))
        return str(tmp_path / "pets.yaml")

    return write


def refusal(path):
    with pytest.raises(RequestError) as refused:
        load(path)
    return str(refused.value)


def test_own_images_and_answers_become_a_data_set_with_no_code(own):
    data = load(own(title="Pets"))
    assert (data.name, data.title, data.classes) == ("pets", "Pets", ("cat", "dog", "owl"))
    assert data.images.shape == (60, 20, 24, 3)
    assert data.images[41, 0, 0, 0] == 41
    # 60 images: a quarter to the test, 15 in a hundred to validation.
    assert [len(data.train_items), len(data.validation_items), len(data.fixed_tests["reference"].items)] == [36, 9, 15]
    assert (data.held_out, data.held_out_test, data.default_metric) == (2, "pages", "ce/reference")
    assert not data.simulated
    assert data.counts is None
    assert set(data.records["annotator"]) == {"ann", "bob"}


def test_the_reference_test_is_one_hot_of_the_reference_labels(own):
    data = load(own())
    test = data.fixed_tests["reference"]
    assert np.array_equal(test.targets.argmax(axis=1), data.labels[test.items])
    assert np.array_equal(np.unique(test.targets), [0.0, 1.0])


def test_a_second_load_splits_the_same_way(own):
    path = own()
    assert np.array_equal(load(path).train_items, load(path).train_items)
    assert load(path).fingerprints == load(path).fingerprints


def test_what_changes_the_records_changes_a_fingerprint(own):
    before = load(own()).fingerprints
    assert load(own(classes=["dog", "cat", "owl"])).fingerprints != before
    assert load(own(test=0.3)).fingerprints != before


def test_classes_with_an_order_lie_at_equal_steps_and_others_nowhere(own):
    plain, ordered = load(own()), load(own(ordered=True))
    assert plain.class_positions is None
    assert ordered.class_positions.tolist() == [0, 1, 2]
    assert ordered.classes == ("cat", "dog", "owl")  # as the key `classes` has them
    # It changes a metric, so that it is another data set; who says no has the one of before there was such a key.
    assert ordered.fingerprints != plain.fingerprints
    assert load(own(ordered=False)).fingerprints == plain.fingerprints


def test_each_class_keeps_its_share_in_every_part():
    # 40 of class 0 and 20 of class 1, none answered: 10 and 5 to the test, 6 and 3 to validation.
    labels = np.repeat([0, 1], [40, 20])
    train, validation, test = split_images(labels, np.array([], dtype=int), 0.15, 0.25)
    assert [list(np.bincount(labels[part])) for part in (train, validation, test)] == [[24, 12], [6, 3], [10, 5]]
    assert np.array_equal(np.sort(np.concatenate([train, validation, test])), np.arange(60))


def test_no_answer_is_left_unused_while_unanswered_images_can_be_the_test():
    labels = np.zeros(20, dtype=int)
    train, _, _ = split_images(labels, np.arange(12), 0.15, 0.25)
    assert np.array_equal(train, np.arange(12))  # 20 images: 5 test, 3 validation, the 12 answered ones to train on


def test_answers_about_test_images_are_dropped_and_counted(own, tmp_path):
    rows = [{"annotator": "ann", "item": item, "top1": 0, "p1": 50, "impossible": "1"} for item in range(60)]
    pd.DataFrame(rows).to_csv(tmp_path / "answers.csv", index=False)
    data = load(own())
    assert np.isin(data.records["item"], data.train_items).all()
    assert data.odd_rows["not-in-training"] == 60 - 36


def test_a_folder_gives_classes_by_subfolder_and_items_in_path_order(own, tmp_path):
    for name in ("owl", "cat"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for i in range(10):
            Image.new("RGB", (24, 20), (i, 0, 100)).save(tmp_path / "pictures" / name / f"{i:02d}.png")
    (tmp_path / "answers.csv").write_text(
        "annotator,item,top1,p1\n" + "".join(f"ann,cat/{i:02d}.png,cat,90\nann,{i + 10},owl,80\n" for i in range(5))
    )
    data = load(own(images="pictures", classes=None))
    assert data.classes == ("cat", "owl")
    assert data.images.shape == (20, 20, 24, 3)
    assert list(data.labels) == [0] * 10 + [1] * 10
    assert data.images[13, 0, 0].tolist() == [3, 0, 100]
    by_item = dict(zip(data.records["item"], data.records["top1"], strict=True))
    assert by_item == {**dict.fromkeys(range(5), 0), **dict.fromkeys(range(10, 15), 1)}


def test_grey_pictures_have_one_channel_and_one_colour_picture_makes_all_three(own, tmp_path):
    folder = tmp_path / "pictures" / "cat"
    folder.mkdir(parents=True)
    (tmp_path / "pictures" / "dog").mkdir()
    for i in range(12):
        Image.new("L", (5, 4), i).save((folder if i % 2 else tmp_path / "pictures" / "dog") / f"{i:02d}.png")
    (tmp_path / "answers.csv").write_text("annotator,item,top1\nann,01.png,cat\nann,02.png,dog\nann,03.png,cat\n")
    path = own(images="pictures", classes=None, probabilities=None)
    assert load(path).images.shape == (12, 4, 5, 1)
    Image.new("RGB", (5, 4), (9, 0, 0)).save(folder / "01.png")
    assert load(path).images.shape == (12, 4, 5, 3)


def test_the_first_file_of_another_size_is_named(own, tmp_path):
    for i, size in enumerate([(5, 4), (5, 4), (6, 4)]):
        (tmp_path / "pictures" / "cat").mkdir(parents=True, exist_ok=True)
        Image.new("L", size).save(tmp_path / "pictures" / "cat" / f"{i}.png")
    (tmp_path / "pictures" / "dog").mkdir()
    message = refusal(own(images="pictures", classes=None))
    assert "2.png: 6 wide, 4 high; all images must be of one size, that of 0.png: 5 wide, 4 high" in message


def test_a_file_that_is_no_image_is_named(own, tmp_path):
    (tmp_path / "pictures" / "cat").mkdir(parents=True)
    (tmp_path / "pictures" / "dog").mkdir()
    (tmp_path / "pictures" / "cat" / "0.png").write_text("not a picture")
    assert "0.png: not a readable image" in refusal(own(images="pictures", classes=None))


def test_labels_may_be_class_names(own, tmp_path):
    np.savez(
        tmp_path / "images.npz",
        images=np.zeros((60, 4, 4), dtype=np.uint8),
        labels=np.array(CLASSES)[np.arange(60) % 3],
    )
    data = load(own())
    assert list(data.labels) == list(np.arange(60) % 3)
    assert data.images.shape == (60, 4, 4, 1)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"images": np.zeros((4, 2, 2), dtype=np.uint8)}, "no array 'labels'; needed: images, labels"),
        ({"images": np.zeros((4, 2, 2)), "labels": np.zeros(4, dtype=int)}, "`images` is float64 [4, 2, 2]"),
        ({"images": np.zeros((4, 2, 2), dtype=np.uint8), "labels": np.zeros(3, dtype=int)}, "`labels` is [3]"),
        ({"images": np.zeros((2, 2, 2), dtype=np.uint8), "labels": np.array([0, 3])}, "label of image 1 is '3'"),
        (
            {"images": np.zeros((2, 2, 2), dtype=np.uint8), "labels": np.array(["cat", "cow"])},
            "label of image 1 is 'cow'",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_refused(own, tmp_path, arrays, said):
    np.savez(tmp_path / "images.npz", **arrays)
    message = refusal(own())
    assert said in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"colour": "red"}, "key 'colour' is not known; allowed: name, title, images"),
        ({"answers": None}, "key 'answers' is missing; allowed: the path of a .csv or .parquet file"),
        ({"probabilities": "percents"}, "key 'probabilities': 'percents'; allowed: percent, fraction"),
        ({"probabilities": None}, "key 'probabilities' is missing"),
        ({"test": 1.7}, "key 'test': '1.7'; allowed: a share between 0 and 1"),
        ({"test": 0.6, "validation": 0.5}, "0.5 + 0.6; less than 1 together is allowed"),
        ({"name": "digits"}, "'digits' is the name of a built-in data set"),
        ({"name": "my pets"}, "key 'name': 'my pets'; allowed: letters, digits"),
        ({"classes": ["cat", "dog", "cat"]}, "'cat' is there twice"),
        ({"classes": None}, "key 'classes' is missing"),
        ({"images": None}, "key 'images' is missing; allowed: the path of an .npz file or a folder, or in its place"),
        ({"images_of": "digits"}, "keys 'images' and 'images_of': both are there; one of them is allowed"),
        (
            {"images": None, "images_of": "pets"},
            "key 'images_of': 'pets'; allowed: the name of a built-in data set: ci",
        ),
        ({"images": None, "images_of": "digits"}, "key 'classes': images_of: digits brings that with it"),
        ({"held_out": 1}, "key 'held_out': '1'; allowed: a share of 0 or more, below 1"),
        ({"ordered": "yes, very"}, "key 'ordered': 'yes, very'; allowed: true, false"),
        ({"ordered": True, "classes": None}, "key 'ordered': true; the key 'classes' must say in which order"),
        ({"images": "nowhere.npz"}, "nowhere.npz: no such file or folder"),
        ({"answers": "nowhere.csv"}, "nowhere.csv: can't be read"),
        ({"answers": "images.npz"}, "'.npz' is not known; .csv and .parquet are allowed"),
    ],
)
def test_a_wrong_key_is_refused_in_one_line_with_file_key_value_and_what_is_allowed(own, keys, said):
    message = refusal(own(**keys))
    assert "pets.yaml" in message
    assert said in message
    assert "\n" not in message


def test_broken_yaml_and_a_missing_file_are_one_line_each(tmp_path):
    (tmp_path / "bad.yaml").write_text("name: [pets\n")
    assert "bad.yaml, line 2, column 1: not valid YAML" in refusal(str(tmp_path / "bad.yaml"))
    assert "\n" not in refusal(str(tmp_path / "bad.yaml"))
    assert "can't be read" in refusal(str(tmp_path / "none.yaml"))
    (tmp_path / "list.yaml").write_text("- pets\n")
    assert "a list; keys are needed: name" in refusal(str(tmp_path / "list.yaml"))


def test_too_few_annotated_training_images_are_refused(own, tmp_path):
    (tmp_path / "answers.csv").write_text("annotator,item,top1\nann,0,cat\n")
    assert "1 training images have answers; at least 2 are needed" in refusal(own())


def test_no_image_with_answers_needs_to_be_held_out(own, tmp_path):
    data = load(own(held_out=0))
    assert data.held_out == 0
    assert list(test_sets(data, seed=0)) == ["reference"]
    (tmp_path / "answers.csv").write_text("annotator,item,top1\nann,0,cat\n")
    assert load(own(held_out=0)).annotated_items.tolist() == [0]
    (tmp_path / "answers.csv").write_text("annotator,item,top1,is_repeat\nann,0,cat,true\n")
    assert "0 training images have answers; at least 1 is needed, one to train on" in refusal(own(held_out=0))


@pytest.fixture
def relabelled(own, tmp_path):
    """A writer of answers about images of a built-in data set."""

    def write(items, **keys):
        rows = [{"annotator": "ann", "item": item, "top1": 3, "p1": 90} for item in items]
        pd.DataFrame(rows).to_csv(tmp_path / "answers.csv", index=False)
        return own(images=None, classes=None, images_of="digits", **keys)

    return write


def test_own_answers_may_be_about_the_images_of_a_built_in_data_set(relabelled):
    digits = load("digits")
    data = load(relabelled(digits.train_items[:40]))
    assert (data.name, data.default_metric, data.held_out) == ("pets", "ce/crowd", 4)
    for name in ("images", "labels", "train_items", "validation_items"):
        assert np.array_equal(getattr(data, name), getattr(digits, name))
    assert np.array_equal(data.fixed_tests["crowd"].targets, digits.fixed_tests["crowd"].targets)
    assert data.classes == digits.classes
    assert load(relabelled(digits.train_items[:40], ordered=True)).class_positions.tolist() == [*range(10)]
    # Its own pages and clicks are left out; its test set is labelled by simulated people all the same.
    assert set(data.records["annotator"]) == {"ann"}
    assert data.annotated_items.tolist() == digits.train_items[:40].tolist()
    assert data.counts is None
    assert data.simulated
    assert data.notes[0].startswith("images, reference labels, splits and test sets are those of digits")


def test_answers_about_test_images_of_a_built_in_data_set_are_dropped_and_counted(relabelled):
    digits = load("digits")
    data = load(relabelled([*digits.train_items[:10], *digits.fixed_tests["crowd"].items[:5]]))
    assert len(data.records) == 10
    assert data.odd_rows["not-in-training"] == 5


def test_a_built_in_data_sets_files_count_in_the_fingerprints(relabelled):
    digits = load("digits")
    data = load(relabelled(digits.train_items[:10]))
    assert digits.fingerprints.items() <= data.fingerprints.items()
    assert {"answers", "settings"} <= data.fingerprints.keys()
    again = load(relabelled(digits.train_items[1:11]))
    assert again.fingerprints["answers"] != data.fingerprints["answers"]


def test_images_of_a_data_set_whose_files_are_missing_are_refused_in_one_line(relabelled, tmp_path):
    path = relabelled([1, 2], name="mine").replace("pets.yaml", "mine.yaml")
    declared = yaml.safe_load((tmp_path / "pets.yaml").read_text()) | {"images_of": "cifar10s"}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(declared))
    with pytest.raises(RequestError) as refused:
        load(path, tmp_path / "nothing")
    assert "mine.yaml: data file" in str(refused.value)
    assert "sweeps data fetch cifar10s" in str(refused.value)


def test_a_part_that_would_be_empty_is_refused():
    with pytest.raises(RequestError, match="3 images leave none for validation"):
        split_images(np.zeros(3, dtype=int), np.array([0]), 0.15, 0.25)
