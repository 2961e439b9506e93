import json
import re
import sys

import numpy as np
import pandas as pd
import pytest

from sweeps.commands.app import main
from sweeps.running import store as stores
from sweeps.sources import Source, files_of
from sweeps.spec.cells import COLUMNS, Cell
from sweeps.studies.document import to_html, to_markdown
from sweeps.studies.thesis.claims import claims
from sweeps.studies.thesis.findings import VERDICTS
from sweeps.studies.thesis.replication import count_lines, document, replication, replication_report
from sweeps.studies.thesis.rows import COLUMNS as ROW_COLUMNS
from sweeps.studies.thesis.rows import report_frame, report_rows
from sweeps.sweep import Sweep
from sweeps.tracking.runs import Runs, default_uri

KEPT = {"aggregation": "separate", "annotators": "all", "items": 900}
NASTY = "<script>alert('x')</script>|*&\"$command"


def measured(shift, rng):
    """The usual metrics of three replicates on both test sets, all `shift` below their usual values."""
    noise = rng.normal(0, 0.01, (10, 3))
    names = [f"{m}__{t}" for t in ("10h", "10s") for m in ("ce", "scaled_ce", "rmsce", "fgsm", "accuracy")]
    return {name: 2.0 - shift + part for name, part in zip(names, noise, strict=True)}


@pytest.fixture(scope="module")
def table_3_2(make):
    rng = np.random.default_rng(4)
    return pd.concat(
        [
            make("h", variety="hard", **measured(0.0, rng)),
            make("c", variety="click", **KEPT, **measured(0.3, rng)),
            make("p", variety="t2-clamp", **KEPT, gamma=0.1, **measured(0.6, rng)),
        ],
        ignore_index=True,
    )


@pytest.fixture(scope="module")
def made(table_3_2):
    about = {"hardware": "2 cores", "scale": "small", "versions": {"torch": "2.14"}, "commit": "0123456789abcdef+"}
    return replication([Source(name="table-3-2-01234567", results=table_3_2, about=about)])


@pytest.fixture
def folder(made, tmp_path):
    """A folder of results tables."""
    results = tmp_path / "results"
    results.mkdir()
    for name, content in files_of(made.sources[0]).items():
        (results / name).write_text(content)
    return results


def test_every_claim_has_a_row_and_none_is_dropped(made):
    table = report_frame(made.findings, made.shifts)
    assert list(table.columns) == list(ROW_COLUMNS)
    assert set(table.loc[table["part"] == "claim", "id"]) == {claim.id for claim in claims()}
    assert set(table.loc[table["part"] == "claim", "verdict"]) <= set(VERDICTS)


def test_a_row_without_an_interval_says_why(made, make):
    single = replication([Source(name="one", results=made.sources[0].results.query("seed == 1"), about={})])
    for found in (made, single):
        table = report_frame(found.findings, found.shifts)
        bare = table[table["low"].isna()]
        assert len(bare)
        assert bare["why"].str.len().gt(0).all()
    assert set(report_frame(single.findings, single.shifts)["verdict"].dropna()) == {"open", "not run"}


def test_a_row_holds_the_thesis_and_ours(made):
    (row,) = [r for r in report_rows(made.findings, made.shifts) if r["id"] == "3.2-pages-over-clicks/ce/10h"]
    assert (row["thesis_a"], row["thesis_a_half"], row["thesis_b"], row["thesis_b_half"]) == (1.281, 0.06, 1.293, 0.08)
    assert row["thesis_difference"] == -0.012
    assert row["verdict"] == row["scaled_verdict"] == "agrees"
    assert row["a_mean"] - row["b_mean"] == pytest.approx(row["difference"])
    assert row["low"] < row["difference"] < row["high"] < 0
    assert (row["n"], row["setting"], row["over"]) == (3, "cnn, 15 epochs, 32 pixels", "seeds, clicks known as counts")


def test_the_head_counts_verdicts_and_warns_of_chance_and_softness(made):
    head = " ".join(document(made, "sweeps report replication").summary)
    # Rows that a sweep of hard labels, clicks and pages, all separate, can speak to: 3.2 has 5 + 1, B.1 none.
    assert "Of 6 checks of the thesis's claims that our runs can make, 5 agree, 1 disagrees and 0 are open." in head
    assert (
        "6 rows with an interval, 6 of which exclude zero. If no label made any difference, about 0.3 of them" in head
    )
    assert "Cross-entropy after one temperature (2 rows): of 2 that agree raw, 2 agree." in head


