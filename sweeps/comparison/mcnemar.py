"""McNemar's exact test: of the images that one of two models gets right and the other wrong, which gets more?"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool
from scipy.stats import binomtest


@dataclass(frozen=True, kw_only=True)
class McNemar:
    """Two models on the same images: how many A alone gets right, how many B alone, and the two-sided p.

    Without an image that they differ on p is 1.
    """

    a_alone: int
    b_alone: int
    p: float


def mcnemar(a: Bool[np.ndarray, " n"], b: Bool[np.ndarray, " n"]) -> McNemar:
    """The exact test of which images A and B get right; over images alone, for these two trained models.

    Source: McNemar 1947, doi:10.1007/BF02295996; the exact form is a binomial test of the images that differ.
    """
    a_alone, b_alone = int((a & ~b).sum()), int((b & ~a).sum())
    differ = a_alone + b_alone
    return McNemar(a_alone=a_alone, b_alone=b_alone, p=binomtest(a_alone, differ).pvalue if differ else 1.0)


def pooled_p(p: list[float]) -> float:
    """One p for "no replicate's models differ" out of each replicate's: twice their mean, 1 at most.

    Replicates share their test images, so that discordant pairs of different replicates must not be added up as if they
    were other images, and p's not be multiplied. Twice the mean is valid however p's depend on each other (Vovk & Wang
    2020, doi:10.1093/biomet/asaa027), and cautious. It is about these trained models: other seeds are not covered.
    """
    return min(1.0, float(2 * np.mean(p)))
