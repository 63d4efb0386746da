"""Galleries and curves that a stranger brings: nothing hangs, ends, deceives or leaks."""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lvmmed_backbones.records import StoredRecord, read
from lvmmed_backbones.records.gallery import MOST_ENTRIES
from reports.__main__ import main
from reports.reading.curves import read_curves
from reports.reading.gallery import read_boxes, read_gallery, read_image, read_labels
from tests.reports.hostile import KINDS, NESTED, SECRET, files, replaced

HOSTILE = {
    "escape": "\x1b]0;owned\x07\x1b[2J",
    "bidi": "abc\u202etxt",
    "lines": "a\nerror: all is well",
    "surrogate": "\ud800",
    "endless": "x" * 501,
}


pytestmark = pytest.mark.usefixtures("limit")
kinds = pytest.mark.parametrize("kind", [*KINDS, *NESTED])

READERS: dict[str, Callable[[Path], object]] = {
    "gallery.json": Path.read_bytes,
    "b.json": lambda path: read_boxes(path, 2),
    "i.png": read_image,
    "truth.png": lambda path: read_labels(path, 2),
}


@pytest.fixture
def shown(write: Callable[..., Path], tmp_path: Path) -> Callable[..., StoredRecord]:
    """A run with a gallery of one case: `shown('segmentation')`, `shown('detection', role='x')`."""

    def maker(kind: str = "segmentation", **entry: Any) -> StoredRecord:
        run = write(kind, fields={"task": kind, "kind": kind}, cases=[]).parent
        folder = run / "gallery"
        folder.mkdir()
        files = {"image": "i.png"}
        Image.fromarray(np.full((8, 6, 3), 99, np.uint8)).save(folder / "i.png")
        if kind == "detection":
            files["boxes"] = "b.json"
            one = dict(label=0, box=[1, 1, 4, 4])
            boxes = dict(truth=[one], prediction=[one | dict(score=0.5)])
            (folder / "b.json").write_text(json.dumps(boxes))
        else:
            for name in ("truth", "prediction"):
                files[name] = f"{name}.png"
                Image.fromarray(np.eye(8, 6, dtype=np.uint8)).save(folder / files[name])
        case = dict(role="best", case="A/01", image="A/01", score=0.75, files=files) | entry
        index = dict(schema=1, kind=kind, metric="dice", classes=["a", "b"], entries=[case])
        (folder / "gallery.json").write_text(json.dumps(index))
        (found,) = [record for record in read(tmp_path)[0] if record.path.parent == run]
        return found

    return maker


@kinds
@pytest.mark.parametrize("name", ["gallery.json", "b.json", "i.png", "truth.png"])
def test_each_other_thing_called_as_a_file_of_a_gallery_is_one_line(
    shown: Callable[..., StoredRecord], secret: Path, name: str, kind: str
) -> None:
    record = shown("detection" if name == "b.json" else "segmentation")
    path = record.path.parent / "gallery" / name
    replaced(path, kind, secret)
    with pytest.raises(ValueError, match=re.escape(str(path))) as caught:
        gallery = read_gallery(record)
        assert gallery is not None
        READERS[name](path)
    assert str(caught.value).isprintable() and SECRET not in str(caught.value)


@pytest.mark.parametrize("kind", ["FIFO", "link out", "link to nowhere"])
def test_each_other_thing_called_gallery_is_one_line(
    shown: Callable[..., StoredRecord], secret: Path, kind: str
) -> None:
    record = shown()
    folder = record.path.parent / "gallery"
    folder.rename(secret.parent / "gallery")
    replaced(folder, kind, secret.parent / "gallery")
    with pytest.raises(ValueError, match=re.escape(str(folder))):
        read_gallery(record)


def test_galleries_are_named_and_all_else_is_shown(
    shown: Callable[..., StoredRecord],
    tmp_path: Path,
    secret: Path,
    errors: Callable[..., list[str]],
) -> None:
    fifo, out = shown("segmentation"), shown("detection")
    replaced(fifo.path.parent / "gallery" / "gallery.json", "FIFO", secret)
    replaced(out.path.parent / "gallery" / "i.png", "link out", secret)
    for words in (
        ["figures", tmp_path, "--kind", "gallery"],
        ["site", tmp_path, "--out", tmp_path / "site"],
    ):
        said = errors(*words)
        assert len(said) == 2
        for record in (fifo, out):
            assert any(f"{record.path.parent}/gallery" in line for line in said)
    assert not any(SECRET in p.read_bytes().decode("latin-1") for p in files(tmp_path / "site"))
    assert not list((tmp_path / "site").glob("cases/*/*"))


@pytest.mark.parametrize(
    "role", ["../../../../out", "/tmp/lvmmed-out", "a/b", "x" * 300, ".", "?#%"]
)
def test_a_role_names_no_file(
    shown: Callable[..., StoredRecord], tmp_path: Path, role: str
) -> None:
    shown(role=role)
    before = set(files(tmp_path.parent)) | set(Path("/tmp").glob("lvmmed-out*"))
    assert main(["site", str(tmp_path), "--out", str(tmp_path / "site")]) == 0
    after = set(files(tmp_path.parent)) | set(Path("/tmp").glob("lvmmed-out*"))
    assert all(path.is_relative_to(tmp_path / "site") for path in after - before)
    assert len(list((tmp_path / "site").glob("cases/*/*.png"))) == 4


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("field", ["classes", "metric", "role", "case", "image"])
def test_hostile_texts_of_a_gallery_are_named(
    shown: Callable[..., StoredRecord], field: str, text: str
) -> None:
    record = shown()
    path = record.path.parent / "gallery" / "gallery.json"
    index = json.loads(path.read_text())
    place = index if field in index else index["entries"][0]
    place[field] = ["a", text] if field == "classes" else text
    path.write_text(json.dumps(index))
    with pytest.raises(ValueError) as caught:
        read_gallery(record)
    assert str(caught.value).startswith(f"{path}: ") and str(caught.value).isprintable()


