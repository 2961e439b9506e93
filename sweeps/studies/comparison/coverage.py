"""Do comparisons hold? Simulated studies whose truth is known; every share is printed with its exact interval.

    python -m sweeps.studies.comparison.coverage [--studies 2000] [--to FILE.csv] [--document docs/comparing.md]

Coverage of 95% intervals, of `sweeps compare` and of what is usually done; the power at the difference that is said to
be detectable; how often a family of comparisons without any difference finds one; the level of McNemar's test.
2,000 studies know 95% to 1 point. `--document` rewrites the table between the marks of that page.
"""

import argparse
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from scipy.special import ndtri

from softcore.statistics import share_interval
from sweeps.comparison.differences import COVERS, IMAGES, PEOPLE, SEEDS, from_items, spread
from sweeps.comparison.intervals import Spread, holm, p_of, smallest_detectable
from sweeps.comparison.mcnemar import mcnemar, pooled_p
from sweeps.results.table import records
from sweeps.show.markup import markdown_table
from sweeps.studies.comparison.simulated import DESIGNS, Design, Study, studies

LEVEL, Z = 0.95, float(ndtri(0.975))
RESAMPLES = 400
OURS, IMAGES_ALONE = "sweeps compare", "sweeps compare, over images alone"
Z_TEST, EXAMPLES, NESTED = "unpaired z over examples", "bootstrap over examples", "bootstrap over images and seeds"
COVERAGE, POWER, FAMILY, MCNEMAR = "coverage", "power", "family-wise error", "level of McNemar"
BEGIN, END = "<!-- coverage: begin -->", "<!-- coverage: end -->"


@dataclass(frozen=True, kw_only=True)
class Share:
    """How often something happened in `n` studies of a design, with the exact 95% interval."""

    what: str
    design: str
    method: str
    hits: int
    n: int

    def row(self) -> dict[str, Any]:
        """A line of the table."""
        found = share_interval(self.hits, self.n)
        ends = {"share": round(found.mean, 4), "low": round(found.low or 0, 4), "high": round(found.high or 0, 4)}
        return {**vars(self), **ends}


def share(what: str, design: str, method: str, hits: Iterable[bool]) -> Share:
    """The share of `hits`."""
    every = [bool(hit) for hit in hits]
    return Share(what=what, design=design, method=method, hits=sum(every), n=len(every))


@dataclass(frozen=True, kw_only=True)
class Result:
    """One study, analysed: the error of the mean difference, its spread by what is covered, who else covers."""

    error: float
    parts: dict[str, float]
    spreads: dict[tuple[str, ...], Spread]
    usual: dict[str, bool]


SUBSETS = {
    COVERS: OURS,
    (SEEDS, PEOPLE): "sweeps compare, on these images",
    (IMAGES, PEOPLE): "sweeps compare, on these seeds",
    (IMAGES, SEEDS): "sweeps compare, of these people",
}


def analysed(study: Study, draws: np.ndarray, rng: np.random.Generator) -> Result:
    """What our intervals and the usual ones say of a study; `draws` [resamples, n] are weights of its images."""
    found = study.differences()
    subsets: list[tuple[str, ...]] = [COVERS, (IMAGES,)]
    if study.parts and not study.design.held_out:
        subsets.append((SEEDS, PEOPLE))
        if found.panels_apart:
            subsets += [(IMAGES, PEOPLE), (IMAGES, SEEDS)]
    gaps = found.of_seeds @ (study.a - study.b)
    usual = {Z_TEST: _z_covers(study.a[0], study.b[0], study.truth)}
    if not study.design.held_out:
        by_images = gaps @ draws.T  # [seeds, resamples]
        seeds = rng.multinomial(len(gaps), np.full(len(gaps), 1 / len(gaps)), size=len(draws)).T / len(gaps)
        usual |= {EXAMPLES: _quantiles_cover(by_images.mean(axis=0), study.truth)}
        usual |= {NESTED: _quantiles_cover((by_images * seeds).sum(axis=0), study.truth)}
    spreads = {subset: spread(found, subset) for subset in subsets}
    return Result(error=found.mean - study.truth, parts=dict(study.parts), spreads=spreads, usual=usual)


