"""A plan and the advice around it as frozen records of plain values, with the sentences that go with them."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

import yaml

from sweeps.planning.checks import ModelCheck
from sweeps.results.names import dollars, hours_between
from sweeps.results.names import value as in_words
from sweeps.spec.axis_names import AXES, TRAINING_AXES

BUY, DONT_BUY, NOT_KNOWN = "buy", "don't buy", "not known yet"
Interval = tuple[float, float]
SEEDS = 3
_ABOUT = """\
# <recipe>: <question>.
# <images> images, <annotators> people each (<people> in all), <money>.
# Predicted <metric>: <predicted>, 80% of runs with new people in <low> to <high>.
"""
_OF_MIXING = ("mixing", "alpha", "target_mixing", "loss", "entropy_floor")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One thing to buy, what it takes, and what it is predicted to give.

    `question` is what to ask, `images` (N') and `annotators` (M) of how many people each, `people` how many are needed
    in all. `answers` are counted by question. `hours` and `usd` are (low, high); `days` is at the high end. `predicted`
    is the metric's mean over new people and new seeds; `interval_80` and `interval_95` hold one run with new people and
    a new seed. `best` is the probability that no other plan for the budget is better on average, `beats_free` that
    labels of new people beat the best free recipe, averaged over seeds; `gain` is by how much, as predicted and
    corrected for being chosen, and `gains_enough` the probability that it is what matters or more. `beyond` says that
    the model was not checked there; `axes` are those of the cell to train.
    """

    recipe: str
    variety: str
    question: str
    annotators: int
    images: int
    people: int
    aggregation: str
    policy: str
    answers: Mapping[str, int]
    hours: Interval
    usd: Interval
    days: float
    metric: str
    predicted: float
    interval_80: Interval
    interval_95: Interval
    best: float
    beats_free: float
    gain: float
    gains_enough: float
    beyond: bool
    axes: Mapping[str, Any]

    @property
    def money(self) -> str:
        """What it costs, in words: one sum, or two."""
        return money_between(*self.usd)

    @property
    def time(self) -> str:
        """The people's time it takes, in words: one time, or two."""
        return hours_between(*(3600 * h for h in self.hours))

    @property
    def words(self) -> str:
        """The plan in a sentence."""
        far = " (beyond what was measured)" if self.beyond else ""
        return (
            f"{self.recipe}{far}: {self.money}, {self.metric} {in_words(self.predicted, *self.interval_80)} (80%), "
            f"gains what matters on the best free recipe with a chance of {chance_words(self.gains_enough)}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class FreeRecipe:
    """The free recipe that is predicted to be the best, with the intervals of one run with a new seed."""

    recipe: str
    predicted: float
    interval_80: Interval
    interval_95: Interval


@dataclass(frozen=True, kw_only=True)
class BudgetStep:
    """What more money buys: from a plan that `usd` buys to the best that `more` on top does.

    `gain` is how much better the metric gets (below 0: worse) with its 80% interval, `probability` that it does.
    """

    usd: float
    more: float
    recipe: str
    gain: float
    interval_80: Interval
    probability: float
    worth_it: bool
    words: str


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What the verdict would be by other trials or another prior (`name`), and how likely the best plan then is."""

    name: str
    verdict: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What to do with a budget: whether to buy, which plans there are, and how far all this can be believed.

    `plans` are ranked by predicted metric, each the best number of images for its question, M and way of training (none
    where the budget buys nothing); `buy` is the place of the recommended one, None where the verdict is another than
    "buy". `readings` are the verdicts without each seed, without each panel and under other priors, `firmness` says
    which differ, `free` what the best free recipe is predicted at, `settle` what would settle a verdict that is "not
    known yet" ("" elsewhere), `click` what it would be with clicks as long as was measured. `second` says why the
    second plan lost, `dearer` what the best plan adds to the recommended one, `least` which is the cheapest worth
    buying at all. `next_step` is what more money buys (None where nothing dearer was measured). `stop` is the plan to
    buy where there is money for all (None where that is the dearest, and where nothing is worth buying).
    """

    verdict: str
    why: str
    metric: str
    matters: float
    buy: int | None
    plans: tuple[Plan, ...]
    best_free: FreeRecipe
    readings: tuple[Reading, ...]
    free: str
    firmness: str
    settle: str
    click: str
    second: str
    dearer: str
    least: str
    next_step: BudgetStep | None
    stop: BudgetStep | None
    dearest: str
    model: str
    model_why: str
    checks: tuple[ModelCheck, ...]
    covers: str
    prices: Mapping[str, Any]
    notes: tuple[str, ...]

    @property
    def plan(self) -> Plan | None:
        """The plan to buy, None where the advice is not to."""
        return None if self.buy is None else self.plans[self.buy]

    @property
    def lines(self) -> tuple[str, ...]:
        """The advice in sentences, the verdict first."""
        stop = "" if self.stop is None else self.stop.words
        checked = [check.words for check in self.checks]
        verdict = (
            f"{self.verdict}: {self.why}",
            self.free,
            self.firmness,
            self.settle,
            self.click,
            self.dearer,
            stop if self.verdict == BUY else "",
            "" if self.verdict == BUY else self.least,
            self.second,
            self.next_step.words if self.next_step is not None and self.verdict == BUY else "",
            self.dearest if self.verdict == BUY else "",
        )
        return tuple(
            line
            for line in (*verdict, self.model_why, *checked, self.covers, str(self.prices["assumes"]), *self.notes)
            if line
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        plain = {
            name: getattr(self, name)
            for name in self.__dataclass_fields__
            if name not in ("plans", "checks", "readings")
        }
        plain |= {"best_free": asdict(self.best_free)}
        plain |= {"next_step": None if self.next_step is None else asdict(self.next_step)}
        plain |= {"stop": None if self.stop is None else asdict(self.stop), "prices": dict(self.prices)}
        plain |= {"plans": [plan.as_dict() for plan in self.plans], "checks": [c.as_dict() for c in self.checks]}
        plain |= {"readings": [asdict(reading) for reading in self.readings]}
        return plain | {"notes": list(self.notes)}


SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "plan": "{money} for '{question}', asked of {people} on each of {images} images, {total} of them in "
        "all{training} ({recipe})",
        "training": ", and training on them with {mixing}",
        "one_person": "1 person",
        "people": "{n} people",
        "gains": "It {changes} by {gain} against the best that costs nothing ({free}){lucky}. {enough} is worth "
        "paying for, and the chance of that is {chance}",
        "lucky": ", less than the {apart} that the predictions differ by, as what looks best was lucky, too",
        "loses": "It {changes} by {gain} against the best that costs nothing ({free}), which is worse. {enough} is "
        "worth paying for, and the chance of that is {chance}",
        "buy": "{plan}. {gains}",
        "not_worth": "train with what costs nothing; no purchase within these limits is worth its money. What "
        "comes nearest is {plan}. {gains}",
        "unsure": "train with what costs nothing until more is known. The likeliest to be worth its money, though not "
        "likely enough, is {plan}. {gains}; buy from {yes} on, don't from {no} down",
        "disputed": "train with what costs nothing until more is known. What looks worth its money, but not by every "
        "reading of the results, is {plan}. {gains}",
        "nothing": "these limits buy nothing, as no {known} plan is that cheap or that quick; train with what costs "
        "nothing ({free}). The cheapest plan is {plan}",
        "trained": "this holds for {how}",
        "raw": "it is about probabilities used as they come ({metric}); to calibrate them first on a few hundred "
        "labelled images, judge by {other}",
        "scaled": "it is about probabilities calibrated first on a few hundred labelled images ({metric}); to use them "
        "as they come, judge by {other}",
        "weighted": "in the weighted loss {parts}; 1 of it is what matters",
        "weight": "{unit} of {metric} counts {share}",
        "near": "(near the line)",
        "coin": "(near the line: {gain} of the {matters} that matter, a coin's throw)",
        "firm": "how firm that is: {n} other readings of the same results (without one training of each recipe or one "
        "group of people, or with other assumptions) say the same",
        "not_firm": "how firm that is: of {n} other readings of the same results {same} say the same; not so {others}",
        "free": "what costs nothing, {free}, is predicted at {predicted} (80% of trainings: {low} to {high})",
        "settle": "what would settle it: about {seeds} trainings of each kind of labels, each with other people's "
        "answers, not {now}",
        "never_settled": "no number of trainings that anybody would pay for settles it: the gain is too near what "
        "matters",
        "no_second": "no second plan: the budget buys one kind only",
        "second": "the second in the table, {plan}, is {gap} worse than the first on average (80%: {low} to {high}), "
        "better with a chance of {chance}, and {dearer}",
        "second_tied": "the second in the table, {plan}, is {gap} worse than the first on average (80%: {low} to "
        "{high}), better with a chance of {chance}, and {dearer}: a tie",
        "costs_more": "costs {money} more",
        "costs_less": "costs {money} less",
        "costs_the_same": "costs the same",
        "dearer": "dearer plans probably add too little: {plan} for {money} gains {gain} more (80%: {low} to {high})",
        "enough": "{matters} or more",
        "anything": "Any gain",
        "click": "if a click takes {seconds} s, as {who}, and not {now} s: {verdict}{then}",
        "then": ", as this plan then costs {money}",
        "measured": "was measured on 15,000 tasks",
        "thesis": "the thesis says",
        "click_turns": "{click}; the verdict turns at about {turns} s a click",
        "click_stays": "{click}; from {least} s to {most} s a click the verdict stays",
        "other_plan": "{stays}, though not always the plan",
        "least": "the cheapest plan that is worth buying: {plan} for {money}",
        "no_least": "no {known} plan is sure to be worth buying, whatever the budget",
        "dearest": "whatever it costs: {plan} for {money} would gain {gain} more (80%: {low} to {high}), with a "
        "chance of {chance}",
        "no_dearest": "no {known} plan is predicted to be better, whatever it costs",
        "next": "the next {more} would buy {plan} and gain {gain} (80%: {low} to {high}), with a chance of {chance}",
        "no_next": "the next {more} buy nothing better among the {known} plans",
        "stop": "with more money still buy {plan} for {money}: no dearer {known} plan adds what matters",
        "no_budget": "a plan needs a budget: budget_usd, budget_hours or days",
        "long_day": "hours_per_day must be 24 or less, not {number}",
        "not_positive": "{limit} must be a finite number above 0, not {number}",
        "negative": "{limit} must be a finite number of 0 or more, not {number}",
        "beyond": "{some} of {all} plans, marked (beyond), go beyond where the model was checked ({checked}): their "
        "intervals are wider, and rest on the {model} going on as it began.",
    }
)


