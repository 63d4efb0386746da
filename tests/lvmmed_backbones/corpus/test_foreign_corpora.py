"""Corpora of other people: what they claim of themselves leads nowhere else, takes no memory, ends in one line."""

from __future__ import annotations

import json
import os
import random
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lvmmed_backbones.command.cli import main
from lvmmed_backbones.corpus import CorpusDataset
from lvmmed_backbones.corpus.building import build
from lvmmed_backbones.files.outside import Refused
from tests.factories import build_corpus

pytestmark = pytest.mark.usefixtures("no_hang")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a corpus of 6 images, and one of them as a test image."""
    folder = tmp_path_factory.mktemp("foreign")
    build_corpus(folder, 6, side=32)
    (folder / "test").mkdir()
    shutil.copy(folder / "images" / "000.png", folder / "test")
    return folder


@pytest.fixture
def corpus(whole: Path, tmp_path: Path) -> Path:
    """A copy, to be spoilt."""
    return Path(shutil.copytree(whole / "corpus", tmp_path / "corpus"))


def ends_in_a_line(corpus: Path, whole: Path, capsys, message: str = "") -> None:
    """Of the commands that read a corpus, and of the data set."""
    with pytest.raises((Refused, FileNotFoundError), match=message) as found:
        data = CorpusDataset(str(corpus))
        for index in range(len(data)):
            data.read(index)
    assert str(corpus) in str(found.value) and "\n" not in str(found.value)
    line = ["corpus", "audit", str(corpus), "--test", str(whole / "test"), "--workers", "1"]
    capsys.readouterr()
    assert main(line) in (0, 1)  # it reads no shard for an exact duplicate
    assert "Traceback" not in capsys.readouterr().err


def changed(corpus: Path, **columns) -> None:
    """Put other columns in place of the manifest's; None takes one out."""
    path = corpus / "manifest.parquet"
    table = pq.read_table(path)
    for name, values in columns.items():
        number = table.column_names.index(name)
        table = table.remove_column(number)
        if values is not None:
            table = table.add_column(number, name, values)
    pq.write_table(table, path)


