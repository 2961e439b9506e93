"""Draws as text that a page can hold: whole steps of a size that nobody sees, neighbours told by their difference.

A thousand draws of two thousand plans are 8 MB as single-precision numbers, and 2 or 3 MB like this. The other half,
which reads it in a browser, is `templates/draws.js`.
"""

import base64
import zlib
from typing import Any

import numpy as np
from jaxtyping import Float, Int

FINE = 4  # decimal places of the values' spread that are kept


def packed(values: Float[np.ndarray, "n p"], groups: Int[np.ndarray, " p"] | None = None) -> dict[str, Any]:
    """`values` [draws, columns] as plain values for JSON: `offset`, `step`, `shape`, `groups`, `data` (base64).

    A value is the offset and a whole number of steps, of a ten thousandth of the spread or less. Column after column
    these are kept as they are or, in columns that follow two others of the same of `groups` (which must stand
    together), as what they differ from the straight line through those. Numbers are zigzag-coded (0, -1, 1, -2 as 0, 1,
    2, 3), as four planes of bytes, lowest first, deflated.
    """
    spread = float(values.std()) if values.size else 0.0
    step = 10.0 ** (np.floor(np.log10(spread)) - FINE) if spread > 0 else 1.0
    offset = float(values.mean()) if values.size else 0.0
    whole = np.round((values.T - offset) / step).astype(np.int64)
    kept = whole.copy()
    if groups is not None:
        for column in range(2, len(whole)):
            if groups[column] == groups[column - 1] == groups[column - 2]:
                kept[column] -= 2 * whole[column - 1] - whole[column - 2]
    coded = np.where(kept < 0, -2 * kept - 1, 2 * kept).astype("<u4")
    planes = coded.ravel().view(np.uint8).reshape(-1, 4).T.copy()
    return {
        "offset": offset,
        "step": step,
        "shape": list(values.shape),
        "groups": None if groups is None else groups.tolist(),
        "data": base64.b64encode(zlib.compress(planes.tobytes(), 9)).decode("ascii"),
    }