def test_markdown_page_and_csv_tell_the_same(made, folder, tmp_path, seen):
    found, paths = replication_report([], results=folder, to=tmp_path / "docs")
    assert {kind: path.name for kind, path in paths.items()} == {
        kind: f"replication.{kind}" for kind in ("md", "html", "csv")
    }
    assert sorted(path.name for path in (tmp_path / "docs").iterdir()) == sorted(p.name for p in paths.values())
    markdown, page = paths["md"].read_text(), seen(paths["html"].read_text()).text
    difference = re.search(r"\| (−0\.\d{3} \[−0\.\d{3}, −0\.\d{3}\]) \| 3 \| agrees \|", markdown)[1]
    for text in (markdown, page):
        for words in (
            "Table 3.2: one person's label a batch",
            difference,
            "Not run",
            "2 cores",
            "0123456789+",
            "1.281 ± 0.06",
        ):
            assert words in text
        assert f"--from-results {folder}" in text
    assert len(pd.read_csv(paths["csv"])) == len(report_rows(found.findings, found.shifts))


def test_the_report_is_the_same_when_it_is_made_again(folder, tmp_path):
    first, second = (replication_report([], results=folder, to=tmp_path / name)[1] for name in ("one", "two"))
    assert all(first[kind].read_bytes() == second[kind].read_bytes() for kind in first)


def test_the_page_needs_no_network(made, seen):
    page = to_html(document(made, "sweeps"))
    elements = seen(page).elements
    assert [attrs for _, attrs in elements if {"src", "href"} & set(attrs)] == []
    assert "script" not in {tag for tag, _ in elements}
    assert "@import" not in page


def test_a_sentence_stands_once_beside_all_its_rows(made):
    page = to_html(document(made, "sweeps"))
    assert page.count("T2 Clamp labels of 6 people beat clicks of 51") == 1
    assert '<td rowspan="5">Kept separate, T2 Clamp labels of 6 people' in page


def test_names_from_data_are_escaped_everywhere(table_3_2, seen):
    odd = table_3_2.assign(model=NASTY)
    odd_made = replication(
        [Source(name=NASTY, results=odd, about={"hardware": NASTY, "commit": NASTY, "scale": NASTY})]
    )
    told = document(odd_made, NASTY)
    page = seen(to_html(told))
    assert "script" not in {tag for tag, _ in page.elements}
    assert page.text.count(NASTY) >= 4
    markdown = to_markdown(told)
    assert "<script" not in markdown.replace(f"`{NASTY}`", "")  # within backticks signs stand as they are
    assert "&lt;script&gt;alert('x')&lt;/script&gt;\\|\\*&amp;" in markdown
    table = markdown.split("## Table 3.2")[1].split("## ")[0].splitlines()
    widths = {len(re.split(r"(?<!\\)\|", line)) for line in table if line.startswith("|")}
    assert widths == {15}  # thirteen columns between the outer strokes


def test_a_strangers_results_are_told_to_speak_to_no_claim(make):
    own = make("x", dataset="digits", variety="click", annotators=3, ce__crowd=[1.0, 1.1, 1.2])
    told = document(replication([Source(name="theirs", results=own, about={})]), "sweeps")
    assert (
        told.summary[0]
        == f"None of {len(claims())} checks of the thesis's claims could be made: no results hold both sides of one."
    )
    assert told.simulated == "SIMULATED ANNOTATORS: in theirs a program gave the answers, not people"
    assert "SIMULATED ANNOTATORS" in to_html(told)
    assert "SIMULATED ANNOTATORS" in to_markdown(told)
    assert any("hardware, versions and code are unknown" in note for note in told.notes)


def test_real_people_are_not_called_simulated(made):
    assert "SIMULATED" not in to_html(document(made, "sweeps"))


# ---- Results of two ways of training.


@pytest.fixture(scope="module")
def two_ways(made, make):
    """`made`, and a larger network trained longer, on which clicks are ahead of pages."""
    rng = np.random.default_rng(5)
    larger = {"model": "resnet34a", "epochs": 65, "image_size": None}
    large = pd.concat(
        [
            make("C", seeds=(0, 1, 2), variety="click", **KEPT, **larger, **measured(0.6, rng)),
            make("P", seeds=(0, 1, 2), variety="t2-clamp", **KEPT, gamma=0.1, **larger, **measured(0.3, rng)),
        ]
    )
    about = {"hardware": "a card", "scale": "paper", "precision": "bf16", "versions": {"torch": "2.14"}}
    about |= {"trained_with": {"torch": "2.11"}, "note": "Nobody has tested bf16.", "commit": "0123456789abcdef"}
    return replication([made.sources[0], Source(name="large", results=large, about=about)])


