"""Whole sessions: worked by hand on two, the published ones on the real files."""

import pytest

from softcore.card.costs import PARTS, read_sessions
from softcore.errors import RequestError
from softcore.prices.read import PRICES

HEADER = "trial_index,time_elapsed,subject,rt,response,task\n"
# ann: 60 s of onboarding, pages of 30 and 20 s with 5 s between them, a repeat of 10 s, 15 s at the end: 140 s.
ANN = """0,60000,ann,,,
1,90000,ann,30000,,spec_conf
2,115000,ann,20000,,spec_conf
3,125000,ann,10000,,rerun_spec_conf
4,140000,ann,,,
"""
BOB = """0,5000,bob,,,
1,45000,bob,40000,,spec_conf
"""


def write(tmp_path, text):
    path = tmp_path / "raw.csv"
    path.write_text(HEADER + text)
    return path


def test_a_session_is_all_its_time_and_its_parts_add_up(tmp_path):
    found = read_sessions(write(tmp_path, ANN + BOB)).set_index("annotator")
    assert found.loc["ann"].to_dict() == pytest.approx(
        {"labels": 2, "seconds": 140, "before": 60, "first_answers": 50, "repeats": 10, "between": 5, "after": 15}
    )
    assert found.loc["bob", ["labels", "seconds", "before", "after"]].tolist() == [1, 45, 5, 0]
    assert found[list(PARTS)].sum(axis=1).tolist() == found["seconds"].tolist()


def test_a_session_stored_twice_counts_once_and_one_without_answers_not_at_all(tmp_path):
    nobody = "0,9000,eve,,,\n"
    once, twice = (read_sessions(write(tmp_path, text)) for text in (ANN + BOB, BOB + ANN + nobody + ANN))
    assert once.equals(twice)


def test_a_bad_time_is_refused_with_its_row(tmp_path):
    with pytest.raises(RequestError, match="row 2, time_elapsed: 'soon'; allowed: a number of 0 or more"):
        read_sessions(write(tmp_path, "0,soon,ann,,,\n"))
    with pytest.raises(RequestError, match="row 2, rt: nothing"):
        read_sessions(write(tmp_path, "0,5,ann,,,spec_conf\n"))


def test_the_sessions_of_cifar10s_took_111_hours(real_root):
    found = read_sessions(real_root / "cifar10s" / "raw_human_data.csv")
    assert (len(found), found["labels"].sum()) == (248, 6200)
    assert found["seconds"].sum() / 3600 == pytest.approx(111.53, abs=0.005)
    assert found["seconds"].sum() / 6200 == pytest.approx(64.76, abs=0.005)
    assert found["first_answers"].sum() / 3600 == pytest.approx(76.43, abs=0.005)
    assert found["repeats"].sum() / 3600 == pytest.approx(4.44, abs=0.005)
    assert found["before"].sum() / 3600 == pytest.approx(22.92, abs=0.005)
    assert found["after"].sum() / 3600 == pytest.approx(7.28, abs=0.005)


def test_the_times_of_hmix_are_those_of_the_price_lists(real_root):
    # 20.19 h over 4,788 inferences, 11.29 s of each on its page; 2.72 h over 200 pages of 39.11 s.
    for file, task, people, question in (
        ("hmix_infer_mixing_factor.csv", "rate_mixture", 81, "mixing-coefficient"),
        ("hmix_categorical_soft_labels.csv", "spec_conf", 8, "mixed-page"),
    ):
        if not (path := real_root / "hmix" / file).is_file():
            pytest.skip("needs the real H-Mix files: `sweeps data fetch hmix`")
        found = read_sessions(path, task, f"rerun_{task}")
        assert len(found) == people
        for name, seconds in (("session", "seconds"), ("page", "first_answers")):
            each = found[seconds].sum() / found["labels"].sum()
            assert PRICES[name].interval(question) == pytest.approx((each, each), abs=0.005)
