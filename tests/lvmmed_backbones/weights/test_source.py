"""Weights are fetched whole or not at all."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lvmmed_backbones.weights.source import Weights


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A local web server and the folder that it serves."""
    folder = tmp_path / "www"
    folder.mkdir()
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}", folder
        httpd.shutdown()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LVMMED_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "weights"


def test_weights_are_fetched_once(server: tuple[str, Path], cache: Path) -> None:
    address, folder = server
    (folder / "w.pth").write_bytes(b"x" * 1000)
    digest = hashlib.sha256(b"x" * 1000).hexdigest()
    weights = Weights("w.pth", "own", digest, url=f"{address}/w.pth")
    assert not weights.is_here
    assert weights.fetch() == cache / "w.pth"
    assert weights.is_here
    (folder / "w.pth").unlink()
    assert weights.fetch().read_bytes() == b"x" * 1000


def test_a_download_with_a_wrong_checksum_leaves_nothing(
    server: tuple[str, Path], cache: Path
) -> None:
    address, folder = server
    (folder / "w.pth").write_bytes(b"changed")
    with pytest.raises(ValueError, match="is not the file that it was"):
        Weights("w.pth", "own", "0676ba61", url=f"{address}/w.pth").fetch()
    assert list(cache.iterdir()) == []


def test_a_failed_download_leaves_nothing(server: tuple[str, Path], cache: Path) -> None:
    address, _ = server
    with pytest.raises(ConnectionError, match=r"missing\.pth cannot be fetched.*put it at"):
        Weights("w.pth", "own", None, url=f"{address}/missing.pth").fetch()
    assert list(cache.iterdir()) == []


def test_weights_without_a_download_name_the_page_and_the_place(cache: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"weights/w\.pth is missing.*fetch it from https://example\.org"
    ):
        Weights("w.pth", "own", None, page="https://example.org").fetch()


def test_weights_of_a_missing_package_name_the_extra() -> None:
    weights = Weights("w.pth", "own", None, package="no_such_package/models")
    assert not weights.is_here
    with pytest.raises(FileNotFoundError, match=r"no-such-package.*lvmmed-backbones\[imagenet\]"):
        weights.fetch()
