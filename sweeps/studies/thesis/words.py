"""What a report says in sentences: counts, chance, temperature."""

from collections.abc import Sequence

from softcore.statistics import MeanInterval
from sweeps.studies.thesis.findings import AGREES, DISAGREES, LEVEL, NOT_RUN, OPEN, VERDICTS, Finding
from sweeps.studies.thesis.published import Table

DASH = "–"
_METRICS = {"ce": "CE", "scaled-ce": "Scaled CE", "rmsce": "Calibration", "fgsm": "FGSM loss"}
_TESTS = {
    "10h": "10H",
    "10s": "10S",
    "10h-c": "10H corrupted (CIFAR-10-C)",
    "10h-c-generated": "10H corrupted (generated)",
}
_SO = {AGREES: ("agrees", "agree"), DISAGREES: ("disagrees", "disagree"), OPEN: ("is open", "are open")}
READ = (
    (
        "The thesis's A and B",
        "As its tables print them, ± half of what it calls 95% confidence intervals over its seeds and models. Its "
        "differences have no interval: the pairing is not published. (against): its numbers lie on the other side of "
        "its words.",
    ),
    (
        "Ours",
        "Means over replicates. Both sides of a replicate share seed, held-out images and panel draw, so differences "
        "are paired. Where several models were trained a replicate counts once, with its mean over the models that "
        "both sides have. Where they are not the thesis's models, epochs and image sizes, levels are not comparable "
        "with its tables; orders may be.",
    ),
    (
        "What an interval is over",
        "Seeds: initial weights, order, held-out images. Image-wise panels: where fewer people than all were asked, "
        "who they are is drawn anew for each image and seed. Not over test images, and not over a fresh crowd. Clicks "
        "are known as counts an image, not by person, so their draws are of clicks.",
    ),
    (
        "After one temperature",
        "The same comparison on cross-entropy after each model got the one temperature that suits the validation "
        "images best. Soft labels make models less sure of themselves and raw cross-entropy rewards that; what is left "
        "after one temperature is what the labels taught. The thesis has no such number.",
    ),
    (
        "Not here",
        "Claims that need no training (people's inferred coefficients, mass off the endpoints: the cards of the data "
        "sets have them) and those of performance at equal cost (Figure 3.5: the frontier has them).",
    ),
)


def check_words(column: str) -> str:
    """ "CE, 10H" of "ce/10h"; the names as they are where they are not known."""
    metric, _, test = column.partition("/")
    return f"{_METRICS.get(metric, metric)}, {_TESTS.get(test, test)}"


def signed(number: float) -> str:
    """ "+0.012"; "−0.012" with a true minus sign."""
    return f"{number:+.3f}".replace("-", "−")


def interval_words(found: MeanInterval) -> str:
    """ "−0.377 [−0.390, −0.364]"; the mean alone where there is no interval."""
    if found.low is None or found.high is None:
        return signed(found.mean)
    return f"{signed(found.mean)} [{signed(found.low)}, {signed(found.high)}]"


def summary(found: Sequence[Finding]) -> str:
    """How many checks (a claim on a metric and test set, trained in one way) have each verdict."""
    number = {word: sum(finding.verdict == word for finding in found) for word in VERDICTS}
    ran = len(found) - number[NOT_RUN]
    if not ran:
        return f"None of {len(found)} checks of the thesis's claims could be made: no results hold both sides of one."
    each = [_so(number[word], word) for word in _SO]
    said = (
        f"Of {_plural(ran, 'check')} of the thesis's claims that our runs can make, {each[0]}, {each[1]} and {each[2]}."
    )
    return said + (f" For {number[NOT_RUN]} more there are no results." if number[NOT_RUN] else "")


def chance(found: Sequence[Finding]) -> str:
    """How many intervals there are, and how many of them would exclude zero by chance alone."""
    intervals = [f.ours.difference for f in found if f.ours and f.ours.difference.low is not None]
    if not intervals:
        return "No row has an interval, so every one is open."
    excluded = sum(f.verdict in (AGREES, DISAGREES) for f in found)
    expected = (1 - LEVEL) * len(intervals)
    return (
        f"{_plural(len(intervals), 'row')} with an interval, {excluded} of which exclude zero. If no label made any "
        f"difference, about {expected:.1f} of them would still do so by chance; nothing is corrected for that, and "
        "rows that share trials err together."
    )


def temperature(found: Sequence[Finding]) -> str:
    """What one temperature leaves of the verdicts on cross-entropy; empty where nothing was measured on it."""
    both = [f for f in found if f.ours and f.scaled]
    if not both:
        return ""
    said = []
    for word in _SO:
        here = [f.scaled.verdict for f in both if f.verdict == word and f.scaled]
        after = [_so(here.count(later), later) for later in _SO if later in here]
        said += [f"of {len(here)} that {_SO[word][len(here) != 1]} raw, {', '.join(after)}"] if here else []
    return f"Cross-entropy after one temperature ({_plural(len(both), 'row')}): {'; '.join(said)}."


def thesis_words(table: Table) -> str:
    """Over what the thesis's numbers of a table are."""
    seeds = f"{table.seeds} seeds" if table.seeds else "seeds not said"
    models = ", ".join(table.models) + (", averaged" if len(table.models) > 1 else "")
    return f"The thesis: {seeds}, {models}. {table.note}".strip()


def _so(number: int, verdict: str) -> str:
    """ "1 agrees", "3 are open"."""
    return f"{number} {_SO[verdict][number != 1]}"


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
