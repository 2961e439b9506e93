"""Fetch the official files, check them, convert images to our format. Nothing else in `softcore` reads the network."""

import os
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from types import MappingProxyType

from softcore.data.cifar10s import TEST_IMAGES, VALIDATION_IMAGES, convert, read_images
from softcore.errors import RequestError, unknown_name
from softcore.files import sha256 as sha256_of

_CIFAR10S = "https://raw.githubusercontent.com/cambridge-mlg/cifar-10s/86b114f0257ad88e36add572db3dd69dbca0fdf7/"
_CIFAR10H = "https://raw.githubusercontent.com/jcpeterson/cifar-10h/48da312b193b82e6939ec20f23d1f09cbdd849c8/"
_HMIX = "https://raw.githubusercontent.com/cambridge-mlg/hill-mixup/5a022730a270b6785355f9e57b6d2620075bfbab/"
_NO_LICENCE = "its owners state none; cite Collins, Bhatt & Weller 2022"
_NO_LICENCE_HMIX = "its owners state none; cite Collins et al. 2023"
Progress = Callable[[str, int, int | None], None]  # file, bytes there, bytes in all (None: not said)
CHUNK = 1 << 20
TIMEOUT_SECONDS = 30
ATTEMPTS = 4  # in one call; a file that is cut more often waits for the next call, which goes on where this one ended
ROWS = {"cifar10/test.npz": TEST_IMAGES, "cifar10/validation.npz": VALIDATION_IMAGES}


@dataclass(frozen=True, kw_only=True)
class OfficialFile:
    """A file below the data root, its owner's address and the SHA-256 that its content must have.

    With `makes`, the file is only on the way: it is converted to those files and then thrown away.
    """

    file: str
    url: str
    sha256: str
    licence: str
    makes: tuple[str, ...] = ()


_ANSWERS = (
    OfficialFile(
        file="cifar10s/raw_human_data.csv",
        url=_CIFAR10S + "cifar10s_data/raw_human_data.csv",
        sha256="e1dd26bfd75a00cb4e9e875a4ad7a02b3f16a3bd318a165b4693c059c85d0eb0",
        licence=_NO_LICENCE,
    ),
    OfficialFile(
        file="splits/train_indices.npy",
        url=_CIFAR10S + "other_data/train_indices.npy",
        sha256="af80134e896dda7f42c7acc9386243d53b4bf54c996b219452fa6ac600c8883a",
        licence=_NO_LICENCE,
    ),
    OfficialFile(
        file="splits/test_indices.npy",
        url=_CIFAR10S + "other_data/test_indices.npy",
        sha256="2cda098d4cc19137cde538b37f26759e8c0fbc20c470aa89a9574f4edba2bcbb",
        licence=_NO_LICENCE,
    ),
    OfficialFile(
        file="cifar10h/cifar10h-counts.npy",
        url=_CIFAR10H + "data/cifar10h-counts.npy",
        sha256="9b36b4550349af56c79083356312eb4af856cc5fd3caf1f669d40b9d0bbb69ff",
        licence="CC BY-NC-SA 4.0; cite Peterson et al. 2019",
    ),
    OfficialFile(
        file="cifar10/cifar-10-python.tar.gz",
        url="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        licence="none stated; cite Krizhevsky 2009",
        makes=("cifar10/test.npz", "cifar10/validation.npz"),
    ),
)
_MIXED = (
    OfficialFile(
        file="hmix/hmix_infer_mixing_factor.csv",
        url=_HMIX + "h_mix/hmix_infer_mixing_factor.csv",
        sha256="9f8aa49c85e9879453a032ea43abf7764425fe1a452c8fdd5f3c9b7c9fd35eeb",
        licence=_NO_LICENCE_HMIX,
    ),
    OfficialFile(
        file="hmix/hmix_categorical_soft_labels.csv",
        url=_HMIX + "h_mix/hmix_categorical_soft_labels.csv",
        sha256="c9dec5d338399b6152db3b8389a98e98dc264bb6e07e5b4e07746a046f020584",
        licence=_NO_LICENCE_HMIX,
    ),
)
_LABEL_ERRORS = (
    OfficialFile(
        file="label_errors/cifar10_mturk.json",
        url="https://raw.githubusercontent.com/cleanlab/label-errors/6d5d6b31a13216290afc40e5c6319399c4d15c06/mturk/"
        "cifar10_mturk.json",
        sha256="81b2c16c9eee060d6cc2390f6bbce1e0e7be0a050574be5177c9428f3596b5b5",
        licence="see its repository; cite Northcutt, Athalye & Mueller 2021",
    ),
)
SOURCES: Mapping[str, tuple[OfficialFile, ...]] = MappingProxyType(
    {
        "cifar10s": _ANSWERS,
        "hmix": (*_ANSWERS, *_MIXED),
        "digits": (),  # they come with scikit-learn
        "label-errors": _LABEL_ERRORS,  # votes for the test set `corrected`, beside cifar10s
    }
)


