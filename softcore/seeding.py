"""The only source of random generators: every draw has a name.

Two cells of one replicate that share a stream's name and keys share its draws, so that their comparison is paired, and
a stream that one cell does not use never shifts another's.
"""

import hashlib

import numpy as np

STREAMS = (
    "panel",  # who answers which item
    "items",  # which annotated items are held out, and the nested order of the others
    "labels",  # labels that are themselves random (the `random` baseline)
    "weights",  # initial weights
    "repeat",  # which initial weights a repeated trial rounds the other way
    "order",  # the order of training items in an epoch
    "draw",  # which annotator's label a batch uses
    "augmentation",
    "mixing",
    "attack",
    "split",  # the fixed split of a user's own images
    "simulation",  # simulated annotators
    "hmix",  # which mixed images are used, and their random targets
    "corruption",
    "curve",  # which validation images learning curves are made on
    "uncertainty",  # joint draws of what cells are worth
    "plan",  # draws of the planner's model
    "control",  # which class a control moves mass to
    "replay",  # test clicks drawn from recorded ones, and rounds of relabelling
)


def generator(stream: str, *keys: int) -> np.random.Generator:
    """A NumPy generator of its own for `stream` and `keys` (seed, panel, epoch, ...), the same on every machine.

    Raises KeyError for a stream that `STREAMS` does not name.
    """
    return np.random.default_rng(_sequence(stream, keys))


def torch_seed(stream: str, *keys: int) -> int:
    """A seed in 0..2**63-1 for `torch.Generator.manual_seed`, from the same named streams."""
    return int(_sequence(stream, keys).generate_state(1, np.uint64)[0] >> 1)


def _sequence(stream: str, keys: tuple[int, ...]) -> np.random.SeedSequence:
    if stream not in STREAMS:
        raise KeyError(f"no stream '{stream}'; known: {', '.join(STREAMS)}")
    name = int.from_bytes(hashlib.sha256(stream.encode()).digest()[:8], "little")
    return np.random.SeedSequence([name, *keys])
