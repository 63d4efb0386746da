"""The prepared layout: what the check finds, what meta.json promises, how one preparation replaces another."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from lvmmed_backbones.files import writing
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.layout import check, write_data_set
from lvmmed_backbones.layout.files import check_lists
from tasks import datasets, phantoms
from tasks.__main__ import main
from tasks.datasets.cards.mmwhs import LABELS
from tasks.splits import published_split

ROOT = Path(__file__).resolve().parents[2]


def meta_of(folder: Path) -> dict:
    return json.loads((folder / "meta.json").read_text())


def test_the_check_sees_a_changed_pixel(prepared: Callable[[str], Path]) -> None:
    folder = prepared("drive")
    path = sorted((folder / "images").iterdir())[0]
    image = np.array(Image.open(path))
    image[0, 0] ^= 1
    Image.fromarray(image).save(path)
    problems = check(folder)
    assert len(problems) == 1
    assert "was changed after it was prepared" in problems[0]


def test_the_check_sees_moved_lines(prepared: Callable[[str], Path]) -> None:
    folder = prepared("isic2018")
    train = folder / "splits" / "train.txt"
    train.write_text("\n".join(train.read_text().splitlines()[1:]) + "\n")
    assert any("was changed after" in problem for problem in check(folder))


@pytest.mark.parametrize(
    ("box", "problem"),
    [
        ([5, 5, 0, 9], "1 boxes without area"),
        ([5, 5, 500, 9], "1 boxes that leave their image"),
        ([-9, 5, 10, 9], "1 boxes that leave their image"),
    ],
)
def test_the_check_reads_boxes(
    box: list[int], problem: str, prepared: Callable[[str], Path]
) -> None:
    folder = prepared("kvasir")
    path = folder / "splits" / "test.json"
    content = json.loads(path.read_text())
    content["annotations"][0]["bbox"] = box
    path.write_text(json.dumps(content))
    assert any(f"{path} has {problem}" in line for line in check(folder))


@pytest.mark.parametrize("label", ["4", "-1", "x", ""])
def test_the_check_reads_labels(label: str, prepared: Callable[[str], Path]) -> None:
    folder = prepared("brain_tumor")
    path = folder / "splits" / "valid.txt"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([f"{lines[0][:-1]}{label}", *lines[1:]]) + "\n")
    assert any(
        f"{path} has 1 lines that do not end in a label of 0 to 3" in line for line in check(folder)
    )


def test_a_truncated_meta_is_named_and_prepared_anew(phantom_root: Path, tmp_path: Path) -> None:
    folder = datasets.prepare("buid", phantom_root, tmp_path)
    path = folder / "meta.json"
    whole = path.read_text()
    path.write_text(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"meta\.json: is no whole JSON file .* prepare it again"):
        check(folder)
    datasets.prepare("buid", phantom_root, tmp_path)
    assert path.read_text() == whole


def test_a_download_that_lacks_images_is_incomplete(
    phantom_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """ISIC has no published split to miss names of: the expected count tells."""
    source = Path(shutil.copytree(phantom_root / "isic2018", tmp_path / "in" / "isic2018"))
    phantom = meta_of(datasets.prepare("isic2018", tmp_path / "in", tmp_path / "out"))
    assert phantom["complete"]
    assert capsys.readouterr().err == ""
    (source / "PHANTOM").unlink()
    real = meta_of(datasets.prepare("isic2018", tmp_path / "in", tmp_path / "out"))
    assert (real["complete"], real["expected"], real["found"]) == (False, 2594, 48)
    assert "has 48 of 2594 images or cases" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "cases"), [("brats2018", 10), ("mmwhs_ct", 11), ("prostate", 19), ("vindr", 56)]
)
def test_what_is_counted(name: str, cases: int, prepared_root: Path) -> None:
    """Cases where there are volumes; in VinDr the images with a finding."""
    assert meta_of(prepared_root / name)["found"] == cases


@pytest.mark.parametrize("name", ["buid", "fgadr", "kvasir", "mmwhs_ct", "mmwhs_mri"])
def test_expected_counts_cover_the_published_split(name: str) -> None:
    splits = published_split(name)
    names = {n if isinstance(n, str) else n[0] for part in splits.values() for n in part}
    # One image of FGADR is in no published split.
    assert datasets.get(name).images == len(names) + (name == "fgadr")


def test_the_stray_label_of_mmwhs_is_left_atrium(phantom_root: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(phantom_root / "mmwhs", tmp_path / "mmwhs")) / "mr_train"
    path = sorted(folder.glob("*_label.nii.gz"))[0]
    labels = np.array(nibabel.load(path).dataobj)
    where = np.argwhere(labels == 420)[0]
    labels[tuple(where)] = 421
    nibabel.save(nibabel.Nifti1Image(labels, np.eye(4)), path)
    out = datasets.prepare("mmwhs_mri", tmp_path, tmp_path / "out")
    case = path.name.removesuffix("_label.nii.gz")
    mask = np.asarray(Image.open(out / "masks" / case / f"{where[2]:03}.png"))
    assert mask[where[0], where[1]] == LABELS[420] == 2


def test_a_16_bit_png_becomes_8_bit(tmp_path: Path) -> None:
    ramp = np.linspace(0, 60000, 400).reshape(20, 20).astype(np.uint16)
    Image.fromarray(ramp).save(tmp_path / "a.png")
    with write_data_set(tmp_path / "set") as writer:
        writer.meta.update(kind="detection", classes=["x"])
        writer.image("a", tmp_path / "a.png")
        writer.split("train", ["a"])
    kept = Image.open(tmp_path / "set" / "images" / "a.png")
    assert kept.mode == "L"
    assert np.asarray(kept).max() == 255


def test_the_old_preparation_stays_when_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(value: int) -> None:
        with write_data_set(tmp_path / "set") as writer:
            writer.meta.update(kind="detection", classes=["x"])
            writer.image("a", np.full((4, 4), value, np.uint8))
            writer.split("train", ["a"])

    def value() -> int:
        return np.asarray(Image.open(tmp_path / "set" / "images" / "a.png"))[0, 0]

    write(1)
    write(2)
    assert value() == 2

    def broken(*_: Path) -> None:
        raise OSError("broken disk")

    monkeypatch.setattr(writing, "exchange", broken)
    with pytest.raises(OSError, match="broken disk"):
        write(3)
    assert value() == 2
    assert [p.name for p in tmp_path.iterdir()] == ["set"]


@pytest.mark.parametrize("name", ["jsrt", "mmwhs_ct"])
def test_phantoms_replace_themselves(name: str, tmp_path: Path) -> None:
    """Drawing again leaves one phantom, and nothing beside it."""
    first = phantoms.generate(name, tmp_path, seed=1)
    assert phantoms.generate(name, tmp_path, seed=2) == first
    assert "seed 2" in (first / "PHANTOM").read_text()
    assert [p.name for p in first.parent.iterdir()] == [first.name]


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("verb", ["phantoms", "prepare"])
def test_killed_at_any_moment_what_was_there_stays_or_is_new(
    verb: str, phantom_root: Path, tmp_path: Path
) -> None:
    out, rng = tmp_path / "out", np.random.default_rng(0)
    line = {
        "phantoms": ["phantoms", "kvasir", "--out", str(out)],
        "prepare": ["prepare", "kvasir", "--data", str(phantom_root), "--out", str(out)],
    }[verb]
    assert main(line) == 0
    folder = out / (datasets.get("kvasir").folder if verb == "phantoms" else "kvasir")
    whole = files_of(folder)
    if verb == "prepare":  # else it is taken as it is
        (folder / "meta.json").write_text("{}")
    old, killed = files_of(folder), 0
    for longest in (
        0,
        0.003,
        0.01,
        0.03,
        0.1,
        0.3,
    ):  # all takes 50 ms, or seconds where much is done
        process = subprocess.Popen(
            [sys.executable, "-m", "tasks", *line], cwd=ROOT, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + 60
        while not list(folder.parent.glob(".*.partial")) and process.poll() is None:
            assert time.monotonic() < end
            time.sleep(0.002)
        time.sleep(rng.uniform(0, longest))
        process.kill()
        killed += process.wait() == -signal.SIGKILL
        assert files_of(folder) in (old, whole)
    assert killed > 0
    (folder / ("PHANTOM" if verb == "phantoms" else "meta.json")).write_text("{}")
    assert main(line) == 0
    assert files_of(folder) == whole and [p.name for p in folder.parent.iterdir()] == [folder.name]


@pytest.mark.parametrize("verb", ["phantoms", "prepare"])
def test_a_full_disk_is_one_line_and_what_was_there_stays(
    verb: str, phantom_root: Path, small_disk: Path, capsys
) -> None:
    out = small_disk / "out"
    line = {
        "phantoms": ["phantoms", "kvasir", "--seed", "1", "--out", str(out)],
        "prepare": ["prepare", "kvasir", "--data", str(phantom_root), "--out", str(out)],
    }[verb]
    folder = out / (datasets.get("kvasir").folder if verb == "phantoms" else "kvasir")
    folder.mkdir(parents=True)
    (folder / "PHANTOM").write_text("old")
    with pytest.raises(OSError, match="No space"):
        (small_disk / "filler").write_bytes(bytes(2**23))
    assert main(line) == 2
    lines = [x for x in capsys.readouterr().err.splitlines() if x and "%|" not in x]
    assert lines == [f"error: {folder}: not written, the disk is full. Make room, and start again"]
    assert files_of(folder) == {"PHANTOM": b"old"} and len(list(folder.parent.iterdir())) == 1
    (small_disk / "filler").unlink()
    subprocess.run(["mount", "-o", "remount,size=200m,nr_inodes=9999", str(small_disk)], check=True)
    assert main(line) == 0
    assert "PHANTOM" not in files_of(folder) or verb == "phantoms"


def test_a_list_that_lost_lines_is_named(prepared: Callable[[str], Path]) -> None:
    """It is a whole list still; only what was prepared tells."""
    folder = prepared("brain_tumor")
    meta, path = meta_of(folder), folder / "splits" / "train.txt"
    content = path.read_text()
    for text in (content.splitlines(keepends=True)[0], "", content + content, content[:-1]):
        path.write_text(text)
        with pytest.raises(Refused, match=r"train\.txt: is not as it was prepared\. Delete"):
            check_lists(folder, meta)
    path.unlink()
    with pytest.raises(Refused, match=r"train\.txt"):
        check_lists(folder, meta)
    path.write_text(content)
    (path.parent / ".DS_Store").touch()
    check_lists(folder, meta)