def test_a_gallery_without_end_is_named(shown: Callable[..., StoredRecord]) -> None:
    record = shown()
    path = record.path.parent / "gallery" / "gallery.json"
    index = json.loads(path.read_text())
    index["entries"] *= MOST_ENTRIES + 1
    path.write_text(json.dumps(index))
    with pytest.raises(ValueError, match="length <= 8"):
        read_gallery(record)


def test_classes_of_a_segmentation_that_do_not_exist(
    shown: Callable[..., StoredRecord], tmp_path: Path
) -> None:
    """Fields that only a classification has are not looked at elsewhere; a label map is."""
    record = shown(truth=9, prediction=9, probabilities=[0.5])
    gallery = read_gallery(record)
    (entry,) = gallery.entries
    assert (entry.truth, entry.prediction, entry.probabilities) == (None, None, ())
    assert main(["site", str(tmp_path), "--out", str(tmp_path / "site")]) == 0
    Image.fromarray(np.full((8, 6), 7, np.uint8)).save(gallery.file(entry, "truth"))
    with pytest.raises(ValueError, match=r"truth\.png: has class 7 of 2 classes"):
        read_labels(gallery.file(entry, "truth"), 2)


@pytest.mark.parametrize(
    "box", [[0, 0, 1e300, 1], [0, 0, 10**400, 1], [5, 0, 1, 1], [0, 0, "1", 1], [0, 0, True, 1]]
)
def test_boxes_without_bounds_are_named(tmp_path: Path, box: list) -> None:
    path = tmp_path / "b.json"
    path.write_text(json.dumps(dict(truth=[dict(label=0, box=box)], prediction=[])))
    with pytest.raises(ValueError, match=r"b\.json: ") as caught:
        read_boxes(path, 1)
    assert str(caught.value).isprintable()


def png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of a grey image that has no more than its header says, and other chunks."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


BOMBS = {
    "error of PIL": png(60_000, 60_000),
    "warning of PIL": png(12_000, 12_000),
    "one side": png(2**31 - 1, 1),
    "text": png(4, 4, (b"zTXt", b"a\0\0" + zlib.compress(b"x" * 10**8))),
    "profile": png(4, 4, (b"iCCP", b"a\0\0" + zlib.compress(b"x" * 10**8))),
    "no pixels": png(0, 0),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_bombs_are_named_or_harmless(tmp_path: Path, bomb: bytes) -> None:
    path = tmp_path / "i.png"
    path.write_bytes(bomb)
    try:
        assert read_image(path).shape == (4, 4, 3)
    except ValueError as error:
        assert str(error).startswith(f"{path}: ") and str(error).isprintable()


@kinds
def test_each_other_thing_called_scalars_is_one_line(
    tmp_path: Path, secret: Path, kind: str
) -> None:
    path = tmp_path / "run" / "a" / "vis_data" / "scalars.json"
    path.parent.mkdir(parents=True)
    replaced(path, kind, secret)
    if kind in NESTED:
        path.write_text(f"{NESTED[kind]}\n")
    with pytest.raises(ValueError, match=re.escape(str(path))) as caught:
        read_curves(tmp_path / "run")
    assert str(caught.value).isprintable() and SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "line",
    ['{"step": 1, "loss": ' + "9" * 400 + "}", '{"step": 1, "loss": "1"}', '{"step": 1, "loss": true}',
     '{"step": ' + "9" * 400 + "}", '{"step": ' + "9" * 5000 + "}", '{"step": 1, "\\u001b": "\\ud800"}',
     '{"step": 1, "' + "x" * 10**6 + '": null}', '{"step": "1"}', "[" * 10**6],
)  # fmt: skip
def test_a_hostile_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a" / "vis_data" / "scalars.json"
    path.parent.mkdir(parents=True)
    path.write_text(f"{line}\n")
    with pytest.raises(ValueError, match=re.escape(f"{path}, line 1: ")) as caught:
        read_curves(tmp_path)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 3000


def test_curves_without_end_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a" / "vis_data" / "scalars.json"
    path.parent.mkdir(parents=True)
    wide = json.dumps({"step": 0, **{str(i): 0 for i in range(3000)}})
    path.write_text("\n".join([wide, *(f'{{"step": {i}}}' for i in range(10_000))]))
    with pytest.raises(ValueError, match="10,000 steps of 3,000 scalars, more than 20,000,000"):
        read_curves(tmp_path)
    for number in range(1001):
        other = tmp_path / "many" / str(number) / "vis_data"
        other.mkdir(parents=True)
        (other / "scalars.json").touch()
    with pytest.raises(ValueError, match="has 1,001 starts, more than 1,000"):
        read_curves(tmp_path / "many")


def test_hostile_pretraining_runs_are_named_and_all_else_is_drawn(
    write: Callable[..., Path], tmp_path: Path, secret: Path, errors: Callable[..., list[str]]
) -> None:
    write()
    runs = [tmp_path / name for name in ("\x1b[31m", "\udcff", "circle", "good")]
    for run in (runs[0], runs[1], runs[3]):
        file = run / "a" / "vis_data" / "scalars.json"
        file.parent.mkdir(parents=True)
        rows = [dict(step=n, loss=loss) for n, loss in enumerate((1, 1e308, -1e308, 2))]
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    runs[2].symlink_to("circle")
    said = errors("figures", tmp_path / "runs", "--out", tmp_path / "out", "--pretraining", *runs)
    assert len(said) == 1 and "circle" in said[0]
    assert (tmp_path / "out" / "pretraining.png").is_file()
