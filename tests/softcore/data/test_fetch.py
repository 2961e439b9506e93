"""Files are fetched whole and right or not at all; every server here is on loopback."""

import hashlib
import http.server
import io
import pickle
import tarfile
import threading

import numpy as np
import pytest

from softcore.data import cifar10s as cifar10
from softcore.data import fetch as fetching
from softcore.data import hmix
from softcore.data.cifar10s import choose_validation, convert, pixels_note
from softcore.data.fetch import SOURCES, FileState, OfficialFile, download, fetch, verify
from softcore.errors import RequestError
from softcore.files import read_npz

CONTENT = bytes(range(256)) * 4000  # 1,024,000 bytes
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server:
    """A file server on loopback that can lack ranges, break off, or send other bytes; it keeps what was asked."""

    def __init__(self):
        self.files = {"/a/file.bin": CONTENT}
        self.ranges = True
        self.cut_after: list[int] = []  # bytes to send before breaking off, one entry an answer
        self.asked: list[str | None] = []  # the Range header of each request
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                content = server.files.get(self.path)
                asked = self.headers.get("Range")
                server.asked.append(asked)
                if content is None:
                    self.send_error(404)
                    return
                start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and server.ranges else 0
                if start >= len(content) > 0:
                    self.send_error(416)
                    return
                self.send_response(206 if start else 200)
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
                self.send_header("Content-Length", str(len(content) - start))
                self.end_headers()
                end = start + server.cut_after.pop(0) if server.cut_after else len(content)
                self.wfile.write(content[start:end])

            def log_message(self, *_):
                pass

        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server():
    running = Server()
    yield running
    running.close()


def sources(sha256=SHA256):
    return {
        "cifar10s": (OfficialFile(file="a/file.bin", url="http://127.0.0.1:9/gone", sha256=sha256, licence="none"),)
    }


