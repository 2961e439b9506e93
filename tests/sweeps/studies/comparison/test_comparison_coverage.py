"""The simulation of comparisons: small here, whole (2,000 studies a design) where the marker asks for it."""

import numpy as np
import pandas as pd
import pytest

from sweeps.comparison.differences import COVERS, spread
from sweeps.studies.comparison.coverage import (
    BEGIN,
    COVERAGE,
    END,
    FAMILY,
    IMAGES_ALONE,
    MCNEMAR,
    OURS,
    POWER,
    all_shares,
    coverage_shares,
    design_results,
    share,
    write_document,
)
from sweeps.studies.comparison.simulated import DESIGNS, Design, studies

SMALL = Design(name="small", seeds=3, images=60, seed_sd=0.1, people_sd=0.1)


def test_a_study_varies_as_its_design_says():
    # Variance of the mean by hand: (0.1^2 + 0.1^2) / 3 seeds, 1 / 60 images, 1 / (3 x 60) of an image in one replicate.
    rng = np.random.default_rng(1)
    found = [study.differences() for study in studies(SMALL, 2000, rng)]
    expected = 0.02 / 3 + 1 / 60 + 1 / 180
    assert np.var([each.mean for each in found]) == pytest.approx(expected, rel=0.1)
    spreads = [spread(each, COVERS) for each in found]
    assert np.mean([each.between + each.shared for each in spreads]) == pytest.approx(expected, rel=0.1)


def test_the_true_accuracy_gap_is_what_studies_have_on_average():
    design = Design(name="x", seeds=2, images=400, kind="accuracy")
    found = list(studies(design, 300, np.random.default_rng(2), difference=0.5))
    gaps = [float((study.a - study.b).mean()) for study in found]
    assert np.mean(gaps) == pytest.approx(found[0].truth, abs=0.006)
    assert found[0].truth > 0.03


def test_intervals_over_images_alone_cover_less():
    design = Design(name="x", seeds=3, images=60, seed_sd=0.3, people_sd=0.2)
    shares = {
        each.method: each for each in coverage_shares(design, design_results(design, 150, np.random.default_rng(3)))
    }
    assert shares[OURS].hits > shares[IMAGES_ALONE].hits + 15


def test_a_page_gets_the_tables_between_its_marks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_document(page, pd.DataFrame([share(COVERAGE, "2 seeds", OURS, [True] * 19 + [False]).row()]))
    text = page.read_text()
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "| 2 seeds | 95.0% [75.1%, 99.9%] |" in text


@pytest.mark.simulation
def test_comparisons_hold():
    found = list(all_shares(2000))
    ours = [each for each in found if each.method == OURS]
    shares = {kind: {e.design: e.hits / e.n for e in ours if e.what == kind} for kind in (COVERAGE, POWER, FAMILY)}
    assert len(shares[COVERAGE]) == len(DESIGNS)
    assert {name: value for name, value in shares[COVERAGE].items() if not 0.93 <= value <= 0.97} == {}
    assert {name: value for name, value in shares[POWER].items() if not 0.77 <= value <= 0.83} == {}
    assert {name: value for name, value in shares[FAMILY].items() if value > 0.06} == {}
    assert [each for each in found if each.what == MCNEMAR and each.hits / each.n > 0.06] == []
    alone = {each.design: each.hits / each.n for each in found if each.method == IMAGES_ALONE}
    assert all(alone[name] < shares[COVERAGE][name] for name in alone)
