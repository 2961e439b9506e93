"""What cells are told apart by: their varieties, their ways of training, the free recipes; and the scale of values."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweeps.frontier.regimes import QUICK
from sweeps.planning.rows import PLAIN, SEPARATE, Rows


@dataclass(frozen=True, eq=False)
class Levels:
    """What is told apart, in order; the scale of what labels give (`spread`) and that of all values; the most `items`.

    `ways` are policies with aggregations; `anchors` are hard labels among the `free` recipes, of policies also bought.
    """

    varieties: tuple[str, ...]
    ways: tuple[tuple[str, str], ...]
    free: tuple[str, ...]
    anchors: frozenset[str]
    spread: float
    spread_of_all: float
    items: float

    @classmethod
    def of(cls, rows: Rows) -> "Levels":
        """Those of `rows`."""
        bought, free = rows.cells.iloc[rows.bought], rows.cells.iloc[rows.free]
        return cls(
            varieties=tuple(dict.fromkeys(bought["variety"])),
            ways=tuple(dict.fromkeys(zip(bought["policy"], bought["aggregation"], strict=True))),
            free=tuple(dict.fromkeys(free["variety"])),
            anchors=frozenset(free["variety"][free["anchor"] & free["policy"].isin({PLAIN, *bought["policy"]})]),
            spread=rows.spread,
            spread_of_all=rows.spread_of_all,
            items=float(bought["items"].max()),
        )

    @property
    def groups(self) -> np.ndarray:
        """Which varieties [varieties, groups] take one choice, where several do."""
        quick = np.isin(self.varieties, QUICK)
        return quick[:, None] if quick.sum() > 1 else np.zeros((len(quick), 0), dtype=bool)

    @property
    def policies(self) -> list[str]:
        """Ways of training but for the plain one."""
        return [name for name in dict.fromkeys(policy for policy, _ in self.ways) if name != PLAIN]

    @property
    def aggregations(self) -> list[str]:
        """Ways of pooling but for none."""
        return [name for name in dict.fromkeys(pooled for _, pooled in self.ways) if name != SEPARATE]


def is_one_of(column: pd.Series, names: Sequence[str]) -> np.ndarray:
    """Whether each point is each of `names` [p, names]."""
    return (column.to_numpy()[:, None] == np.array(names, dtype=object)).astype(float)
