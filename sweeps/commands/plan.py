"""`sweeps plan`: which labels to buy for a budget, or that none are worth it."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from softcore.errors import RequestError
from sweeps.commands.options import AsJson, Cost, DataRoot, Fee, Out, Overhead, Wage, prices_for, sweep_ids

if TYPE_CHECKING:
    from softcore.prices.price_list import PriceList
    from sweeps.evaluation.cost_of_test import TestCost
    from sweeps.planning.plan import Advice
    from sweeps.sources import Source

log = logging.getLogger(__name__)

Names = Annotated[
    list[str],
    typer.Argument(
        help="Sweeps of one data set (ids, beginnings, folders), or .csv results.", autocompletion=sweep_ids
    ),
]
Metric = Annotated[
    str | None,
    typer.Option(help="scaled-ce/10h, or weights: scaled-ce/10h=0.7,accuracy/10h=0.3; else scaled-ce, first test set."),
]


def plan(
    sweeps: Names,
    out: Out = None,
    metric: Metric = None,
    budget_usd: Annotated[float | None, typer.Option(help="Dollars that may be spent.")] = None,
    budget_hours: Annotated[float | None, typer.Option(help="Hours of people's time that may be spent.")] = None,
    days: Annotated[float | None, typer.Option(help="Days until the labels must be there.")] = None,
    people_at_once: Annotated[int, typer.Option(help="How many people can work at once.")] = 20,
    hours_per_day: Annotated[float, typer.Option(help="Hours that each works a day.")] = 4.0,
    cost: Cost = "thesis",
    wage: Wage = None,
    fee: Fee = None,
    click_overhead: Overhead = None,
    question: Annotated[
        list[str] | None, typer.Option(help="Plan for this variety only, such as t2-clamp; may be repeated.")
    ] = None,
    images: Annotated[int | None, typer.Option(help="How many images there are to label.")] = None,
    annotators: Annotated[int | None, typer.Option(help="Plan for this M only.")] = None,
    extrapolate: Annotated[
        bool, typer.Option("--extrapolate", help="Plan beyond what was measured (from a pilot), with wider intervals.")
    ] = False,
    most_people: Annotated[int | None, typer.Option(help="With --extrapolate: the largest M.")] = None,
    top: Annotated[int, typer.Option(help="How many plans to show.")] = 5,
    spec: Annotated[Path | None, typer.Option(help="Write the recommended plan here, as a spec.")] = None,
    page: Annotated[
        Path | None, typer.Option(help="Write an HTML page with sliders here (.html), and its picture beside it.")
    ] = None,
    data_root: DataRoot = None,
    as_json: AsJson = False,
) -> None:
    """Rank what a budget buys by what it is predicted to give new people's labels, and say whether to buy at all."""
    if page is not None and page.suffix.lower() not in (".html", ".htm"):
        raise RequestError(f"--page: {page} must end in .html: its picture stands beside it under the same name")
    from sweeps.frontier.weights import with_metric
    from sweeps.planning.advise import advice
    from sweeps.planning.forecast import make_forecast
    from sweeps.planning.rank import Limits
    from sweeps.show.tables import print_json
    from sweeps.sources import from_names, merge

    sources = from_names(sweeps, out)
    results, _, notes = merge(sources)
    results, named = with_metric(results, metric or default_metric(results))
    limits = Limits(
        budget_usd=budget_usd,
        budget_hours=budget_hours,
        days=days,
        people_at_once=people_at_once,
        hours_per_day=hours_per_day,
    )
    prices = prices_for(cost, results["dataset"], data_root, click_overhead)
    prices.check_wage(prices.wage if wage is None else wage)
    options: dict[str, Any] = {
        "questions": question or None,
        "images": images,
        "annotators": annotators,
        "extrapolate": extrapolate,
        "most_people": most_people,
    }
    forecast = make_forecast(results, metric=named, **options)
    found = advice(forecast, limits, prices=prices, wage=wage, fee=fee, top=top)
    written = []
    if spec is not None:
        write_spec(spec, found)
        written.append(spec)
    if page is not None:
        from sweeps.frontier.frontier import frontiers
        from sweeps.show.plan_page import PlanRequest, metric_forecasts
        from sweeps.show.plan_picture import write_plan_page

        request = PlanRequest(
            metric=found.metric,
            limits=limits,
            top=top,
            cost=("--cost", cost),
            overhead=() if click_overhead is None else ("--click-overhead", f"{click_overhead:g}"),
            options=_words(options | {"top": top}),
        )
        compared = frontiers(results, found.metric, prices, wage, fee)
        forecasts = metric_forecasts(compared, forecast, options)
        written += write_plan_page(page, compared, forecasts, request, sources, notes)
    test = _test_costs(sweeps, out, data_root, found, prices)
    if as_json:
        from sweeps.evaluation.cost_of_test import as_dicts

        simulated = any(source.simulated for source in sources)
        about = {"sweeps": [s.name for s in sources], "simulated_annotators": simulated}
        print_json(about | found.as_dict() | {"test": as_dicts(test)})
        return
    from sweeps.evaluation.cost_of_test import test_cost_words

    _print(found, sources, [*notes, *filter(None, [test_cost_words(test)])])
    for path in written:
        print(path)


