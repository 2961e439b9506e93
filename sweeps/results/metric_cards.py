"""Cards of metrics in words: for a terminal, for programs, and as the page `docs/metrics.md`."""

import math
from collections.abc import Sequence
from dataclasses import fields
from textwrap import fill
from typing import Any

from softcore.scoring.groups import LEAST, band_names
from softcore.scoring.metrics import ALL_METRICS, Card, Example

HEAD = f"""# Metrics

Every metric of the table in `softcore/scoring/metrics.py`, as `sweeps metrics NAME` prints it. This page is made from
the cards by `sweeps metrics --format markdown`; a test holds it equal to them, and others work out every example and
hold every metric against another implementation.

In the definitions `p` is the model's softmax and `target` what people say of an item, each a distribution over classes.
A metric stands in a results table as `<metric>/<test set>`; `sweeps evaluate` computes every one that stored logits
allow, whatever the trial was trained with. `softcore.scoring.groups` has them by class and by band of
people's entropy ({", ".join(band_names())}); a group of fewer than {LEAST} items has no value.
[methods.md](methods.md#a-variety-a-metric-an-aggregator-of-your-own) says how to add a metric.
"""
SIX = "The six items of the examples, three classes each:"


def range_words(card: Card) -> str:
    """ "0 to 1", "0 or more, in nats", "any number"."""
    low, high = card.least, card.most
    ends = {
        (True, True): f"{low:g} to {high:g}",
        (True, False): f"{low:g} or more",
        (False, True): f"{high:g} or less",
        (False, False): "any number",
    }[math.isfinite(low), math.isfinite(high)]
    return f"{ends}, in {card.unit}" if card.unit else ends


def direction_words(card: Card) -> str:
    """ "lower is better" or "higher is better"."""
    return "lower is better" if card.lower else "higher is better"


def computed_words(card: Card) -> str:
    """For which trials it is computed when they are trained."""
    return "of every trial" if card.usual else f"where `evaluate: [{card.extra or ALL_METRICS}]` asks for it"


def overview(cards: Sequence[Card]) -> list[dict[str, str]]:
    """A row a metric."""
    return [
        {
            "metric": card.name,
            "title": card.title,
            "range": range_words(card),
            "direction": direction_words(card),
            "computed": computed_words(card),
        }
        for card in cards
    ]


def card_rows(card: Card) -> list[dict[str, str]]:
    """What a card says, a row a part; parts that it lacks are left out."""
    by_item = "a mean over items, whose values comparisons resample" if card.each else "of the test set as a whole"
    parts = {
        "definition": card.definition,
        "range": range_words(card),
        "direction": direction_words(card),
        "computed": computed_words(card),
        "by item": by_item,
        "known faults": card.faults,
        "source": card.source,
        "example": "" if card.example is None else example_words(card.example),
    }
    return [{"": part, card.name: words} for part, words in parts.items() if words]


def card_text(card: Card, width: int = 100) -> str:
    """A card for a terminal, in lines of at most `width`."""
    margin = max(len(row[""]) for row in card_rows(card)) + 2
    lines = [
        fill(row[card.name], width, initial_indent=f"{row['']:<{margin}}", subsequent_indent=" " * margin)
        for row in card_rows(card)
    ]
    return "\n".join([f"{card.name}: {card.title}", *lines])


def example_words(example: Example) -> str:
    """The value of an example, and what it is computed of beside its items."""
    items = "the six items" if _has_usual_items(example) else "these items"
    words = f"{example.value:g} on {items}" + (f", each {example.times} times" if example.times > 1 else "")
    if not math.isnan(example.temperature):
        words += f", temperature {example.temperature:g}"
    if example.positions is not None:
        words += f", classes at {', '.join(f'{place:g}' for place in example.positions)}"
    return words


def example_rows(example: Example) -> list[dict[str, Any]]:
    """The items of an example, a row each: probabilities by class."""
    columns = {
        "model": example.model,
        "after FGSM": example.attacked,
        "after PGD": example.pgd,
        "people": example.people,
    }
    shown = {name: rows for name, rows in columns.items() if rows is not None}
    return [
        {"item": place + 1, **{name: _probabilities(rows[place]) for name, rows in shown.items()}}
        for place in range(len(example.model))
    ]


def _probabilities(row: Sequence[float]) -> str:
    return "  ".join(f"{p:.2f}" for p in row)


def card_record(card: Card) -> dict[str, Any]:
    """A card as plain values; infinite ends of its range are null where it is printed as JSON."""
    example = card.example
    return {
        "name": card.name,
        "title": card.title,
        "definition": card.definition,
        "lower_is_better": card.lower,
        "least": card.least,
        "most": card.most,
        "unit": card.unit,
        "known_faults": card.faults,
        "source": card.source,
        "usual": card.usual,
        "extra": card.extra,
        "scaled": card.scaled,
        "by_item": card.each is not None,
        "example": example and {field.name: getattr(example, field.name) for field in fields(example)},
    }


def cards_markdown(cards: Sequence[Card]) -> str:
    """The page of these cards."""
    six = example_rows(Example(value=math.nan))
    parts = [HEAD, _markdown_rows(overview(cards)), f"{SIX}\n", _markdown_rows(six)]
    for card in cards:
        parts += [f"## {card.name}\n", f"{_sentence(card.title)}.\n"]
        parts += ["\n".join(f"- **{row['']}**: {_text(row[card.name])}" for row in card_rows(card)) + "\n"]
        if card.example is not None and not _has_usual_items(card.example):
            parts.append(_markdown_rows(example_rows(card.example)))
    return "\n".join(parts)


def _has_usual_items(example: Example) -> bool:
    return example_rows(example) == example_rows(Example(value=example.value))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _text(text: str) -> str:
    """`text` with the signs of Markdown and HTML in formulas as they are; code stays code."""
    parts = text.split("`")
    plain = [part.translate({ord(sign): f"\\{sign}" for sign in "\\*_|<>"}) for part in parts[::2]]
    return "".join(f"`{parts[2 * k - 1]}`{part}" if k else part for k, part in enumerate(plain))


def _markdown_rows(rows: Sequence[dict[str, Any]]) -> str:
    head = list(rows[0])
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(_text(str(value)) for value in row.values()) + " |" for row in rows]
    return "\n".join(lines) + "\n"