def test_the_head_says_how_long_each_was_trained_and_counts_each_apart(two_ways):
    head = document(two_ways, "sweeps").summary
    ours = "cnn, 15 epochs, 32 pixels; resnet34a, 65 epochs"
    assert head[0] == f"In table 3.2 the thesis trained for 65 epochs; ours: {ours}."
    small, large = head[1:3]
    assert small.startswith("Trained as cnn, 15 epochs, 32 pixels. Of 6 checks")
    assert "5 agree, 1 disagrees and 0 are open" in small
    assert large.startswith("Trained as resnet34a, 65 epochs. Of 6 checks")
    assert "1 agrees, 5 disagree and 0 are open" in large


def test_what_changes_with_the_training_is_counted_and_shown_beside_each_other(two_ways):
    told = document(two_ways, "sweeps")
    in_place = "trained as resnet34a, 65 epochs in place of cnn, 15 epochs, 32 pixels"
    turns = "5 turn from agrees to disagrees; 1 turn from disagrees to agrees."
    assert told.summary[3:] == (
        f"As measured, {in_place}, 0 of 6 verdicts stay; {turns}",
        f"On cross-entropy after one temperature, {in_place}, 0 of 2 verdicts stay; 2 turn from agrees to disagrees.",
    )
    measured_table, scaled_table = told.sections[0].tables
    assert (len(measured_table.rows), len(scaled_table.rows)) == (6, 2)
    row = measured_table.rows[0]
    assert row[2:4] == ("CE, 10H", "−0.012")
    assert [row[5], row[7]] == ["agrees", "disagrees"]
    assert row[4].startswith("−0.")
    assert row[6].startswith("+0.")


def test_each_check_has_a_row_for_each_training(two_ways):
    (table,) = document(two_ways, "sweeps").sections[1].tables
    place = table.headings.index("Trained as")
    assert [row[place] for row in table.rows[:2]] == ["cnn, 15 epochs, 32 pixels", "resnet34a, 65 epochs"]
    assert [row[2] for row in table.rows[:2]] == ["CE, 10H", "CE, 10H"]
    counted = {(line["table"], line["trained as"]): line for line in count_lines(two_ways.findings)}
    all_of_large = counted["All", "resnet34a, 65 epochs"]
    assert (all_of_large["agrees"], all_of_large["disagrees"], all_of_large["open"]) == ("1", "5", "0")
    assert int(all_of_large["not run"]) == len(claims()) - 6


def test_one_way_of_training_has_no_section_on_what_depends_on_it(made):
    told = document(made, "sweeps")
    assert "What depends on the training" not in {section.title for section in told.sections}
    assert "Trained as" not in told.sections[0].tables[0].headings


def test_a_check_that_stays_is_counted_and_not_shown(made, make):
    again = made.sources[0].results.assign(model="resnet34a", epochs=65)
    again["trial"] = "again-" + again["trial"]
    both = replication([made.sources[0], Source(name="again", results=again, about={})])
    told = document(both, "sweeps")
    assert told.sections[0].tables == ()
    assert told.summary[3].endswith("in place of cnn, 15 epochs, 32 pixels, 6 of 6 verdicts stay.")


def test_the_sources_say_what_a_card_trained_with_and_what_its_manifest_notes(two_ways):
    told = document(two_ways, "sweeps")
    assert [source["trained as"] for source in told.sources] == [
        "cnn, 15 epochs, 32 pixels",
        "resnet34a, 65 epochs, bf16",
    ]
    assert [source["versions"] for source in told.sources] == ["torch 2.14", "torch 2.11"]
    assert told.notes == ("Nobody has tested bf16.",)


# ---- The command line.


