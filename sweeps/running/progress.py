"""One line of progress: rewritten in place on a terminal, a new line now and then in a log file."""

import sys
import time
from contextlib import suppress
from typing import TextIO

EVERY = 30.0  # seconds between lines in a log file


class Progress:
    """Counts of trials done, failed and running, and the time that is left."""

    def __init__(self, total: int, *, done: int = 0, stream: TextIO | None = None, clock=time.monotonic) -> None:
        self.total, self.done, self.failed, self.running = total, done, 0, 0
        self.stream, self.clock = stream or sys.stderr, clock
        self.started, self.before, self.shown = clock(), done, float("-inf")
        self.shares: dict[str, float] = {}  # of each running trial's epochs
        self.live = self.stream.isatty()

    def trial_started(self) -> None:
        """One more is running."""
        self.running += 1
        self.show()

    def trial_advanced(self, trial: str, share: float) -> None:
        """A running trial is through with this share (0..1) of its epochs."""
        self.shares[trial] = share
        self.show()

    def trial_ended(self, trial: str, ok: bool) -> None:
        """One has finished or failed."""
        self.shares.pop(trial, None)
        self.running = max(0, self.running - 1)
        self.done += ok
        self.failed += not ok
        self.show()

    def trial_given_up(self, trial: str) -> None:
        """One that was running waits again."""
        self.shares.pop(trial, None)
        self.running = max(0, self.running - 1)
        self.show()

    def left(self) -> float | None:
        """Seconds that the rest will take at the pace seen so far, None before the first epoch has ended."""
        ended = self.done - self.before + self.failed + sum(self.shares.values())
        if not ended:
            return None
        return (self.total - self.before - ended) * (self.clock() - self.started) / ended

    def line(self) -> str:
        """What is shown."""
        left = self.left()
        parts = [f"{self.done}/{self.total} done"]
        if self.failed:
            parts.append(f"{self.failed} failed")
        parts.append(f"{self.running} running")
        parts.append("time left unknown yet" if left is None else f"about {duration(left)} left")
        return ", ".join(parts)

    def show(self, last: bool = False) -> None:
        """Write the line if it is time to."""
        now = self.clock()
        if self.live:
            self._write(f"\r\x1b[2K{self.line()}" + ("\n" if last else ""))
        elif last or now - self.shown >= EVERY:
            self.shown = now
            self._write(f"{self.line()}\n")

    def _write(self, text: str) -> None:
        with suppress(OSError, ValueError):  # a pipe or a terminal that was closed must not end the sweep
            self.stream.write(text)
            self.stream.flush()

    def end(self) -> None:
        """The last line."""
        self.running = 0
        self.show(last=True)


def duration(seconds: float) -> str:
    """Seconds in words: 45 s, 12 min, 3 h 20 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
