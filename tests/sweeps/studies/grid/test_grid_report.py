"""The report on the recorded grid as a whole: its files, its words where something is missing, what it never reads."""

import json
import re
import sys
from dataclasses import replace

import numpy as np
import pytest

from softcore.errors import RequestError
from sweeps.commands.app import main
from sweeps.sources import files_of
from sweeps.studies.document import Section, Table, to_html, to_markdown
from sweeps.studies.grid.grid_report import PARTS, TITLE, grid_report, planner_parts
from sweeps.studies.grid.recorded import GRID, SEALED, VARIANCE, Part, by_preset
from sweeps.studies.pilots.pilot import PART as PILOTS
from sweeps.studies.sealed.readings import NAME

NASTY = "<script>alert('x')</script>|*&\"`x`"


@pytest.fixture(scope="module")
def made(small):
    return grid_report(list(small().values()), "sweeps report grid")


@pytest.fixture
def folder(small, tmp_path):
    """A folder of results tables."""
    results = tmp_path / "results"
    results.mkdir()
    for source in small().values():
        for name, content in files_of(source).items():
            (results / name).write_text(content)
    return results


@pytest.fixture
def ask(monkeypatch, capsys):
    """`sweeps report grid` with these arguments: the exit code, standard output and standard error."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["sweeps", "report", "grid", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return run


def section(made, title):
    return next(each for each in made.sections if title in each.title)


def test_one_command_makes_the_report_from_a_folder_of_tables(folder, tmp_path, ask):
    to = tmp_path / "docs"
    code, out, _ = ask("--from-results", folder, "--to", to, "--json")
    assert code == 0
    written = {path.name for path in to.iterdir()}
    assert written == {"grid.md", "grid.html", "grid-10h.png", "grid-panels.png"}
    text = (to / "grid.md").read_text()
    assert all(f"]({name})" in text for name in written if name.endswith(".png"))
    content = json.loads(out)  # and nothing else is printed
    assert content["simulated_annotators"] is True
    titles = [each["title"] for each in content["sections"]]
    assert titles[: len(PARTS)] == [part.title for part in PARTS]
    assert titles[len(PARTS) :] == [part.title for part in (*planner_parts(folder / NAME), PILOTS)]


def test_the_same_tables_make_the_same_words(small, made):
    again = grid_report(list(small().values()), parts=PARTS[2:])
    assert [each.lines + each.summary for each in again.sections] == [e.lines + e.summary for e in made.sections[2:]]
    assert [each.tables for each in again.sections] == [each.tables for each in made.sections[2:]]


def test_the_page_loads_nothing_and_says_that_answers_were_simulated(made):
    page = to_html(made)
    assert not re.search(r"(src|href)=[\"']?(http|//)", page)
    assert page.count('src="data:image/png;base64,') == 2
    assert "SIMULATED ANNOTATORS" in page
    assert "SIMULATED ANNOTATORS" in to_markdown(made)


def test_names_from_data_are_escaped(made):
    table = Table(headings=(NASTY,), rows=((NASTY,),), caption=NASTY)
    shown = replace(made, title=NASTY, sections=(Section(title=NASTY, lines=(NASTY,), tables=(table,)),))
    assert "<script>" not in to_html(shown)
    assert "<script>" not in to_markdown(shown)


def test_a_preset_that_was_not_recorded_is_named_with_its_command(small):
    sources = small()
    for name, lacking in ((GRID, VARIANCE), (VARIANCE, GRID)):
        made = grid_report([sources[name]])
        said = " ".join(line for each in made.sections for line in each.lines)
        assert f"{lacking}: not recorded yet" in said
        assert f"`sweeps run {lacking} --scale half`" in to_markdown(made)


@pytest.mark.parametrize(("seeds", "parts"), [(1, PARTS[2:]), (2, PARTS[:1])])
def test_a_grid_that_still_runs_gives_clear_words(small, seeds, parts):
    sources = small()
    grid = sources[GRID]
    some = grid.results[(grid.results["seed"] < seeds)].iloc[:-5]
    made = grid_report([replace(grid, results=some), sources[VARIANCE]], parts=parts)
    text = to_markdown(made)
    assert ("Not enough is recorded yet" if seeds == 1 else "NOT FINISHED") in text
    assert made.sections[0].tables  # what is whole is reported all the same
    assert "nan" not in re.findall(r"[a-z]+", text)


def test_a_few_cells_of_one_seed_are_no_traceback(small, tmp_path, ask):
    grid = small()[GRID]
    for name, content in files_of(replace(grid, results=grid.results.iloc[:3])).items():
        (tmp_path / name).write_text(content)
    code, out, err = ask("--from-results", tmp_path, "--to", tmp_path / "docs")
    assert (code, err) == (0, "")
    assert str(tmp_path / "docs" / "grid.md") in out
    assert "Not enough is recorded yet" in (tmp_path / "docs" / "grid.md").read_text()
    table = tmp_path / "grid-01234567.csv"
    code, _, _ = ask(table, "--to", tmp_path / "named")
    assert code == 0
    assert (tmp_path / "named" / "results" / table.name).read_text() == table.read_text()
    assert f"Made by `sweeps report grid {table}`." in (tmp_path / "named" / "grid.md").read_text()


def test_sealed_cells_are_not_looked_at(small, made):
    sources = small()
    results = sources[GRID].results
    secret = results.assign(cell="sealed", trial=[f"x{n}" for n in range(len(results))], **{"scaled-ce/10h": -99.0})
    sealed = replace(sources[GRID], results=secret, name=f"{SEALED}-89abcdef", about={})
    again = grid_report([*sources.values(), sealed], parts=PARTS[:1])
    assert again.sections[0].lines == made.sections[0].lines
    assert again.sections[0].tables == made.sections[0].tables


def test_recordings_are_known_by_their_preset_and_two_of_one_are_refused(small):
    sources = small()
    strange = replace(sources[GRID], name="chapter-3-01234567", about={})
    found, notes = by_preset([*sources.values(), strange])
    assert set(found) == {GRID, VARIANCE}
    assert "chapter-3-01234567" in notes[0]
    with pytest.raises(RequestError, match="both recordings of grid"):
        by_preset([sources[GRID], replace(sources[GRID], name="grid-89abcdef", about={})])
    with pytest.raises(RequestError, match="no recording of grid"):
        by_preset([strange])


def test_a_wrong_request_is_one_line_and_exit_code_2(tmp_path, ask):
    for arguments in ((), ("--from-results", tmp_path), ("--from-results", tmp_path, "grid-01234567")):
        code, out, err = ask(*arguments)
        assert (code, out, len(err.strip().splitlines())) == (2, "", 1)


def test_a_section_that_can_not_be_made_yet_says_why_and_the_others_stand(small):
    def never(_sources):
        raise RequestError("eight of nine trials are missing")

    parts = (Part(title="Plans", needs=(GRID,), make=never), PARTS[2])
    made = grid_report(list(small().values()), parts=parts)
    assert made.title == TITLE
    assert "eight of nine trials are missing" in made.sections[0].lines[0]
    assert made.sections[1].tables


def test_coverage_in_words_is_that_of_the_counts(made):
    shown = section(made, "Do the bands hold")
    together = [one for one in shown.data["both_ways"] if one["question"] == "all together"]
    for way, sentence in zip(together[0]["ways"], shown.summary[:2], strict=True):
        covered = np.array(way["held"]["best"]["covered"])
        assert f"{covered.mean():.0%} of the fixed costs" in sentence
        assert f"{covered.sum()} of 8" in sentence
        assert sentence.startswith("Conditional on these people and images, 90% bands")


@pytest.mark.parametrize(("shift", "said"), [(-3.0, "buying pays"), (3.0, "buying does not pay")])
def test_whether_buying_pays_follows_from_the_numbers(small, shift, said):
    sources = small()
    for name, source in sources.items():
        bought = source.results["variety"] != "hard"
        moved = source.results["scaled-ce/10h"] + np.where(bought, shift, 0.0)
        sources[name] = replace(source, results=source.results.assign(**{"scaled-ce/10h": moved}))
    made = grid_report(list(sources.values()), parts=PARTS[:1])
    assert said in made.summary[0]
    pays = {row[-1] for row in section(made, "What the grid says").tables[0].rows}
    assert pays == {"yes" if shift < 0 else "no"}
