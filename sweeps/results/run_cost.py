"""What the trials of a sweep cost to run: core- and card-seconds as measured, energy and CO2e as an estimate."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from softcore.errors import RequestError
from sweeps.results.names import dollars

JOULES_A_KWH = 3.6e6
SOURCES = {
    "watts_core": "a core of any processor, Green Algorithms (Lannelongue et al. 2021, doi:10.1002/advs.202100707)",
    "watts_card": "an H100 SXM's most, by NVIDIA's data sheet",
    "pue": "mean of data centres, Uptime Institute's survey of 2024",
    "kg_co2e_kwh": "the world's electricity of 2024, Ember's Global Electricity Review 2025",
}
LEFT_OUT = "memory, disks, networks, idle cores and the making of machines are left out"


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """What an estimate of energy takes for granted: watts of a busy core and of a busy card, what a data centre uses
    for each watt-hour of its machines (PUE), and kg of CO2 equivalents a kWh.

    `SOURCES` has where the defaults are from. A number below 0, or a PUE below 1, is a RequestError.
    """

    watts_core: float = 12.0
    watts_card: float = 700.0
    pue: float = 1.56
    kg_co2e_kwh: float = 0.473

    def __post_init__(self) -> None:
        """Refuse what can't be."""
        for field in fields(self):
            value, least = getattr(self, field.name), 1.0 if field.name == "pue" else 0.0
            if not (math.isfinite(value) and value >= least):
                raise RequestError(f"{field.name} is {value:g}; {least:g} or more is allowed")

    def words(self) -> list[str]:
        """A line an assumption, with the source of a default."""
        what = {
            "watts_core": f"{self.watts_core:g} W a busy core",
            "watts_card": f"{self.watts_card:g} W a busy card",
            "pue": f"{self.pue:g} times that for the data centre (PUE)",
            "kg_co2e_kwh": f"{self.kg_co2e_kwh:g} kg CO2e a kWh",
        }
        usual = {field.name: field.default for field in fields(self)}
        return [
            f"assumed: {words} ({SOURCES[name] if getattr(self, name) == usual[name] else 'as asked for'})"
            for name, words in what.items()
        ]


@dataclass(frozen=True, kw_only=True)
class RunCost:
    """Sums over finished trials; None where no trial's is known. `*_unknown` are the trials that are not in a sum.

    `label_usd` are the least and the most that a trial's labels cost at the thesis's prices, None without trials.
    """

    trials: int
    core_seconds: float | None
    core_unknown: int
    card_seconds: float | None
    card_unknown: int
    kwh: float | None
    kg_co2e: float | None
    energy_unknown: int
    label_usd: tuple[float, float] | None
    assumptions: Assumptions


def run_cost(
    records: Sequence[Mapping[str, Any]],
    *,
    hardware: str = "",
    card_share: float = 1.0,
    assumptions: Assumptions | None = None,
) -> RunCost:
    """What finished trials cost to run, from their `trial.json` (or a mapping with their `result` alone).

    Core-seconds are the processor time of a trial's process, card-seconds the wall seconds of its training and scoring
    on a card, of which it had a `card_share` (a trial of a pack has its part of the pack's time). Trials from before
    these were kept are unknown and not 0, but for cards on a machine whose `hardware` (of the manifest) has none.
    """
    assumed = assumptions or Assumptions()
    cores = [record.get("cpu_seconds") for record in records]
    cards = [_card_seconds(record, hardware, card_share) for record in records]
    both = [(core, card) for core, card in zip(cores, cards, strict=True) if core is not None and card is not None]
    joules = sum(assumed.watts_core * core + assumed.watts_card * card for core, card in both) * assumed.pue
    kwh = joules / JOULES_A_KWH if both else None
    paid = [record["result"]["label_usd"] for record in records if "label_usd" in record.get("result", {})]
    return RunCost(
        trials=len(records),
        core_seconds=_sum(cores),
        core_unknown=cores.count(None),
        card_seconds=_sum(cards),
        card_unknown=cards.count(None),
        kwh=kwh,
        kg_co2e=None if kwh is None else kwh * assumed.kg_co2e_kwh,
        energy_unknown=len(records) - len(both),
        label_usd=(min(paid), max(paid)) if paid else None,
        assumptions=assumed,
    )


def _sum(seconds: Sequence[float | None]) -> float | None:
    known = [each for each in seconds if each is not None]
    return sum(known) if known else None


def _card_seconds(record: Mapping[str, Any], hardware: str, share: float) -> float | None:
    """The seconds that a trial had a card to itself; None where it is not known whether it had one, or how long."""
    device = record.get("device") or record.get("made_with", {}).get("device")
    if device is None and _without_cards(hardware):
        device = "cpu"
    if device == "cpu":
        return 0.0
    result = record.get("result", {})
    if device is None or not {"train_seconds", "eval_seconds"} <= result.keys():
        return None
    return share * (float(result["train_seconds"]) + float(result["eval_seconds"]))


def _without_cards(hardware: str) -> bool:
    """Whether a manifest's words for its machines ("2 x86_64 cores", "2 nodes: 4 CPUs, 0 GPUs in all") name no card."""
    return re.search(r"^\d+ \S+ cores$|, 0 GPUs in all$", hardware) is not None


def run_cost_rows(cost: RunCost) -> list[dict[str, str]]:
    """A row a quantity: what it is, how much, and how it is known."""
    measured = {
        "core-seconds": (cost.core_seconds, cost.core_unknown),
        "card-seconds": (cost.card_seconds, cost.card_unknown),
    }
    rows = [
        {
            "": what,
            "amount": "unknown" if seconds is None else f"{seconds:,.1f} s",
            "how it is known": _known("measured", cost.trials, unknown),
        }
        for what, (seconds, unknown) in measured.items()
    ]
    estimated = _known("estimated", cost.trials, cost.energy_unknown)
    rows.append({"": "energy", "amount": _thousands(cost.kwh, "kWh", "Wh"), "how it is known": estimated})
    rows.append({"": "CO2e", "amount": _thousands(cost.kg_co2e, "kg", "g"), "how it is known": estimated})
    if cost.label_usd is not None:
        low, high = (dollars(each) for each in cost.label_usd)
        money = low if low == high else f"{low} to {high}"
        rows.append({"": "labels of a trial", "amount": money, "how it is known": "at the thesis's prices"})
    return rows


def _thousands(value: float | None, unit: str, small: str) -> str:
    """An amount in `unit`, or where it is less than a tenth of it in the `small` one, of which it has a thousand."""
    if value is None:
        return "unknown"
    return f"{value:,.3g} {unit}" if value >= 0.1 else f"{1000 * value:.3g} {small}"


def _known(how: str, trials: int, unknown: int) -> str:
    words = f"{how}, {trials - unknown} of {trials} trials"
    return words if not unknown else f"{words}; of {unknown} it was not kept"
