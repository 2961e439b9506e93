"""A sweep's frontier as files: CSV, JSON, PNG and HTML."""

import json
from collections.abc import Callable
from pathlib import Path
from textwrap import fill

import pandas as pd

from softcore.datasets import data_root
from softcore.errors import RequestError, unknown_name
from softcore.files import whole
from softcore.labels.aggregate import aggregate
from softcore.labels.ask import asked_varieties, people_labels
from softcore.labels.elicited import soft_labels
from softcore.labels.similarity import SIMILARITIES, class_similarity
from softcore.varieties import VARIETIES
from sweeps.frontier.frontier import Frontiers
from sweeps.planning.verdict import frontier_verdicts
from sweeps.results.names import INTERVAL, best_means
from sweeps.results.table import plain_values
from sweeps.running.store import write_bytes
from sweeps.running.trial import load_data
from sweeps.show.frontier_page import frontier_page
from sweeps.show.frontier_png import WIDE, frontier_png
from sweeps.show.shades import sweep_bands

_QUESTION = "Which labels cost what, and how well do they do?"


def write_frontier(folder: Path, found: Frontiers, *, sweep_id: str, simulated: bool, hardware: str) -> dict[str, Path]:
    """Write the frontiers as `frontier.csv`, `.json`, `.png` and `.html` into `folder`; give their paths by ending.

    Each is whole or absent: written under a temporary name, then renamed. `hardware` is a line about what the sweep ran
    on. Where replicates allow it the frontier has its bands; else page and JSON say why not.
    """
    tables, shades, decided = found.tables, sweep_bands(found), frontier_verdicts(found)
    together = pd.concat(tables.values(), ignore_index=True)
    about = {
        "sweep": sweep_id,
        "simulated_annotators": simulated,
        "interval": INTERVAL,
        "prices": found.prices.as_dict() | {"wage": found.wage, "fee": found.fee},
        "hardware": hardware,
        "verdict": {name: found.words for name, found in decided.items()},
        "verdicts": {name: plain_values(found.as_dict()) for name, found in decided.items()},
        "best_means": {name: best_means(table) for name, table in tables.items()},
        **shades.as_dict(),
    }

    def as_json() -> str:
        cells = {
            name: json.loads(table.to_json(orient="records", double_precision=15)) for name, table in tables.items()
        }  # NaN as null
        return json.dumps(about | {"frontiers": cells}, indent=1, ensure_ascii=False)

    def as_page() -> str:
        return frontier_page(found, sweep_id=sweep_id, simulated=simulated, hardware=hardware, shades=shades)

    note = "\n".join(fill(line, WIDE) for line in (f"Sweep {sweep_id}. {found.prices.assumes}", *shades.lines))
    writers: dict[str, Callable[[Path], object]] = {
        "csv": lambda path: together.to_csv(path, index=False),
        "json": lambda path: path.write_text(as_json(), "utf-8"),
        "png": lambda path: frontier_png(tables, path, _QUESTION, simulated, note=note, bands=shades.bands),
        "html": lambda path: path.write_text(as_page(), "utf-8"),
    }
    folder.mkdir(parents=True, exist_ok=True)
    paths = {ending: folder / f"frontier.{ending}" for ending in writers}
    for ending, write in writers.items():
        with whole(paths[ending]) as temporary:
            write(temporary)
    return paths


def write_labels(
    dataset: str,
    path: Path,
    *,
    variety: str,
    gamma: float,
    aggregation: str,
    similarity: str | None,
    word_vectors: str | None,
    root: str | Path | None,
) -> str:
    """Write one row a label (`item`, `annotator`, `p_<class>` ...) and say in a line what was written.

    A semantic variety takes its `similarity` from the confusions of all training items, or the file `word_vectors`.
    """
    if path.suffix not in (".parquet", ".csv"):
        raise RequestError(f"--out must end in .parquet or .csv; it is {path}")
    if variety not in asked_varieties():
        raise unknown_name("variety", variety, asked_varieties())
    semantic = VARIETIES[variety].similarity
    if semantic and similarity is None:
        raise RequestError(f"variety {variety} needs --similarity: {' or '.join(SIMILARITIES)}")
    data = load_data(dataset, data_root(root), word_vectors)
    soft_labels(data.records.iloc[:0], "t2-clamp", len(data.classes), gamma)  # checks gamma even for clicks
    alike = class_similarity(data, similarity, data.train_items) if semantic else None
    labels, _ = people_labels(data, variety, data.annotated_items, gamma=gamma, similarity=alike)
    pooled = aggregate(labels, aggregation)
    frame = pooled.frame(data.classes)
    if path.suffix == ".parquet":
        write_bytes(path, frame.to_parquet(index=False))
    else:
        write_bytes(path, frame.to_csv(index=False).encode())
    people = len(set(labels.annotators) - {""})
    return f"{path}: {len(frame)} labels of {len(pooled.items)} items by {people} annotators"
