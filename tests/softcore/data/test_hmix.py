"""H-Mix as collected -> mixed images: one page by hand, refusals by row, the published numbers on the real files."""

import csv
import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from softcore.data import hmix
from softcore.data.hmix import INFERENCE_COLUMNS, MixedImages, class_pairs, mix_images, pick_18_a_pair, read_mixed
from softcore.data.readers import CIFAR_CLASSES, PAGE_COLUMNS
from softcore.data.records import COLUMNS
from softcore.errors import RequestError

CAT, DOG, FROG, SHIP = (CIFAR_CLASSES.index(name) for name in ("cat", "dog", "frog", "ship"))
INFERENCE_HEADER = (*hmix.PAGE, "rt", *hmix.STIMULUS[1:])
DOG_FROG = "mixed_0.25_Dog_7_Frog_2.png"
CAT_SHIP = "mixed_0.5_Cat_3_Ship_5.png"


def inferred(
    filename=DOG_FROG, subject="ann", slider=90, confidence=60, task="rate_mixture", index=6, ms=8_000, **said
):
    """One page as stored: `slider` is the share of the second endpoint, in percent."""
    _, coefficient, label1, id1, label2, id2 = filename.removesuffix(".png").split("_")
    row = {
        "subject": subject,
        "task": task,
        "trial_index": index,
        "time_elapsed": index * 10_000,
        "filename": filename,
        "responses": json.dumps({"mixingcoeff": slider, "confidence": confidence}),
        "rt": ms,
        "label1": label1,
        "label2": label2,
        "mixtureCoeff": coefficient,
        "id1": f"{id1}.0",
        "id2": f"{id2}.0",
    }
    return {**row, **said}


@pytest.fixture
def write(tmp_path, page):
    """A writer of both files below a data root; the first page of inferences is line 3 of its file."""

    def write_both(inferences, labelled=(DOG_FROG,)):
        pages = []
        for number, name in enumerate(labelled):
            raw = page(item=0, index=6 + number)
            raw["filename"] = name
            pages.append(raw)
        (tmp_path / "hmix").mkdir(exist_ok=True)
        for file, header, rows in (
            (hmix.INFERENCES, INFERENCE_HEADER, [{"subject": "ann", "task": ""}, *inferences]),
            (hmix.SOFT_LABELS, (*PAGE_COLUMNS, "filename"), pages),
        ):
            with (tmp_path / file).open("w", newline="") as out:
                writer = csv.DictWriter(out, fieldnames=header, restval="", extrasaction="ignore")
                writer.writeheader()
                writer.writerows(rows)
        return tmp_path

    return write_both


def test_a_page_says_the_share_of_the_first_endpoint_that_its_slider_leaves(write):
    mixed = read_mixed(write([inferred(slider=90, confidence=60, ms=8_500)]))
    assert mixed.names == (DOG_FROG,)
    assert mixed.endpoints.tolist() == [[7, 2]]
    assert mixed.coefficients.tolist() == [0.25]
    (row,) = mixed.inferences.to_dict("records")
    # The slider at 90 gives 90% to the second endpoint (the frog): the dog's share is 100 - 90 = 10%.
    assert row == {
        "mixed": 0,
        "annotator": "ann",
        "coefficient": 0.1,
        "confidence": 0.6,
        "seconds": 8.5,
        "position": 1,
        "is_repeat": False,
    }
    assert mixed.inferences.dtypes.astype(str).to_dict() == INFERENCE_COLUMNS


def test_images_are_sorted_by_name_and_answers_say_which_one(write):
    mixed = read_mixed(write([inferred(DOG_FROG, slider=90), inferred(CAT_SHIP, slider=20, index=7)]))
    assert mixed.names == (DOG_FROG, CAT_SHIP)  # "mixed_0.25..." sorts before "mixed_0.5..."
    assert dict(zip(mixed.inferences["mixed"], mixed.inferences["coefficient"], strict=True)) == {0: 0.1, 1: 0.8}
    assert mixed.endpoints.tolist() == [[7, 2], [3, 5]]


def test_a_repeat_is_marked_and_positions_follow_the_session(write):
    pages = [
        inferred(DOG_FROG, index=66, task="rerun_rate_mixture"),
        inferred(CAT_SHIP, index=9),
        inferred(DOG_FROG, index=6),
        inferred(DOG_FROG, subject="bob", index=30),
    ]
    rows = read_mixed(write(pages)).inferences
    assert rows[["mixed", "annotator", "position", "is_repeat"]].to_numpy().tolist() == [
        [0, "ann", 1, False],
        [0, "ann", 3, True],
        [0, "bob", 1, False],
        [1, "ann", 2, False],
    ]


def test_a_page_stored_twice_counts_once_and_odd_pages_are_counted(write):
    both = inferred(CAT_SHIP, slider=50, confidence=50, index=8)
    mixed = read_mixed(write([inferred(), inferred(), both, inferred(CAT_SHIP, subject="bob", slider=50)]))
    assert len(mixed.inferences) == 3
    assert (mixed.odd_rows["stored-twice"], mixed.odd_rows["both-at-50"]) == (1, 1)


