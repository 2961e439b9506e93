"""The thesis's claims: which labels beat which, on which metric and test set."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal, get_args

import yaml

from sweeps.studies.thesis.published import Row, published_row

Kind = Literal["better", "not-better", "same", "larger-gap"]
AS_CLAIMED, AGAINST, TIE, NOT_PRINTED = "as claimed", "against the claim", "a tie", "not printed"


@dataclass(frozen=True, kw_only=True, eq=False)
class Claim:
    """One comparison on one metric and test set; lower is better on every metric that the thesis prints.

    `rows` are a and b, and a2 and b2 for a `larger-gap`: a is ahead of b by more than a2 is of b2.
    """

    id: str
    section: str
    says: str
    kind: Kind
    rows: tuple[Row, ...]
    check: str

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that it quotes."""
        return tuple(dict.fromkeys(side.table for side in self.rows))

    @property
    def names(self) -> tuple[str, str]:
        """The two things compared, in words: two rows, or two differences of rows."""
        names = [side.name for side in self.rows]
        if self.kind == "larger-gap":
            return f"({names[0]}) − ({names[1]})", f"({names[2]}) − ({names[3]})"
        return names[0], names[1]

    def sides(self, values: Any) -> tuple[Any, Any]:
        """The two things compared, of one value (or array) a row: the values, or the differences of a `larger-gap`."""
        if self.kind == "larger-gap":
            return values[0] - values[1], values[2] - values[3]
        return values[0], values[1]

    def printed(self) -> tuple[float, float] | None:
        """The thesis's own numbers of the two sides; None where it prints none."""
        numbers = [side.printed.get(self.check) for side in self.rows]
        found = [number.mean for number in numbers if number is not None]
        return self.sides(found) if len(found) == len(numbers) else None

    def printed_side(self) -> str:
        """Whether the thesis's numbers, their intervals aside, lie on the side of its words."""
        sides = self.printed()
        if sides is None:
            return NOT_PRINTED
        difference = round(sides[0] - sides[1], 6)
        if not difference:
            return AS_CLAIMED if self.kind in ("not-better", "same") else TIE
        if self.kind == "same":  # two printed numbers are never quite equal: how close is close is not for us to say
            return f"{abs(difference):.3g} apart"
        return AS_CLAIMED if (difference < 0) == (self.kind != "not-better") else AGAINST


@cache
def claims() -> tuple[Claim, ...]:
    """Every claim of `claims.yaml`, one a metric and test set, in the order of the thesis's text."""
    content = yaml.safe_load((files("sweeps.studies.thesis") / "claims.yaml").read_text("utf-8"))
    return tuple(claim for entry in content["claims"] for claim in _claims(entry, content["checks"]))


def _claims(entry: Mapping[str, Any], lists: Mapping[str, list[str]]) -> list[Claim]:
    checks = entry["checks"] if isinstance(entry["checks"], list) else lists[entry["checks"]]
    (kind,) = (kind for kind in get_args(Kind) if kind in entry)
    one, other = entry[kind], entry["as" if kind == "same" else "than"]
    sides = [*one, *other] if kind == "larger-gap" else [one, other]
    rows = tuple(published_row(str(table), key) for table, key in sides)
    shared = {"section": entry["section"], "says": entry["says"], "kind": kind, "rows": rows}
    return [Claim(id=f"{entry['id']}/{check}", check=check, **shared) for check in checks]
