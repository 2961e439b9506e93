"""`sweeps compare` on a small real sweep: what it prints, writes, counts and refuses."""

import json
import sys

import pytest

from softcore.datasets import DATASETS, load
from sweeps.commands.app import main
from sweeps.evaluation.looks import LOOKS, looks
from sweeps.running import store as stores
from sweeps.running.provenance import manifest
from sweeps.running.trial import Material, run_trial
from sweeps.spec.cells import spec_content, sweep_id
from sweeps.spec.spec import resolve
from sweeps.sweep import Sweep

COMMON = {"epochs": 1, "image_size": 4, "items": 60, "rest": "none"}
BLOCKS = [
    {"variety": "hard"},
    {"variety": "click", "annotators": 2},
    {"variety": "click", "annotators": 1, "seeds": [0]},
]
SPEC = {"name": "small", "study": "mine", "dataset": "digits", "seeds": 2, "common": COMMON, "blocks": BLOCKS}


@pytest.fixture(scope="module")
def digits():
    """The digits, loaded once."""
    loaded = load("digits")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATASETS, "digits", lambda root: loaded)
        yield loaded


@pytest.fixture(scope="module")
def sweep(digits, tmp_path_factory):
    """A finished sweep, run without Ray."""
    out, spec = tmp_path_factory.mktemp("out"), resolve(SPEC)
    made = manifest(spec, digits, out, None)
    store = stores.create(out, sweep_id(spec, digits), spec.model_dump(), spec_content(spec, digits), made)
    for trial in Sweep(store).trials():
        run_trial(trial, Material(dataset=digits), store.trials)
    return Sweep(store)


@pytest.fixture
def compare(sweep, monkeypatch, capsys):
    """What `sweeps compare` with these arguments prints, and its exit code."""

    def run(*arguments):
        words = ["sweeps", "compare", sweep.id, *arguments, "--out", str(sweep.folder.parent)]
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    return run


@pytest.mark.slow
def test_means_are_those_of_the_results_table(sweep, compare):
    code, printed, _ = compare("hard labels", "clicks M=2", "--json")
    assert code == 0
    found = json.loads(printed)
    assert found["simulated_annotators"] is True
    assert found["test_set"] == sweep.metric.partition("/")[2]
    (pair,) = found["pairs"]
    means = sweep.results().groupby("cell").mean(numeric_only=True)
    assert {each["metric"] for each in pair["metrics"]} >= {"ce/crowd", "rmsce/crowd", "accuracy/crowd"}
    for each in pair["metrics"]:
        a, b = (means.loc[pair[name]["cell"], each["metric"]] for name in ("a", "b"))
        assert each["a"] == pytest.approx(a, abs=1e-6)
        assert each["b"] == pytest.approx(b, abs=1e-6)
        assert each["difference"] == pytest.approx(a - b, abs=1e-6)
        assert each["low"] <= each["difference"] <= each["high"]
    assert pair["replicates"] == ["s0-p0", "s1-p0"]


def test_looks_are_counted_and_the_same_question_is_the_same_look(sweep, compare):
    before = len(looks(sweep.folder.parent).get(("mine", "pages"), []))
    first = compare("hard", "clicks M=2", "--test-set", "pages", "--metric", "ce")[1]
    assert f"look {before + 1} at pages in study mine." in first
    for cells in (("hard", "clicks M=2"), ("clicks M=2", "hard")):  # whichever is named first
        again = compare(*cells, "--test-set", "pages", "--metric", "ce")[1]
        assert f"look {before + 1} at pages in study mine (asked before, with the same answer)." in again
    assert (
        f"look {before + 2} at pages" in compare("hard", "clicks M=2", "--test-set", "pages", "--metric", "accuracy")[1]
    )
    assert (sweep.folder.parent / LOOKS).is_file()


def test_a_page_is_written_and_named(compare, tmp_path):
    page = tmp_path / "compare.html"
    code, printed, _ = compare("hard", "clicks M=2", "--metric", "ce", "--page", str(page))
    assert code == 0
    assert printed.rstrip().endswith(str(page))
    assert "<svg" in page.read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("hard", "clicks M=1"), "different replicates: hard labels"),
        (("hard", "click"), "unknown cell 'click'"),
        (("hard", "clicks"), "cell 'clicks' is ambiguous"),
        (("hard",), "name two cells or more"),
        (("hard", "clicks M=2", "--test-set", "10h"), "unknown test set '10h'"),
        (("hard", "clicks M=2", "--metric", "wasserstein"), "metric wasserstein can't be compared here"),
        (("hard", "clicks M=2", "--covers", "moons"), "unknown thing to cover"),
        (("hard", "clicks M=2", "--matters", "ce"), "--matters: 'ce'"),
        (("hard", "clicks M=2", "--page", "x.png"), "must end in .html"),
    ],
)
def test_what_can_not_be_compared_is_refused_in_a_line(compare, arguments, words):
    code, printed, complaint = compare(*arguments)
    assert code == 2
    assert printed == ""
    assert words in complaint
    assert complaint.count("\n") == 1


@pytest.mark.slow
def test_the_replicates_of_both_are_compared_where_that_is_asked_for(compare):
    code, printed, _ = compare("hard", "clicks M=1", "--shared", "--metric", "ce")
    assert code == 0
    assert "not over other seeds: there is one" in printed
    assert "is mostly too short" in printed