def test_soft_labels_are_records_about_mixed_images_by_the_rules_of_cifar10s(write):
    root = write([inferred(DOG_FROG), inferred(CAT_SHIP, index=7)], labelled=(CAT_SHIP, DOG_FROG))
    mixed = read_mixed(root)
    assert tuple(mixed.records.columns) == tuple(COLUMNS)
    assert mixed.records["item"].tolist() == [0, 1]
    assert mixed.records["top1"].tolist() == [CAT, CAT]
    assert mixed.records["impossible"].tolist() == [(SHIP,), (SHIP,)]
    assert mixed.odd_rows["nothing-ticked"] == 0


def test_soft_labels_of_an_image_that_is_not_among_the_stimuli_are_refused(write):
    root = write([inferred(DOG_FROG)], labelled=(DOG_FROG, CAT_SHIP))
    with pytest.raises(RequestError) as refused:
        read_mixed(root)
    allowed = f"one of the mixed images of {hmix.INFERENCES}"
    assert str(refused.value) == f"{root / hmix.SOFT_LABELS}: row 3, filename: '{CAT_SHIP}'; allowed: {allowed}"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"slider": 101}, "row 3, mixingcoeff: '101'; allowed: a number from 0 to 100"),
        ({"confidence": "sure"}, "row 3, confidence: 'sure'; allowed: a number from 0 to 100"),
        ({"responses": "{}"}, "row 3, responses: '{}'; allowed: JSON with mixingcoeff and confidence"),
        ({"rt": "-1"}, "row 3, rt: '-1'; allowed: milliseconds, 0 or more"),
        ({"subject": ""}, "row 3, subject: nothing; allowed: the person's id"),
        ({"id2": "10000.0"}, "row 3, id2: '10000.0'; allowed: an image of the CIFAR-10 test set, 0 to 9999"),
        ({"mixtureCoeff": "25"}, "row 3, mixtureCoeff: '25'; allowed: a number from 0 to 1"),
        ({"label1": "Cat"}, f"row 3, filename: '{DOG_FROG}'; allowed: mixed_0.25_Cat_7_Frog_2.png, by the row's other"),
    ],
)
def test_a_value_that_breaks_the_format_is_named_with_file_row_and_field(write, said, message):
    root = write([inferred(**said)])
    with pytest.raises(RequestError) as refused:
        read_mixed(root)
    assert str(refused.value).startswith(f"{root / hmix.INFERENCES}: {message}")


def test_a_file_without_answers_or_without_a_column_is_refused(write):
    with pytest.raises(RequestError, match="no row is an answer; column task must say 'rate_mixture'"):
        read_mixed(write([]))
    root = write([inferred()])
    (root / hmix.INFERENCES).write_text("subject,task\nann,rate_mixture\n")
    with pytest.raises(RequestError, match=r"no column 'filename'; needed: "):
        read_mixed(root)


def test_pixels_are_mixed_by_the_coefficient_and_rounded():
    images = np.array([[[[0, 10]]], [[[100, 13]]], [[[251, 251]]]], dtype=np.uint8)
    mixed = mix_images(images, np.array([[0, 1], [1, 2], [1, 0]]), np.array([0.25, 0.9, 1.0]))
    # 0.25*0 + 0.75*100 = 75; 0.25*10 + 0.75*13 = 12.25. 0.9*100 + 0.1*251 = 115.1; 0.9*13 + 25.1 = 36.8.
    assert mixed.reshape(3, 2).tolist() == [[75, 12], [115, 37], [100, 13]]
    assert mixed.dtype == np.uint8
    assert mix_images(images, np.empty((0, 2), dtype=np.int64), np.empty(0)).shape == (0, 1, 1, 2)


def test_more_mixed_images_than_fit_one_piece_are_each_their_own():
    images = np.arange(200, dtype=np.uint8).reshape(200, 1, 1, 1)
    endpoints = np.stack([np.arange(1200) % 200, np.zeros(1200, dtype=np.int64)], axis=1)
    assert mix_images(images, endpoints, np.ones(1200)).reshape(-1).tolist() == [i % 200 for i in range(1200)]


def stimuli(image_pairs, coefficients, classes=("Cat", "Dog"), start=0):
    """(name, endpoints, coefficient) of `image_pairs` pairs of images, each mixed with all `coefficients`."""
    ends = [(start + 2 * i, start + 2 * i + 1) for i in range(image_pairs)]
    return [(f"mixed_{c}_{classes[0]}_{a}_{classes[1]}_{b}.png", (a, b), c) for a, b in ends for c in coefficients]


def made_of(*groups):
    names, ends, coefficients = zip(*sorted(s for group in groups for s in group), strict=True)
    nothing = pd.DataFrame()
    return MixedImages(
        names=names,
        endpoints=np.array(ends),
        coefficients=np.array(coefficients),
        inferences=nothing,
        records=nothing,
    )


