"""A variety, a metric and an aggregator of another distribution: one file and one entry point each, and all follows."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

from softcore.errors import RequestError
from softcore.plugins import PluginTable
from softcore.prices.read import PRICES
from softcore.scoring.metrics import METRICS, Card
from softcore.varieties import VARIETIES, Variety

ROOT = Path(__file__).parents[2]
MODULE = '''
"""Half of what is left is clamped, half stays where it was put; half of Brier's score; a normalised geometric mean."""

import numpy as np

from softcore.completion import scale_stated, clamp
from softcore.labels.label_set import pooled
from softcore.scoring.metrics import Card, Example
from softcore.varieties import Variety


def halves(answers):
    return (clamp(answers) + scale_stated(answers)) / 2


T2_HALVES = Variety(
    name="t2-halves",
    title="T2 Halves",
    asks="the two most likely classes, their probabilities, what is impossible",
    parts=5,
    question="t2-clamp",
    complete=halves,
    gamma=True,
    colour="#123456",
    mark=("$h$", "bowtie", "⧓"),
)


def squared(logits, targets):
    odds = np.exp(logits.clean - logits.clean.max(axis=1, keepdims=True))
    return ((odds / odds.sum(axis=1, keepdims=True) - targets) ** 2).sum(axis=1) / 2


HALF_BRIER = Card(
    "half-brier",
    "halved Brier score",
    "half the mean squared distance, 0..1",
    True,
    "mixes two faults",
    each=squared,
    least=0.0,
    most=1.0,
    source="Brier 1950",
    example=Example(value=0.155),
)
COLDEST = Card(
    "coldest", "least logit", "the least", True, "all", score=lambda logits, _: logits.clean.min(), usual=False
)


def geometric_mean(labels):
    with np.errstate(divide="ignore"):
        logs = np.add.reduceat(np.log(labels.probs), labels.offsets[:-1], axis=0) / labels.counts[:, None]
    means, sums = np.exp(logs), np.add.reduceat(labels.probs, labels.offsets[:-1], axis=0)
    means = np.where(means.sum(axis=1, keepdims=True) > 0, means, sums)
    return pooled(labels, means / means.sum(axis=1, keepdims=True))
