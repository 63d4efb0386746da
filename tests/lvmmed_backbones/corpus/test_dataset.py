"""Reading a corpus: the same sample whatever the worker, from a disk or a server."""

from __future__ import annotations

import functools
import http.server
import pickle
import random
import shutil
import threading
from pathlib import Path

import fsspec
import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import known_implementations
from torch.utils.data import DataLoader

from lvmmed_backbones.corpus import CorpusDataset
from tests.factories import build_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_corpus(tmp_path_factory.mktemp("corpus"), 12, side=32)


class DrawFromEveryGenerator:
    def __call__(self, results: dict) -> dict:
        drawn = random.random(), np.random.rand(), float(torch.rand(()))
        return dict(drawn=torch.tensor(drawn), index=results["sample_idx"])


def drawn(root: Path, items, workers: int = 0, seed: int = 0) -> list[tuple]:
    data = CorpusDataset(str(root), DrawFromEveryGenerator(), seed)
    loader = DataLoader(data, batch_size=None, sampler=items, num_workers=workers)
    return [(int(x["index"]), *x["drawn"].tolist()) for x in loader]


def test_a_sample_depends_on_seed_epoch_and_index_alone(corpus: Path) -> None:
    items = [(n, 3) for n in range(12)]
    first = drawn(corpus, items)
    assert drawn(corpus, items, workers=2) == first
    assert drawn(corpus, items[::-1])[::-1] == first
    assert len({row[1:] for row in first}) == 12
    for other in (drawn(corpus, [(n, 4) for n in range(12)]), drawn(corpus, items, seed=1)):
        assert not {row[1:] for row in first} & {row[1:] for row in other}


def test_the_global_generators_go_on_as_if_nothing_was_drawn(corpus: Path) -> None:
    torch.manual_seed(0), np.random.seed(0), random.seed(0)
    expected = random.random(), np.random.rand(), float(torch.rand(()))
    torch.manual_seed(0), np.random.seed(0), random.seed(0)
    CorpusDataset(str(corpus), DrawFromEveryGenerator())[0]
    assert (random.random(), np.random.rand(), float(torch.rand(()))) == expected


def test_a_corpus_is_read_from_a_server(corpus: Path) -> None:
    class Ranges(http.server.SimpleHTTPRequestHandler):
        """http.server, with the byte ranges that object storages offer."""

        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            if not asked:
                return super().do_GET()
            content = Path(self.translate_path(self.path)).read_bytes()
            first, _, last = asked.removeprefix("bytes=").partition("-")
            part = content[int(first) : int(last) + 1]
            self.send_response(206)
            self.send_header("Content-Length", str(len(part)))
            end = int(first) + len(part) - 1
            self.send_header("Content-Range", f"bytes {first}-{end}/{len(content)}")
            self.end_headers()
            self.wfile.write(part)

        def log_message(self, *args) -> None:
            pass

    handler = functools.partial(Ranges, directory=str(corpus))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        here, there = CorpusDataset(str(corpus)), CorpusDataset(url)
        assert len(there) == 12
        for index in range(12):
            assert np.array_equal(there.read(index), here.read(index))
        server.shutdown()


def test_a_corpus_is_read_from_a_storage_with_versions(corpus: Path) -> None:
    """s3fs's `cat_file` has a version between the path and the range."""

    class Versions(MemoryFileSystem):
        @classmethod
        def _strip_protocol(cls, path: str) -> str:
            return super()._strip_protocol(path.replace("versions://", "memory://"))

        def cat_file(self, path, version_id=None, start=None, end=None):
            assert version_id is None
            return super().cat_file(path, start, end)

    fsspec.register_implementation("versions", Versions, clobber=True)
    Versions().put(f"{corpus}/", "/corpus/", recursive=True)
    here, there = CorpusDataset(str(corpus)), CorpusDataset("versions://corpus")
    assert all(np.array_equal(there.read(n), here.read(n)) for n in range(12))


def test_rows_are_arrays_and_travel(corpus: Path) -> None:
    data = CorpusDataset(str(corpus))
    assert data.offset.nbytes + data.length.nbytes + data.shard.nbytes == 16 * len(data)
    assert np.array_equal(pickle.loads(pickle.dumps(data)).read(5), data.read(5))
    assert data.metainfo["images"] == 12 and data.metainfo["name"] == "corpus"
    names = pq.read_table(corpus / "manifest.parquet")["data_set"].to_pylist()
    assert data.metainfo["data_sets"] == sorted(set(names))


@pytest.mark.parametrize("names", [["a\nb"] * 12, [" ", *"abcdefghijk"]])
def test_names_of_data_sets_that_no_record_can_hold_are_left_out(
    names: list[str], corpus: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(corpus, tmp_path / "copy"))
    table = pq.read_table(copy / "manifest.parquet")
    place = table.column_names.index("data_set")
    pq.write_table(table.set_column(place, "data_set", [names]), copy / "manifest.parquet")
    assert CorpusDataset(str(copy)).metainfo["data_sets"] is None


def test_what_is_missing_or_damaged_is_named(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"{tmp_path} holds no corpus: .* corpus build"):
        CorpusDataset(str(tmp_path))
    data = CorpusDataset(str(corpus))
    (shard,) = (corpus / "shards").iterdir()
    whole = shard.read_bytes()
    try:
        shard.write_bytes(whole[: int(data.offset[11]) + 3])
        with pytest.raises(
            ValueError, match=f"{shard.name}: has other bytes from {data.offset[11]:,}"
        ):
            data.read(11)
        damaged = bytearray(whole)
        damaged[int(data.offset[11]) + int(data.length[11]) // 2] ^= 1
        shard.write_bytes(damaged)
        with pytest.raises(
            ValueError, match=f"{shard.name}: has other bytes from {data.offset[11]:,}"
        ):
            data.read(11)
        shard.unlink()
        with pytest.raises(ValueError, match=f"{shard.name}: is named by the manifest and is not"):
            data.read(11)
    finally:
        shard.write_bytes(whole)


def test_a_storage_whose_package_is_missing_is_named(monkeypatch) -> None:
    storage = {"class": "no_such_module.FileSystem", "err": "Install no_such_module"}
    monkeypatch.setitem(known_implementations, "storage", storage)
    with pytest.raises(
        ValueError, match=r"storage://corpus: cannot be read \(ImportError: Install no_such_module"
    ):
        CorpusDataset("storage://corpus")
    with pytest.raises(ValueError, match="nowhere"):
        CorpusDataset("nowhere://corpus")
