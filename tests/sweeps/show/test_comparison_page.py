"""The page and the table of a comparison: whole, offline, and what names contain shows as it is."""

import re
from dataclasses import replace

import pytest

from sweeps.comparison.compare import (
    A_BETTER,
    B_BETTER,
    CANT_TELL,
    Comparison,
    MetricComparison,
    PairComparison,
)
from sweeps.comparison.mcnemar import McNemar
from sweeps.comparison.people import Ceiling
from sweeps.comparison.replicates import DRAWN, ComparedCell
from sweeps.comparison.words import answer_words, number
from sweeps.evaluation.looks import Look
from sweeps.show.comparison.page import comparison_page, picture
from sweeps.show.comparison.tables import print_comparison

CE = MetricComparison(
    metric="ce/10h",
    a=1.0,
    b=1.2,
    difference=-0.2,
    low=-0.3,
    high=-0.1,
    p=0.002,
    family_p=0.004,
    answer=A_BETTER,
    effect=-2.5,
    detectable=0.15,
    matters=0.03,
    label_noise=0.01,
    ceiling=Ceiling(value=0.5, low=0.4, high=0.6, splits=40),
    over_images=(-0.22, -0.18),
)
ACCURACY = replace(
    CE,
    metric="accuracy/10h",
    a=0.61,
    b=0.6,
    difference=0.01,
    low=-0.01,
    high=0.03,
    family_p=0.4,
    answer=CANT_TELL,
    detectable=0.04,
    matters=float("nan"),
    label_noise=float("nan"),
    ceiling=None,
    over_images=(0.002, 0.018),
)
NAUGHTY = "<script>alert(1)</script> & [bold]"


@pytest.fixture
def comparison():
    a, b = (ComparedCell(id=name, title=f"{NAUGHTY} {name}", trials={(0, 0): "t"}, asks=DRAWN) for name in "ab")
    pair = PairComparison(
        a=a,
        b=b,
        replicates=((0, 0), (1, 0), (2, 0)),
        images=3000,
        covers="images (3,000); seeds (3)",
        lacks="other people",
        metrics=(CE, ACCURACY),
        models={f"s{k}-p0": McNemar(a_alone=30 + k, b_alone=20, p=0.2) for k in range(3)},
        models_p=0.4,
    )
    look = Look(study="grid", test_set="10h", number=7, before=False)
    return Comparison(
        sweep="x-1",
        study="grid",
        test_set="10h",
        level=0.95,
        simulated=True,
        pairs=(pair,),
        family=2,
        order={"ce/10h": (a.title, b.title)},
        look=look,
    )


def test_the_page_says_what_the_terminal_says_and_fetches_nothing(comparison, capsys):
    page = comparison_page(comparison)
    print_comparison(comparison)
    printed = " ".join(capsys.readouterr().out.split())
    for words in (
        "Cross-entropy: A is better, lower by 0.200 [0.100, 0.300]; p = 0.004 in the family.",
        "95% intervals over images (3,000); seeds (3); not over other people. 3 replicates of 3 seeds, 3,000 test",
        "As many replicates detect with 80% power a true difference of 0.150 in ce/10h, 0.040 in accuracy/10h.",
        "2 comparisons in the family, corrected by Holm's rule; look 7 at 10h in study grid.",
        "SIMULATED ANNOTATORS",
    ):
        assert words in printed
        assert words.replace("'", "&#x27;") in page
    assert not re.findall(r"(?:src|href)\s*=|https?://|@import|url\(", page)
    assert "$" not in page


def test_names_show_as_they_are(comparison, capsys):
    page = comparison_page(comparison)
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; [bold] a" in page
    print_comparison(comparison)
    assert NAUGHTY in capsys.readouterr().out


def x_of(svg, tag, *names):
    """Numbers of the first element called `tag` that has all these attributes."""
    found = next(e for e in re.findall(rf"<{tag} [^>]*>", svg) if all(f" {name}=" in e for name in names))
    return [float(re.search(rf' {name}="([^"]*)"', found)[1]) for name in names]


def test_a_better_is_to_the_left_whichever_way_the_metric_goes(comparison):
    # A has the lower cross-entropy and the higher accuracy: both points lie left of the middle.
    svg = picture(comparison.pairs[0])
    (middle,) = x_of(svg, "line", "x1")
    points = [float(x) for x in re.findall(r'<circle cx="([^"]*)"', svg)]
    assert len(points) == 2
    assert all(x < middle for x in points)
    flipped = picture(
        replace(comparison.pairs[0], metrics=(replace(CE, difference=0.2, low=0.1, high=0.3, answer=B_BETTER),))
    )
    assert float(re.search(r'<circle cx="([^"]*)"', flipped)[1]) > middle


def test_fields_and_bars_are_to_scale(comparison):
    svg = picture(replace(comparison.pairs[0], metrics=(CE,)))
    (middle,) = x_of(svg, "line", "x1")
    left, width = x_of(svg, "rect", "x", "width")
    (point,) = x_of(svg, "circle", "cx")
    assert left + width / 2 == pytest.approx(middle, abs=0.2)
    # Detectable 0.15 to either side, the difference 0.2 to the left, on one scale.
    assert (middle - point) / (width / 2) == pytest.approx(0.2 / 0.15, rel=0.01)


def test_a_difference_smaller_than_what_matters_says_so():
    assert "less than the 0.5 that matters" in answer_words(replace(CE, matters=0.5), 0.95)
    assert "matters" not in answer_words(CE, 0.95)


@pytest.mark.parametrize(
    ("value", "words"), [(0.0123, "0.012"), (0.00042, "0.00042"), (0.0, "0.000"), (float("nan"), "–")]
)
def test_small_numbers_do_not_round_to_nothing(value, words):
    assert number(value) == words


def test_no_difference_at_all_can_be_drawn(comparison):
    same = replace(CE, difference=0.0, low=0.0, high=0.0, over_images=(0.0, 0.0), detectable=0.0, label_noise=0.0)
    assert "nan" not in picture(replace(comparison.pairs[0], metrics=(same,))).lower()
