"""How the labels of an item become what a batch trains on: kept separate, or pooled by a named method."""

import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd

from softcore.errors import RequestError, unknown_name
from softcore.labels.label_set import LabelSet, pooled, votes
from softcore.plugins import PluginTable

GLAD_ROUNDS = 20  # a cap: on CIFAR-10S it gains less than 1e-5 after 2 to 6 rounds, some 3 s for 900 items x 6 people
MACE_SEED = 0
BY_PERSON = ("dawid-skene", "glad", "mace")  # these need to know who answered


def dawid_skene(labels: LabelSet, rounds: int = 100) -> LabelSet:
    """One confusion matrix a person, by at most `rounds` of EM from the vote shares; stops where it gains < 1e-5.

    Raises RequestError where it is not known who answered, what they chose, or where crowd-kit is missing.
    Source: Dawid & Skene 1979, doi:10.2307/2346806.
    """
    return _posterior(labels, "dawid-skene", lambda crowd: crowd.DawidSkene(n_iter=rounds))


def glad(labels: LabelSet) -> LabelSet:
    """One ability a person, one difficulty an item, by EM; a wrong answer is any other class alike.

    At most 20 rounds of EM, each of at most 25 gradient steps; stops where it gains < 1e-5. Raises RequestError as
    `dawid_skene` does.
    Source: Whitehill et al. 2009, "Whose vote should count more" (NeurIPS 22).
    """
    return _posterior(labels, "glad", lambda crowd: crowd.GLAD(n_iter=GLAD_ROUNDS, silent=True))


def mace(labels: LabelSet) -> LabelSet:
    """A person knows the class or answers by a habit of their own; how often which, by variational EM.

    One start: with a fixed seed crowd-kit's ten restarts are the same one ten times. Raises RequestError as
    `dawid_skene` does. Source: Hovy et al. 2013, "Learning whom to trust with MACE" (N13-1132).
    """
    return _posterior(labels, "mace", lambda crowd: crowd.MACE(n_restarts=1, random_state=MACE_SEED))


def check_choices(labels: LabelSet, method: str) -> None:
    """Refuse labels without first choices: there is nothing that `method` could pool."""
    if (labels.choices < 0).any():
        raise RequestError(f"aggregation '{method}' pools people's first choices; '{labels.question}' labels have none")


def check_crowd_kit(method: str) -> None:
    """Refuse `method` where crowd-kit is not installed, without importing it (a second), and say how to install it."""
    if find_spec("crowdkit") is None:
        raise RequestError(
            f"aggregation '{method}' needs crowd-kit, which is not installed; pip install 'label-sweeps[pooling]'"
        )


def _posterior(labels: LabelSet, method: str, model: Callable[[Any], Any]) -> LabelSet:
    check_choices(labels, method)
    if (labels.annotators == "").any():
        raise RequestError(
            f"aggregation '{method}' needs to know who answered; of these '{labels.question}' labels it is not known "
            "(clicks known as counts have no annotators); allowed: separate, mean, majority"
        )
    # Codes in order of appearance: crowd-kit's MACE mixes up people, and classes, that come in any other order.
    people, _ = pd.factorize(labels.annotators)
    choices, classes = pd.factorize(labels.choices)
    if len(classes) < 2:  # all chose alike, or there is nobody: no model is needed, and some divide by zero
        return pooled(labels, np.minimum(votes(labels), 1).astype(float))
    tasks = np.repeat(np.arange(len(labels.items)), labels.counts)
    check_crowd_kit(method)
    from crowdkit import aggregation as crowd

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # its logarithms of zero, and what pandas says of its style
        found = model(crowd).fit_predict_proba(pd.DataFrame({"task": tasks, "worker": people, "label": choices}))
    found = found.reindex(index=range(len(labels.items)), columns=range(len(classes))).to_numpy(float)
    if not np.isfinite(found).all():
        raise RequestError(f"aggregation '{method}' found no posterior for some of the {len(labels.items)} items")
    probs = np.zeros((len(labels.items), labels.probs.shape[1]))
    probs[:, classes] = found / found.sum(axis=1, keepdims=True)
    return pooled(labels, probs)


def separate(labels: LabelSet) -> LabelSet:
    """Every annotator's label stays; each batch draws one of them (Collins 2022, section 3.3.2)."""
    return labels


def mean(labels: LabelSet) -> LabelSet:
    """The mean of an item's labels, one row an item (Collins 2022, section 3.3.2, the aggregation Psi)."""
    sums = np.add.reduceat(labels.probs, labels.offsets[:-1], axis=0) if len(labels.items) else labels.probs
    return pooled(labels, sums / np.maximum(labels.counts, 1)[:, None])


def majority(labels: LabelSet) -> LabelSet:
    """All mass on the class that most of an item's people chose first; classes that tie share it evenly.

    Raises RequestError for labels without first choices. Source: Collins 2022, section 2.3.2.
    """
    check_choices(labels, "majority")
    counted = votes(labels)
    most = counted == counted.max(axis=1, keepdims=True)
    return pooled(labels, most / most.sum(axis=1, keepdims=True))


AGGREGATORS: PluginTable[Callable[[LabelSet], LabelSet]] = PluginTable(
    "softcore.aggregators",
    Callable,
    {
        "separate": separate,
        "mean": mean,
        "majority": majority,
        "dawid-skene": dawid_skene,
        "glad": glad,
        "mace": mace,
    },
)


def aggregate(labels: LabelSet, method: str) -> LabelSet:
    """`labels` by the named method; RequestError lists the known methods."""
    if method not in AGGREGATORS:
        raise unknown_name("aggregation", method, AGGREGATORS)
    return AGGREGATORS[method](labels)
