"""The sentences of a plan, once for the command line and for the page, which fills in the same ones in the browser.

Numbers and names come into a sentence as text; a name that holds braces stays as it is.
"""

from collections.abc import Mapping
from types import MappingProxyType

SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "worth": "{plan} for {money} {gains}",
        "worth_passed": "{plan} for {money} {gains}; plans ranked above it do not pass ({first})",
        "not_worth": "no plan for this budget is worth it; the best, {plan}, {gains}",
        "gains": "gains {gain} in {metric} on {free}, the best free recipe, and beats it with probability "
        "{beats_free} ({rule})",
        "rule": "{enough} is asked for",
        "rule_matters": "probability {enough} and a gain of {matters} are asked for",
        "no_second": "no second plan: the budget buys one kind only",
        "second": "second, {plan}: {gap} worse on average (80%: {low} to {high}), better with probability "
        "{probability}, and {dearer}",
        "second_tied": "second, {plan}: {gap} worse on average (80%: {low} to {high}), better with probability "
        "{probability}, and {dearer}; the two are tied",
        "costs_more": "costs {money} more",
        "costs_less": "costs {money} less",
        "costs_the_same": "costs the same",
        "cheaper": "as good in all that matters ({matters}) and {saved} cheaper: {plan} for {money}, {gap} worse "
        "(80%: {low} to {high})",
        "likeliest": "of all that the budget buys, {plan} for {money} is the likeliest to be worth it after all: on "
        "average it gains {enough} with probability {probability}",
        "enough": "{matters} or more",
        "anything": "anything",
        "least": "the cheapest plan that is worth buying: {plan} for {money}",
        "no_least": "no {known} plan is worth buying, whatever the budget",
        "dearest": "whatever it costs: {plan} for {money} would gain {gain} more (80%: {low} to {high}), with "
        "probability {probability}",
        "no_dearest": "no {known} plan is predicted to be better, whatever it costs",
        "next": "the next {more} buy {plan} and gain {gain} (80%: {low} to {high}), with probability {probability}",
        "no_next": "the next {more} buy nothing better among the {known} plans",
        "stop": "stop at {money}, with {plan}: {next}",
        "below": "{limit} is below the cheapest {known} plan: {plan} takes {amount}",
        "never_together": "no {known} plan keeps all of the limits; each alone can be kept: raise one of them",
        "no_budget": "a plan needs a budget: budget_usd, budget_hours or days",
        "not_positive": "{limit} must be a finite number above 0, not {number}",
        "beyond": "{some} of {all} plans, marked (beyond), go beyond where the model was checked ({checked}): their "
        "intervals are wider, and rest on the {model} going on as it began.",
    }
)


def said(sentence: str, **words: str) -> str:
    """The sentence of that name with its words filled in."""
    return SENTENCES[sentence].format(**words)
