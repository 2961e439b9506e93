"""The card's section on mixed images: who inferred what in what time, how far soft labels leave the endpoints."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from softcore.card.measures import CARD_VARIETY, seconds
from softcore.data.hmix import COEFFICIENTS, ODD_INFERENCES, MixedImages, class_pairs, image_pairs
from softcore.labels.elicited import DEFAULT_GAMMA, soft_labels
from softcore.statistics import MeanInterval, clustered_mean, clustered_pearson


def describe_mixed(mixed: MixedImages, labels: np.ndarray, n_classes: int) -> dict[str, Any]:
    """The section on `mixed` as nested dicts of plain Python values; `labels` [n] are the reference classes of images.

    People, answers and seconds are over first answers, repeats stand apart. Intervals say what they cover. What can't
    be computed is `{"absent": reason}`, never 0 or NaN.
    """
    inferences = mixed.inferences
    repeat = inferences["is_repeat"].to_numpy(dtype=bool)
    first = inferences[~repeat]
    an_image = first.groupby("mixed").size()
    return {
        "images": len(mixed.names),
        "image_pairs": len(image_pairs(mixed.endpoints)[1]),
        "class_pairs": len(set(class_pairs(mixed.names))),
        "people": int(first["annotator"].nunique()),
        "answers": len(first),
        "repeats": int(repeat.sum()),
        "answers_an_image": {
            "min": int(an_image.min()),
            "max": int(an_image.max()),
            "distribution": {m: int(count) for m, count in enumerate(np.bincount(an_image)) if count},
        },
        "at_three_coefficients": at_three_coefficients(mixed),
        "odd_rows": {rule: mixed.odd_rows[rule] for rule in ODD_INFERENCES if rule in mixed.odd_rows},
        "page_seconds": seconds(inferences),
        "by_generating_coefficient": inferred_coefficients(mixed),
        "repeat_consistency": coefficient_consistency(inferences),
        "soft_labels": of_soft_labels(mixed, labels, n_classes),
    }


def at_three_coefficients(mixed: MixedImages) -> dict[str, int]:
    """Images whose two originals were mixed with three coefficients or more, as in the thesis, and who saw them."""
    pair, sizes = image_pairs(mixed.endpoints)
    images = np.flatnonzero(sizes[pair] >= COEFFICIENTS)
    answers = mixed.inferences[~mixed.inferences["is_repeat"] & mixed.inferences["mixed"].isin(images)]
    return {"images": len(images), "people": int(answers["annotator"].nunique()), "answers": len(answers)}


def inferred_coefficients(mixed: MixedImages) -> dict[str, dict[str, float | int]]:
    """Images, answers, quartiles and median of the inferred coefficient by generating coefficient; first answers."""
    first = mixed.inferences[~mixed.inferences["is_repeat"]]
    generating = mixed.coefficients[first["mixed"].to_numpy()]
    values = first["coefficient"].to_numpy(dtype=np.float64)
    card: dict[str, dict[str, float | int]] = {}
    for coefficient in np.unique(generating):
        some = values[generating == coefficient]
        low, middle, high = np.quantile(some, [0.25, 0.5, 0.75])
        card[f"{coefficient:g}"] = {
            "images": int((mixed.coefficients == coefficient).sum()),
            "answers": len(some),
            "lower_quartile": float(low),
            "median": float(middle),
            "upper_quartile": float(high),
        }
    return card


def coefficient_consistency(inferences: pd.DataFrame) -> dict[str, Any]:
    """Mean absolute difference of two inferred coefficients of one image: one person's two, and any two people's."""
    columns = ["annotator", "mixed", "coefficient"]
    numbered = inferences[columns].assign(row=np.arange(len(inferences)))
    repeat = inferences["is_repeat"].to_numpy(dtype=bool)
    first, again = numbered[~repeat], numbered[repeat]
    within = again.merge(first, on=["annotator", "mixed"], suffixes=("", "_other"))
    between = first.merge(first, on="mixed", suffixes=("", "_other"))
    between = between[between["row"] < between["row_other"]]
    return {
        "one_person_twice": _difference(within, "nobody was asked twice"),
        "two_people": _difference(between, "no image has answers of two people"),
    }


def _difference(pairs: pd.DataFrame, reason: str) -> dict[str, Any]:
    if pairs.empty:
        return {"absent": reason}
    apart = (pairs["coefficient"] - pairs["coefficient_other"]).abs()
    return {"pairs": len(pairs), "mean_absolute_difference": float(apart.mean())}


def of_soft_labels(mixed: MixedImages, labels: np.ndarray, n_classes: int) -> dict[str, Any]:
    """Soft labels of mixed images: answers, seconds, mass off the two endpoints, and mass against the coefficient.

    Masses are of T2 Clamp labels with gamma 0.1, first answers. Off the endpoints is what a label leaves on classes
    that neither endpoint has. The correlation is that of the mass on the first endpoint's class with its share of the
    pixels, one pair an answer. `as_in_the_thesis` counts repeats as further answers and correlates images' mean masses
    on either endpoint, which comes to what the thesis says (38.3% and 0.52). Source: Collins 2022, section 5.1.2.
    """
    records = mixed.records
    first = records[~records["is_repeat"]]
    if first.empty:
        return {"absent": "no mixed image has soft labels"}
    image, people = first["item"].to_numpy(np.int64), first["annotator"].to_numpy().astype(str)
    on_ends = _mass_on_ends(mixed, first, labels, n_classes)
    share = mixed.coefficients[image]
    return {
        "images": len(np.unique(image)),
        "people": len(np.unique(people)),
        "answers": len(first),
        "repeats": len(records) - len(first),
        "odd_rows": {rule: n for rule, n in mixed.odd_rows.items() if rule not in ODD_INFERENCES},
        "page_seconds": seconds(records),
        "mass_off_the_endpoints": {"label": f"{CARD_VARIETY}, gamma {DEFAULT_GAMMA:g}"}
        | _interval("mean", clustered_mean(1 - on_ends.sum(axis=1), people, image)),
        "mass_on_an_endpoint_against_its_share": _correlations(on_ends[:, 0], share, people, image),
        "as_in_the_thesis": _as_in_the_thesis(mixed, labels, n_classes),
    }


def _correlations(masses: np.ndarray, shares: np.ndarray, people: np.ndarray, images: np.ndarray) -> dict[str, Any]:
    if np.ptp(shares) == 0 or np.ptp(masses) == 0:
        return {"absent": "one of the two is the same everywhere"}
    ranks = np.corrcoef(rankdata(masses), rankdata(shares))[0, 1]
    return _interval("pearson", clustered_pearson(masses, shares, people, images)) | {"rank_correlation": float(ranks)}


def _mass_on_ends(mixed: MixedImages, records: pd.DataFrame, labels: np.ndarray, n_classes: int) -> np.ndarray:
    """The mass of each record's label on the classes of its image's two endpoints, [records, 2].

    Two endpoints of one class count once: the second has none.
    """
    probs = soft_labels(records, CARD_VARIETY, n_classes, DEFAULT_GAMMA)
    ends = labels[mixed.endpoints[records["item"].to_numpy(np.int64)]]
    masses = np.take_along_axis(probs, ends, axis=1)
    masses[ends[:, 0] == ends[:, 1], 1] = 0
    return masses


def _as_in_the_thesis(mixed: MixedImages, labels: np.ndarray, n_classes: int) -> dict[str, Any]:
    masses = _mass_on_ends(mixed, mixed.records, labels, n_classes)
    means = pd.DataFrame(masses).groupby(mixed.records["item"].to_numpy(np.int64)).mean()
    share = mixed.coefficients[means.index.to_numpy()]
    mean, shares = means.to_numpy().ravel(), np.stack([share, 1 - share], axis=1).ravel()
    card: dict[str, Any] = {
        "answers_with_repeats": len(masses),
        "mass_off_the_endpoints": float(1 - masses.sum(axis=1).mean()),
    }
    if np.ptp(mean) == 0 or np.ptp(shares) == 0:
        return card | {"pearson_of_image_means": {"absent": "one of the two is the same everywhere"}}
    return card | {"pearson_of_image_means": float(np.corrcoef(mean, shares)[0, 1])}


def _interval(name: str, found: MeanInterval) -> dict[str, Any]:
    if found.low is None or found.high is None:
        return {name: found.mean, "interval": {"absent": "one person or one image gives none"}, "n": found.n}
    return {
        name: found.mean,
        "low": found.low,
        "high": found.high,
        "level": found.level,
        "n": found.n,
        "over": found.over,
    }
