"""CIFAR-10S as collected -> records: every rule on a hand-made file, the published counts on the real one."""

import json
from collections import Counter

import numpy as np
import pytest

from softcore.data.readers import CIFAR_CLASSES, read_cifar10s, read_counts
from softcore.data.records import NO_CLASS, Answer, settle_answer
from softcore.errors import RequestError

CAT, DOG, SHIP = (CIFAR_CLASSES.index(name) for name in ("cat", "dog", "ship"))


def test_a_page_becomes_one_record(tmp_path, page, write_raw):
    path = write_raw(tmp_path / "raw.csv", [page(item=42, top1="Cat", p1="70", top2="Dog", p2="25", ms=12_345)])
    records, rules = read_cifar10s(path)
    (row,) = records.to_dict("records")
    assert row == {
        "annotator": "ann",
        "item": 42,
        "top1": CAT,
        "p1": 0.7,
        "top2": DOG,
        "p2": 0.25,
        "impossible": (SHIP,),
        "seconds": 12.345,
        "position": 1,
        "is_repeat": False,
        "question": "page",
    }
    assert not any(rules.values())


@pytest.mark.parametrize(
    ("said", "p1", "top2", "p2", "rules"),
    [
        ({"p1": "8p"}, 0.8, NO_CLASS, None, {"p-for-zero"}),
        ({"p1": "0"}, 1.0, NO_CLASS, None, {"first-zero"}),
        ({"p1": " 80"}, 0.8, NO_CLASS, None, set()),
        ({"top2": "Dog", "p2": ""}, 1.0, NO_CLASS, None, {"second-unreadable"}),
        ({"p1": "60", "top2": "Dog", "p2": "p\\\\"}, 0.6, NO_CLASS, None, {"second-unreadable"}),
        ({"p1": "60", "top2": "Dog", "p2": "05"}, 0.6, DOG, 0.05, set()),
        ({"p1": "75", "top2": "Cat", "p2": "25"}, 0.25, NO_CLASS, None, {"class-twice"}),
        ({"p1": "80", "top2": "Dog", "p2": "30"}, 0.8, DOG, 0.3, {"sum-over-100", "sum-over-100-two-classes"}),
        ({"p1": "90", "p2": "100"}, 0.9, NO_CLASS, None, {"sum-over-100", "second-without-class"}),
        ({"p1": "60", "ticks": ("Cat", "Ship")}, 0.6, NO_CLASS, None, {"chosen-ticked"}),
        ({"p1": "60", "ticks": ()}, 0.6, NO_CLASS, None, {"nothing-ticked"}),
    ],
)
def test_each_odd_answer_is_settled_by_its_rule_and_counted(tmp_path, page, write_raw, said, p1, top2, p2, rules):
    records, counts = read_cifar10s(write_raw(tmp_path / "raw.csv", [page(**said)]))
    (row,) = records.to_dict("records")
    assert (row["top1"], row["p1"], row["top2"]) == (CAT, p1, top2)
    assert np.isnan(row["p2"]) if p2 is None else row["p2"] == p2
    assert CAT not in row["impossible"]
    assert {rule for rule, count in counts.items() if count} == rules


def test_a_session_that_is_stored_twice_counts_once(tmp_path, page, write_raw):
    session = [page(item=1, index=6), page(item=2, index=7), page(item=1, index=8, task="rerun_spec_conf")]
    records, _ = read_cifar10s(write_raw(tmp_path / "raw.csv", [*session, page(subject="bob"), *session]))
    assert Counter(records["annotator"]) == {"ann": 3, "bob": 1}


def test_a_repeat_is_never_an_extra_annotator(tmp_path, page, write_raw):
    pages = [page(item=5, index=6), page(item=5, index=31, task="rerun_spec_conf"), page(item=5, subject="bob")]
    records, _ = read_cifar10s(write_raw(tmp_path / "raw.csv", pages))
    first = records[~records["is_repeat"]]
    assert list(first["annotator"]) == ["ann", "bob"]
    assert list(records["is_repeat"]) == [False, True, False]


def test_positions_number_a_persons_pages_in_the_order_shown_whatever_the_files_order(tmp_path, page, write_raw):
    pages = [page(item=1, index=9), page(item=2, index=6), page(item=3, index=31, task="rerun_spec_conf")]
    records, _ = read_cifar10s(write_raw(tmp_path / "raw.csv", pages))
    assert dict(zip(records["item"], records["position"], strict=True)) == {2: 1, 1: 2, 3: 3}