def chance_words(chance: float) -> str:
    """A probability in words: whole percents, never 0% or 100%, which no finite number of draws can tell."""
    return "under 1%" if chance < 0.01 else "over 99%" if chance > 0.99 else f"{chance:.0%}"


def money_between(low: float, high: float) -> str:
    """What costs `low` to `high` dollars, in words: one sum, or two."""
    return dollars(high) if dollars(low) == dollars(high) else f"{dollars(low)} to {dollars(high)}"


def sentence(name: str, **words: str) -> str:
    """The sentence of `SENTENCES` called `name`, with its words filled in."""
    return SENTENCES[name].format(**words)


def as_spec(plan: Plan) -> str:
    """YAML of a sweep that trains on what `plan` buys, with hard labels beside it, trained alike, on `SEEDS` seeds.

    It names the data set that the plan was learnt from: put your own in its place.
    """
    words = {
        "recipe": plan.recipe,
        "question": plan.question,
        "images": str(plan.images),
        "annotators": str(plan.annotators),
        "people": str(plan.people),
        "money": plan.money,
        "metric": plan.metric,
        "predicted": f"{plan.predicted:.3f}",
        "low": f"{plan.interval_80[0]:.3f}",
        "high": f"{plan.interval_80[1]:.3f}",
    }
    return re.sub(r"<(\w+)>", lambda word: words.get(word[1], word[0]), spec_template(plan.axes, plan.metric))


def spec_template(axes: Mapping[str, Any], metric: str) -> str:
    """The spec of a plan that trains cells of these axes, with `<images>` and other words of `as_spec` to fill in.

    All plans of one question, M and way of training have the same.
    """
    named = {axis: value for axis in AXES if (value := axes.get(axis)) is not None} | {"items": "<images>"}
    # Hard labels can't be mixed by people's answers, and train plainly: they are what the plan has to beat.
    alike = {axis: named[axis] for axis in TRAINING_AXES if axis in named and axis not in _OF_MIXING}
    content: dict[str, Any] = {
        "name": "plan",
        "dataset": axes["dataset"],
        "seeds": SEEDS,
        "metric": metric,
        "common": alike,
        "blocks": [{"variety": "hard"}, {axis: value for axis, value in named.items() if axis not in alike}],
    }
    return _ABOUT + yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
