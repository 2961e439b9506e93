"""Metrics of whether a model agrees with people on the likeliest class, and on which items are hard."""

import numpy as np
from jaxtyping import Float
from scipy.special import softmax
from scipy.stats import entropy, spearmanr

from softcore.scoring.metric_card import Card, Example, Logits

LEAST_RANKED = 3  # items: fewer have no rank correlation worth its name
TIES = 9  # decimals of an entropy that count: equal probabilities in another order of classes differ in later ones


def agreements(logits: Float[np.ndarray, "n k"], targets: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " n"]:
    """Of each item 1.0 where the largest logit is at the largest target, else 0.0; the first class wins a tie."""
    return (logits.argmax(axis=1) == targets.argmax(axis=1)).astype(float)


def accuracy(logits: Float[np.ndarray, "n k"], targets: Float[np.ndarray, "n k"]) -> float:
    """Share of items where the largest logit is at the largest target; the first class wins a tie in either."""
    return float(agreements(logits, targets).mean())


def entropies(logits: Logits, targets: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "2 n"]:
    """In nats, to so many decimals that ties are ties: of the model's distributions, and of people's."""
    both = entropy(softmax(logits.clean.astype(np.float64), axis=1), axis=1), entropy(targets, axis=1)
    return np.round(np.stack(both), TIES)


def _rank_correlation(logits: Logits, targets: Float[np.ndarray, "n k"]) -> float:
    return float(np.clip(spearmanr(*entropies(logits, targets)).statistic, -1, 1))


def _unranked(logits: Logits, targets: Float[np.ndarray, "n k"]) -> str:
    if len(targets) < LEAST_RANKED:
        return f"{len(targets)} items, {LEAST_RANKED} needed"
    for whose, each in zip(("the model's", "people's"), entropies(logits, targets), strict=True):
        if np.ptp(each) == 0:
            return f"{whose} entropy is the same on every item"
    return ""


ACCURACY = Card(
    "accuracy",
    "accuracy",
    "share of items whose arg-max is that of the target",
    False,
    "blind to softness",
    each=lambda logits, targets: agreements(logits.clean, targets),
    least=0.0,
    most=1.0,
    source="Collins 2022, section 3.3.1",
    example=Example(value=0.6666667),
)
ENTROPY_CORRELATION = Card(
    "entropy-correlation",
    "entropy correlation",
    "Spearman's rank correlation, over items, of the entropy of the model's distribution with that of people's, -1..1; "
    f"tied entropies (to {TIES} decimals) share their mean rank",
    False,
    "whether the model is unsure of the same items, not whether of the same classes, nor how unsure; many items that "
    f"people agree on are many ties; absent below {LEAST_RANKED} items and where either entropy is constant, as it is "
    "for hard labels",
    score=_rank_correlation,
    lacks=_unranked,
    least=-1.0,
    most=1.0,
    source="Uma et al. 2021, doi:10.1613/jair.1.12752",
    example=Example(value=0.9561829),
    usual=False,
)