@pytest.fixture
def asked(tmp_path, monkeypatch, capsys):
    """Runs `sweeps report replication` in an empty folder; its exit code and what it said."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.delenv("SWEEPS_OUT", raising=False)

    def ask(*arguments):
        monkeypatch.setattr(sys, "argv", ["sweeps", "report", "replication", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return ask


def refused(answer, words, folder):
    code, out, err = answer
    assert (code, out) == (2, "")
    assert err.startswith("sweeps: ")
    assert err.count("\n") == 1
    assert words in err
    assert list(folder.iterdir()) == []


def test_an_unknown_sweep_is_refused_in_one_line(asked, tmp_path):
    refused(asked("table-9-9"), "unknown sweep 'table-9-9': there is no sweep in", tmp_path / "here")


def test_neither_sweeps_nor_results_is_refused_in_one_line(asked, tmp_path, folder):
    words = "name sweeps, or a folder of results tables with --from-results; one of the two"
    refused(asked(), words, tmp_path / "here")
    refused(asked("table-3-2", "--from-results", folder), words, tmp_path / "here")


def test_an_empty_folder_is_refused_in_one_line(asked, tmp_path):
    (tmp_path / "empty").mkdir()
    refused(asked("--from-results", tmp_path / "empty"), "there is no .csv in", tmp_path / "here")


def test_a_report_never_goes_where_the_next_one_would_read_it_as_results(asked, tmp_path, folder):
    refused(asked("--from-results", folder, "--to", folder), "--to is the folder of the results", tmp_path / "here")


def test_json_is_the_rows_and_nothing_else(asked, folder, tmp_path):
    code, out, err = asked("--from-results", folder, "--json")
    assert (code, err) == (0, "")
    content = json.loads(out)
    assert {row["part"] for row in content} == {"claim", "released code"}
    assert (tmp_path / "here" / "sweeps-out" / "replication" / "replication.md").is_file()


def stored(out, table, name):
    """A sweep's folder as a finished sweep of `table` leaves it, without any training."""
    cells = table.drop_duplicates("cell")
    columns = [
        {axis: None if pd.isna(row.get(axis)) else row.get(axis) for axis in COLUMNS} for _, row in cells.iterrows()
    ]
    ids = [Cell({axis: value for axis, value in cell.items() if axis != "budget_hours"}).id for cell in columns]
    content = {"name": "table-3-2", "study": "s", "dataset": "cifar10s", "metric": "ce/10h", "seeds": [0, 1, 2]}
    content |= {"panels": [0], "cells": columns, "budgets": []}
    manifest = {"simulated": False, "hardware": "2 cores", "versions": {}, "commit": None, "fingerprints": {}}
    made = stores.create(out, name, {"name": "table-3-2", "scale": "small"}, content, manifest)
    for cell, (_, first) in zip(ids, cells.iterrows(), strict=True):
        for _, row in table[table["cell"] == first["cell"]].iterrows():
            result = {str(k): v for k, v in row.items() if "/" in str(k)}
            result |= {"train_seconds": 1.0, "eval_seconds": 1.0, "answers": {}}
            result |= {"label_seconds_per_item": 0.0, "label_seconds_total": 0.0, "label_usd": 0.0}
            made.log(f"{cell}-s{row['seed']}-p0", 15, "done", result=result)
    return made


def test_a_sweeps_report_can_be_made_again_from_the_tables_that_it_writes(asked, table_3_2, tmp_path):
    stored(tmp_path / "out", table_3_2, "table-3-2-01234567")
    code, out, err = asked("table-3-2", "--out", tmp_path / "out", "--to", tmp_path / "docs")
    assert (code, err) == (0, "")
    assert "Of 6 checks of the thesis's claims that our runs can make, 5 agree, 1 disagrees and 0 are open." in out
    docs = tmp_path / "docs"
    assert sorted(path.name for path in (docs / "results").iterdir()) == [
        "table-3-2-01234567.csv",
        "table-3-2-01234567.json",
    ]
    before = {kind: (docs / f"replication.{kind}").read_text() for kind in ("md", "html", "csv")}
    assert asked("--from-results", docs / "results", "--to", docs)[0] == 0
    after = {kind: (docs / f"replication.{kind}").read_text() for kind in before}
    assert after["csv"] == before["csv"]
    changed = set(after["md"].splitlines()) ^ set(before["md"].splitlines())
    assert all(line.startswith("Made by ") for line in changed)


@pytest.mark.slow
def test_the_report_is_logged_to_the_sweeps_run_in_mlflow(table_3_2, tmp_path):
    made = Sweep(stored(tmp_path / "out", table_3_2, "table-3-2-01234567"))
    uri = default_uri(tmp_path / "out")
    run = Runs(made, uri).ensure("sweep", made.id, parent=None, params={"trials": 9})
    replication_report(["table-3-2"], out=tmp_path / "out", to=tmp_path / "docs")
    logged = {file.path for file in Runs(made, uri).client.list_artifacts(run)}
    assert logged == {"replication.md", "replication.html", "replication.csv"}


def test_a_tracking_server_that_is_gone_costs_a_warning_and_not_the_report(table_3_2, tmp_path, caplog):
    made = stored(tmp_path / "out", table_3_2, "table-3-2-01234567")
    made.update_manifest(tracking_uri="http://127.0.0.1:9")
    paths = replication_report(["table-3-2"], out=tmp_path / "out")[1]
    assert paths["html"] == tmp_path / "out" / "replication" / "replication.html"
    assert paths["html"].is_file()
    (said,) = caplog.messages
    assert said.startswith("MLflow does not have the report on table-3-2-01234567 (")