def _test_costs(
    names: list[str], out: str | None, data_root: str | None, advice: "Advice", prices: "PriceList"
) -> "list[TestCost]":
    """What a test set costs that sees the plan's gain, or what matters where nothing is bought; empty if not known.

    Tables (.csv) have no predictions to know it from; nor has a sweep whose data is not here.
    """
    from sweeps.evaluation.cost_of_test import test_costs
    from sweeps.sweep import open_sweep

    gain = advice.matters if advice.plan is None else advice.plan.gain
    pay = {"wage": float(advice.prices["wage"]), "fee": float(advice.prices["fee"])}
    for name in names:
        if name.lower().endswith(".csv"):
            continue
        sweep = open_sweep(name, out=out)
        try:
            return test_costs(
                sweep.store, sweep.results(), sweep.dataset(data_root), advice.metric, gain, prices, **pay
            )
        except RequestError as error:
            log.debug("what a test costs is not known from %s: %s", name, error)
    return []


def _words(options: dict[str, Any]) -> tuple[str, ...]:
    """The options that were given, as words of a command line."""
    named = {"question": options["questions"], **{n: v for n, v in options.items() if n != "questions"}}
    words: list[str] = []
    for name, value in named.items():
        option = f"--{name.replace('_', '-')}"
        for each in value if isinstance(value, list) else [value]:
            words += [] if each in (None, False) else [option] if each is True else [option, str(each)]
    return tuple(words)


def default_metric(results: Any) -> str:
    """Scaled cross-entropy on the first test set: what of a gain is left when softness alone is free."""
    from softcore.scoring.metrics import LEAST_VALIDATION
    from sweeps.results.table import CORRUPTED, metric_columns

    there = metric_columns(results)
    found = [name for name in there if name.startswith("scaled-ce/") and not name.endswith(CORRUPTED)]
    if not found:
        why = f"plans go by scaled-ce, which needs {LEAST_VALIDATION} validation images and is not here"
        raise RequestError(f"{why}; name a --metric; measured here: {', '.join(there) or 'none'}")
    return found[0]


def write_spec(path: Path, advice: "Advice") -> None:
    """Write the recommended plan as a spec; refused where the advice is not to buy."""
    from sweeps.planning.plan import as_spec
    from sweeps.running.store import write_text

    if advice.plan is None:
        raise RequestError(f"--spec: there is no plan to write, the advice is: {advice.verdict}; {advice.why}")
    write_text(path, as_spec(advice.plan))


def _print(advice: "Advice", sources: "list[Source]", notes: list[str]) -> None:
    from sweeps.results.names import metric_words
    from sweeps.show.tables import ReportTable, print_table, table

    simulated = "Simulated annotators. " if any(source.simulated for source in sources) else ""
    shown: ReportTable = table(
        [plan_row(place, one, advice.buy) for place, one in enumerate(advice.plans)],
        title=f"{simulated}Plans for {metric_words(advice.metric)}",
    )
    first, *others = (line[:1].upper() + line[1:] for line in (*advice.lines, *notes))
    print(first)
    if advice.plans:
        print_table(shown)
    for line in others:
        print(line)


def plan_row(place: int, plan: Any, buy: int | None) -> dict[str, Any]:
    """What the table says of the plan at `place`; `buy` is the place of the one to buy."""
    from sweeps.planning.plan import chance_words

    low, high = plan.interval_80
    return {
        "plan": f"{'★ ' if place == buy else ''}{place + 1}. {plan.recipe}{' (beyond)' if plan.beyond else ''}",
        "ask": plan.question,
        "images": plan.images,
        "M": plan.annotators,
        "people": plan.people,
        "people's time": plan.time,
        "money": plan.money,
        "days": f"{plan.days:.2g}",
        "predicted": f"{plan.predicted:.3f} [{low:.3f}, {high:.3f}]",
        "best": f"{plan.best:.2f}",
        "worth it": chance_words(plan.gains_enough),
    }