'''
POINTS = """
[softcore.varieties]
t2-halves = outside:T2_HALVES

[softcore.metrics]
half-brier = outside:HALF_BRIER
coldest = outside:COLDEST

[softcore.aggregators]
geometric-mean = outside:geometric_mean
"""
# Commands one after the other in one process, for imports are most of their time. Prints as JSON what each printed,
# and the table of the frontier as each left it.
COMMANDS = """
import contextlib, io, json, sys
from pathlib import Path
from sweeps.commands.app import main
commands, table = json.loads(sys.argv[1]), Path(sys.argv[2])
said = []
for command in commands:
    sys.argv = ["sweeps", *command]
    with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8")) as printed:
        try:
            main()
        except SystemExit as ended:
            if ended.code:
                raise
    printed.flush()
    said.append((printed.buffer.getvalue().decode(), table.read_text("utf-8")))
print(json.dumps(said))
"""
SPEC = {
    "name": "outside",
    "dataset": "digits",
    "seeds": 2,
    "metric": "half-brier/crowd",
    "common": {"rest": "none"},
    "blocks": [
        {"variety": "hard", "items": 40},
        {"variety": "t2-halves", "annotators": 1, "items": [40, 80], "gamma": [0.1, 0.4]},
        {
            "variety": "t2-halves",
            "annotators": 3,
            "items": [40, 80],
            "gamma": [0.1, 0.4],
            "aggregation": ["mean", "geometric-mean"],
        },
    ],
}


def distribution(folder, module, points, name="outside"):
    """A distribution as pip would leave it in `folder`: one module, its name and its entry points."""
    (folder / f"{name}.py").write_text(module, "utf-8")
    about = folder / f"{name}_plugins-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-plugins\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(points)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    distribution(folder, MODULE, POINTS)
    return folder


@pytest.fixture(scope="module")
def ask(place, tmp_path_factory):
    """Runs Python with the plug-ins on its path, as where they are installed; what it prints."""
    here = tmp_path_factory.mktemp("here")
    (here / "spec.yaml").write_text(yaml.safe_dump(SPEC))
    paths = os.pathsep.join([str(place), str(ROOT)])

    def run(*arguments):
        env = {**os.environ, "PYTHONPATH": paths}
        command = [sys.executable, *map(str, arguments)]
        ended = subprocess.run(command, capture_output=True, text=True, cwd=here, env=env, check=False)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    run.here = here
    return run


@pytest.fixture(scope="module")
def sweep(ask):
    """The folder of a finished sweep with all three."""
    ask("-m", "sweeps", "run", "spec.yaml", "--scale", "tiny", "--cpus", "1", "--out", "out", "--json")
    (folder,) = (path.parent for path in (ask.here / "out").glob("*/spec.yaml"))
    return folder


@pytest.fixture(scope="module")
def said(ask, sweep):
    """What commands about the sweep say, by name: of results and plan what is printed, of a price list its frontier."""
    about = {
        "results": ["results", str(sweep), "--format", "json"],
        **{prices: ["frontier", str(sweep), "--cost", prices] for prices in ("thesis", "session")},
        "plan": ["plan", str(sweep), "--budget-usd", "100", "--page", "plan.html", "--metric", "half-brier/crowd"],
    }
    found = json.loads(ask("-c", COMMANDS, json.dumps([*about.values()]), sweep / "frontier.csv"))
    return {name: table if name in PRICES else printed for name, (printed, table) in zip(about, found, strict=True)}


def test_a_variety_has_a_price_in_each_list_a_title_and_its_own_look(ask):
    code = """
import json
from softcore.prices.read import PRICES
from sweeps.results.names import kind, question, variety_title
from sweeps.show.drawing import colour, marks
prices = {name: prices.interval("t2-halves") for name, prices in PRICES.items()}
words = [variety_title("t2-halves"), question("t2-halves"), kind("t2-halves"), colour("t2-halves"), marks("t2-halves")]
print(json.dumps([prices, PRICES["page"].recorded["t2-halves"], words]))
"""
    prices, recorded, words = json.loads(ask("-c", code))
    # The whole page, in whichever list.
    assert prices == {
        "thesis": [32.0, 32.0],
        "page": [44.38, 44.38],
        "measured": [44.38, 44.38],
        "session": [64.76, 64.76],
    }
    assert recorded == [1, 1]
    asked = "the two most likely classes, their probabilities, what is impossible"
    assert words == ["T2 Halves", asked, "better labels", "#123456", ["$h$", "bowtie", "⧓"]]


def test_a_metric_of_values_by_item_has_its_score_its_example_and_its_card(ask):
    code = """
import json, sys
from softcore.scoring.metrics import ALL_METRICS, METRICS, Logits, all_scores, extra_scores, scores
card = METRICS["half-brier"]
logits, targets = card.example.logits(), card.example.targets()
usual = scores(logits.clean, logits.clean, targets, 1.0)
from sweeps.commands.app import app
for words in (["metrics", "half-brier", "--json"], ["metrics", "half-brier"], ["metrics"]):
    app(words, standalone_mode=False)
    print("----")
print(json.dumps({
    "value": [card.score(logits, targets), float(card.each(logits, targets).mean()), card.example.value],
    "two": all_scores(logits, targets).values["brier"] / 2,
    "usual": [name in usual for name in ("half-brier", "coldest")],
    "asked": [name in extra_scores(logits, targets, [ALL_METRICS]) for name in ("half-brier", "coldest")],
    "last": list(METRICS)[-2:],
}))
"""
    record, card, overview, found = ask("-c", code).split("----\n")
    found = json.loads(found)
    assert found["value"] == pytest.approx([0.155] * 3)
    assert found["two"] == pytest.approx(0.155)
    assert found["usual"] == [True, False]
    assert found["asked"] == [False, True]
    assert found["last"] == ["coldest", "half-brier"]  # after those of the package
    told = json.loads(record)
    assert (told["name"], told["least"], told["most"], told["by_item"]) == ("half-brier", 0, 1, True)
    assert told["example"]["value"] == 0.155
    assert all(words in card for words in ("mixes two faults", "Brier 1950", "0.155 on the six items", "0 to 1"))
    assert "halved Brier score" in overview


@pytest.mark.slow
def test_a_sweep_has_its_cells_apart_by_gamma_and_pools_and_scores_by_them(said):
    trials = json.loads(said["results"])
    assert {trial["status"] for trial in trials} == {"done"}
    assert {trial["gamma"] for trial in trials if trial["variety"] == "t2-halves"} == {0.1, 0.4}
    # 2 N' x 2 gammas for one person, times 2 aggregations for three, and the hard labels.
    assert len({trial["cell"] for trial in trials}) == 4 + 8 + 1
    scores = {(t["cell"], t["seed"]): t["half-brier/crowd"] for t in trials}
    assert len(scores) == len(trials) == 26
    assert all(0 <= score <= 1 for score in scores.values())
    assert not [column for column in trials[0] if column.startswith("coldest/")]  # not usual
    assert len(set(scores.values())) == len(scores)  # neither gamma nor the aggregation is ignored


@pytest.mark.slow
def test_a_frontier_on_the_metric_is_priced_and_drawn(said, sweep):
    for prices, seconds in (("thesis", 32.0), ("session", 64.76)):
        table = pd.read_csv(io.StringIO(said[prices]))
        assert set(table["metric"]) == {"half-brier/crowd"}
        rows = table[table["variety"] == "t2-halves"]
        # M x N' pages: one person with two gammas, three people with two aggregations each.
        pages = [40] * 2 + [80] * 2 + [3 * 40] * 4 + [3 * 80] * 4
        assert sorted(rows["label_seconds_total"]) == pytest.approx([seconds * n for n in pages])
    assert "T2 Halves" in (sweep / "frontier.html").read_text("utf-8")
    assert (sweep / "frontier.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_plan_is_made_and_its_page_drawn(ask, said):
    assert "T2 Halves" in said["plan"]
    assert "T2 Halves" in (ask.here / "plan.html").read_text("utf-8")


@pytest.fixture
def refused(tmp_path, monkeypatch):
    """What the table of varieties says of a distribution with this module and these entry points."""

    def say(module, points, name):
        distribution(tmp_path, module, f"[softcore.varieties]\n{points}\n", name)
        monkeypatch.syspath_prepend(tmp_path)
        table = PluginTable("softcore.varieties", Variety, VARIETIES.built_in, VARIETIES.fault)
        with pytest.raises(RequestError) as error:
            list(table)
        assert "\n" not in str(error.value)
        return str(error.value)

    return say


def test_a_name_that_is_taken_is_refused_with_both(refused):
    said = refused(MODULE, "t2-clamp = taken:T2_HALVES", "taken")
    assert said == (
        "plug-in 't2-clamp' of softcore.varieties (taken-plugins 1.0: taken:T2_HALVES) "
        "takes the name of 't2-clamp' of label-sweeps itself; rename one"
    )


def test_a_name_that_two_plug_ins_take_is_refused_with_both(refused, tmp_path):
    distribution(tmp_path, MODULE, "[softcore.varieties]\nt2-halves = first:T2_HALVES\n", "first")
    said = refused(MODULE, "t2-halves = second:T2_HALVES", "second")
    assert "second:T2_HALVES) takes the name of 't2-halves' of first-plugins 1.0: first:T2_HALVES; rename one" in said


@pytest.mark.parametrize(
    ("module", "point", "said"),
    [
        ("import nothing_like_it\n", "a = broken:A", "can't be loaded (ModuleNotFoundError: No module named 'nothing"),
        ("raise ValueError('one\\ntwo')\n", "a = broken:A", "can't be loaded (ValueError: one two)"),
        ("", "a = broken:A", "can't be loaded (AttributeError: module 'broken' has no attribute 'A')"),
        ("A = 3\n", "a = broken:A", "must be a Variety; it is int"),
        (MODULE, "halves = broken:T2_HALVES", "calls itself 't2-halves'; its entry point must have the same name"),
        (MODULE.replace("parts=5", "parts=6"), "t2-halves = broken:T2_HALVES", "must ask 1..5 parts of a page; it as"),
        (MODULE.replace("parts=5,", ""), "t2-halves = broken:T2_HALVES", "must ask 1..5 parts of a page; it asks 0"),
        (MODULE.replace("complete=halves,", ""), "t2-halves = broken:T2_HALVES", "needs one of complete, quick and fr"),
        (
            MODULE.replace('parts=5,\n    question="t2-clamp",\n    complete=halves,\n    gamma=True', "free=True"),
            "t2-halves = broken:T2_HALVES",
            "is free: a variety from outside must ask people (free=False)",
        ),
    ],
)
def test_a_broken_plug_in_is_one_clear_line(refused, monkeypatch, module, point, said):
    monkeypatch.delitem(sys.modules, "broken", raising=False)
    answer = refused(module, point, "broken")
    assert answer.startswith(f"plug-in '{point.split(' ')[0]}' of softcore.varieties (broken-plugins 1.0: broken:")
    assert said in answer
    sys.modules.pop("broken", None)


def test_a_plug_in_that_is_no_function_or_no_metric_is_refused(tmp_path, monkeypatch):
    distribution(tmp_path, "A = 3\n", "[softcore.aggregators]\na = odd:A\n[softcore.metrics]\na = odd:A\n", "odd")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RequestError, match="must be a Callable; it is int"):
        list(PluginTable("softcore.aggregators", Callable, {}))
    with pytest.raises(RequestError, match="must be a Card; it is int"):
        list(PluginTable("softcore.metrics", Card, METRICS.built_in))


def test_a_table_is_loaded_once_and_only_when_it_is_read(tmp_path, monkeypatch):
    module = MODULE + "\nimport builtins\nbuiltins.times = getattr(builtins, 'times', 0) + 1\n"
    distribution(tmp_path, module, "[softcore.varieties]\nt2-halves = once:T2_HALVES\n", "once")
    monkeypatch.syspath_prepend(tmp_path)
    table = PluginTable("softcore.varieties", Variety, VARIETIES.built_in)
    assert "once" not in sys.modules
    assert list(table) == [*VARIETIES.built_in, "t2-halves"]
    loaded = table["t2-halves"]
    monkeypatch.delitem(sys.modules, "once")
    assert table["t2-halves"] is loaded
