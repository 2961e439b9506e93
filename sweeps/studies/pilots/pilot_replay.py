"""Three pilots of CIFAR-10S, gone through as a user would: answers to files, files to a sweep, a sweep to a plan.

    python -m sweeps.studies.pilots.pilot_replay [--pilots 0 1 2] [--panel 0] [--scale half]
        [--out sweeps-out] [--to docs/results/grid]

Pilot k is the first 8 batches and 3 people each of panel A of seed k, exactly those that the trials of panel A, seed k,
of the preset `grid` ask. Panel B of that seed shares nobody with it, and shows what its predictions were worth:
`sweeps report grid` sets the two against each other once both are recorded. Each pilot's files go below `--files`; a
sweep that was stopped goes on. With all three, `--to` gets the results tables from which the report is made again.

With `--panel 1` a pilot is of panel B, named pilot-b-k. The sealed cells' seeds have panel A alone, so that
`--panel 1 --pilots 560 751 892 946` makes pilots for `sweeps.studies.pilots.pilot_sealed`.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pandas as pd
import yaml

import sweeps
from softcore.data.dataset import Dataset
from softcore.datasets import data_root, load
from softcore.labels.people import first_batches, hire, split
from sweeps.planning.advise import advise
from sweeps.planning.pilot import pilot_spec
from sweeps.running.store import write_text
from sweeps.sources import files_of, from_sweep
from sweeps.studies.pilots.pilot import METRICS

BATCHES, PEOPLE = 8, 3
IMAGES, MOST_PEOPLE, BUDGET_USD = 900, 3, 400.0


def answers_of(dataset: Dataset, seed: int, panel: int = 0) -> pd.DataFrame:
    """What the pilot of `seed` was told, as rows of a user's CSV: items by index, classes by name."""
    batches = split(dataset, "batches", seed).batches
    few = first_batches(batches, sum(len(batch.items) for batch in batches[:BATCHES]))
    hired = hire(dataset.records, few, annotators=PEOPLE, panel=panel)
    names = dict(enumerate(dataset.classes))
    return pd.DataFrame(
        {
            "annotator": hired["annotator"],
            "item": hired["item"],
            "top1": hired["top1"].map(names),
            "p1": hired["p1"],
            "top2": hired["top2"].map(names),  # nothing where no second class was named
            "p2": hired["p2"],
            "impossible": ["|".join(names[c] for c in ticks) for ticks in hired["impossible"]],
            "seconds": hired["seconds"],
            "position": hired["position"],
        }
    )


def pilot_name(seed: int, panel: int = 0) -> str:
    """What the pilot of a panel of `seed` is called: pilot-0 of panel A, pilot-b-0 of panel B."""
    return f"pilot-{'b-' if panel else ''}{seed}"


def write_files(dataset: Dataset, seed: int, folder: Path, root: Path | None, panel: int = 0) -> Path:
    """The user's three files of pilot `seed` in `folder`: answers, data set, spec; the spec's path."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "answers.csv", answers_of(dataset, seed, panel).to_csv(index=False))
    declared = {
        "name": f"cifar10s-{pilot_name(seed, panel)}",
        "title": f"{BATCHES} batches of CIFAR-10S and {PEOPLE} people each, seed {seed}",
        "images_of": dataset.name,
        "answers": "answers.csv",
        "probabilities": "fraction",
        "held_out": 0,
    }
    own = folder / "pilot.yaml"
    write_text(own, yaml.safe_dump(declared, sort_keys=False))
    write_text(folder / "spec.yaml", pilot_spec(load(str(own), root), str(own), folder))
    return folder / "spec.yaml"


def main() -> None:
    """Run the pilots, print what each plans, and write their results tables."""
    parser = argparse.ArgumentParser(description="Pilots of CIFAR-10S, replayed as a user's own data.")
    parser.add_argument("--pilots", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--panel", type=int, choices=(0, 1), default=0, help="0: panel A, 1: panel B")
    parser.add_argument("--scale", default="half")
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--files", type=Path, default=Path("pilot-files"))
    parser.add_argument("--to", type=Path, help="a folder for the results tables; without it none are written")
    asked = parser.parse_args()
    root = data_root(asked.data_root)
    dataset = load("cifar10s", root)
    for seed in asked.pilots:
        name = pilot_name(seed, asked.panel)
        spec = write_files(dataset, seed, asked.files / name, root, asked.panel)
        sweep = sweeps.run(spec, scale=asked.scale, sets=[f"name={name}"], data_root=root, out=asked.out)
        print(sweep.id, flush=True)
        if asked.to is not None:
            for name, content in files_of(from_sweep(sweep)).items():
                write_text(asked.to / name, content)
        for metric in METRICS:
            print_plan(sweep.results(), metric)


def print_plan(results: pd.DataFrame, metric: str) -> None:
    """What `sweeps plan ID --extrapolate` says of the metric, in lines."""
    found = advise(
        results,
        metric=metric,
        budget_usd=BUDGET_USD,
        images=IMAGES,
        extrapolate=True,
        most_people=MOST_PEOPLE,
    )
    for place, plan in enumerate(found.plans, start=1):
        print(f"  {place}. {plan.words}")
    for line in found.lines:
        print(f"  {line}")


if __name__ == "__main__":
    main()
