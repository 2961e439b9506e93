"""Where the official files come from: their owners' addresses at pinned commits, checksums, licences."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_CIFAR10S = "https://raw.githubusercontent.com/cambridge-mlg/cifar-10s/86b114f0257ad88e36add572db3dd69dbca0fdf7/"
_CIFAR10H = "https://raw.githubusercontent.com/jcpeterson/cifar-10h/48da312b193b82e6939ec20f23d1f09cbdd849c8/"
_HMIX = "https://raw.githubusercontent.com/cambridge-mlg/hill-mixup/5a022730a270b6785355f9e57b6d2620075bfbab/"
_NO_LICENCE = "its owners state none; cite Collins, Bhatt & Weller 2022"
_NO_LICENCE_HMIX = "its owners state none; cite Collins et al. 2023"


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


_ANSWERS = (
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
)
_MIXED = (
    Source(
        file="hmix/hmix_infer_mixing_factor.csv",
        url=_HMIX + "h_mix/hmix_infer_mixing_factor.csv",
        sha256="9f8aa49c85e9879453a032ea43abf7764425fe1a452c8fdd5f3c9b7c9fd35eeb",
        licence=_NO_LICENCE_HMIX,
    ),
    Source(
        file="hmix/hmix_categorical_soft_labels.csv",
        url=_HMIX + "h_mix/hmix_categorical_soft_labels.csv",
        sha256="c9dec5d338399b6152db3b8389a98e98dc264bb6e07e5b4e07746a046f020584",
        licence=_NO_LICENCE_HMIX,
    ),
)
SOURCES: Mapping[str, tuple[Source, ...]] = MappingProxyType({"cifar10s": _ANSWERS, "hmix": (*_ANSWERS, *_MIXED)})