def test_eighteen_a_class_pair_are_six_image_pairs_at_three_coefficients_where_there_are_that_many():
    mixed = made_of(stimuli(9, (0.1, 0.5, 0.75)), stimuli(40, (0.5,), start=100))
    picked = pick_18_a_pair(mixed, seed=0)
    assert len(picked) == 18
    assert picked.dtype == np.int64
    assert np.array_equal(picked, np.sort(picked))
    assert Counter(Counter(map(tuple, mixed.endpoints[picked])).values()) == {3: 6}
    assert np.array_equal(picked, pick_18_a_pair(mixed, seed=0))
    assert not np.array_equal(picked, pick_18_a_pair(mixed, seed=1))


def test_a_class_pair_without_six_such_pairs_gives_eighteen_of_any_or_all_it_has():
    mixed = made_of(
        stimuli(5, (0.1, 0.5, 0.75)), stimuli(30, (0.5,), start=100), stimuli(4, (0.25,), ("Frog", "Ship"), start=500)
    )
    picked = pick_18_a_pair(mixed, seed=0)
    pairs = class_pairs(mixed.names)
    assert Counter(pairs[i] for i in picked) == {("Cat", "Dog"): 18, ("Frog", "Ship"): 4}
    assert not np.array_equal(picked, pick_18_a_pair(mixed, seed=1))


def test_a_name_of_another_form_is_refused():
    with pytest.raises(RequestError, match=r"mixed image 'cat\.png': a name like mixed_0\.5_Dog"):
        class_pairs(["mixed_0.5_Dog_1_Cat_2.png", "cat.png"])
    assert class_pairs(["mixed_0.5_Dog_1_Cat_2.png"]) == [("Cat", "Dog")]


# --- the real files ----------------------------------------------------------------------------------------------


def test_the_real_files_give_the_published_numbers(hmix_data):
    mixed, first = hmix_data.mixed, hmix_data.mixed.inferences.query("not is_repeat")
    assert (len(mixed.names), len(first), first["annotator"].nunique()) == (2070, 4788, 81)
    assert len(mixed.inferences) - len(first) == 162  # two a person
    assert (first["seconds"].median(), first["seconds"].mean()) == pytest.approx((8.5, 11.3), abs=0.05)
    labelled = mixed.records.query("not is_repeat")
    assert (labelled["item"].nunique(), labelled["annotator"].nunique(), len(labelled)) == (100, 8, 200)
    assert (mixed.odd_rows["stored-twice"], mixed.odd_rows["both-at-50"]) == (0, 155)


def test_the_slider_is_the_share_of_the_second_endpoint_for_every_person(hmix_data, real_root):
    """The owners' own parse has the share of the first endpoint in the same order of answers for every image."""
    parsed = real_root / "hmix" / "processed_hmix_inferences.json"
    if not parsed.is_file():
        pytest.skip(f"needs the owners' own parse, {parsed.name}, which is not fetched")
    theirs = json.loads(parsed.read_text())
    ours = hmix_data.mixed.inferences.groupby("mixed")
    for i, rows in ours:
        said = theirs[hmix_data.mixed.names[i]]
        assert hmix_data.mixed.coefficients[i] == said["True Mixing Factor"]
        assert sorted(rows["coefficient"]) == pytest.approx(sorted(said["Predicted Mixing Factor"]))
        assert sorted(rows["confidence"]) == pytest.approx(sorted(said["Predicted Confidence"]))
    # No person's sliders run the other way: whatever order the labels had on screen is undone in the file.
    generating = hmix_data.mixed.inferences.assign(
        generating=hmix_data.mixed.coefficients[hmix_data.mixed.inferences["mixed"]]
    )
    r = generating.groupby("annotator")[["coefficient", "generating"]].apply(lambda g: g.corr().iloc[0, 1])
    assert r.min() > 0.4


def test_every_real_mixed_image_is_of_two_training_images_whose_classes_its_name_says(hmix_data):
    mixed = hmix_data.mixed
    assert np.isin(mixed.endpoints, hmix_data.train_items).all()
    ends = [{CIFAR_CLASSES[k] for k in hmix_data.labels[pair]} for pair in mixed.endpoints]
    assert ends == [{name.lower() for name in pair} for pair in class_pairs(mixed.names)]
    assert mix_images(hmix_data.images, mixed.endpoints, mixed.coefficients).shape == (2070, 32, 32, 3)


def test_eighteen_a_pair_of_the_real_images_are_the_theses_810_and_their_33_people(hmix_data):
    picked = pick_18_a_pair(hmix_data.mixed, seed=0)
    assert len(picked) == 810
    assert hmix_data.mixed.inferences.query("mixed in @picked")["annotator"].nunique() == 33
    assert np.array_equal(picked, pick_18_a_pair(hmix_data.mixed, seed=1))


def test_hmix_is_cifar10s_with_more_beside_it(hmix_data, cifar10s):
    assert cifar10s.mixed is None
    assert (cifar10s.name, hmix_data.name) == ("cifar10s", "hmix")
    assert hmix_data.records.equals(cifar10s.records)
    assert np.array_equal(hmix_data.images, cifar10s.images)
    assert set(hmix_data.fingerprints) - set(cifar10s.fingerprints) == set(hmix.FILES)
    assert {part: hmix_data.fingerprints[part] for part in cifar10s.fingerprints} == cifar10s.fingerprints
