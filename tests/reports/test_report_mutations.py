"""Files that were tampered with, by the thousand: each is read as it says, or named in a line, and nothing else."""

from __future__ import annotations

import copy
import json
import math
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lvmmed_backbones.records import StoredRecord, read, read_cases
from reports.reading.curves import read_curves
from reports.reading.gallery import read_boxes, read_gallery, read_image, read_labels
from tests.reports.mutations import (
    BOXES,
    bytes_of,
    gallery,
    png,
    scratched,
    tampered,
    write_gallery,
)

pytestmark = pytest.mark.usefixtures("limit")


def complaint(error: Exception | str, path: Path) -> None:
    """Whether what is said is one line that names the file, or one beside it."""
    text = str(error)
    assert str(path) in text and text.isprintable() and len(text) < 4000, text


def is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def test_records(content: Callable[..., dict], tmp_path: Path) -> None:
    rng = random.Random(1)
    written = {}
    for number in range(1500):
        path = tmp_path / f"{number:04}" / "record.json"
        path.parent.mkdir()
        path.write_bytes(
            bytes_of(content(cases=[{"case": c, "dice": 0.5} for c in ("a/b", "a/c")]), rng)
        )
        written[path] = path.read_bytes()
    assert sum(map(is_json, written.values())) > 750
    records, problems = read(tmp_path)
    left_out = written.keys() - {record.path for record in records}
    assert len(records) > 200 and 200 < len(problems) <= len(left_out)
    for path in left_out:  # some may share a line: those of an earlier schema
        (problem,) = [line for line in problems if f"{path}: " in line or f"{path}, " in line]
        complaint(problem, path)
    for record in records:
        # What is skipped is not looked at: it need not even be UTF-8.
        same_as_written(record, json.loads(written[record.path].decode(errors="replace")))


def as_number(value: Any) -> Any:
    """A number as a float: beyond 64 bits there are no others; NaN as a text, for it to be equal to itself."""
    if isinstance(value, int):
        return float(value)
    return "NaN" if value != value else value


def same_as_written(record: StoredRecord, content: dict) -> None:
    """Every field of a record against what Python's own decoder finds in its file."""
    backbone, data, provenance = content["backbone"], content["data"], content["provenance"]
    for found, expected in (
        *((getattr(record, n), content[n]) for n in ("run", "task", "dataset", "kind", "protocol", "profile", "seed",
                                                     "label_fraction", "data_source", "metric", "cost")),
        *((getattr(record.backbone, n), backbone[n]) for n in ("name", "architecture", "method", "corpus", "parameters",
                                                               "weights_sha256")),
        *((getattr(record.provenance, n), provenance[n]) for n in ("versions", "git_revision", "started")),
        (repr(record.provenance.machine), repr(provenance["machine"])),  # NaN is not equal to itself
        *((getattr(record.data, n), data[n]) for n in ("fingerprint", "complete", "counts")),
        (record.backbone.pretraining_seed, backbone.get("pretraining_seed")),
        (record.provenance.config_sha256, provenance.get("config_sha256")),
        (record.split, content.get("split", "published")),
        (record.recipe, content.get("recipe", "suite")),
        (record.results, record.path.parents[1]),
        (record.value, content["metrics"][content["metric"]]),
    ):  # fmt: skip
        assert found == expected and isinstance(found, bool) == isinstance(expected, bool)
    for name, value in content["metrics"].items():
        undefined = value is None or not math.isfinite(value)
        assert record.metrics[name] == (None if undefined else value)
    assert 0 <= record.value <= 1 and 0 < record.label_fraction <= 1 and record.seed >= 0
    try:
        rows = read_cases(record)
    except ValueError as error:
        complaint(error, record.path)
    else:
        found = [{n: as_number(v) for n, v in row.items()} for row in rows]
        assert found == [{n: as_number(v) for n, v in row.items()} for row in content["cases"]]


