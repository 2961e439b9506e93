"""What running trials cost: sums of what was measured, estimates by hand, and never 0 for what is not known."""

import json
import re
from pathlib import Path

import pytest

from softcore.datasets import load
from softcore.errors import RequestError
from sweeps.commands.app import show
from sweeps.results.run_cost import Assumptions, run_cost, run_cost_rows
from sweeps.running import store as stores
from sweeps.running.provenance import manifest
from sweeps.running.trial import Material, run_trial
from sweeps.spec.cells import spec_content, sweep_id
from sweeps.spec.spec import resolve
from sweeps.sweep import Sweep

CARD = "NVIDIA H100 80GB HBM3"


def record(cpu=None, device=None, train=10.0, evaluate=2.0, usd=0.0):
    """A trial's record as far as it says what it cost."""
    found = {"result": {"train_seconds": train, "eval_seconds": evaluate, "label_usd": usd}}
    found |= {} if cpu is None else {"cpu_seconds": cpu}
    return found | ({} if device is None else {"made_with": {"device": device}})


def test_an_estimate_by_hand():
    # One hour of a core and half an hour of a card: (10 W x 3,600 s + 300 W x 1,800 s) x 1.5 = 864 kJ = 0.24 kWh.
    cost = run_cost(
        [record(cpu=1800, device="cpu"), record(cpu=1800, device=CARD, train=1700, evaluate=100)],
        assumptions=Assumptions(watts_core=10, watts_card=300, pue=1.5, kg_co2e_kwh=0.5),
    )
    assert (cost.core_seconds, cost.card_seconds) == (3600, 1800)
    assert (cost.kwh, cost.kg_co2e) == (pytest.approx(0.24), pytest.approx(0.12))
    assert (cost.core_unknown, cost.card_unknown, cost.energy_unknown) == (0, 0, 0)


def test_a_trial_that_shares_a_card_has_its_share_of_it():
    assert run_cost([record(cpu=1, device=CARD)], card_share=0.25).card_seconds == 3


def test_trials_from_before_processor_time_was_kept_are_counted_and_not_nothing():
    cost = run_cost([record(cpu=5, device="cpu"), record(device="cpu")])
    assert (cost.core_seconds, cost.core_unknown, cost.energy_unknown) == (5, 1, 1)
    assert run_cost_rows(cost)[0] == {
        "": "core-seconds",
        "amount": "5.0 s",
        "how it is known": "measured, 1 of 2 trials; of 1 it was not kept",
    }
    nothing = run_cost([record(device="cpu")])
    assert (nothing.core_seconds, nothing.kwh, nothing.kg_co2e) == (None, None, None)
    assert [row["amount"] for row in run_cost_rows(nothing)] == ["unknown", "0.0 s", "unknown", "unknown", "$0"]


@pytest.mark.parametrize(
    ("hardware", "card_seconds"),
    [
        ("2 x86_64 cores", 0),
        ("2 nodes: 4 CPUs, 0 GPUs in all", 0),
        ("2 nodes: 4 CPUs, 10 GPUs in all", None),
        (f"16 x86_64 cores, {CARD}", None),
        (f"{CARD}, packs of 72 trials", None),
        ("", None),
    ],
)
def test_a_trial_that_did_not_keep_its_device_had_no_card_where_there_was_none(hardware, card_seconds):
    assert run_cost([record(cpu=5)], hardware=hardware).card_seconds == card_seconds


def test_older_packs_say_their_card_in_their_record():
    assert run_cost([record() | {"device": CARD}], hardware=f"16 x86_64 cores, {CARD}").card_seconds == 12


def test_the_labels_of_a_trial_stand_beside_it():
    assert run_cost([record(usd=4.0), record(usd=42.656), record(usd=0.0)]).label_usd == (0, 42.656)
    rows = run_cost_rows(run_cost([record(usd=4.0), record(usd=42.656)]))
    assert rows[-1] == {"": "labels of a trial", "amount": "$4.00 to $43", "how it is known": "at the thesis's prices"}


