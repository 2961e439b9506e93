"""Sweeps over ways to ask people for labels and to train on the answers.

`sweeps.run(spec)` runs one and returns it, `sweeps.open(id)` opens one that has run.
"""

from typing import Any

__all__ = ["open", "run"]


def __getattr__(name: str) -> Any:
    # The real functions pull in torch; `sweeps --help` must not wait for that.
    if name in ("run", "open", "Sweep"):
        from sweeps import drive, sweep

        return {"run": drive.run, "open": sweep.open_sweep, "Sweep": sweep.Sweep}[name]
    raise AttributeError(f"module 'sweeps' has no attribute '{name}'")
