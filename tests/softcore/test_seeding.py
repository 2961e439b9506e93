"""Every draw has a name, and nothing draws but by name."""

import ast
from pathlib import Path

import numpy as np
import pytest
import torch

import softcore
from softcore.seeding import STREAMS, generator, torch_seed

SOURCES = sorted(Path(softcore.__file__).parent.rglob("*.py"))


def test_a_stream_and_its_keys_always_draw_the_same():
    assert np.array_equal(generator("panel", 1, 2).random(5), generator("panel", 1, 2).random(5))
    assert torch_seed("weights", 3) == torch_seed("weights", 3)


def test_streams_and_keys_draw_apart():
    # A stream is always asked for with the same number of keys: NumPy takes (0,) and (0, 0) for the same.
    drawn = [generator(stream, seed, key).random() for stream in STREAMS for seed in range(3) for key in range(3)]
    assert len(set(drawn)) == len(drawn)


def test_draws_are_the_same_on_every_machine():
    # Pinned: another number here means that every trial of every sweep draws anew.
    assert generator("panel", 0, 0).integers(0, 10**9, 3).tolist() == [251108393, 408244909, 537418722]
    assert torch_seed("weights", 0) == 6834036991981751214


def test_torch_takes_the_seeds():
    for seed in range(50):
        assert 0 <= torch_seed("order", seed) < 2**63
        torch.Generator().manual_seed(torch_seed("order", seed))


def test_a_stream_without_a_name_is_an_error():
    with pytest.raises(KeyError, match="no stream 'shuffle'; known: panel"):
        generator("shuffle", 0)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(SOURCES[0].parent)))
def test_no_other_module_makes_a_generator_or_seeds_one(source):
    # `np.random.x`, `random.x` and `torch.seed`; `torch.manual_seed` and `torch.Generator` only with a named seed.
    if source.name == "seeding.py":
        return
    calls = [ast.unparse(node) for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Call)]
    drawn = [call for call in calls if call.startswith(("np.random.", "numpy.random.", "random.", "torch.seed("))]
    assert drawn == []