def left(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_fresh_file_is_fetched_checked_and_progress_is_told(server, tmp_path):
    told = []
    report = fetch(
        "cifar10s", tmp_path, mirror=server.address, progress=lambda *seen: told.append(seen), sources=sources()
    )
    assert (tmp_path / "a" / "file.bin").read_bytes() == CONTENT
    assert left(tmp_path) == ["file.bin"]
    assert report == [
        FileState(file="a/file.bin", state="fetched", detail=f"{server.address}/a/file.bin", licence="none")
    ]
    assert told[-1] == ("file.bin", len(CONTENT), len(CONTENT))


def test_what_is_there_and_right_is_not_fetched_again(server, tmp_path):
    fetch("cifar10s", tmp_path, mirror=server.address, sources=sources())
    (again,) = fetch("cifar10s", tmp_path, mirror=server.address, sources=sources())
    assert again.state == "there"
    assert len(server.asked) == 1


def test_a_file_that_breaks_off_goes_on_where_it_ended(server, tmp_path):
    server.cut_after = [1000, 500_000]
    download(f"{server.address}/a/file.bin", tmp_path / "file.bin", SHA256)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert server.asked == [None, "bytes=1000-", "bytes=501000-"]


def test_a_later_call_goes_on_where_an_earlier_one_gave_up(server, tmp_path):
    server.cut_after = [100] * fetching.ATTEMPTS
    with pytest.raises(RequestError, match="400 bytes are kept, the same command goes on from there"):
        download(f"{server.address}/a/file.bin", tmp_path / "file.bin", SHA256)
    assert left(tmp_path) == ["file.bin.part"]
    download(f"{server.address}/a/file.bin", tmp_path / "file.bin", SHA256)
    assert server.asked[-1] == "bytes=400-"
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert left(tmp_path) == ["file.bin"]


def test_a_server_without_ranges_is_asked_for_everything_again(server, tmp_path):
    server.ranges = False
    server.cut_after = [1000]
    download(f"{server.address}/a/file.bin", tmp_path / "file.bin", SHA256)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_file_with_a_wrong_checksum_is_refused_and_nothing_is_left(server, tmp_path):
    with pytest.raises(RequestError, match=f"its sha256 is {SHA256}; allowed: {'0' * 64}; nothing was kept"):
        fetch("cifar10s", tmp_path, mirror=server.address, sources=sources("0" * 64))
    assert left(tmp_path) == []


def test_a_leftover_of_another_file_is_thrown_away_and_fetched_anew(server, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(b"something else")
    download(f"{server.address}/a/file.bin", tmp_path / "file.bin", SHA256)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_complete_leftover_is_only_checked(server, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(CONTENT)
    download(f"{server.address}/a/file.bin", tmp_path / "file.bin", SHA256)
    assert left(tmp_path) == ["file.bin"]


def test_a_damaged_file_is_found_and_replaced(server, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file.bin").write_bytes(CONTENT[:-1])
    assert [state.state for state in verify("cifar10s", tmp_path, sources=sources())] == ["wrong"]
    fetch("cifar10s", tmp_path, mirror=server.address, sources=sources())
    assert [state.state for state in verify("cifar10s", tmp_path, sources=sources())] == ["ok"]


def test_a_file_the_server_does_not_have_and_a_server_that_is_not_there_are_one_line_each(server, tmp_path):
    with pytest.raises(RequestError, match="the server answers 404"):
        download(f"{server.address}/none", tmp_path / "x", SHA256)
    with pytest.raises(RequestError, match="is no address"):
        download("nowhere", tmp_path / "x", SHA256)
    gone = Server()
    gone.close()
    with pytest.raises(RequestError, match="can't be fetched"):
        download(f"{gone.address}/a/file.bin", tmp_path / "x", SHA256)


def test_a_data_root_that_can_not_be_written_is_refused(server, tmp_path):
    (tmp_path / "a").write_text("a file where a folder should be")
    with pytest.raises(RequestError, match="can't be written"):
        fetch("cifar10s", tmp_path, mirror=server.address, sources=sources())


def test_an_unknown_name_is_refused_and_an_embedded_data_set_has_nothing_to_fetch(tmp_path):
    with pytest.raises(RequestError, match="known: cifar10s, digits"):
        fetch("imagenet", tmp_path)
    assert fetch("digits", tmp_path) == verify("digits", tmp_path) == []


def test_every_official_address_is_pinned():
    for source in SOURCES["hmix"]:  # those of cifar10s among them
        assert len(source.sha256) == 64
        assert source.url.startswith("https://")
        assert "/master/" not in source.url
        assert "/main/" not in source.url


def test_the_real_files_have_the_pinned_checksums(real_root):
    assert {state.state for state in verify("cifar10s", real_root)} == {"ok"}


def test_the_files_of_hmix_are_those_of_cifar10s_and_two_more(real_root):
    assert SOURCES["hmix"][: len(SOURCES["cifar10s"])] == SOURCES["cifar10s"]
    report = verify("hmix", real_root)
    assert [state.file for state in report if state.file.startswith("hmix/")] == list(hmix.FILES)
    assert {state.state for state in report} == {"ok"}


# --- CIFAR-10's archive -> the cache -----------------------------------------------------------------------------


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """An archive in the official layout: five training batches of 20 images, a test batch of 20, a class each two."""
    from torchvision.datasets import CIFAR10

    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    monkeypatch.setattr(CIFAR10, "train_list", [[name, None] for name in names[:5]])
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", None]])
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": None})
    parts = {"batches.meta": {"label_names": [str(i) for i in range(10)]}}
    for number, name in enumerate(names):
        data = np.full((20, 3072), 10 * number, dtype=np.uint8)
        data[:, :1024] = 200  # the red plane comes first
        parts[name] = {"data": data, "labels": [i % 10 for i in range(20)]}
    (tmp_path / "cifar10").mkdir()
    path = tmp_path / "cifar10" / "cifar-10-python.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, part in parts.items():
            content = pickle.dumps(part)
            entry = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path


def test_the_archive_becomes_test_images_in_order_and_as_many_validation_images_a_class(archive):
    convert(archive, archive.parent, a_class=3)
    images, labels = read_npz(archive.parent / "test.npz", "images", "labels")
    assert images.shape == (20, 32, 32, 3)
    assert images[0, 0, 0].tolist() == [200, 50, 50]
    assert labels.tolist() == [i % 10 for i in range(20)]
    _, chosen = read_npz(archive.parent / "validation.npz", "images", "labels")
    assert np.bincount(chosen).tolist() == [3] * 10
    assert left(archive.parent) == ["cifar-10-python.tar.gz", "test.npz", "validation.npz"]
    assert "official CIFAR-10 files" in pixels_note(archive.parent / "test.npz")


def test_fetch_converts_the_archive_and_keeps_only_what_is_read(archive, server, tmp_path, monkeypatch):
    monkeypatch.setattr(cifar10, "VALIDATION_A_CLASS", 3)
    monkeypatch.setattr(fetching, "ROWS", {"cifar10/test.npz": 20, "cifar10/validation.npz": 30})
    monkeypatch.setattr(fetching, "convert", lambda source, folder: convert(source, folder, a_class=3))
    server.files["/cifar10/cifar-10-python.tar.gz"] = archive.read_bytes()
    official = OfficialFile(
        file="cifar10/cifar-10-python.tar.gz",
        url="http://127.0.0.1:9/gone",
        sha256=hashlib.sha256(archive.read_bytes()).hexdigest(),
        licence="none",
        makes=("cifar10/test.npz", "cifar10/validation.npz"),
    )
    root = tmp_path / "root"
    report = fetch("cifar10s", root, mirror=server.address, sources={"cifar10s": (official,)})
    assert [(state.file, state.state) for state in report] == [(file, "fetched") for file in official.makes]
    assert left(root) == ["test.npz", "validation.npz"]
    assert {state.state for state in verify("cifar10s", root, sources={"cifar10s": (official,)})} == {"ok"}


def test_an_archive_that_is_not_the_official_one_is_refused_and_leaves_no_image_file(tmp_path):
    (tmp_path / "x.tar.gz").write_bytes(b"no archive")
    with pytest.raises(RequestError, match="not the official CIFAR-10 archive"):
        convert(tmp_path / "x.tar.gz", tmp_path)
    assert left(tmp_path) == ["x.tar.gz"]


def test_validation_images_are_the_same_on_every_call_and_drawn_from_all_of_a_class():
    labels = np.arange(1000) % 10
    chosen = choose_validation(labels, 5)
    assert np.array_equal(chosen, choose_validation(labels, 5))
    assert np.bincount(labels[chosen]).tolist() == [5] * 10
    assert chosen.max() > 500


def test_pixels_of_unknown_origin_are_said_to_be_so(tmp_path):
    np.savez(tmp_path / "test.npz", images=np.zeros(1), labels=np.zeros(1))
    assert "unknown origin" in pixels_note(tmp_path / "test.npz")
