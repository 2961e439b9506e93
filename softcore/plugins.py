"""Tables of named rows that an installed distribution adds to through entry points."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from softcore.errors import RequestError

Row = TypeVar("Row")


class PluginTable(Mapping[str, Row]):
    """The rows that come with the package, in their order, then those of entry points of `group`, by name.

    Entry points are loaded once, when the table is first read and not when its module is imported: a plug-in may import
    that module. An entry point's name is its row's. Reading raises a RequestError of one line where a plug-in can't be
    loaded, is no `kind`, is called otherwise inside, takes a name that is taken, or has a fault: what `fault` says of
    a row from outside that can't be used, "" of any other.
    """

    def __init__(
        self, group: str, kind: Any, built_in: Mapping[str, Row], fault: Callable[[Row], str] = lambda row: ""
    ) -> None:
        self.group, self.kind, self.built_in, self.fault = group, kind, dict(built_in), fault

    def __getitem__(self, name: str) -> Row:
        return self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    @cached_property
    def _rows(self) -> dict[str, Row]:
        rows = dict(self.built_in)
        whose = dict.fromkeys(rows, "label-sweeps itself")
        for point in sorted(entry_points(group=self.group), key=lambda point: (point.name, point.value)):
            plugin = f"plug-in '{point.name}' of {self.group} ({_place(point)})"
            if point.name in rows:
                raise RequestError(f"{plugin} takes the name of '{point.name}' of {whose[point.name]}; rename one")
            rows[point.name], whose[point.name] = self._loaded(point, plugin), _place(point)
        return rows

    def _loaded(self, point: EntryPoint, plugin: str) -> Row:
        try:
            row = point.load()
        except Exception as error:  # whatever a stranger's module does when it is imported
            said = " ".join(str(error).split())
            raise RequestError(f"{plugin} can't be loaded ({type(error).__name__}: {said})") from error
        if not isinstance(row, self.kind):
            raise RequestError(f"{plugin} must be a {self.kind.__name__}; it is {type(row).__name__}")
        if getattr(row, "name", point.name) != point.name:
            raise RequestError(f"{plugin} calls itself '{row.name}'; its entry point must have the same name")
        if fault := self.fault(row):
            raise RequestError(f"{plugin} {fault}")
        return row


def _place(point: EntryPoint) -> str:
    """Where an entry point stands: its distribution and what it loads."""
    return f"{point.dist.name} {point.dist.version}: {point.value}" if point.dist else point.value
