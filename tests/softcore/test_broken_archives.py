"""Archives that are cut, changed or none are refused in one line, whatever the library says of them."""

import io
import random
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from softcore.data.cifar10s import convert
from softcore.data.clicks_archive import _read
from softcore.errors import RequestError
from softcore.files import npz_names, read_array, read_npz


def npz() -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, images=np.arange(200, dtype=np.uint8), labels=np.zeros(3))
    return file.getvalue()


def npy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.arange(50))
    return file.getvalue()


def tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        info = tarfile.TarInfo("cifar-10-batches-py/test_batch")
        info.size = 300
        archive.addfile(info, io.BytesIO(bytes(range(100)) * 3))
    return file.getvalue()


def clicks() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("clicks.csv", "annotator_id,chosen_label\n" + "1,2\n" * 40)
    return file.getvalue()


READERS = {
    "npz": (npz(), lambda path: (npz_names(path), read_npz(path, "images", "labels"))),
    "npy": (npy(), read_array),
    "npz for npy": (npz(), read_array),
    "tar": (tar(), lambda path: convert(path, path.parent)),
    "clicks": (clicks(), _read),
}


def broken(content: bytes, draw: random.Random) -> bytes:
    """Cut, with a byte changed, a stretch of zeros, or its beginning or end gone."""
    changed = bytearray(content)
    place = draw.randrange(len(changed))
    match draw.randrange(4):
        case 0:
            return content[:place]
        case 1:
            changed[place] = draw.randrange(256)
        case 2:
            changed[place : place + 20] = bytes(20)
        case 3:
            del changed[place : place + draw.randrange(1, 30)]
    return bytes(changed)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("number", [40, pytest.param(2000, marks=pytest.mark.fuzz)])
def test_a_broken_archive_is_read_or_refused_in_one_line(tmp_path: Path, kind: str, number: int):
    content, read = READERS[kind]
    draw, path = random.Random(number), tmp_path / "archive"
    refused = []
    for _ in range(number):
        path.write_bytes(broken(content, draw))
        try:
            read(path)
        except RequestError as error:
            refused.append(str(error))
    assert [said for said in refused if "\n" in said or len(said) > 300 + len(str(path))] == []
    assert len(refused) > number / 5
