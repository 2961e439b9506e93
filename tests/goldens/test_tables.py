"""What the recorded results give without training: summaries, frontiers, plans, the plan page's data, bands."""

import json

import pytest

from tests.goldens.adapter import ROOT, command, frontier, page_data, recorded, summary
from tests.goldens.golden import as_json, closely

TABLES = {
    "chapter-3": "docs/results/chapter-3-98e1f367.csv",
    "chapter-4": "docs/results/chapter-4-5e06226d.csv",
    "chapter-5": "docs/results/chapter-5-8d4983d8.csv",
    "grid": "docs/results/grid/grid-0e379dce.csv",
    "grid-sealed": "docs/results/grid/grid-sealed-90fbbd44.csv",
    "grid-variance": "docs/results/grid/grid-variance-a537915b.csv",
    "pilot-0": "docs/results/grid/pilot-0-311677ba.csv",
}
CHAPTER_3, GRID = TABLES["chapter-3"], TABLES["grid"]
PRICES = {"thesis": None, "page": None, "session": 1.5}  # seconds that a click takes on top of its own, where asked
# On another processor. Measured with AVX2 and with SSE in place of AVX-512, in NumPy and OpenBLAS: tables and bands
# are the same text, plans differ by 1e-9 of themselves. Their draws go through a fit, so another LAPACK may do more.
SUMS, DRAWS = {"rel": 1e-6, "floor": 1e-9}, {"rel": 1e-4, "floor": 1e-6}


def csv(table):
    return table.to_csv(index=False, float_format="%.9g")


@pytest.mark.parametrize("name", TABLES)
def test_summaries_are_the_same(name, request):
    closely(f"summary-{name}.csv", csv(summary(recorded(TABLES[name]))), request, **SUMS)


@pytest.mark.parametrize("prices", PRICES)
@pytest.mark.parametrize("name", ["chapter-3", "grid"])
def test_frontiers_are_the_same(name, prices, request):
    results = recorded(TABLES[name])
    tables = [frontier(results, metric, prices, PRICES[prices]) for metric in ("ce/10h", "scaled-ce/10h", "ce/10s")]
    closely(f"frontier-{name}-{prices}.csv", "".join(map(csv, tables)), request, **SUMS)


def printed(tmp_path, *arguments):
    """What a command prints as JSON. No archive of clicks is found, so prices do not hang on the data root."""
    return as_json(json.loads(command(*arguments, "--data-root", tmp_path, "--json")))


PLANS = {
    "chapter-3-400-usd": [CHAPTER_3, "--budget-usd", 400, "--days", 3],
    "chapter-3-hours-by-page-prices": [
        *(CHAPTER_3, "--budget-hours", 30, "--metric", "ce/10s", "--cost", "page", "--wage", 15),
        *("--extrapolate", "--images", 500, "--question", "t2-clamp"),
    ],
}


@pytest.mark.parametrize(
    "name", ["chapter-3-400-usd", pytest.param("chapter-3-hours-by-page-prices", marks=pytest.mark.slow)]
)
def test_plans_are_the_same(name, request, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    closely(f"plan-{name}.json", printed(tmp_path, "plan", *PLANS[name]), request, **DRAWS)


@pytest.mark.slow
def test_plans_from_the_grid_are_the_same(request, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    closely("plan-grid.json", printed(tmp_path, "plan", GRID, "--budget-usd", 400, "--days", 3), request, **DRAWS)


@pytest.mark.parametrize(("name", "table"), [("chapter-3", CHAPTER_3), ("grid", GRID)])
@pytest.mark.slow
def test_the_page_of_plans_carries_the_same_data(name, table, request, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    page = tmp_path / "plan.html"
    command("plan", table, "--budget-usd", 400, "--page", page, "--data-root", tmp_path)
    closely(f"plan-page-{name}.json", as_json(page_data(page), longest=20), request, **DRAWS)


BANDS = {
    "chapter-3": [CHAPTER_3],
    "chapter-3-session-prices": [
        *(CHAPTER_3, "--metric", "ce/10s", "--cost", "session", "--click-overhead", 1.5, "--level", 0.8)
    ],
    "grid": [GRID],
}


@pytest.mark.parametrize("name", [*list(BANDS)[:-1], pytest.param("grid", marks=pytest.mark.slow)])
def test_bands_are_the_same(name, request, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    closely(f"bands-{name}.json", printed(tmp_path, "report", "bands", *BANDS[name]), request, **DRAWS)
