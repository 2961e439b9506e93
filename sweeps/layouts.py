"""The thesis's tables: which labels are rows, which metrics are columns, in the thesis's words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

_ALL: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A table's form. `rows` and `column_groups` say which trials they take by the values of axes (None: null).

    `columns` are (metric without its test set, heading); "corrupted ce" is `ce` on the test set's corrupted images.
    `timed` puts seconds of a record in front.
    """

    title: str
    rows: tuple[tuple[str, Mapping[str, Any]], ...]
    columns: tuple[tuple[str, str], ...]
    column_groups: tuple[tuple[str, Mapping[str, Any]], ...] = field(default=(("", _ALL),))
    timed: bool = False


# What the thesis's tables lack stands behind what they have.
_ADDED = (("scaled-ce", "Scaled CE"), ("accuracy", "Accuracy"))
_THREE = (("ce", "CE"), ("rmsce", "Calibration"), ("fgsm", "FGSM Loss"), *_ADDED)
_SHORT = (("ce", "CE"), ("rmsce", "Calib"), ("fgsm", "FGSM"), *_ADDED)

_MIXUP = (("ce", "CE"), ("fgsm", "FGSM Loss"), ("rmsce", "Calibration"))
_CORRUPTED = (*_MIXUP, ("corrupted ce", "Corruption CE"), *_ADDED)

_HARD = ("Hard Labels", {"variety": "hard"})
_CLICKS = ("CIFAR-10H", {"variety": "click"})
_OURS = ("Ours (T2, Clamp)", {"variety": "t2-clamp"})
_GENERATING = ("mixup Labels", {"hmix": "generating"})
_AGGREGATED = ("Ours (Agg)", {"hmix": "mean", "confidence_decay": None})
_SEPARATE = ("Ours (Sep)", {"hmix": "separate", "confidence_decay": None})
_PLAIN_MIXUP: Mapping[str, Any] = {"mixing": "mixup", "loss": None}

LAYOUTS: Mapping[str, Layout] = {
    "table-3-1": Layout(
        title="Table 3.1: labels pooled over people",
        rows=(
            _HARD,
            ("Random Labels", {"variety": "random"}),
            ("Uniform Labels", {"variety": "uniform"}),
            _CLICKS,
            _OURS,
        ),
        columns=_THREE,
    ),
    "table-3-2": Layout(
        title="Table 3.2: one person's label a batch (hard labels added as the reference)",
        rows=(_HARD, _CLICKS, _OURS),
        columns=_THREE,
    ),
    "table-3-3": Layout(
        title="Table 3.3: labels from two people or one",
        rows=(("10H", {"variety": "click"}), ("Ours", {"variety": "t2-clamp"})),
        columns=_SHORT,
        column_groups=(("M=2", {"annotators": 2}), ("M=1", {"annotators": 1})),
    ),
    "table-3-4": Layout(
        title="Table 3.4: what of people's answers matters",
        rows=(
            ("T1, Unif", {"variety": "t1-uniform"}),
            ("T1, Clamp", {"variety": "t1-clamp"}),
            ("T2, Unif", {"variety": "t2-uniform"}),
            ("T2, Clamp", {"variety": "t2-clamp"}),
        ),
        columns=(("ce", "CE"), ("fgsm", "FGSM Loss"), ("rmsce", "Calibration"), *_ADDED),
        timed=True,
    ),
    "table-B-1": Layout(
        title="Table B.1: people's labels against label smoothing",
        rows=(("Label Smoothing", {"variety": "smoothed"}), _CLICKS, _OURS),
        columns=_THREE,
    ),
    "table-B-2": Layout(
        title="Table B.2: what people leave open spread evenly or by similarity (first choice)",
        rows=(("Uniform", {"variety": "t1-uniform"}), ("Semantic", {"variety": "t1-semantic"})),
        columns=_THREE,
    ),
    "table-B-3": Layout(
        title="Table B.3: what people leave open spread evenly or by similarity (both choices)",
        rows=(("Uniform", {"variety": "t2-uniform"}), ("Semantic", {"variety": "t2-semantic"})),
        columns=_THREE,
    ),
    "table-4-1": Layout(
        title="Table 4.1: targets of an added set of mixed images",
        rows=(
            ("Regular (No Aug)", {"hmix": None}),
            ("+ Uniform Labels", {"hmix": "uniform"}),
            ("+ Random Labels", {"hmix": "random"}),
            _GENERATING,
            _AGGREGATED,
        ),
        columns=_THREE,
    ),
    "table-4-2": Layout(
        title="Table 4.2: people's mean coefficient against one person's a batch",
        rows=(_GENERATING, _AGGREGATED, _SEPARATE),
        columns=_THREE,
    ),
    "table-4-3": Layout(
        title="Table 4.3: people's confidence",
        rows=(
            _GENERATING,
            _AGGREGATED,
            _SEPARATE,
            ("Ours (Agg, with confidence)", {"hmix": "mean", "confidence_decay": 0.005}),
            ("Ours (Sep, with confidence)", {"hmix": "separate", "confidence_decay": 0.005}),
        ),
        columns=_THREE,
    ),
    "table-5-1": Layout(
        title="Table 5.1: variants of mixup (no mixing added as the reference)",
        rows=(
            ("No mixing", {"mixing": None}),
            ("mixup", _PLAIN_MIXUP),
            ("Mix-MaxEnt", {"mixing": "mix-maxent"}),
            ("Ours (Ent-WC)", {"loss": "entropy-weighted"}),
        ),
        columns=_CORRUPTED,
    ),
    "table-5-2": Layout(
        title="Table 5.2: hard endpoints against soft ones",
        rows=tuple(
            (f"{name}, {endpoints}", {**mixing, **labels})
            for name, mixing in (
                ("mixup", _PLAIN_MIXUP),
                ("Mix-MaxEnt", {"mixing": "mix-maxent"}),
                ("Ours (Ent-WC)", {"loss": "entropy-weighted"}),
            )
            for endpoints, labels in (
                ("Hard", {"variety": "hard"}),
                ("Ours (Soft)", {"variety": "t2-clamp", "rest": "simulated"}),
            )
        ),
        columns=_CORRUPTED,
    ),
    "table-C-1": Layout(
        title="Table C.1: linear against logistic target mixing",
        rows=tuple(
            (f"{name}, Ent-WC {said}", {"target_mixing": target, "loss": loss})
            for said, loss in (("No", None), ("Yes", "entropy-weighted"))
            for name, target in (("mixup", None), ("tau mixing", "logistic"))
        ),
        columns=(*_MIXUP, *_ADDED),
    ),
}
