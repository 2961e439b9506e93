"""`sweeps metrics`: the table of metrics, and the card of one."""

from typing import Annotated, Literal

import typer

from sweeps.commands.options import AsJson


def metrics(
    name: Annotated[str | None, typer.Argument(help="A metric, for its card; all without it.")] = None,
    format_: Annotated[
        Literal["text", "markdown", "json"], typer.Option("--format", help="How to print it; markdown is all cards.")
    ] = "text",
    as_json: AsJson = False,
) -> None:
    """Print the metrics, or one's card: definition, range, direction, source, known faults, an example."""
    from softcore.scoring.metrics import METRICS, metric_card
    from sweeps.results.metric_cards import card_record, card_text, cards_markdown, example_rows, overview
    from sweeps.show.tables import print_json, print_table, table

    cards = [*METRICS.values()] if name is None else [metric_card(name)]
    if as_json or format_ == "json":
        records = [card_record(card) for card in cards]
        print_json(records if name is None else records[0])
    elif format_ == "markdown":
        print(cards_markdown(cards), end="")
    elif name is None:
        print_table(table(overview(cards), title="Metrics; `sweeps metrics NAME` prints a card"))
    else:
        print(card_text(cards[0]))
        if cards[0].example is not None:
            print_table(table(example_rows(cards[0].example), title="Items of the example"))
