"""The picture of a data set: each kind of task, what is chosen, what is refused."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import tasks
from tasks import datasets
from tasks.__main__ import main
from tasks.contact_sheet import Example, choose, read_split


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Phantoms of three kinds of tasks."""
    folder, names = tmp_path_factory.mktemp("phantoms"), ["kvasir", "brain_tumor", "mmwhs_ct"]
    tasks.draw_phantoms(names, out=folder / "downloads")
    return tasks.prepare(names, data=folder / "downloads", out=folder / "prepared")


def test_a_data_set_that_comes_with_the_suite_is_drawn_by_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sheet.png"
    assert main(["show", "bccd", "--out", str(out), "--count", "2"]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    with Image.open(out) as sheet:
        assert sheet.format == "PNG" and sheet.width == 1320
        assert len(sheet.convert("RGB").getcolors(2**24)) > 100  # it shows something


@pytest.mark.parametrize("name", ["kvasir", "brain_tumor", "mmwhs_ct"])
def test_the_same_seed_draws_the_same_picture_and_another_one_another(
    name: str, prepared: dict[str, Path], tmp_path: Path
) -> None:
    first, again, other = (
        tasks.show(prepared[name], tmp_path / "a.png", count=1, seed=seed).read_bytes()
        for seed in (0, 0, 1)
    )
    assert first == again != other


def test_the_border_of_a_mask_is_drawn(prepared: dict[str, Path], tmp_path: Path) -> None:
    folder, orange, pixels = tmp_path / "kvasir", (230, 159, 0), []
    shutil.copytree(prepared["kvasir"], folder)
    for empty in (False, True):
        for file in (folder / "masks").rglob("*.png") if empty else ():
            with Image.open(file) as mask:
                Image.new("L", mask.size).save(file)
        sheet = Image.open(tasks.show(folder, tmp_path / "sheet.png", count=3)).convert("RGB")
        pixels.append(dict((c, n) for n, c in sheet.getcolors(2**24)).get(orange, 0))
    assert pixels[0] > 10 * max(pixels[1], 1)  # that of the legend alone


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=60),
    st.integers(1, 40),
    st.integers(0, 2**32 - 1),
)
def test_each_class_is_chosen_alike(labels: list[int], count: int, seed: int) -> None:
    examples = [Example([f"{n}"], label) for n, label in enumerate(labels)]
    chosen = choose(examples, count, seed)
    assert len(chosen) == min(count, len(labels)) == len({e.names[0] for e in chosen})
    taken, there = Counter(e.label for e in chosen), Counter(labels)
    fewest = min((taken[label] for label in there if taken[label] < there[label]), default=None)
    assert fewest is None or max(taken.values()) <= fewest + 1


def test_a_volume_is_shown_once(prepared: dict[str, Path]) -> None:
    folder = prepared["mmwhs_ct"]
    shown = [e.names for e in read_split(folder / "splits" / "test.txt", folder, "volumes")]
    lines = (folder / "splits" / "test.txt").read_text().split()
    assert sorted(name for names in shown for name in names) == sorted(lines)
    assert len(shown) == len({line.rpartition("/")[0] for line in lines})


def test_boxes_come_with_their_class(tmp_path: Path) -> None:
    boxes = datasets.prepare("bccd", None, tmp_path)
    content = json.loads((boxes / "splits" / "test.json").read_text())
    found = read_split(boxes / "splits" / "test.json", boxes, "detection")
    assert sum(len(e.boxes) for e in found) == len(content["annotations"])
    ids = {c["id"]: n for n, c in enumerate(content["categories"], 1)}
    first = content["annotations"][0]
    assert (ids[first["category_id"]], first["bbox"]) in found[0].boxes


def test_what_cannot_be_drawn_is_named(
    prepared: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, damaged = prepared["brain_tumor"], tmp_path / "damaged"
    shutil.copytree(folder, damaged)
    (damaged / "splits" / "test.txt").write_text("no_such.png zero\n")
    for words, message in (
        (["show", "no_such_set"], "no_such_set"),
        (["show", str(tmp_path)], "meta.json"),
        (["show", str(folder), "--count", "0"], "count 0: choose"),
        (["show", "drive", "--data", str(tmp_path)], "drive"),
        (["show", str(damaged)], "test.txt"),
    ):
        assert main([*words, "--out", str(tmp_path / "sheet.png")]) == 2
        error = capsys.readouterr().err
        assert message in error and "Traceback" not in error
    assert not (tmp_path / "sheet.png").exists()
