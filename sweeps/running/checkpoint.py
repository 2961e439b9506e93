"""Where a trial stands, in one file that a killed trial goes on from, checked before it is believed.

    <out>/<sweep id>/checkpoints/<trial>.npz

The file appears whole or not at all, holds numbers and words and never a pickle, and says what it is of (trial, data,
code, libraries, processor) and its content's digest. One that is cut, altered or of something else is thrown away.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import numpy as np

import softcore
import sweeps.running
from softcore.files import whole
from sweeps.running.curve import COLUMNS

log = logging.getLogger(__name__)
CHECKPOINTS = "checkpoints"  # the folder, below a sweep's
SCHEMA = "1"
SHARE = 0.01  # of a trial's time at most that saving takes
ABOUT = "about"


class Pace:
    """When a process saves: `every` so many seconds from its making on, and more rarely where storage is so slow that
    saving would take more than `SHARE` of the time.
    """

    def __init__(self, every: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.every, self.clock = every, clock
        self.next = clock() + every

    def due(self) -> bool:
        """Whether it is time to save."""
        return self.clock() >= self.next

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Around the saving, which sets when it is due next."""
        began = self.clock()
        yield
        ended = self.clock()
        self.next = ended + max(self.every, (ended - began) / SHARE)


class Checkpoint:
    """The checkpoint of one trial: at most one file, written again and again.

    `identity` is what must be equal for training to go on to the same bytes.
    """

    def __init__(self, path: Path, identity: Mapping[str, str]) -> None:
        self.path, self.identity = path, {"schema": SCHEMA, **identity}

    def save(self, content: Mapping[str, np.ndarray]) -> None:
        """Write `content` in place of what was saved before; storage that fails costs the checkpoint, not the trial."""
        about = json.dumps({**self.identity, "sha256": digest(content)})
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with whole(self.path) as temporary, temporary.open("wb") as file:
                np.savez(file, **{ABOUT: np.array(about), **content})  # type: ignore[arg-type]
        except OSError as error:
            log.warning("%s can't be written: %s", self.path, error.strerror)

    def load(self) -> tuple[dict[str, np.ndarray], str]:
        """What was saved, and a line where it was thrown away instead; both are empty where nothing is there."""
        if not self.path.is_file():
            return {}, ""
        content, why = self._read()
        if not why:
            return content, ""
        self.remove()
        return {}, f"{self.identity['trial']}: its checkpoint was thrown away ({why}); it starts again"

    def _read(self) -> tuple[dict[str, np.ndarray], str]:
        """The content of the file, and why it can't be used."""
        try:
            with np.load(self.path, allow_pickle=False) as archive:
                content = {name: archive[name] for name in archive.files}
            about = json.loads(str(content.pop(ABOUT)))
            kept = about.pop("sha256")
        except Exception as error:  # zip, zlib, NumPy and JSON each have their own way to say that a file is cut
            said = str(error).partition("\n")[0] or type(error).__name__
            return {}, f"it can't be read: {said}"
        for name, ours in self.identity.items():
            if about.get(name) != ours:
                return {}, f"it is of {name} {about.get(name)}, not {ours}"
        return content, "" if digest(content) == kept else "its content is not what was written"

    def remove(self) -> None:
        """Delete it: the trial is done. What storage does not let go is no trial's, and goes when the sweep ends."""
        with suppress(OSError):
            self.path.unlink()


class Past:
    """What a checkpoint keeps of a trial beside its training: the curve so far, how often it was resumed (this time
    among them) and the seconds spent, by the clock and of processors; nothing where there was no checkpoint.
    """

    def __init__(self, saved: Mapping[str, np.ndarray]) -> None:
        self.curve: list[list[float]] = saved["curve"].tolist() if saved else []
        self.resumed = int(saved["resumed"]) + 1 if saved else 0
        self.wall, self.cpu = (float(seconds) for seconds in saved["spent"]) if saved else (0.0, 0.0)

    def arrays(self, wall: float, cpu: float) -> dict[str, np.ndarray]:
        """The same for a checkpoint after so many seconds in all."""
        return {
            "curve": np.array(self.curve, dtype=np.float64).reshape(-1, len(COLUMNS)),
            "resumed": np.array(self.resumed),
            "spent": np.array([wall, cpu]),
        }

    def told(self) -> dict[str, int]:
        """What the trial's record says of it."""
        return {"resumed": self.resumed} if self.resumed else {}


def digest(content: Mapping[str, np.ndarray]) -> str:
    """SHA-256 (hex) of arrays with their names, types and shapes."""
    found = hashlib.sha256()
    for name in sorted(content):
        array = content[name]
        found.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        found.update(array.tobytes())
    return found.hexdigest()


@cache
def code_version() -> str:
    """A digest of the source that decides what a trial does, but for libraries."""
    found = hashlib.sha256()
    for package in (softcore, sweeps.running):
        folder = Path(package.__path__[0])
        for path in sorted(folder.rglob("*.py")):
            found.update(path.relative_to(folder).as_posix().encode() + b"\n" + path.read_bytes())
    return found.hexdigest()[:16]
