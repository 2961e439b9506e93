"""People's soft labels as a file."""

from pathlib import Path

from softcore.datasets import data_root, load
from softcore.errors import RequestError, known
from softcore.labels.aggregate import aggregate
from softcore.labels.build import PEOPLE, people_labels
from softcore.labels.elicited import ELICITED, soft_labels
from sweeps.store import write_bytes


def write_labels(
    dataset: str, path: Path, *, variety: str, gamma: float, aggregation: str, root: str | Path | None
) -> str:
    """Write one row a label (`item`, `annotator`, `p_<class>` ...) and say in a line what was written."""
    if path.suffix not in (".parquet", ".csv"):
        raise RequestError(f"--out must end in .parquet or .csv; it is {path}")
    if variety not in PEOPLE:
        raise known("variety", variety, PEOPLE)
    data = load(dataset, data_root(root))
    soft_labels(data.records.iloc[:0], ELICITED[0], len(data.classes), gamma)  # checks gamma even for clicks
    labels, _ = people_labels(data, variety, data.annotated_items, gamma=gamma)
    pooled = aggregate(labels, aggregation)
    frame = pooled.frame(data.classes)
    if path.suffix == ".parquet":
        write_bytes(path, frame.to_parquet(index=False))
    else:
        write_bytes(path, frame.to_csv(index=False).encode())
    people = len(set(labels.annotators) - {""})
    return f"{path}: {len(frame)} labels of {len(pooled.items)} items by {people} annotators"