def _z_covers(a: np.ndarray, b: np.ndarray, truth: float) -> bool:
    """Whether z of two models' means over examples, as if their images were others, covers: as lm-eval-harness does."""
    error = np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    return bool(abs(a.mean() - b.mean() - truth) <= Z * error)


def _quantiles_cover(drawn: np.ndarray, truth: float) -> bool:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return bool(low <= truth <= high)


def design_results(design: Design, count: int, rng: np.random.Generator) -> list[Result]:
    """`count` studies of a design, analysed; they share the bootstrap's draws of images, which are as good for each."""
    even = np.full(design.images, 1 / design.images)
    draws = rng.multinomial(design.images, even, size=RESAMPLES) / design.images
    return [analysed(study, draws, rng) for study in studies(design, count, rng)]


def coverage_shares(design: Design, results: Sequence[Result]) -> Iterator[Share]:
    """Coverage of each interval that was made."""
    for subset in results[0].spreads:
        errors = np.array([r.error - sum(v for name, v in r.parts.items() if name not in subset) for r in results])
        if subset == (IMAGES,):  # against the truth over everything: what it is taken for
            errors, name = np.array([r.error for r in results]), IMAGES_ALONE
        else:
            name = SUBSETS[subset]
        if subset == COVERS:
            errors = np.array([r.error for r in results])
        p = _p(errors, [r.spreads[subset] for r in results])
        yield share(COVERAGE, design.name, name, p > 1 - LEVEL)
    for method in results[0].usual:
        yield share(COVERAGE, design.name, method, [r.usual[method] for r in results])


def power_share(design: Design, results: Sequence[Result]) -> Share:
    """How often a fresh study finds the difference that each study says it detects with 80% power."""
    spreads = [r.spreads[COVERS] for r in results]
    stated = np.array([smallest_detectable(each, LEVEL) for each in spreads])
    fresh = [*results[1:], results[0]]
    p = _p(stated + np.array([r.error for r in fresh]), [*spreads[1:], spreads[0]])
    return share(POWER, design.name, OURS, p <= 1 - LEVEL)


def _p(values: np.ndarray, spreads: Sequence[Spread]) -> np.ndarray:
    return np.array([p_of(value, each) for value, each in zip(values, spreads, strict=True)])


def family_shares(
    count: int, rng: np.random.Generator, *, seeds: int, cells: int, metrics: int = 5, images: int = 500
) -> list[Share]:
    """How often a family of pairs and metrics finds a difference where there is none: with Holm's rule, and without.

    Metrics share half of their variance, cells that are in two pairs all of theirs.
    """
    found: dict[str, list[bool]] = {OURS: [], "the same, not corrected": [], "unpaired z, not corrected": []}
    items, numbers = [np.arange(images)] * seeds, np.arange(seeds)
    scale = 0.05
    for _ in range(count):
        scores = scale * _correlated(rng, cells, metrics, seeds, 1) + _correlated(rng, cells, metrics, 1, images)
        scores = scores + _correlated(rng, cells, metrics, seeds, images)
        cautious, plain, z = [], [], []
        for one, other in combinations(scores, 2):
            for a, b in zip(one, other, strict=True):
                each = from_items(list(a - b), items, numbers, numbers * 0)
                varies = spread(each, COVERS)
                cautious.append(p_of(each.mean, varies, cautious=True))
                plain.append(p_of(each.mean, varies))
                z.append(not _z_covers(a[0], b[0], 0.0))
        found[OURS].append(bool(holm(np.array(cautious)).min() <= 1 - LEVEL))
        found["the same, not corrected"].append(min(plain) <= 1 - LEVEL)
        found["unpaired z, not corrected"].append(any(z))
    pairs = cells * (cells - 1) // 2
    name = f"{seeds} seeds, {pairs} pair{'' if pairs == 1 else 's'} of cells, {metrics} metrics"
    return [share(FAMILY, name, method, hits) for method, hits in found.items()]


