"""A user's own table of answers: what may be written, what may be left out, and how bad rows are named."""

import numpy as np
import pandas as pd
import pytest

from softcore.data.own_answers import Vocabulary, read_own_answers
from softcore.data.records import NO_CLASS
from softcore.errors import RequestError

NAMES = ("cat/a.png", "cat/b.png", "dog/a.png", "dog/c.png")


@pytest.fixture
def read(tmp_path):
    """Reads CSV text as a file of answers about four images of the classes cat, dog, owl."""

    def reading(text, probabilities="percent", classes=("cat", "dog", "owl")):
        (tmp_path / "answers.csv").write_text(text)
        words = Vocabulary(classes=classes, n_items=4, names=NAMES, probabilities=probabilities)
        return read_own_answers(tmp_path / "answers.csv", words)

    return reading


def refusal(read, *arguments, **options):
    with pytest.raises(RequestError) as refused:
        read(*arguments, **options)
    return str(refused.value)


FULL = "annotator,item,top1,p1,top2,p2,impossible,seconds,position,is_repeat,question\n"


def test_a_full_row_is_read_with_names_and_percentages(read):
    records, _ = read(FULL + "ann,cat/b.png,dog,70,cat,25,owl,31.5,4,false,page\n")
    assert records.to_dict("records") == [
        {
            "annotator": "ann",
            "item": 1,
            "top1": 1,
            "p1": 0.7,
            "top2": 0,
            "p2": 0.25,
            "impossible": (2,),
            "seconds": 31.5,
            "position": 4,
            "is_repeat": False,
            "question": "page",
        }
    ]


def test_classes_may_be_indices_and_probabilities_fractions(read):
    records, _ = read("annotator,item,top1,p1,top2,p2,impossible\nann,1,1,0.7,-1,,0|2\n", probabilities="fraction")
    assert records.loc[0, ["top1", "p1", "top2", "impossible"]].tolist() == [1, 0.7, NO_CLASS, (0, 2)]


def test_a_class_whose_name_is_a_number_is_meant_by_its_name(read):
    records, _ = read("annotator,item,top1\nann,1,2\n", classes=("2", "1", "0"))
    assert records["top1"].tolist() == [0]


def test_optional_columns_may_be_absent(read):
    records, rules = read("annotator,item,top1\nann,0,cat\nann,1,dog\nbob,0,cat\n")
    assert set(records["p1"]) == {1.0}
    assert set(records["top2"]) == {NO_CLASS}
    assert records["p2"].isna().all()
    assert records["seconds"].isna().all()
    assert set(records["impossible"]) == {()}
    assert set(records["question"]) == {"click"}  # nothing was asked but the class
    assert records.sort_values(["annotator", "item"])["position"].tolist() == [1, 2, 1]
    assert not any(rules.values())


def test_a_page_is_what_asked_for_more_than_a_class(read):
    assert set(read("annotator,item,top1,p1\nann,0,cat,80\n")[0]["question"]) == {"page"}


def test_who_was_not_asked_what_is_impossible_did_not_leave_it_out(read):
    assert read("annotator,item,top1,p1\nann,0,cat,80\n")[1]["nothing-ticked"] == 0
    assert read("annotator,item,top1,impossible\nann,0,cat,\n")[1]["nothing-ticked"] == 1


def test_a_persons_second_answer_about_an_image_is_a_repeat_where_the_file_does_not_say(read):
    records, _ = read("annotator,item,top1,position\nann,0,cat,9\nann,0,dog,2\nbob,0,cat,1\n")
    first = records[~records["is_repeat"]]
    assert dict(zip(first["annotator"], first["top1"], strict=True)) == {"ann": 1, "bob": 0}  # position 2 came first


def test_two_first_answers_of_one_person_about_an_image_are_refused_where_the_file_says_which_are_repeats(read):
    message = refusal(read, "annotator,item,top1,is_repeat\nann,0,cat,false\nann,0,dog,false\n")
    assert "row 3, is_repeat: 'false'; allowed: true, as ann answered this image in row 2" in message


