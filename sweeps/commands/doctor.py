"""The checks of `sweeps doctor`: the machine's, the data's and the tracking store's."""

from pathlib import Path

from cluster.preflight import Check, local_checks
from softcore.data.fetch import verify
from softcore.datasets import data_root
from sweeps.running.store import out_folder


def checks(out: str | Path | None, root: str | Path | None) -> list[Check]:
    """Every check of this machine, failed or not."""
    folder = out_folder(out)
    return [*local_checks(folder), data_check(data_root(root)), store_check(folder)]


def data_check(root: Path) -> Check:
    """Whether the files of CIFAR-10S are there and are the ones their owners published."""
    bad = [file for file in verify("cifar10s", root) if file.state != "ok"]
    found = f"{root}: " + ("; ".join(f"{file.file} {file.state}" for file in bad[:3]) if bad else "complete")
    return Check(
        name="CIFAR-10S data",
        ok=not bad,
        found=found,
        way_out="`sweeps data fetch cifar10s`, or name the folder with --data-root; `digits` needs none",
    )


def store_check(out: Path) -> Check:
    """Whether the MLflow store in the output folder, if there is one, can be read."""
    import sqlite3

    database = out / "mlflow" / "mlflow.db"
    if not database.is_file():
        return Check(name="MLflow store", ok=True, found="none yet", way_out="")
    try:
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            runs = connection.execute("select count(*) from runs").fetchone()[0]
    except sqlite3.Error as error:
        return Check(
            name="MLflow store",
            ok=False,
            found=f"{database}: {error}",
            way_out="move it away; `sweeps mirror ID --from-nothing` mirrors a sweep again",
        )
    return Check(name="MLflow store", ok=True, found=f"{runs} runs", way_out="")
