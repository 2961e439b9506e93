"""Where the official files come from: their owners' addresses at pinned commits, checksums, licences."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_CIFAR10S = "https://raw.githubusercontent.com/cambridge-mlg/cifar-10s/86b114f0257ad88e36add572db3dd69dbca0fdf7/"
_CIFAR10H = "https://raw.githubusercontent.com/jcpeterson/cifar-10h/48da312b193b82e6939ec20f23d1f09cbdd849c8/"
_NO_LICENCE = "its owners state none; cite Collins, Bhatt & Weller 2022"


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file below the data root, its owner's address and the SHA-256 that its content must have.

    With `makes`, the file is only on the way: it is converted to those files and then thrown away.
    """

    file: str
    url: str
    sha256: str
    licence: str
    makes: tuple[str, ...] = ()


SOURCES: Mapping[str, tuple[Source, ...]] = MappingProxyType(
    {
        "cifar10s": (
            Source(
                file="cifar10s/raw_human_data.csv",
                url=_CIFAR10S + "cifar10s_data/raw_human_data.csv",
                sha256="e1dd26bfd75a00cb4e9e875a4ad7a02b3f16a3bd318a165b4693c059c85d0eb0",
                licence=_NO_LICENCE,
            ),
            Source(
                file="splits/train_indices.npy",
                url=_CIFAR10S + "other_data/train_indices.npy",
                sha256="af80134e896dda7f42c7acc9386243d53b4bf54c996b219452fa6ac600c8883a",
                licence=_NO_LICENCE,
            ),
            Source(
                file="splits/test_indices.npy",
                url=_CIFAR10S + "other_data/test_indices.npy",
                sha256="2cda098d4cc19137cde538b37f26759e8c0fbc20c470aa89a9574f4edba2bcbb",
                licence=_NO_LICENCE,
            ),
            Source(
                file="cifar10h/cifar10h-counts.npy",
                url=_CIFAR10H + "data/cifar10h-counts.npy",
                sha256="9b36b4550349af56c79083356312eb4af856cc5fd3caf1f669d40b9d0bbb69ff",
                licence="CC BY-NC-SA 4.0; cite Peterson et al. 2019",
            ),
            Source(
                file="cifar10/cifar-10-python.tar.gz",
                url="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
                sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
                licence="none stated; cite Krizhevsky 2009",
                makes=("cifar10/test.npz", "cifar10/validation.npz"),
            ),
        ),
    }
)
