"""H-Mix: mixed images, the mixing coefficients that people inferred, and the soft labels that people gave them.

A mixed image is lambda * image 1 + (1 - lambda) * image 2, pixel by pixel. Lambda is its generating coefficient.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int, UInt8

from softcore.data.readers import json_object, read_number, read_pages, require_columns
from softcore.data.records import refuse
from softcore.errors import BadRow, RequestError
from softcore.files import csv_rows
from softcore.seeding import generator

TITLE = "H-Mix: CIFAR-10S, and 2,070 mixed images judged by 81 people"
INFERENCES = "hmix/hmix_infer_mixing_factor.csv"
SOFT_LABELS = "hmix/hmix_categorical_soft_labels.csv"
FILES = (INFERENCES, SOFT_LABELS)

FIRST, AGAIN = "rate_mixture", "rerun_rate_mixture"
STIMULUS = ("filename", "label1", "label2", "mixtureCoeff", "id1", "id2")
PAGE = ("subject", "task", "trial_index", "time_elapsed", "filename", "responses")
NAME = re.compile(r"mixed_[^_]+_([^_]+)_\d+_([^_]+)_\d+\.png")
SLIDERS = ("mixingcoeff", "confidence")
PERCENT = "a number from 0 to 100"

INFERENCE_COLUMNS = {
    "mixed": "int64",  # the mixed image, as an index of `MixedImages.names`
    "annotator": "str",
    "coefficient": "float64",  # the share of the first endpoint as inferred, 0..1
    "confidence": "float64",  # in that inference, 0..1
    "seconds": "float64",  # time on the page
    "position": "int64",  # order within the person's session, from 1
    "is_repeat": "bool",  # the same person asked again about the same image: never an extra annotator
}
ODD_INFERENCES = {
    "stored-twice": "a page of inferences stored twice: it counts once",
    "both-at-50": "both sliders at 50, perhaps never moved: kept as stated",
}

IMAGE_PAIRS, COEFFICIENTS = 6, 3  # of a class pair in the thesis
A_CLASS_PAIR = IMAGE_PAIRS * COEFFICIENTS


@dataclass(frozen=True, kw_only=True, eq=False)
class MixedImages:
    """Mixed images and what people said about them; read-only by agreement.

    Mixed image i is `names[i]`: the share `coefficients[i]` of item `endpoints[i, 0]`, the rest of `endpoints[i, 1]`.
    `inferences` has `INFERENCE_COLUMNS`; `records` are soft labels with the `COLUMNS` of records, their `item` an
    index of `names`. Repeats are included and marked in both. `odd_rows` counts the first answers that met a rule of
    `ODD_INFERENCES` or, for `records`, of `softcore.data.records.ODD_RULES`.
    """

    names: tuple[str, ...]
    endpoints: Int[np.ndarray, "n 2"]
    coefficients: Float[np.ndarray, " n"]
    inferences: pd.DataFrame
    records: pd.DataFrame
    odd_rows: Mapping[str, int] = field(default_factory=dict)


def read_mixed(root: Path) -> MixedImages:
    """H-Mix as collected, from its two files below `root`.

    Every image of the soft labels must be one whose coefficient was asked for too; another is a bad row. Raises
    RequestError with all rows that break a file's format. Source: Collins 2022, sections 4.2 and 5.1; Collins et al.
    2023; github.com/cambridge-mlg/hill-mixup.
    """
    pages, twice = _pages(root / INFERENCES)
    stimuli = {page["name"]: page for page in pages}
    names = tuple(sorted(stimuli))
    index = {name: i for i, name in enumerate(names)}
    records, odd = read_pages(root / SOFT_LABELS, "filename", index.get, f"one of the mixed images of {INFERENCES}")
    inferences = _inferences(pages, index)
    middle = (inferences["coefficient"] == 0.5) & (inferences["confidence"] == 0.5) & ~inferences["is_repeat"]
    return MixedImages(
        names=names,
        endpoints=np.array([stimuli[name]["endpoints"] for name in names], dtype=np.int64),
        coefficients=np.array([stimuli[name]["generating"] for name in names], dtype=np.float64),
        inferences=inferences,
        records=records,
        odd_rows={"stored-twice": twice, "both-at-50": int(middle.sum()), **odd},
    )


def _inferences(pages: Sequence[Mapping[str, Any]], index: Mapping[str, int]) -> pd.DataFrame:
    frame = pd.DataFrame(pages).sort_values(["annotator", "trial"], kind="stable")
    frame["mixed"] = frame["name"].map(index)
    frame["position"] = frame.groupby("annotator").cumcount() + 1
    frame = frame[list(INFERENCE_COLUMNS)].astype(INFERENCE_COLUMNS)
    return frame.sort_values(["mixed", "annotator", "position"], kind="stable", ignore_index=True)


def _pages(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The pages that asked for a coefficient, each once, and how many first ones were stored more often."""
    bad: list[BadRow] = []
    pages: dict[tuple[str, ...], dict[str, Any] | None] = {}
    twice = 0
    for line, row in csv_rows(path, bad):
        require_columns(path, row, (*PAGE, "rt", *STIMULUS[1:]))
        if row["task"] not in (FIRST, AGAIN):
            continue
        key = tuple(row[column] for column in PAGE)
        if key in pages:
            twice += row["task"] == FIRST
        else:
            pages[key] = _page(line, row, bad)
    if bad:
        refuse(str(path), bad)
    if not pages:
        raise RequestError(f"{path}: no row is an answer; column task must say '{FIRST}' in at least one")
    return [page for page in pages.values() if page], twice