def test_all_bad_rows_of_the_file_are_reported_together_by_line(tmp_path, page, write_raw):
    broken = {**page(index=9), "response": "{"}
    pages = [page(p1="940"), page(index=7), page(index=8, top1="Zebra"), broken, page(index=10, item=10_000)]
    with pytest.raises(RequestError) as refused:
        read_cifar10s(write_raw(tmp_path / "raw.csv", pages))
    message = str(refused.value)
    assert "4 bad values in 4 rows" in message.splitlines()[0]
    # The header is line 1, the consent row line 2, the first page line 3.
    assert "row 3, prob: '940'; allowed: a number from 0 to 100" in message
    assert "row 5, classSelect: 'mostProbZebra'; allowed: mostProb and one of airplane" in message
    assert "row 6, response: '{'" in message
    assert "row 7, img_id: '10000.0'; allowed: an image of the CIFAR-10 test set, 0 to 9999" in message


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ({"img_id": "3.7"}, "img_id: '3.7'; allowed: an image of the CIFAR-10 test set, 0 to 9999"),
        ({"trial_index": "6.5"}, "trial_index: '6.5'; allowed: a page number, 0 or more"),
        ({"rt": "1e999"}, "rt: '1e999'; allowed: milliseconds, 0 or more"),
    ],
)
def test_a_number_that_is_not_whole_or_not_finite_is_refused(tmp_path, page, write_raw, said, refused):
    with pytest.raises(RequestError) as error:
        read_cifar10s(write_raw(tmp_path / "raw.csv", [{**page(), **said}]))
    assert f"row 3, {refused}" in str(error.value)


def test_a_line_number_is_right_after_a_cell_with_line_breaks(tmp_path, page, write_raw):
    # The multi-line cell fills lines 3 to 5, so the bad page starts on line 6.
    note = {"trial_index": 1, "time_elapsed": 5, "subject": "ann", "response": "one\ntwo\nthree"}
    with pytest.raises(RequestError, match="row 6, prob: 'lots'"):
        read_cifar10s(write_raw(tmp_path / "raw.csv", [note, page(p1="lots")]))


def test_a_raw_file_without_a_needed_column_names_it(tmp_path):
    (tmp_path / "raw.csv").write_text("subject,task\nann,spec_conf\n")
    with pytest.raises(RequestError, match=r"raw\.csv: no column 'img_id'; needed: "):
        read_cifar10s(tmp_path / "raw.csv")


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (np.ones((3, 4), dtype=np.int64), r"int64 \[3, 4\]"),
        (np.ones((2, 3)), "float64"),
        (np.array([[1, 2, 3], [0, 0, 0]]), r"image 1 has clicks \[0, 0, 0\]"),
        (np.array([[1, 2, 3], [4, -1, 0]]), r"image 1 has clicks \[4, -1, 0\]"),
    ],
)
def test_counts_that_can_not_be_clicks_are_refused(tmp_path, counts, said):
    np.save(tmp_path / "counts.npy", counts)
    with pytest.raises(RequestError, match=said):
        read_counts(tmp_path / "counts.npy", 2, 3)


def test_a_pickled_array_is_never_opened(tmp_path):
    np.save(tmp_path / "counts.npy", np.array([{"code": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(RequestError, match="not a readable"):
        read_counts(tmp_path / "counts.npy", 1, 1)


def test_the_real_file_gives_the_published_numbers(cifar10s):
    first = cifar10s.records[~cifar10s.records["is_repeat"]]
    assert (len(first), len(cifar10s.records) - len(first), first["annotator"].nunique()) == (6200, 496, 248)
    assert Counter(first.groupby("item").size()) == {6: 800, 7: 200}
    assert {rule: cifar10s.odd_rows[rule] for rule in ("sum-over-100", "class-twice", "chosen-ticked")} == {
        "sum-over-100": 957,
        "class-twice": 139,
        "chosen-ticked": 38,
    }
    assert cifar10s.odd_rows["nothing-ticked"] == 116
    assert first["seconds"].mean() == pytest.approx(44.4, abs=0.05)


def test_the_owners_own_parse_of_the_real_file_is_ours_plus_the_27_pages_stored_twice(cifar10s, real_root):
    parsed = json.loads((real_root / "cifar10s" / "human_soft_labels_data.json").read_text())
    index = {name.capitalize(): i for i, name in enumerate(CIFAR_CLASSES)}
    theirs = Counter(
        _essence(_their_answer(int(item), said, index)) for item, all_said in parsed.items() for said in all_said
    )
    ours = Counter(_essence(Answer(**row)) for row in cifar10s.records.to_dict("records"))
    assert not ours - theirs
    assert (theirs - ours).total() == 27


def _their_answer(item, said, index):
    second = said["Second Most Probable Class Prob"]
    read = Answer(
        annotator="",
        item=item,
        top1=index[said["Most Probable Class"]],
        p1=said["Most Probable Class Prob"] / 100,
        top2=index.get(said["Second Most Probable Class"], NO_CLASS),
        p2=float("nan") if second is None else second / 100,
        impossible=tuple(index[name] for name in said["Impossible Class(es)"]),
    )
    return settle_answer(read)[0]


def _essence(a):
    return a.item, a.top1, round(a.p1, 9), a.top2, None if np.isnan(a.p2) else round(a.p2, 9), a.impossible
