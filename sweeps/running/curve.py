"""A trial's learning curve: a row an epoch, kept as `curve.csv` in its folder."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path

CURVE = "curve.csv"
SCORES = ("ce", "scaled-ce", "accuracy")  # on the hard labels of so many validation images
COLUMNS = ("epoch", "training_loss", "learning_rate", "validation_images", *SCORES)


def write_curve(path: Path, rows: Sequence[Sequence[float]]) -> None:
    """Write rows of `COLUMNS` as CSV; what is NaN as an empty cell."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for epoch, loss, rate, images, *scores in rows:
            numbers = ["" if math.isnan(number) else repr(float(number)) for number in (loss, rate, *scores)]
            writer.writerow([int(epoch), *numbers[:2], int(images), *numbers[2:]])


def read_curve(path: Path) -> list[dict[str, float]]:
    """The rows of a curve by column, without what is absent; none where there is no such file."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [{name: float(text) for name, text in row.items() if text} for row in csv.DictReader(file)]
