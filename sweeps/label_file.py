"""People's soft labels as a file."""

from pathlib import Path

from softcore.datasets import data_root
from softcore.errors import RequestError, known
from softcore.labels.aggregate import aggregate
from softcore.labels.build import PEOPLE, people_labels
from softcore.labels.elicited import ELICITED, SEMANTIC, soft_labels
from softcore.labels.similarity import SIMILARITIES, class_similarity
from sweeps.running.store import write_bytes
from sweeps.running.trial import load_data


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
    if variety not in PEOPLE:
        raise known("variety", variety, PEOPLE)
    if variety in SEMANTIC and similarity is None:
        raise RequestError(f"variety {variety} needs --similarity: {' or '.join(SIMILARITIES)}")
    data = load_data(dataset, data_root(root), word_vectors)
    soft_labels(data.records.iloc[:0], ELICITED[0], len(data.classes), gamma)  # checks gamma even for clicks
    alike = class_similarity(data, similarity, data.train_items) if variety in SEMANTIC else None
    labels, _ = people_labels(data, variety, data.annotated_items, gamma=gamma, similarity=alike)
    pooled = aggregate(labels, aggregation)
    frame = pooled.frame(data.classes)
    if path.suffix == ".parquet":
        write_bytes(path, frame.to_parquet(index=False))
    else:
        write_bytes(path, frame.to_csv(index=False).encode())
    people = len(set(labels.annotators) - {""})
    return f"{path}: {len(frame)} labels of {len(pooled.items)} items by {people} annotators"
