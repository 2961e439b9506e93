"""The thesis's tables: which labels are rows, which metrics are columns, in the thesis's words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

_ALL: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A table's form. `rows` and `column_groups` say which trials they take by the values of axes.

    `columns` are (metric without its test set, heading). `timed` puts seconds of a record in front.
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

_HARD = ("Hard Labels", {"variety": "hard"})
_CLICKS = ("CIFAR-10H", {"variety": "click"})
_OURS = ("Ours (T2, Clamp)", {"variety": "t2-clamp"})

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
}
