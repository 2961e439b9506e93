"""Who says which trial comes next. A search can take the grid's place."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from sweeps.cells import Trial


class Proposer(Protocol):
    """Asked for the next trial, told each result."""

    def ask(self) -> Trial | None:
        """The next trial, None when there is no more."""

    def tell(self, trial: Trial, result: Mapping[str, Any] | None) -> None:
        """What came of a trial: its metrics and costs, None when it failed."""


class Grid:
    """Every trial once, in order."""

    def __init__(self, trials: Iterable[Trial]) -> None:
        self.waiting = iter(trials)

    def ask(self) -> Trial | None:
        """The next trial, None when there is no more."""
        return next(self.waiting, None)

    def tell(self, trial: Trial, result: Mapping[str, Any] | None) -> None:
        """A grid learns nothing."""
