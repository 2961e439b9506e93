"""One name for all that a trial needs to know about data: images, labels, answers, splits, test sets, a metric."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from softcore.data.dataset import Dataset
from softcore.errors import RequestError


def _cifar10s(root: Path | None) -> Dataset:
    from softcore.data.cifar10s import load_cifar10s

    return load_cifar10s(data_root(root))


def _hmix(root: Path | None) -> Dataset:
    from softcore.data.cifar10s import load_hmix

    return load_hmix(data_root(root))


def _digits(root: Path | None) -> Dataset:
    from softcore.data.digits import load_digits

    return load_digits()


DATASETS: Mapping[str, Callable[[Path | None], Dataset]] = {"cifar10s": _cifar10s, "hmix": _hmix, "digits": _digits}


def load(name: str, root: Path | None = None) -> Dataset:
    """The data set called `name`, or the user's own where `name` is the path of a .yaml or .yml file.

    `root` is the folder of fetched files (`data_root` says what None means); `digits` and own images need none.
    Raises RequestError for an unknown name, a missing file or a file that breaks its format.
    """
    if name.endswith((".yaml", ".yml")):
        from softcore.data.own import load_own

        return load_own(Path(name), root, DATASETS)
    if name not in DATASETS:
        raise RequestError(
            f"unknown data set '{name}'; known: {', '.join(sorted(DATASETS))}, or the path of your own .yaml file"
        )
    return DATASETS[name](root)


def data_root(given: str | Path | None = None) -> Path:
    """The folder of fetched files: `given`, else $SOFTCORE_DATA, else ~/.cache/softcore; it need not exist."""
    if given is not None:
        return Path(given).expanduser()
    from_environment = os.environ.get("SOFTCORE_DATA")
    return Path(from_environment).expanduser() if from_environment else Path.home() / ".cache" / "softcore"