def _page(line: int, row: dict[str, str], bad: list[BadRow]) -> dict[str, Any] | None:
    """What was shown on one stored page and what was answered; None, and values added to `bad`, where it can't be read.

    The file's slider is the share of the *second* endpoint in percent, for every person: the inferred share of the
    first is what it leaves. (The owners' own parse does the same, and each of the 81 people's sliders falls where the
    share of the first endpoint rises; the order in which a person saw the labels is undone in the file.)
    """
    before = len(bad)

    def number(column: str, text: str, high: float, allowed: str) -> float:
        value = read_number(text, high)
        if value is None:
            bad.append(BadRow(line, column, text, allowed))
            return 0.0
        return value

    said = json_object(row["responses"])
    if not set(SLIDERS) <= said.keys():
        bad.append(BadRow(line, "responses", row["responses"][:60], f"JSON with {' and '.join(SLIDERS)}"))
        return None
    if not row["subject"]:
        bad.append(BadRow(line, "subject", "", "the person's id"))
    share_of_second, confidence = (number(slider, str(said[slider]), 100.0, PERCENT) for slider in SLIDERS)
    first, second = (
        int(number(c, row[c], 9_999.0, "an image of the CIFAR-10 test set, 0 to 9999")) for c in ("id1", "id2")
    )
    name = f"mixed_{row['mixtureCoeff']}_{row['label1']}_{first}_{row['label2']}_{second}.png"
    page = {
        "name": row["filename"],
        "endpoints": (first, second),
        "generating": number("mixtureCoeff", row["mixtureCoeff"], 1.0, "a number from 0 to 1"),
        "annotator": row["subject"],
        "coefficient": (100 - share_of_second) / 100,
        "confidence": confidence / 100,
        "seconds": number("rt", row["rt"], float("inf"), "milliseconds, 0 or more") / 1000,
        "trial": number("trial_index", row["trial_index"], 1e6, "a page number, 0 or more"),
        "is_repeat": row["task"] == AGAIN,
    }
    if row["filename"] != name and len(bad) == before:
        bad.append(BadRow(line, "filename", row["filename"], f"{name}, by the row's other columns"))
    return page if len(bad) == before else None


def mix_images(
    images: UInt8[np.ndarray, "n h w c"], endpoints: Int[np.ndarray, "m 2"], coefficients: Float[np.ndarray, " m"]
) -> UInt8[np.ndarray, "m h w c"]:
    """Rebuild mixed images: coefficient * first endpoint + (1 - coefficient) * second, rounded (halves to even).

    Endpoints index `images`. No endpoints give no images. Source: Collins 2022, section 4.2.1.
    """
    mixed = np.empty((len(endpoints), *images.shape[1:]), dtype=np.uint8)
    for start in range(0, len(endpoints), 500):  # in pieces, so that the float copies stay small
        part = slice(start, start + 500)
        share = coefficients[part, None, None, None]
        mixed[part] = np.rint(share * images[endpoints[part, 0]] + (1 - share) * images[endpoints[part, 1]])
    return mixed


def class_pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    """The two classes that each mixed image was made of, in alphabetical order, as its file name says.

    Raises RequestError for a name of another form.
    """
    found = [NAME.fullmatch(name) for name in names]
    if None in found:
        wrong = names[found.index(None)]
        raise RequestError(f"mixed image '{wrong}': a name like mixed_0.5_Dog_2205_Frog_6908.png is allowed")
    return [(min(m.groups()), max(m.groups())) for m in found if m]


def pick_18_a_pair(mixed: MixedImages, seed: int) -> Int[np.ndarray, " picked"]:
    """Indices of 18 mixed images of each class pair, int64, ascending.

    Where a class pair has at least six pairs of images that were mixed with at least three coefficients, six of those
    pairs are drawn, and three images of each, as in the thesis; else 18 of its images, or all if it has fewer. H-Mix
    has exactly six such image pairs, with three coefficients each, in every class pair: there the result is the
    thesis's own 810 images (answered by 33 people), whatever the seed. Source: Collins 2022, section 4.2.1.
    """
    random = generator("hmix", seed)
    pairs = class_pairs(mixed.names)
    members: dict[tuple[str, str], list[int]] = {pair: [] for pair in sorted(set(pairs))}
    for i, pair in enumerate(pairs):
        members[pair].append(i)
    picked = [_pick(np.array(group), mixed.endpoints[group], random) for group in members.values()]
    return np.sort(np.concatenate([np.empty(0, dtype=np.int64), *picked]))


def image_pairs(endpoints: Int[np.ndarray, "n 2"]) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " pairs"]]:
    """Which pair of originals each mixed image has, as a number from 0 whatever their order, and each pair's images."""
    _, pair, sizes = np.unique(np.sort(endpoints, axis=1), axis=0, return_inverse=True, return_counts=True)
    return pair.reshape(-1), sizes


def _pick(group: np.ndarray, endpoints: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    image_pair, sizes = image_pairs(endpoints)
    complete = np.flatnonzero(sizes >= COEFFICIENTS)
    if len(complete) < IMAGE_PAIRS:
        return draws.permutation(group)[:A_CLASS_PAIR]
    drawn = draws.permutation(complete)[:IMAGE_PAIRS]
    return np.concatenate([draws.permutation(group[image_pair == k])[:COEFFICIENTS] for k in drawn])
