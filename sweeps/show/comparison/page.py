"""A comparison as one HTML page that needs no network: a picture of the differences, sentences, tables."""

from collections.abc import Iterator
from html import escape
from string import Template

from sweeps.comparison.compare import A_BETTER, ALIKE, B_BETTER, Comparison, MetricComparison, PairComparison
from sweeps.comparison.words import family_words, heading, interval, number, order_lines, pair_lines
from sweeps.results.names import SIMULATED, direction, metric_title
from sweeps.show.markup import template

WIDTH, ROW, NAMES, ANSWERS, TOP = 1120, 64, 270, 250, 30  # pixels of the picture
BLUE, GREY, FIELD, THIN, LABELS = "#0055a4", "#8a8a8a", "#e4e4e4", "#777777", "#b06000"
GAP = 'stroke="#2e7d32"'
MOST = 3.0  # by how many times the interval's reach the field may widen a row


def comparison_page(comparison: Comparison) -> str:
    """The page; all names are escaped, and everything is inside."""
    simulated = f'<p class="simulated">{SIMULATED}: a program gave the answers, not people</p>'
    return Template(template("comparison.html")).substitute(
        look=template("look.css"),
        title=escape(f"Comparison on {comparison.test_set}, {comparison.sweep}"),
        simulated=simulated if comparison.simulated else "",
        heading=escape(heading(comparison)),
        family=escape(family_words(comparison)),
        order="\n".join(f"<p>{escape(line)}</p>" for line in order_lines(comparison)),
        pairs="\n".join(part for pair in comparison.pairs for part in _pair(pair, comparison.level)),
    )


def _pair(pair: PairComparison, level: float) -> Iterator[str]:
    names = (("A", pair.a), ("B", pair.b))
    yield "<h2>" + " against ".join(f"{name}: {escape(cell.title)}" for name, cell in names) + "</h2>"
    lines = list(pair_lines(pair, level))
    count = len(pair.metrics)
    yield '<div class="short">' + "".join(f"<p>{escape(line)}</p>" for line in lines[:count]) + "</div>"
    yield _legend(pair, level)
    yield f'<div class="picture">{picture(pair)}</div>'
    yield "".join(f'<p class="quiet">{escape(line)}</p>' for line in lines[count:])
    yield _table(pair)


def _legend(pair: PairComparison, level: float) -> str:
    entries = [
        f'<span class="bar"></span>{level:.0%} over {escape(pair.covers)}',
        '<span class="bar thin"></span>over images alone',
        '<span class="box"></span>too small for these replicates (80% power)',
    ]
    if any(found.label_noise > 0 for found in pair.metrics):
        entries.append('<span class="bar dotted"></span>noise of the test labels')
    if any(found.matters > 0 for found in pair.metrics):
        entries.append('<span class="bar gap"></span>the gap that matters')
    return '<div class="legend">' + "".join(f"<span>{entry}</span>" for entry in entries) + "</div>"


def picture(pair: PairComparison) -> str:
    """The differences as SVG: a row a metric, each on a scale of its own, with A better always to the left."""
    height = TOP + ROW * len(pair.metrics) + 6
    left, right = NAMES, WIDTH - ANSWERS
    middle = (left + right) / 2
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" '
        'aria-label="Difference A less B of each metric, with intervals">',
        f'<text class="quiet" x="{left}" y="16">← A better</text>',
        f'<text class="quiet" x="{right}" y="16" text-anchor="end">B better →</text>',
        f'<line x1="{middle}" x2="{middle}" y1="{TOP - 6}" y2="{height - 4}" stroke="#333" />',
    ]
    for place, found in enumerate(pair.metrics):
        parts += _row(found, TOP + ROW * place, left, right)
    return "\n".join([*parts, "</svg>"])


def _row(found: MetricComparison, top: float, left: float, right: float) -> Iterator[str]:
    sign = 1.0 if _lower(found) else -1.0
    reach = max(abs(found.low), abs(found.high), *map(abs, found.over_images))
    field = min(found.detectable, MOST * reach) if reach else 1.0
    scale = (right - left) / 2 / (1.08 * max(reach, field, 1e-12))
    centre, y = (left + right) / 2, top + 24

    def at(value: float) -> float:
        return round(centre + sign * value * scale, 1)

    ink = BLUE if found.answer in (A_BETTER, B_BETTER, ALIKE) else GREY
    x1, x2 = sorted((at(-field), at(field)))
    title = escape(f"{metric_title(found.metric)}: {number(found.difference)} {interval(found.low, found.high)}")
    yield f'<g><title>{title}</title><rect x="{x1}" y="{y - 17}" width="{x2 - x1:.1f}" height="34" fill="{FIELD}" />'
    yield f'<line x1="{centre}" x2="{centre}" y1="{y - 17}" y2="{y + 17}" stroke="#333" />'
    for reach, dashes in (
        (1.96 * found.label_noise, f'stroke="{LABELS}" stroke-dasharray="2 3"'),
        (found.matters, GAP),
    ):
        if 0 < reach < (right - left) / 2 / scale:
            for x in (at(-reach), at(reach)):
                yield f'<line x1="{x}" x2="{x}" y1="{y - 17}" y2="{y + 17}" {dashes} stroke-width="2" />'
    alone = [at(end) for end in found.over_images]
    yield f'<line x1="{alone[0]}" x2="{alone[1]}" y1="{y + 10}" y2="{y + 10}" stroke="{THIN}" />'
    yield f'<line x1="{at(found.low)}" x2="{at(found.high)}" y1="{y}" y2="{y}" stroke="{ink}" stroke-width="4" />'
    yield f'<circle cx="{at(found.difference)}" cy="{y}" r="6" fill="{ink}" stroke="white" /></g>'
    yield f'<text class="head" x="0" y="{y - 3}">{escape(metric_title(found.metric))}</text>'
    yield f'<text class="quiet" x="0" y="{y + 14}">{escape(direction(found.metric))}</text>'
    yield f'<text class="head" x="{right + 18}" y="{y - 3}" fill="{ink}">{escape(found.answer)}</text>'
    said = f"{number(found.difference)} {interval(found.low, found.high)}"
    yield f'<text class="quiet" x="{right + 18}" y="{y + 14}">{escape(said)}</text>'


def _lower(found: MetricComparison) -> bool:
    return direction(found.metric).startswith("lower")


def _table(pair: PairComparison) -> str:
    headings = ("Metric", "Answer", "A", "B", "A less B", "p (Holm)", "Effect", "Detectable", "Label noise", "Ceiling")
    rows = []
    for found in pair.metrics:
        ceiling = (
            "–" if found.ceiling is None else _with_ends(found.ceiling.value, found.ceiling.low, found.ceiling.high)
        )
        beyond = f"<br><small>{found.beyond_ceiling} beyond it</small>" if found.beyond_ceiling else ""
        below = "<br><small>below the noise of the test labels</small>" if found.below_noise else ""
        numbers = (
            number(found.a),
            number(found.b),
            _with_ends(found.difference, found.low, found.high) + below,
            f"{found.family_p:.2g}",
            number(found.effect),
            number(found.detectable),
            number(found.label_noise),
            ceiling + beyond,
        )
        cells = f"<td>{escape(found.metric)}</td><td>{escape(found.answer)}</td>"
        rows.append(f"<tr>{cells}{''.join(f'<td class=number>{each}</td>' for each in numbers)}</tr>")
    head = "".join(f"<th{' class=number' if place > 1 else ''}>{name}</th>" for place, name in enumerate(headings))
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _with_ends(value: float, low: float, high: float) -> str:
    return f"{number(value)}<br><small>{interval(low, high)}</small>"