def test_small_amounts_are_in_small_units():
    # 12 W x 1.56 for 10 s are 187 J: 0.052 Wh, and 473 g a kWh of it 0.0246 g. A card for a day: 26.2 kWh, 12.4 kg.
    amounts = [row["amount"] for row in run_cost_rows(run_cost([record(cpu=10, device="cpu")]))]
    assert amounts[2:4] == ["0.052 Wh", "0.0246 g"]
    amounts = [row["amount"] for row in run_cost_rows(run_cost([record(cpu=0, device=CARD, train=86400, evaluate=0)]))]
    assert amounts[1:4] == ["86,400.0 s", "26.2 kWh", "12.4 kg"]


def test_without_trials_nothing_is_known():
    cost = run_cost([])
    assert (cost.trials, cost.core_seconds, cost.card_seconds, cost.kwh, cost.label_usd) == (0, None, None, None, None)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"watts_core": -1.0}, "watts_core is -1; 0 or more is allowed"),
        ({"pue": 0.9}, "pue is 0.9; 1 or more is allowed"),
        ({"kg_co2e_kwh": float("nan")}, "kg_co2e_kwh is nan; 0 or more is allowed"),
    ],
)
def test_assumptions_that_cannot_be_are_refused(asked, said):
    with pytest.raises(RequestError, match=said):
        Assumptions(**asked)


def test_assumptions_are_said_with_their_source_or_that_they_were_asked_for():
    core, _, pue, _ = Assumptions(pue=1.1).words()
    assert core.startswith("assumed: 12 W a busy core (a core of any processor, Green Algorithms (Lannelongue")
    assert pue == "assumed: 1.1 times that for the data centre (PUE) (as asked for)"


def test_the_page_of_prices_has_the_same_defaults():
    page = (Path(__file__).parents[3] / "docs" / "prices.md").read_text("utf-8")
    for name, value in vars(Assumptions()).items():
        assert re.search(rf"\| `--{name.replace('_', '-')}` \| {value:g}( W)? \|", page), name


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """A sweep of two trials, run without Ray."""
    block = {"variety": ["hard", "t2-clamp"], "items": 60, "rest": "none", "epochs": 1}
    spec = resolve({"name": "cheap", "dataset": "digits", "seeds": 1, "blocks": [block]})
    digits, out = load("digits"), tmp_path_factory.mktemp("out")
    made = manifest(spec, digits, out, None)
    store = stores.create(out, sweep_id(spec, digits), spec.model_dump(), spec_content(spec, digits), made)
    for trial in Sweep(store).trials():
        run_trial(trial, Material(dataset=digits), store.trials)
    return Sweep(store)


def test_a_sweep_knows_what_its_trials_cost(sweep):
    records = [sweep.store.record(name) for name in sweep.store.trial_folders()]
    cost = sweep.run_cost()
    assert cost.trials == 2
    assert cost.core_seconds == pytest.approx(sum(each["cpu_seconds"] for each in records))
    assert cost.core_seconds > 0
    assert (cost.card_seconds, cost.card_unknown) == (0, 0)
    assert cost.kwh == pytest.approx(12 * 1.56 * cost.core_seconds / 3.6e6)


def test_show_prints_it_with_its_assumptions_and_takes_others(sweep, capsys):
    where = {"out": str(sweep.folder.parent)}
    show(sweep.id, **where)
    said = " ".join(capsys.readouterr().out.split())
    assert "What its trials cost to run" in said
    assert "measured, 2 of 2 trials" in said
    assert "assumed: 0.473 kg CO2e a kWh (the world's electricity of 2024, Ember's" in said
    show(sweep.id, **where, watts_core=24.0, as_json=True)
    told = json.loads(capsys.readouterr().out)["run_cost"]
    assert told["assumptions"] == {"watts_core": 24, "watts_card": 700, "pue": 1.56, "kg_co2e_kwh": 0.473}
    assert told["kwh"] == pytest.approx(2 * sweep.run_cost().kwh)
    assert told["label_usd"][0] == 0