def _correlated(rng: np.random.Generator, cells: int, metrics: int, *shape: int) -> np.ndarray:
    common, own = rng.standard_normal((cells, 1, *shape)), rng.standard_normal((cells, metrics, *shape))
    return np.asarray(np.sqrt(0.5) * (common + own))


def mcnemar_shares(count: int, rng: np.random.Generator) -> Iterator[Share]:
    """How often McNemar's test, and its p pooled over three replicates, find a difference where there is none."""
    for images in (100, 3000):
        for differ in (0.05, 0.3):
            alone, pooled = [], []
            for _ in range(count):
                shared = rng.random((1, images))  # images on which all replicates' models tend to differ
                gap = (0.7 * shared + 0.3 * rng.random((3, images))) < np.quantile(shared, differ)
                a_wins = np.where(
                    rng.random((3, images)) < 0.7, rng.random((1, images)) < 0.5, rng.random((3, images)) < 0.5
                )
                tests = [mcnemar(one & wins, one & ~wins) for one, wins in zip(gap, a_wins, strict=True)]
                alone.append(tests[0].p <= 0.05)
                pooled.append(pooled_p([test.p for test in tests]) <= 0.05)
            name = f"{images:,} images, models differ on about {differ:.0%}"
            yield share(MCNEMAR, name, "two models", alone)
            yield share(MCNEMAR, name, "three replicates on the same images", pooled)


def all_shares(count: int) -> Iterator[Share]:
    """Everything, a share at a time."""
    for number, design in enumerate(DESIGNS):
        results = design_results(design, count, np.random.default_rng([12, number]))
        yield from coverage_shares(design, results)
        yield power_share(design, results)
    for number, (seeds, cells) in enumerate(((2, 2), (3, 2), (6, 2), (3, 3), (6, 3))):
        yield from family_shares(count, np.random.default_rng([13, number]), seeds=seeds, cells=cells)
    yield from mcnemar_shares(count, np.random.default_rng(14))


def _words(row: Mapping[str, Any]) -> str:
    return f"{row['share']:.1%} [{row['low']:.1%}, {row['high']:.1%}]"


def document_table(rows: pd.DataFrame) -> str:
    """The shares as Markdown tables, one for each thing that was counted."""
    parts = []
    for what, own in rows.groupby("what", sort=False):
        methods = list(dict.fromkeys(own["method"]))
        body = []
        for design, cells in own.groupby("design", sort=False):
            texts = {row["method"]: _words(row) for row in records(cells)}
            body.append([str(design), *(texts.get(method, "–") for method in methods)])
        head = [f"{str(what)[:1].upper()}{str(what)[1:]} (n = {own['n'].iloc[0]:,})", *methods]
        parts.append("\n".join(markdown_table(head, body, range(1, len(head)))))
    return "\n\n".join(parts)


def write_document(page: Path, rows: pd.DataFrame) -> None:
    """Put the tables between the marks of a page."""
    text = page.read_text("utf-8")
    head, rest = text.split(BEGIN)
    page.write_text(f"{head}{BEGIN}\n\n{document_table(rows)}\n\n{END}{rest.split(END)[1]}", "utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--to", type=Path, help="write the shares here, as CSV")
    parser.add_argument("--document", type=Path, help="rewrite the tables of this page")
    asked = parser.parse_args()
    started, found = time.process_time(), []
    for each in all_shares(asked.studies):
        row = each.row()
        found.append(row)
        print(f"{each.what:20} {each.design:40} {each.method:40} {_words(row)}", flush=True)
    print(f"{time.process_time() - started:.0f} s of a core")
    table = pd.DataFrame(found)
    if asked.to:
        table.to_csv(asked.to, index=False)
    if asked.document:
        write_document(asked.document, table)