@pytest.mark.parametrize("kind", ["segmentation", "detection", "classification"])
def test_indices_of_galleries(write: Callable[..., Path], tmp_path: Path, kind: str) -> None:
    rng = random.Random(2)
    folder = write().parent / "gallery"
    write_gallery(folder, kind)
    (record,), _ = read(tmp_path)
    sound = 0
    for _ in range(400):
        data = bytes_of(gallery(kind), rng)
        (folder / "gallery.json").write_bytes(data)
        try:
            found = read_gallery(record)
        except ValueError as error:
            complaint(error, folder)
            continue
        sound += 1
        assert found is not None
        written = json.loads(data.decode(errors="replace"))
        assert (found.kind, found.metric) == (written["kind"], written["metric"])
        assert list(found.classes) == written["classes"]
        for one, expected in zip(found.entries, written["entries"], strict=True):
            assert (one.role, one.case, one.score) == tuple(
                expected[n] for n in ("role", "case", "score")
            )
            assert all(
                name == expected["files"][n]
                and found.file(one, n) == folder / name
                and found.file(one, n).is_file()
                for n, name in one.files.items()
            )
    assert 10 < sound < 390


def test_boxes(tmp_path: Path) -> None:
    rng = random.Random(3)
    path = tmp_path / "boxes.json"
    sound = 0
    for _ in range(600):
        data = bytes_of(BOXES, rng)
        path.write_bytes(data)
        try:
            found = read_boxes(path, 2)
        except ValueError as error:
            complaint(error, path)
            continue
        sound += 1
        written = json.loads(data.decode(errors="replace"))  # what is skipped need not be UTF-8
        assert found.truth.tolist() == [one["box"] for one in written["truth"]]
        surest = sorted(written["prediction"], key=lambda one: -one.get("score", 1.0))
        assert found.prediction.tolist() == [one["box"] for one in surest]
        assert found.prediction_labels.tolist() == [one["label"] for one in surest]
    assert 20 < sound < 580


@pytest.mark.filterwarnings("ignore:Invalid APNG")
@pytest.mark.parametrize("name", ["image", "truth"])
def test_pictures(tmp_path: Path, name: str) -> None:
    rng = random.Random(4)
    write_gallery(tmp_path / "gallery", "segmentation")
    path = tmp_path / "gallery" / f"{name}.png"
    whole, sound = path.read_bytes(), 0
    for _ in range(600):
        data = png(whole, rng) if rng.random() < 0.7 else scratched(whole, rng)
        path.write_bytes(data)
        try:
            found = read_image(path) if name == "image" else read_labels(path, 2)
        except ValueError as error:
            complaint(error, path)
            continue
        sound += 1
        height, width = found.shape[:2]
        assert struct.pack(">II", width, height) in data and found.dtype == np.uint8
    assert 20 < sound < 580


def test_curves(tmp_path: Path) -> None:
    rng = random.Random(5)
    path = tmp_path / "a" / "vis_data" / "scalars.json"
    path.parent.mkdir(parents=True)
    rows = [{"step": n, "loss": 1.5 / n, "lr": 0.1, "probe/accuracy": 0.5} for n in range(1, 6)]
    sound = 0
    for _ in range(900):
        if rng.random() < 0.3:
            data = scratched("\n".join(map(json.dumps, rows)).encode() + b"\n", rng)
        else:
            some = copy.deepcopy(rows)
            place = rng.randrange(len(some))
            some[place] = tampered(some[place], rng)
            data = "".join(json.dumps(row) + "\n" for row in some).encode()
        path.write_bytes(data)
        try:
            found = read_curves(tmp_path)
        except (FileNotFoundError, ValueError) as error:
            complaint(error, tmp_path)
            continue
        sound += 1
        expected: dict[tuple[str, int], float] = {}
        lines = data.decode().split("\n")
        for line in filter(None, lines):
            if line is lines[-1] and not is_json(line.encode()):
                continue  # cut short
            row = json.loads(line)
            expected |= {
                (name, row["step"]): value for name, value in row.items() if name != "step"
            }
        got = {
            (name, step): value for name in found for step, value in found[name].dropna().items()
        }
        assert got == {place: float(value) for place, value in expected.items() if value == value}
    assert 20 < sound < 880
