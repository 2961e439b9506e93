"""The spec of a pilot: what a few people's answers contain, with M and N' as there are."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from softcore.datasets import load
from softcore.errors import RequestError
from sweeps.commands.app import app
from sweeps.planning.pilot import pilot_of, pilot_spec
from sweeps.planning.rows import LEAST_CELLS
from sweeps.spec.cells import trials
from sweeps.spec.spec import resolve


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def asked(digits, people=3, batches=8, size=25, **keys):
    """Digits whose first images come in batches, each answered by the same `people`."""
    first = digits.records[~digits.records["is_repeat"]]
    page = first[first["impossible"].map(len) > 0].iloc[[0]]
    rows = [
        page.assign(annotator=f"b{batch}-p{person}", item=digits.train_items[batch * size + place], position=place)
        for batch in range(batches)
        for person in range(people)
        for place in range(size)
    ]
    return replace(digits, records=pd.concat(rows, ignore_index=True), counts=None, held_out=0, **keys)


def planned(dataset, tmp_path, name="digits"):
    (tmp_path / "pilot.yaml").write_text(pilot_spec(dataset, name, tmp_path))
    return trials(resolve(str(tmp_path / "pilot.yaml")), dataset)


def cells_of(found):
    names = ("variety", "annotators", "items", "hiring")
    return {tuple(trial.cell.axes[axis] for axis in names) for trial in found}


def test_eight_batches_of_three_people_contain_twelve_cells(digits, tmp_path):
    found = planned(asked(digits), tmp_path)
    bought = {cell for cell in cells_of(found) if cell[0] not in ("hard", "smoothed")}
    assert bought == {
        ("t2-clamp", 1, 100, "breadth"),
        ("t2-clamp", 1, 200, "breadth"),
        ("t2-clamp", 2, 200, "breadth"),
        ("t2-clamp", 3, 200, "breadth"),
        ("t2-clamp", 3, 50, "breadth"),
        *((variety, 3, 200, "breadth") for variety in ("t2-uniform", "t1-clamp", "t1-uniform", "first-choice")),
        ("first-choice", 1, 200, "breadth"),
    }
    assert len(bought) >= LEAST_CELLS
    assert len({trial.cell.id for trial in found}) == 12
    assert len(found) == 42
    assert {trial.seed for trial in found} == {0, 1, 2}


def test_one_person_is_asked_on_two_panels_so_that_people_are_told_from_seeds(digits, tmp_path):
    found = planned(asked(digits), tmp_path)
    twice = {trial.cell.axes["annotators"] for trial in found if trial.panel == 1}
    assert twice == {1}
    assert {(t.seed, t.panel) for t in found if t.cell.axes["annotators"] == 1 and t.cell.axes["items"] == 100} == {
        (seed, panel) for seed in range(3) for panel in range(2)
    }


def test_without_batches_people_are_drawn_by_image(digits, tmp_path):
    dealt = asked(digits)
    records = dealt.records
    found = planned(replace(dealt, records=records.assign(annotator=[f"p{i % 47}" for i in range(600)])), tmp_path)
    assert {cell[3] for cell in cells_of(found)} == {None}
    assert max(cell[2] or 0 for cell in cells_of(found)) == 200


def test_batches_of_several_sizes_are_all_used(digits, tmp_path):
    whole = asked(digits)
    uneven = replace(whole, records=whole.records[whole.records["item"] != digits.train_items[3]])
    assert pilot_of(uneven).items == (50, 100, 199)
    assert planned(uneven, tmp_path)


def test_answers_that_are_not_used_are_counted_in_the_spec(digits, tmp_path):
    unused = replace(asked(digits), odd_rows={"not-in-training": 60})
    assert "# 60 answers are not used: they are about" in pilot_spec(unused, "digits", tmp_path)
    assert "not used" not in pilot_spec(asked(digits), "digits", tmp_path)


def test_batches_held_out_leave_fewer_images(digits, tmp_path):
    assert pilot_of(replace(asked(digits), held_out=20)).items == (50, 100, 175)
    assert planned(replace(asked(digits), held_out=20), tmp_path)


@pytest.mark.parametrize(
    ("second", "ticks", "questions"),
    [
        (True, True, ("t2-clamp", "t2-uniform", "t1-clamp", "t1-uniform", "first-choice")),
        (False, True, ("t1-clamp", "t1-uniform", "first-choice")),
        (True, False, ("t2-uniform", "t1-uniform", "first-choice")),
        (False, False, ("t1-uniform", "first-choice")),
    ],
)
def test_parts_that_nobody_was_asked_for_make_no_question(digits, tmp_path, second, ticks, questions):
    whole = asked(digits)
    records = whole.records.assign(top2=1 if second else -1, top1=0)
    if not ticks:
        records["impossible"] = [()] * len(records)
    part = replace(whole, records=records)
    assert pilot_of(part).questions == questions
    bought = [cell for cell in cells_of(planned(part, tmp_path)) if cell[1]]
    assert len(bought) >= LEAST_CELLS


@pytest.mark.parametrize("people", [2, 4, 6])
def test_other_numbers_of_people_make_a_pilot_too(digits, tmp_path, people):
    bought = [cell for cell in cells_of(planned(asked(digits, people=people, size=10), tmp_path)) if cell[1]]
    assert max(cell[1] for cell in bought) == people
    assert len(bought) >= LEAST_CELLS


def test_what_is_too_little_for_a_pilot_is_refused_in_one_line(digits):
    clicks = asked(digits)
    for dataset, said in (
        (asked(digits, people=1), "has 1 answer an image; a pilot needs those of 2 people, better of 3"),
        (asked(digits, batches=1, size=1), "leaves 1 annotated images to train on: too few for a pilot of two sizes"),
        (
            replace(clicks, records=clicks.records.assign(question="click")),
            "has clicks only; a pilot asks the page, of which",
        ),
    ):
        with pytest.raises(RequestError, match="digits ") as refused:
            pilot_of(dataset)
        assert said in str(refused.value)
        assert "\n" not in str(refused.value)


def test_the_command_writes_a_spec_that_finds_the_users_file(digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    first = asked(digits).records
    kept = ["annotator", "item", "top1", "p1", "top2", "p2"]
    first[kept].assign(impossible=["|".join(map(str, ticks)) for ticks in first["impossible"]]).to_csv(
        tmp_path / "mine" / "answers.csv", index=False
    )
    declared = "name: mine\nimages_of: digits\nanswers: answers.csv\nprobabilities: fraction\nheld_out: 0\n"
    (tmp_path / "mine" / "mine.yaml").write_text(declared)
    done = CliRunner().invoke(app, ["data", "pilot", "mine/mine.yaml", "--to", "pilot.yaml"])
    assert done.exit_code == 0, done.output
    spec = resolve("pilot.yaml")
    assert (spec.name, spec.scale) == ("pilot-mine", "half")
    assert len(trials(spec, load(spec.dataset))) == 42
    assert np.unique([t.cell.axes["dataset"] for t in trials(spec, load(spec.dataset))]) == ["mine"]