@dataclass(frozen=True, kw_only=True)
class FileState:
    """What became of a file (`fetched`, `there`) or was found (`ok`, `missing`, `wrong`), and why.

    Of a file that is or was fetched `licence` says on what terms its owners publish it.
    """

    file: str
    state: str
    detail: str
    licence: str = ""


def fetch(
    name: str, root: Path, *, mirror: str | None = None, progress: Progress | None = None, sources=SOURCES
) -> list[FileState]:
    """Bring all files of the data set `name` below `root`; what is there and right is left alone.

    `mirror` is the address of a folder laid out like the data root that stands in for the owners' (its files must have
    the same checksums). A broken-off file goes on where it ended, in this call or the next. A file appears under its
    name only once its SHA-256 is right. Raises RequestError if a file can't be had, is not what it should be, or can't
    be written.
    """
    report = []
    for source in _sources(name, sources):
        wanted = source.makes or (source.file,)
        if all(_check(root, file, source).state == "ok" for file in wanted):
            report += [
                FileState(file=file, state="there", detail="left as it is", licence=source.licence) for file in wanted
            ]
            continue
        address = f"{mirror.rstrip('/')}/{source.file}" if mirror else source.url
        target = root / source.file
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            # An archive that outlived an interrupted conversion need not be fetched again.
            if not target.is_file() or sha256_of(target) != source.sha256:
                download(address, target, source.sha256, progress)
            if source.makes:
                convert(target, target.parent)
                target.unlink()
        except OSError as error:
            raise RequestError(f"{target}: can't be written ({error.strerror or error})") from error
        report += [FileState(file=file, state="fetched", detail=address, licence=source.licence) for file in wanted]
    return report


def verify(name: str, root: Path, *, sources=SOURCES) -> list[FileState]:
    """The state of every file of the data set `name` below `root`: `ok`, `missing` or `wrong`.

    Files as their owners publish them must have the pinned SHA-256; images in this project's own format are checked
    for shape and type, as their compression differs between machines. Raises RequestError for an unknown name.
    """
    return [_check(root, file, source) for source in _sources(name, sources) for file in source.makes or (source.file,)]


def _sources(name: str, sources: Mapping[str, Sequence[OfficialFile]]) -> Sequence[OfficialFile]:
    if name not in sources:
        raise unknown_name("data set", name, sources)
    return sources[name]


def _check(root: Path, file: str, source: OfficialFile) -> FileState:
    path = root / file
    if not path.is_file():
        return FileState(file=file, state="missing", detail=f"no file {path}")
    if source.makes:
        try:
            read_images(path, ROWS[file])
        except RequestError as error:
            return FileState(file=file, state="wrong", detail=str(error))
        return FileState(file=file, state="ok", detail="shape and type")
    found = sha256_of(path)
    state = "ok" if found == source.sha256 else "wrong"
    return FileState(file=file, state=state, detail=f"sha256 {found}")


def download(url: str, target: Path, sha256: str, progress: Progress | None = None) -> None:
    """Fetch `url` to `target`, which is replaced in one step once all is there with the checksum `sha256`.

    What has come so far stays beside it as `.part` when the line breaks, never when the checksum is wrong. Raises
    RequestError if the server can't be reached, breaks off too often, or has another file.
    """
    part = target.with_name(target.name + ".part")
    resumed = part.is_file() and part.stat().st_size > 0
    for attempt in range(1, ATTEMPTS + 1):
        try:
            whole = _transfer(url, part, target.name, progress)
        except urllib.error.HTTPError as error:
            raise RequestError(f"{url}: the server answers {error.code} {error.reason}") from error
        except ValueError as error:
            raise RequestError(f"'{url}' is no address ({error}); http://, https:// or file:// is allowed") from error
        except (urllib.error.URLError, HTTPException, OSError) as error:
            if isinstance(error, OSError) and error.filename is not None:
                raise  # the disk, not the line
            whole, reason = False, getattr(error, "reason", None) or error
        else:
            reason = "it broke off"
        if whole:
            found = sha256_of(part)
            if found == sha256:
                os.replace(part, target)
                return
            part.unlink()
            if not resumed:
                raise RequestError(f"{url}: its sha256 is {found}; allowed: {sha256}; nothing was kept")
            resumed = False  # what an earlier call had left may be of another file: once more, from the start
        elif attempt == ATTEMPTS:
            break
    kept = part.stat().st_size if part.is_file() else 0
    raise RequestError(
        f"{url}: can't be fetched ({reason}); {kept} bytes are kept, the same command goes on from there"
    )


def _transfer(url: str, part: Path, name: str, progress: Progress | None) -> bool:
    """Add to `part` what is still missing of `url`; whether all of it is there now."""
    have = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        return True  # nothing beyond what is there: the checksum tells whether that is all of it
    with response:
        resumes = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        have = have if resumes else 0  # a server without ranges sends everything again
        length = response.headers.get("Content-Length")
        total = have + int(length) if length is not None else None
        with part.open("ab" if resumes else "wb") as file:
            while chunk := response.read(CHUNK):
                file.write(chunk)
                have += len(chunk)
                if progress:
                    progress(name, have, total)
    return total is None or have == total
