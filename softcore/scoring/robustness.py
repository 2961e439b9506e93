"""Metrics of attacked images; the attacks are in `softcore.scoring.attacks`."""

import numpy as np
from jaxtyping import Float

from softcore.scoring.likelihood import cross_entropies
from softcore.scoring.metric_card import Card, Example, Logits

ATTACKED = ((0.5, 0.3, 0.2), (0.4, 0.4, 0.2), (0.3, 0.4, 0.3), (0.2, 0.4, 0.4), (0.3, 0.4, 0.3), (0.9, 0.05, 0.05))
STRONGER = ((0.3, 0.5, 0.2), (0.3, 0.2, 0.5), (0.4, 0.2, 0.4), (0.4, 0.4, 0.2), (0.2, 0.6, 0.2), (0.96, 0.02, 0.02))


def _after_fgsm(logits: Logits, targets: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " n"]:
    assert logits.attacked is not None  # `lacks` says so else
    return cross_entropies(logits.attacked, targets)


def _after_pgd(logits: Logits, targets: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " n"]:
    assert logits.pgd is not None  # `lacks` says so else
    return cross_entropies(logits.pgd, targets)


FGSM = Card(
    "fgsm",
    "loss after FGSM",
    "ce after one FGSM step at 4/255",
    True,
    "a weak attack; rewards softness",
    each=_after_fgsm,
    lacks=lambda logits, targets: "" if logits.attacked is not None else "no logits of images after FGSM",
    least=0.0,
    unit="nats",
    source="Goodfellow et al. 2015, arXiv:1412.6572; Collins 2022, section 3.3.1",
    example=Example(value=1.2856075, attacked=ATTACKED),
)
PGD = Card(
    "pgd",
    "loss after PGD",
    "ce after ten steps of projected gradient ascent, each 1/255, within 4/255 of the image",
    True,
    "rewards softness; starts at the image itself, so one basin is searched",
    extra="pgd",
    each=_after_pgd,
    lacks=lambda logits, targets: "" if logits.pgd is not None else "no logits of images after PGD",
    least=0.0,
    unit="nats",
    source="Madry et al. 2018, arXiv:1706.06083",
    example=Example(value=1.8340736, pgd=STRONGER),
)