ODD_COLUMNS = {
    **{
        shard: (dict(shard=pa.array([shard] * 6)), "names the shard .*, not shards/NAME.tar")
        for shard in (
            "../../secret.tar", "/etc/passwd", "shards/../../x.tar", "shards\\..\\x.tar", "shards/a/../b.tar",
            "http://127.0.0.1:9/x.tar", "simplecache::http://127.0.0.1:9/x.tar", "shards/..", "shards/x.tar\n", "",
            "shards/\x1b[2J.tar/x",
        )
    },
    "no shard": (dict(shard=None), "lacks the columns shard"),
    "no offset": (dict(offset=None, length=None), "lacks the columns offset, length"),
    "numbers for shards": (dict(shard=pa.array(range(6))), "column shard is of"),
    "texts for offsets": (dict(offset=pa.array(["1"] * 6)), "column offset is of string"),
    "fractions": (dict(offset=pa.array([0.5] * 6)), "column offset is of double"),
    "lists": (dict(length=pa.array([[1]] * 6)), "lacks the columns length|column length is of"),
    "empty cells": (dict(offset=pa.array([None] * 6, pa.int64())), "column offset has empty cells"),
    "empty shards": (dict(shard=pa.array([None] * 6, pa.string())), "column shard has empty cells"),
    "negative offsets": (dict(offset=pa.array([-512] * 6)), "has the offset -512"),
    "huge offsets": (dict(offset=pa.array([2**63 - 1] * 6)), "has the offset 9,"),
    "far offsets": (dict(offset=pa.array([2**61] * 6)), "has other bytes from"),
    "negative lengths": (dict(length=pa.array([-1] * 6)), "has the length -1"),
    "no lengths": (dict(length=pa.array([0] * 6)), "has the length 0"),
    "huge lengths": (dict(length=pa.array([2**40] * 6)), "has the length 1,099"),
    "unsigned lengths": (dict(length=pa.array([2**64 - 1] * 6, pa.uint64())), "no whole table"),
    "bytes that are no text": (
        dict(shard=pa.array([b"shards/\xff.tar"] * 6).view(pa.string())), "no whole table",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD_COLUMNS)
def test_an_odd_manifest_is_refused(name: str, corpus: Path, whole: Path, capsys) -> None:
    columns, message = ODD_COLUMNS[name]
    changed(corpus, **columns)
    ends_in_a_line(corpus, whole, capsys, message)


@pytest.mark.parametrize("column", ["key", "data_set", "source", "sha256", "phash"])
def test_an_audit_refuses_an_odd_manifest(column: str, corpus: Path, whole: Path, capsys) -> None:
    line = ["corpus", "audit", str(corpus), "--test", str(whole / "test"), "--workers", "1"]
    for values in (None, pa.array([None] * 6, pa.string()), pa.array([[1]] * 6)):
        changed(corpus, **{column: values})
        assert main(line) == 1
        (error,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("error: ")]
        assert "manifest.parquet: " in error and column in error
        shutil.copy(whole / "corpus" / "manifest.parquet", corpus)


def many_rows(path: Path) -> None:
    """71 million rows in a few kilobytes."""
    names = ("offset", "length", "crc32")
    texts = ("shard", pa.string()), ("data_set", pa.string()), ("sha256", pa.string())
    schema = pa.schema([*texts, *((name, pa.int64()) for name in names)])
    rows = pa.table(
        [*[pa.array(["shards/a.tar"] * 2**20)] * 3, *[pa.array(np.ones(2**20, int))] * 3], schema
    )
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for _ in range(68):
            writer.write_table(rows)


def long_text(path: Path) -> None:
    """A text of a megabyte, in 5,000 rows by its number."""
    rows = pa.DictionaryArray.from_arrays(pa.array([0] * 5_000), ["shards/" + "a" * 2**20])
    table = dict.fromkeys(("offset", "length", "crc32"), pa.array([1] * 5_000))
    pq.write_table(pa.table(dict(**table, shard=rows, data_set=rows, sha256=rows)), path)


def packed_zeros(path: Path) -> None:
    """600 MB of one text, packed."""
    text = pa.array(["shards/" + "a" * (600 * 2**20)], pa.large_string())
    numbers = dict.fromkeys(("offset", "length", "crc32"), pa.array([1]))
    table = pa.table(dict(**numbers, shard=text, data_set=pa.array(["f"]), sha256=pa.array(["f"])))
    pq.write_table(table, path, compression="zstd", use_dictionary=False, write_statistics=False)


@pytest.mark.parametrize("write", [many_rows, long_text, packed_zeros])
def test_a_manifest_takes_no_memory(write: Callable[[Path], None], corpus: Path) -> None:
    write(corpus / "manifest.parquet")
    before = pa.total_allocated_bytes()
    with pytest.raises(Refused, match=r"manifest\.parquet: declares .* of at most"):
        CorpusDataset(str(corpus))
    assert pa.total_allocated_bytes() - before < 100 * 2**20


SUMMARIES = [
    "", "[]", "{}", "null", "[" * 200_000, '{"name": 1}', "\ud800", '{"options": []}',
    '{"name": "a", "images": 6, "fingerprint": "f", "options": {"side": 256, "axis": -1, "command": "x"}}',
    '{"name": "a", "images": 6, "fingerprint": "f", "options": {"side": "256", "axis": -1}}',
    '{"name": "a", "images": 6, "fingerprint": "f", "options": {"side": -1, "axis": -1}}',
    '{"name": "a", "images": 6, "fingerprint": "f", "options": {"side": true, "axis": -1}}',
    '{"name": ["a"], "images": 6, "fingerprint": "f", "options": {"side": 256, "axis": -1}}',
    '{"name": "a", "images": 6.5, "fingerprint": "f", "options": {"side": 256, "axis": -1}}',
    '{"images": ' + "9" * 10_000 + "}",
]  # fmt: skip


@pytest.mark.parametrize("text", SUMMARIES, ids=range(len(SUMMARIES)))
def test_an_odd_summary_is_refused(text: str, corpus: Path, whole: Path, capsys) -> None:
    (corpus / "corpus.json").write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(Refused, match=r"corpus\.json: is no "):
        CorpusDataset(str(corpus))
    assert main(["corpus", "audit", str(corpus), "--test", str(whole / "test")]) == 1
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith(f"error: {corpus}/corpus.json: ") and error.isprintable()


@pytest.mark.parametrize("name", ["manifest.parquet", "corpus.json", "shards"])
@pytest.mark.parametrize("kind", ["fifo", "link", "folder"])
def test_what_is_no_file_of_the_corpus_is_refused(
    name: str, kind: str, corpus: Path, whole: Path, capsys
) -> None:
    path = corpus / name if name != "shards" else next((corpus / "shards").iterdir())
    elsewhere = corpus.parent / "elsewhere"
    path.rename(elsewhere)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to(elsewhere)
    else:
        path.mkdir()
    ends_in_a_line(corpus, whole, capsys, "is a FIFO|leads out of|is a folder")


def test_a_corpus_may_be_a_link(corpus: Path) -> None:
    link = corpus.parent / "link"
    link.symlink_to(corpus)
    assert CorpusDataset(str(link)).read(5).shape == (32, 32, 3)


@pytest.mark.parametrize("name", ["shards", "parts"])
def test_a_build_writes_and_deletes_nothing_elsewhere(name: str, corpus: Path, whole: Path) -> None:
    elsewhere = corpus.parent / "elsewhere"
    (corpus / name).rename(elsewhere)
    (elsewhere / "precious").touch()
    (corpus / name).symlink_to(elsewhere)
    with pytest.raises(Refused, match=f"{name}: leads out of"):
        build([whole / "images"], corpus, workers=1)
    assert (elsewhere / "precious").exists()
    (corpus / name).unlink()
    precious = corpus.parent / "precious"
    precious.write_text("mine")
    for file in ("manifest.parquet", "corpus.json", "skipped.csv"):
        (corpus / f"{file}.partial").symlink_to(precious)
    build([whole / "images"], corpus, workers=1)
    assert precious.read_text() == "mine"


def shard_with(corpus: Path, content: bytes) -> None:
    """Make all images of a corpus these bytes."""
    (corpus / "shards" / "own.tar").write_bytes(content)
    shards, numbers = pa.array(["shards/own.tar"] * 6), pa.array([0] * 6)
    sums = pa.array([zlib.crc32(content)] * 6, pa.uint32())
    changed(corpus, shard=shards, offset=numbers, length=pa.array([len(content)] * 6), crc32=sums)


def test_bytes_that_are_no_image_of_a_corpus_are_refused(corpus: Path) -> None:
    bomb = struct.pack(">LLBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bomb + struct.pack(">L", zlib.crc32(b"IHDR" + bomb))
    image = np.random.default_rng(0).integers(0, 256, (32, 32), np.uint8)
    tiff, bmp = (cv2.imencode(suffix, image)[1].tobytes() for suffix in (".tiff", ".bmp"))
    jpeg = bytearray(cv2.imencode(".jpg", image)[1].tobytes())
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = b"\xff" * 4
    cut = cv2.imencode(".png", image)[1].tobytes()[:40]
    for content in (bomb, bytes(jpeg), tiff, bmp, b"text", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", cut):
        shard_with(corpus, content)
        with pytest.raises(Refused, match=r"own\.tar: (has no image at byte 0|declares)"):
            CorpusDataset(str(corpus)).read(0)


def test_a_cached_remote_corpus_is_bounded_too(corpus: Path, whole: Path) -> None:
    there = CorpusDataset(f"simplecache::file://{corpus}")
    here = CorpusDataset(str(whole / "corpus"))
    assert all(np.array_equal(there.read(n), here.read(n)) for n in range(6))
    with (corpus / "corpus.json").open("ab") as file:
        file.truncate(2**40)
    with pytest.raises(Refused, match="of at most"):
        CorpusDataset(f"simplecache::file://{corpus}")


@pytest.mark.parametrize("audits", [10, pytest.param(300, marks=pytest.mark.slow)])
def test_generated_corpora_are_read_right_or_refused(
    audits: int, corpus: Path, whole: Path, capsys: pytest.CaptureFixture
) -> None:
    """300 each of manifests and summaries that are whole but for a few bytes, and audits of some of them."""
    rng = random.Random(audits)
    right = [CorpusDataset(str(corpus)).read(n) for n in range(6)]
    for name in ("manifest.parquet", "corpus.json"):
        content = (whole / "corpus" / name).read_bytes()
        for number in range(300):
            spoilt = bytearray(content)
            for _ in range(rng.randint(1, 3)):
                at = (
                    rng.randrange(len(spoilt))
                    if rng.random() < 0.5
                    else max(0, len(spoilt) - rng.randrange(1, 900))
                )
                way = rng.randrange(4)
                if way == 0:
                    spoilt[at] ^= 1 << rng.randrange(8)
                elif way == 1:
                    del spoilt[at : at + rng.randint(1, 30)]
                elif way == 2:
                    spoilt[at:at] = rng.randbytes(rng.randint(1, 9))
                else:
                    spoilt[at] = rng.choice(b"\0\xff\"'[]{}-9")
                spoilt = spoilt or bytearray(b"\0")
            (corpus / name).write_bytes(spoilt)
            try:
                data = CorpusDataset(str(corpus))
                found = [data.read(n) for n in range(len(data))]
                assert all(any(np.array_equal(a, b) for b in right) for a in found)
            except Refused as error:
                assert str(error).startswith(str(corpus)) and str(error).isprintable()
            if number % (600 // audits) == 0:
                line = ["corpus", "audit", str(corpus), "--test", str(whole / "test")]
                assert main([*line, "--workers", "1"]) in (0, 1)
                assert "Traceback" not in capsys.readouterr().err
        (corpus / name).write_bytes(content)


def test_a_summary_is_whole(corpus: Path) -> None:
    facts = json.loads((corpus / "corpus.json").read_text())
    assert CorpusDataset(str(corpus)).metainfo["images"] == facts["images"] == 6
