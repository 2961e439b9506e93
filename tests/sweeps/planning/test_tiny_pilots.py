"""A pilot too small for a temperature: no scaled metric and no plan by one, no number that can't be, nothing bought."""

import json
import re
import sys

import pandas as pd
import pytest

from softcore.scoring.metrics import LEAST_VALIDATION
from sweeps.commands.app import main

# Cross-entropies of two seeds each (M = 1: and two panels), as the pilot of 80 images in 4 classes with 12 validation
# images gave them that tests/end_to_end/test_small_pilots.py trains, and as 400 easy images with 60 give them.
EIGHTY = {
    ("hard", None, None): (0.057, 0.054),
    ("smoothed", None, None): (0.265, 0.294),
    ("t2-clamp", 1, 24): (0.302, 0.236, 0.273, 0.301),
    ("t2-clamp", 1, 48): (0.542, 0.410, 0.565, 0.555),
    ("t2-clamp", 2, 48): (0.496, 0.475),
    ("t2-clamp", 3, 48): (0.519, 0.516),
    ("t2-clamp", 3, 12): (0.100, 0.154),
    ("t2-uniform", 3, 48): (0.414, 0.434),
    ("t1-clamp", 3, 48): (0.480, 0.484),
    ("t1-uniform", 3, 48): (0.416, 0.432),
    ("first-choice", 1, 48): (0.0571, 0.0541),
    ("first-choice", 3, 48): (0.0572, 0.0540),
}
EASY = {
    ("hard", None, None): (0.0000021, 0.0000015),
    ("smoothed", None, None): (0.0752, 0.0811),
    ("t2-clamp", 1, 100): (0.0461, 0.0533, 0.0502, 0.0487),
    ("t2-clamp", 1, 200): (0.1113, 0.1042, 0.1091, 0.1068),
    ("t2-clamp", 2, 200): (0.1192, 0.1131),
    ("t2-clamp", 3, 200): (0.1124, 0.1083),
    ("t2-clamp", 3, 50): (0.0249, 0.0288),
    ("t2-uniform", 3, 200): (0.0894, 0.0851),
    ("t1-clamp", 3, 200): (0.1033, 0.0986),
    ("t1-uniform", 3, 200): (0.0903, 0.0862),
    ("first-choice", 1, 200): (0.0000021, 0.0000016),
    ("first-choice", 3, 200): (0.0000022, 0.0000015),
}


def pilot(cells):
    """The results table of such a sweep: without `scaled-ce`, as a trial has none with so few validation images."""
    asked = [name for name, people, _ in cells if people]
    return pd.DataFrame(
        {
            "trial": f"c{number}-s{trial % 2}-p{trial // 2}",
            "cell": f"c{number}",
            "seed": trial % 2,
            "panel": trial // 2,
            "status": "done",
            "dataset": "pets",
            "variety": variety,
            "aggregation": "separate" if (people or 0) > 1 else None,
            "annotators": people,
            "items": items,
            "hiring": "breadth" if people else None,
            "epochs": 15,
            **{f"answers/{name}": people * items if name == variety else 0 for name in asked},
            "ce/reference": value,
            "ce/validation": value / 2,
        }
        for number, ((variety, people, items), values) in enumerate(cells.items())
        for trial, value in enumerate(values)
    )


@pytest.fixture(scope="module", params=[EIGHTY, EASY], ids=["80 images", "400 easy images"])
def small(request, tmp_path_factory):
    """The file of each table, and the cross-entropy of its hard labels."""
    path = tmp_path_factory.mktemp("pilot") / "pilot.csv"
    pilot(request.param).to_csv(path, index=False)
    hard = request.param["hard", None, None]
    return path, sum(hard) / len(hard)


@pytest.fixture
def sweeps(monkeypatch, capsys):
    """Runs a `sweeps` command in this process: its exit code, what it printed, what it said."""

    def ask(*words):
        monkeypatch.setattr(sys, "argv", ["sweeps", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capsys.readouterr()

    return ask


def levels(content):
    """Every value that a plan or a band states of the metric itself, not of a difference."""
    if isinstance(content, list):
        return [number for each in content for number in levels(each)]
    if not isinstance(content, dict):
        return []
    own = [content[key] for key in ("predicted", "value", "best", "mean") if isinstance(content.get(key), float)]
    for key in ("interval_80", "interval_95"):
        own += content[key] if "predicted" in content else []
    if "winner_share" in content or "on_frontier" in content:
        own += [number for key, number in content.items() if key.removeprefix("simultaneous_") in ("low", "high")]
    return own + [number for each in content.values() for number in levels(each)]


def test_what_goes_by_a_scaled_metric_is_refused_with_the_images_that_it_needs(small, sweeps):
    path, budget, metric = small[0], ("--budget-usd", 400), ("--metric", "scaled-ce/reference")
    for words in (("plan", path, *budget), ("plan", path, *budget, *metric), ("report", "bands", path, *metric)):
        code, printed, said = sweeps(*words)
        assert (code, printed) == (2, "")
        (line,) = said.splitlines()
        assert f"{LEAST_VALIDATION} validation images" in line


def test_plans_by_raw_cross_entropy_stay_above_zero_and_buy_nothing(small, sweeps):
    path, hard = small
    plan = ("plan", path, "--metric", "ce/reference", "--budget-usd", 400)
    code, printed, said = sweeps(*plan, "--json")
    assert code == 0, said
    advice = json.loads(printed)
    assert advice["verdict"] in ("don't buy", "not known yet")
    assert len(levels(advice)) > 5 * len(advice["plans"]) > 0
    assert min(levels(advice)) >= 0
    assert max(levels(advice)) < 10  # nothing is near as bad as a guess among 4 classes, which scores 1.4
    # Nobody gains more than there is to gain.
    assert all(one["gain"] <= advice["best_free"]["predicted"] for one in advice["plans"])
    assert advice["best_free"]["predicted"] == pytest.approx(hard, rel=0.5)
    code, printed, said = sweeps(*plan)
    assert code == 0, said
    shown = re.findall(r"(-?[\d.]+) \[(-?[\d.]+), (-?[\d.]+)\]", printed)
    assert shown
    assert not [number for numbers in shown for number in numbers if number.startswith("-")]


def test_a_plan_beyond_what_was_measured_is_refused_or_stays_in_range(small, sweeps):
    beyond = ("--extrapolate", "--images", 900, "--most-people", 6)
    code, printed, said = sweeps("plan", small[0], "--metric", "ce/reference", "--budget-usd", 400, *beyond, "--json")
    assert code in (0, 2)
    if code == 2:
        assert "not known yet" in said
        assert "run more seeds and panels" in said
    else:
        advice = json.loads(printed)
        assert advice["verdict"] != "buy"
        assert min(levels(advice)) >= 0
        assert max(levels(advice)) < 10


def test_bands_stay_above_zero_and_buy_nothing(small, sweeps):
    code, printed, said = sweeps("report", "bands", small[0], "--metric", "ce/reference", "--json")
    assert code == 0, said
    found = json.loads(printed)
    assert len(levels(found)) > 4 * len(found["cells"]) > 0
    assert min(levels(found)) >= 0
    assert {regime["verdict"] for regime in found["bands"]} <= {"don't buy", "not known yet"}
