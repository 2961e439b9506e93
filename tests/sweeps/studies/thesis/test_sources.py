import json

import pandas as pd
import pytest

from softcore.errors import RequestError
from sweeps.sources import Source, files_of, from_folder, merge

KEPT = {"aggregation": "separate", "annotators": "all", "items": 900}


@pytest.fixture
def clicks(make):
    return make("c1", variety="click", **KEPT, ce__10h=[1.0, 1.5, 2.0])


def source(table, name="made", **about):
    return Source(name=name, results=table, about=about)


def write(folder, made):
    for name, content in files_of(made).items():
        (folder / name).write_text(content)


def test_a_source_is_the_same_when_it_is_read_again(clicks, tmp_path):
    about = {"sweep": "made", "scale": "small", "hardware": "2 cores", "versions": {"torch": "2"}, "commit": "abc"}
    write(tmp_path, source(clicks, **about))
    (again,) = from_folder(tmp_path)
    assert (again.name, dict(again.about)) == ("made", about)
    pd.testing.assert_frame_equal(again.results, clicks.astype({"gamma": float, "beta": float}), check_dtype=False)


def test_an_axis_that_says_none_is_not_a_missing_value(clicks, tmp_path):
    write(tmp_path, source(clicks))
    (again,) = from_folder(tmp_path)
    assert set(again.results["augmentation"]) == {"none"}
    assert again.results["gamma"].isna().all()


def test_nothing_of_a_manifest_but_what_a_report_tells_is_written(clicks):
    made = source(clicks, hardware="2 cores", data_root="/home/ann/data", hosts=["ann-pc"])
    assert json.loads(files_of(made)["made.json"]) == {"hardware": "2 cores"}


def test_a_table_without_a_manifest_is_read_and_nothing_is_known_of_it(clicks, tmp_path):
    clicks.to_csv(tmp_path / "stray.csv", index=False)
    (found,) = from_folder(tmp_path)
    assert (found.name, found.about, found.simulated) == ("stray", {}, False)


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "\x00\x01", '"'])
def test_what_is_no_results_table_is_refused_by_name(tmp_path, content):
    (tmp_path / "notes.csv").write_text(content)
    with pytest.raises(RequestError, match=r"notes\.csv (is not a results table|can't be read as a results table)"):
        from_folder(tmp_path)


def test_a_number_that_is_none_is_refused_by_row_and_column(clicks, tmp_path):
    odd = clicks.astype({"ce/10h": object})
    odd.loc[1, "ce/10h"] = "1,5"
    odd.to_csv(tmp_path / "odd.csv", index=False)
    with pytest.raises(RequestError, match=r"odd\.csv: row 3, ce/10h: '1,5'; allowed: a number"):
        from_folder(tmp_path)


def test_a_trial_without_a_seed_is_refused_by_row(clicks, tmp_path):
    clicks.astype({"seed": object}).assign(seed=[0, None, 2]).to_csv(tmp_path / "odd.csv", index=False)
    with pytest.raises(RequestError, match=r"odd\.csv: row 3, seed: nothing; allowed: a whole number"):
        from_folder(tmp_path)


@pytest.mark.parametrize("content", ["{", "[1]", "3"])
def test_a_manifest_that_is_none_is_refused_by_name(clicks, tmp_path, content):
    write(tmp_path, source(clicks))
    (tmp_path / "made.json").write_text(content)
    with pytest.raises(RequestError, match=r"made\.json"):
        from_folder(tmp_path)


def test_an_empty_folder_and_no_folder_are_refused(tmp_path):
    with pytest.raises(RequestError, match=r"there is no \.csv in"):
        from_folder(tmp_path)
    with pytest.raises(RequestError, match="is not a folder"):
        from_folder(tmp_path / "nowhere")


def test_a_trial_in_two_tables_counts_once_with_all_that_either_measured(clicks, make):
    more = make("c1", variety="click", **KEPT, ce__10h=[1.0, 1.5, 2.0], pgd__10h=[5.0, 5.0, 5.0])
    done, _, notes = merge([source(clicks, "one"), source(more, "two")])
    assert len(done) == 3
    assert done["pgd/10h"].tolist() == [5.0] * 3
    assert notes == []


def test_a_trial_with_other_numbers_in_another_table_is_told(clicks, make):
    other = make("c1", variety="click", **KEPT, ce__10h=[1.0, 9.0, 2.0])
    done, _, (note,) = merge([source(clicks, "one"), source(other, "two")])
    assert done["ce/10h"].tolist() == [1.0, 1.5, 2.0]
    assert note.startswith("1 trials (such as c1-s1-p0) stand in several of the tables with different numbers")


def test_results_without_a_finished_trial_are_refused(clicks):
    with pytest.raises(RequestError, match="no finished trial to report on in made"):
        merge([source(clicks.assign(status="failed"))])


def test_the_digits_are_simulated_whatever_is_known_of_them(clicks):
    assert source(clicks.assign(dataset="digits")).simulated
    assert source(clicks, simulated=True).simulated
    assert not source(clicks, simulated=False).simulated
