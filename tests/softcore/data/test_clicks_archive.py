"""The annotator-level archive of CIFAR-10H: small zips in its format."""

import zipfile

import numpy as np
import pytest

from softcore.data.cifar10s import CLICKS
from softcore.data.clicks_archive import ARCHIVE, ITEM_COLUMNS, click_counts, click_times, measured_clicks, read_clicks
from softcore.data.records import COLUMNS
from softcore.errors import RequestError
from softcore.prices.price_list import with_click_overhead
from softcore.prices.read import PRICES

NAMES = "annotator_id,trial_index,is_attn_check,true_category,chosen_category,true_label,chosen_label,correct_guess,{item},image_filename,subcategory,reaction_time,time_elapsed\n"  # noqa: E501
# Person 7 answers an attention check, then images 3 and 5; person 8 image 3 twice, once with a time that is no time.
ROWS = """7,0,1,cat,cat,3,3,1,-99999,a.png,x,9000,10000
7,1,0,cat,dog,3,5,0,3,b.png,x,2000,13000
7,2,0,ship,ship,8,8,1,5,c.png,x,1000,15000
8,0,0,cat,cat,3,3,1,3,b.png,x,6000,7000
8,1,0,cat,cat,3,3,1,3,b.png,x,-5,8000
"""


def write(root, rows=ROWS, item=ITEM_COLUMNS[0], inside="cifar10h-raw.csv", name=ARCHIVE):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(inside, NAMES.format(item=item) + rows)
        archive.writestr("__MACOSX/._cifar10h-raw.csv", "x")
    return path


@pytest.mark.parametrize("item", ITEM_COLUMNS)
def test_clicks_come_with_their_people_and_seconds_and_without_attention_checks(tmp_path, item):
    records, _ = read_clicks(write(tmp_path, item=item))
    assert list(records) == list(COLUMNS)
    shown = records[["annotator", "item", "top1", "position", "is_repeat"]]
    assert shown.to_numpy().tolist() == [
        ["7", 3, 5, 1, False],
        ["8", 3, 3, 1, False],
        ["8", 3, 3, 2, True],  # the same image again: no extra person
        ["7", 5, 8, 2, False],
    ]
    assert records["seconds"].tolist() == pytest.approx([2, 6, np.nan, 1], nan_ok=True)
    assert set(records["question"]) == {"click"}


def test_a_click_takes_the_mean_of_its_reaction_times(tmp_path):
    times = read_clicks(write(tmp_path))[1]
    # (2 + 1 + 6) / 3 = 3 s, the fault left out; sessions of 15 s and 8 s over four clicks: 23 / 4 = 5.75 s.
    assert (times.clicks, times.timed, times.annotators) == (4, 3, 2)
    assert (times.mean, times.median, times.session_seconds) == pytest.approx((3, 2, 5.75))


def test_with_the_archive_clicks_are_priced_as_measured_and_without_as_assumed(tmp_path):
    page = PRICES["page"]
    assert click_times(tmp_path) is None
    assert measured_clicks(page, tmp_path) is page
    assert "assumed to take 2.5 s" in page.assumes
    write(tmp_path)
    measured = measured_clicks(page, tmp_path)
    assert measured.interval("click") == (3, 3)
    assert "A click takes 3 s, the mean of 3 clicks" in measured.assumes
    assert "assumed" not in measured.assumes
    assert with_click_overhead(measured_clicks(PRICES["session"], tmp_path), 1).interval("click") == (4, 4)
    assert not PRICES["thesis"].measure_clicks


def test_an_archive_that_does_not_fit_the_counts_is_refused(tmp_path):
    path = write(tmp_path)
    table = click_counts(read_clicks(path)[0])
    assert (table.sum(), table[3, 3], table[3, 5], table[5, 8]) == (4, 2, 1, 1)
    table[table.sum(axis=1) == 0, 0] = 1  # counts know every image
    table[3, 3] -= 1  # not everybody in the archive was counted, and a tie goes to the lower class: 3
    np.save(tmp_path / CLICKS, table)
    assert click_times(tmp_path).clicks == 4
    # Of the two images with clicks, 3 has another class in front.
    table[3, 7] = 9
    np.save(tmp_path / CLICKS, table)
    with pytest.raises(RequestError, match="on 50% of its images the most clicked class is not that of"):
        click_times(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"rows": ROWS.replace(",3,b.png", ",10000,b.png")},
            "cifar10_test_set_idx 10000; a whole number from 0 to 9999",
        ),
        ({"rows": ROWS.replace(",8,8,1", ",8,11,1")}, "chosen_label 11; a whole number from 0 to 9"),
        ({"rows": ROWS.replace(",2000,", ",quick,")}, "row 3, reaction_time: 'quick'; a number is expected"),
        ({"rows": ROWS.splitlines()[0] + "\n"}, "no click beside attention checks"),
        ({"item": "image"}, "no column 'cifar10_test_set_idx or cifar10_test_test_idx'"),
        ({"inside": "readme.txt"}, "0 CSV files inside; one is expected"),
    ],
)
def test_what_is_wrong_with_an_archive_is_said(tmp_path, change, said):
    with pytest.raises(RequestError, match=said):
        read_clicks(write(tmp_path, **change))


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    path = tmp_path / "raw.zip"
    path.write_bytes(b"404: not found")
    with pytest.raises(RequestError, match="not a readable archive"):
        read_clicks(path)
