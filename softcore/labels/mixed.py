"""Mixed images as a finite addition to the training set, and what their targets are (Collins 2022, chapter 4)."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int

from softcore.data.dataset import Dataset
from softcore.data.hmix import mix_images, pick_18_a_pair
from softcore.errors import RequestError, unknown_name
from softcore.labels.build import Targets
from softcore.labels.elicited import DEFAULT_GAMMA, soft_labels
from softcore.labels.label_set import LabelSet, group
from softcore.policy import LabelPolicy
from softcore.seeding import generator

MIXED_TARGETS = ("generating", "mean", "separate", "uniform", "random", "soft-labels")
CONFIDENT = ("mean", "separate")  # targets that people's confidence can smooth
MIXED_IMAGES = ("all", "18-a-pair")
INFERENCE, PAGE = "mixing-coefficient", "mixed-page"  # questions, as answers and prices are counted


def add_mixed_images(targets: Targets, dataset: Dataset, policy: LabelPolicy, seed: int) -> tuple[Targets, np.ndarray]:
    """`targets` with the mixed images of `policy.hmix` added, and those images (uint8, at the data set's size).

    Mixed image j is item len(dataset.images) + j. One that contains an item which this seed holds out is left out: held
    out means never trained on in any form. Without `policy.hmix` nothing is added. Raises RequestError for an unknown
    kind of target, or where the data set has no mixed images.
    """
    if policy.hmix is None:
        return targets, dataset.images[:0]
    if policy.hmix not in MIXED_TARGETS:
        raise unknown_name("hmix", policy.hmix, MIXED_TARGETS)
    if dataset.mixed is None:
        raise RequestError(f"{dataset.name} has no mixed images; data set hmix has")
    mixed = dataset.mixed
    picked = pick_18_a_pair(mixed, seed) if policy.hmix_images == "18-a-pair" else np.arange(len(mixed.names))
    picked = picked[~np.isin(mixed.endpoints[picked], targets.held_out).any(axis=1)]
    labels, answers = mixed_labels(dataset, policy, picked, seed)
    images = mix_images(dataset.images, mixed.endpoints[labels.items], mixed.coefficients[labels.items])
    first = len(dataset.images)
    added = replace(
        targets,
        items=np.concatenate([targets.items, first + np.arange(len(labels.items))]),
        offsets=np.concatenate([targets.offsets, targets.offsets[-1] + labels.offsets[1:]]),
        probs=np.concatenate([targets.probs, labels.probs]),
        answers={**targets.answers, **answers},
    )
    return added, images


def mixed_labels(
    dataset: Dataset, policy: LabelPolicy, picked: Int[np.ndarray, " n"], seed: int
) -> tuple[LabelSet, dict[str, int]]:
    """Targets of the mixed images `picked` (the set's items are indices of mixed images), and answers used by question.

    `generating` is mixup's own two-hot label; `mean` the two-hot label of people's mean coefficient; `separate` one
    such label a person; `uniform` and `random` as for other images; `soft-labels` are T2 Clamp labels of the few mixed
    images that people gave some (the others are not trained on). A repeated answer is never counted.
    """
    mixed, k = dataset.mixed, len(dataset.classes)
    assert mixed is not None
    if policy.hmix == "soft-labels":
        records = mixed.records[~mixed.records["is_repeat"] & mixed.records["item"].isin(picked)]
        probs = soft_labels(records, "t2-clamp", k, DEFAULT_GAMMA if policy.gamma is None else policy.gamma)
        people = records["annotator"].to_numpy().astype(str)
        return group(records["item"].to_numpy(np.int64), probs, people, "soft-labels"), {PAGE: len(records)}
    classes = dataset.labels[mixed.endpoints]
    if policy.hmix in CONFIDENT:
        answers = mixed.inferences[~mixed.inferences["is_repeat"] & mixed.inferences["mixed"].isin(picked)]
        used = len(answers)
        if policy.hmix == "mean":
            answers = answers.groupby("mixed", as_index=False)[["coefficient", "confidence"]].mean()
        index = answers["mixed"].to_numpy(np.int64)
        probs = two_hot(classes[index], answers["coefficient"].to_numpy(float), k)
        if policy.confidence_decay is not None:
            probs = smooth_by_confidence(probs, answers["confidence"].to_numpy(float), policy.confidence_decay)
        people = answers["annotator"].to_numpy().astype(str) if "annotator" in answers else np.full(len(index), "")
        return group(index, probs, people, str(policy.hmix)), {INFERENCE: used}
    if policy.hmix == "generating":
        probs = two_hot(classes[picked], mixed.coefficients[picked], k)
    elif policy.hmix == "uniform":
        probs = np.full((len(picked), k), 1 / k)
    else:
        draws = generator("hmix", seed, 1).random((len(mixed.names), k))[picked]
        probs = draws / draws.sum(axis=1, keepdims=True)
    return group(picked, probs, np.full(len(picked), "", dtype=str), str(policy.hmix)), {}


def two_hot(
    classes: Int[np.ndarray, "n 2"], coefficients: Float[np.ndarray, " n"], n_classes: int
) -> Float[np.ndarray, "n classes"]:
    """`coefficients` of the mass on the first class of each row, the rest on the second."""
    probs = np.zeros((len(classes), n_classes))
    rows = np.arange(len(classes))
    np.add.at(probs, (rows, classes[:, 0]), coefficients)
    np.add.at(probs, (rows, classes[:, 1]), 1 - coefficients)
    return probs


def smooth_by_confidence(
    probs: Float[np.ndarray, "n classes"], confidence: Float[np.ndarray, " n"], confidence_decay: float
) -> Float[np.ndarray, "n classes"]:
    """Labels moved towards uniform by the share confidence_decay ** confidence: all of it at no confidence.

    `confidence` lies in 0..1; at 1 the share `confidence_decay` is uniform. Source: Collins 2022, section 4.3.4.
    """
    share = (confidence_decay**confidence)[:, None]
    return (1 - share) * probs + share / probs.shape[1]