def test_an_image_may_be_named_by_path_by_bare_name_where_only_one_has_it_or_by_index(read):
    records, _ = read("annotator,item,top1\na,dog/a.png,cat\nb,c.png,cat\nc,1,cat\n")
    assert dict(zip(records["annotator"], records["item"], strict=True)) == {"a": 2, "b": 3, "c": 1}
    assert "row 2, item: 'a.png'; allowed: 0 to 3, or the name of an image file" in refusal(
        read, "annotator,item,top1\na,a.png,cat\n"
    )


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("annotator", "", "the person's id"),
        ("item", "4", "0 to 3"),
        ("item", "1.5", "0 to 3"),
        ("top1", "cow", "cat, dog, owl, or 0 to 2"),
        ("top1", "", "cat, dog, owl"),
        ("top1", "3", "0 to 2"),
        ("p1", "940", "a number from 0 to 100"),
        ("p1", "", "a number from 0 to 100"),
        ("p1", "nan", "a number from 0 to 100"),
        ("p2", "-3", "a number from 0 to 100"),
        ("p2", "lots", "a number from 0 to 100"),
        ("top2", "cow", "cat, dog, owl"),
        ("impossible", "owl|cow", "cat, dog, owl"),
        ("seconds", "-1", "seconds, 0 or more"),
        ("seconds", "1e999", "seconds, 0 or more"),
        ("position", "2.5", "a whole number"),
        ("position", "1e400", "a whole number"),
        ("is_repeat", "maybe", "true or false"),
        ("question", "quiz", "page or click"),
    ],
)
def test_a_bad_value_is_named_by_row_field_value_and_what_is_allowed(read, field, value, allowed):
    values = ["ann", "0", "cat", "70", "dog", "20", "owl", "30", "1", "false", "page"]
    good = dict(zip(FULL.strip().split(","), values, strict=True))
    message = refusal(read, FULL + ",".join({**good, field: value}.values()) + "\n")
    assert "answers.csv: row 2, " + field in message
    assert allowed in message
    assert "\n" not in message


def test_all_bad_rows_are_reported_together_with_their_line_numbers(read):
    # Line 4 is blank and a note on line 5 runs on to line 6: rows are numbered as an editor shows them.
    text = 'annotator,item,top1,note\nann,0,cow,\nann,1,cat,\n\nann,9,cat,"two\nlines"\nbob,0,cat,,,\nbob,1,hen,\n'
    lines = refusal(read, text).splitlines()
    assert "4 bad values in 4 rows" in lines[0]
    assert [line.split("row ")[1].split(":")[0] for line in lines[1:]] == ["2, top1", "5, item", "7, row", "8, top1"]


def test_a_fraction_over_1_is_refused_and_so_are_fractions_declared_as_percentages(read):
    assert "allowed: a number from 0 to 1" in refusal(read, "annotator,item,top1,p1\nann,0,cat,80\n", "fraction")
    assert "says percent" in refusal(read, "annotator,item,top1,p1\nann,0,cat,0.8\nbob,0,cat,1\n", "percent")


def test_probabilities_need_a_declared_unit(read):
    assert "key 'probabilities' is missing" in refusal(read, "annotator,item,top1,p1\nann,0,cat,80\n", None)


def test_a_missing_column_and_a_mistyped_one_are_named_and_a_foreign_one_is_ignored(read):
    assert "no column 'top1'; needed: annotator, item, top1" in refusal(read, "annotator,item\nann,0\n")
    assert "column 'second' is not known; did you mean 'seconds'?" in refusal(
        read, "annotator,item,top1,second\nann,0,cat,3\n"
    )
    assert len(read("annotator,item,top1,browser\nann,0,cat,firefox\n")[0]) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no header"),
        ("annotator,item,top1\n", "no answers"),
        ("item,item,top1\n0,0,cat\n", "'item' is there twice"),
    ],
)
def test_a_table_without_answers_is_refused(read, text, said):
    assert said in refusal(read, text)


def test_the_rules_for_odd_answers_hold_for_own_data_too(read):
    text = "annotator,item,top1,p1,top2,p2,impossible\nann,0,cat,0,,,cat|owl\nbob,0,cat,60,cat,30,owl\n"
    records, rules = read(text)
    assert records["p1"].tolist() == [1.0, 0.3]
    assert records["impossible"].tolist() == [(2,), (2,)]
    assert {rule: n for rule, n in rules.items() if n} == {"first-zero": 1, "chosen-ticked": 1, "class-twice": 1}


def test_parquet_with_lists_and_gaps_reads_like_the_csv(tmp_path):
    frame = pd.DataFrame(
        {
            "annotator": ["ann", "bob"],
            "item": [0, 1],
            "top1": ["cat", "dog"],
            "p1": [80, 90],
            "top2": [1, None],
            "p2": [15, None],
            "impossible": [["owl"], []],
            "is_repeat": [False, False],
        }
    )
    frame.to_parquet(tmp_path / "answers.parquet")
    words = Vocabulary(classes=("cat", "dog", "owl"), n_items=4, names=(), probabilities="percent")
    records, _ = read_own_answers(tmp_path / "answers.parquet", words)
    assert records["top2"].tolist() == [1, NO_CLASS]
    assert records["impossible"].tolist() == [(2,), ()]
    assert np.isnan(records["p2"][1])
    frame.assign(p1=[80, 940]).to_parquet(tmp_path / "answers.parquet")
    with pytest.raises(RequestError, match="row 2, p1: '940'"):
        read_own_answers(tmp_path / "answers.parquet", words)
    (tmp_path / "answers.parquet").write_text("no")
    with pytest.raises(RequestError, match="not a readable Parquet file"):
        read_own_answers(tmp_path / "answers.parquet", words)
