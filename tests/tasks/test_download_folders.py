"""Folders of downloads: what systems leave in them, endings in any case, links, names in any encoding, lists."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import random
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from benchmarks.labels import training_images
from lvmmed_backbones.files.outside import Refused, read_lines
from lvmmed_backbones.layout import check, write_data_set
from tasks import datasets, phantoms, registry
from tasks.__main__ import main
from tasks.datasets import source_signature
from tasks.download.folders import files_by_name, usual_name


def fingerprint(folder: Path) -> str:
    return json.loads((folder / "meta.json").read_text())["fingerprint"]


def prepared(name: str, tmp_path: Path) -> Path:
    folder = datasets.prepare(name, tmp_path / "in", tmp_path / "out")
    assert check(folder) == []
    return folder


def fails(name: str, tmp_path: Path, capsys, message: str) -> None:
    line = ["prepare", name, "--data", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    assert main(line) == 2
    said = [x for x in capsys.readouterr().err.splitlines() if x.startswith("error: ")]
    assert len(said) == 1 and said[0].isprintable() and message in said[0], said


def litter(root: Path) -> None:
    """What macOS, Windows and people leave in every folder."""
    for folder in [root, *(p for p in root.rglob("*") if p.is_dir())]:
        some = next((p for p in sorted(folder.iterdir()) if p.is_file()), None)
        for name in (".DS_Store", "Thumbs.db", "desktop.ini", "read me.txt"):
            (folder / name).write_bytes(b"\0\0\0\1Bud1")
        if some:
            (folder / f"._{some.name}").write_bytes(b"\0\5\x16\7")
            (folder / f".{some.name}").write_bytes(b"hidden")
            (folder / "__MACOSX").mkdir()
            (folder / "__MACOSX" / f"._{some.name}").write_bytes(b"\0\5\x16\7")


@pytest.mark.parametrize("name", phantoms.names())
def test_clutter_is_passed_over(name: str, download, prepared_root: Path, tmp_path: Path) -> None:
    source = download(name)
    before = source_signature(source)
    (source / ".git").mkdir()
    (source / ".git" / "index").touch()
    assert source_signature(source) == before
    litter(source)
    assert fingerprint(prepared(name, tmp_path)) == fingerprint(prepared_root / name)


def test_clutter_in_a_prepared_data_set_is_passed_over(prepared_root: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(prepared_root / "brats2018", tmp_path / "brats2018"))
    litter(folder)
    for path in folder.rglob("read me.txt"):
        path.unlink()
    assert check(folder) == []


def louder(path: Path) -> None:
    """Write a file's ending in capitals; of a volume unpacked, every other time."""
    for ending in (".nii.gz", path.suffix):
        if path.name.endswith(ending):
            path.rename(path.with_name(path.name.removesuffix(ending) + ending.upper()))
            return


@pytest.mark.parametrize(
    "name", ["brain_tumor", "brats2018", "buid", "drive", "fgadr", "isic2018", "jsrt", "kvasir",
             "mmwhs_ct", "mmwhs_mri", "prostate", "vindr"],
)  # fmt: skip
def test_endings_in_capitals(name: str, download, prepared_root: Path, tmp_path: Path) -> None:
    for path in sorted(download(name).rglob("*.*")):
        if path.suffix not in (".csv", ".json") and path.is_file():
            louder(path)
    assert fingerprint(prepared(name, tmp_path)) == fingerprint(prepared_root / name)


def test_other_endings_of_a_type(download, prepared_root: Path, tmp_path: Path) -> None:
    """.jpeg keeps its name in the prepared data set; .tiff and .nii leave no trace."""
    for path in sorted(download("drive").rglob("*.tif")):
        path.rename(path.with_suffix(".tiff"))
    for path in sorted(download("prostate").rglob("*.nii.gz"))[::2]:
        path.with_name(path.name.removesuffix(".gz")).write_bytes(
            gzip.decompress(path.read_bytes())
        )
        path.unlink()
    for name in ("drive", "prostate"):
        assert fingerprint(prepared(name, tmp_path)) == fingerprint(prepared_root / name)
    for name in ("brain_tumor", "kvasir"):
        for path in sorted(download(name).rglob("*.jpg")):
            path.rename(path.with_suffix(".jpeg"))
        folder = prepared(name, tmp_path)
        assert {path.suffix for path in (folder / "images").iterdir()} == {".jpeg"}
        counts = [
            json.loads((f / "meta.json").read_text())["counts"]
            for f in (folder, prepared_root / name)
        ]
        assert counts[0] == counts[1]
    boxes = json.loads((folder / "splits" / "test.json").read_text())
    assert all(image["file_name"].endswith(".jpeg") for image in boxes["images"])


@pytest.mark.parametrize(
    ("name", "pattern", "twin"),
    [
        ("kvasir", "images/*.jpg", ".jpeg"),
        ("kvasir", "masks/*.jpg", ".JPG"),
        ("drive", "test/images/*.tif", ".tiff"),
        ("mmwhs_ct", "*_image.nii.gz", ".GZ"),
        ("fgadr", "Seg-set/Original_Images/*.png", ".PNG"),
    ],
)
def test_two_files_of_one_name_are_refused(
    name: str, pattern: str, twin: str, download, tmp_path: Path, capsys
) -> None:
    path = sorted(download(name).glob(pattern))[0]
    shutil.copy(path, path.with_suffix(twin))
    fails(name, tmp_path, capsys, f"is {usual_name(path.name)} as ")


def test_a_case_of_two_grades_is_refused(download, tmp_path: Path, capsys) -> None:
    root = download("brats2018") / "MICCAI_BraTS_2018_Data_Training"
    case = sorted((root / "HGG").iterdir())[0]
    shutil.copytree(case, root / "LGG" / case.name)
    fails("brats2018", tmp_path, capsys, f"two images have the name {case.name}/000")


def test_a_file_in_place_of_a_folder(download, tmp_path: Path, capsys) -> None:
    source = download("kvasir")
    shutil.rmtree(source / "images")
    (source / "images").touch()
    fails("kvasir", tmp_path, capsys, "images/*.jpg: no images there. Is the download unpacked in")
    root = download("brats2018") / "MICCAI_BraTS_2018_Data_Training"
    for folder in ("HGG", "LGG"):
        shutil.rmtree(root / folder)
        (root / folder).touch()
    fails("brats2018", tmp_path, capsys, "no cases, HGG/CASE or LGG/CASE, there")


# Links


def test_links_to_files_and_folders_are_followed(
    download, prepared_root: Path, tmp_path: Path
) -> None:
    source = download("drive")
    (source / ".store").mkdir()
    for part in ("training", "test"):
        (source / part).rename(source / ".store" / part)
        (source / part).symlink_to(Path(".store") / part)
    path = sorted((source / "test" / "images").iterdir())[0]
    path.rename(source / ".store" / "a.tif")
    path.symlink_to("../../a.tif")
    (source / "test" / "circle").symlink_to("..")
    (source / "all").symlink_to(".")
    assert fingerprint(prepared("drive", tmp_path)) == fingerprint(prepared_root / "drive")


@pytest.mark.parametrize("linked", ["file", "folder", "download", "file of a hidden folder"])
def test_a_changed_source_is_seen_through_links(linked: str, download, tmp_path: Path) -> None:
    """The file keeps its size; only its time tells."""
    source = download("drive")
    path = sorted((source / "test" / "images").iterdir())[0]
    if linked == "folder":
        (source / ".store").mkdir()
        (source / "test").rename(source / ".store" / "test")
        (source / "test").symlink_to(".store/test")
    elif linked == "download":
        source.rename(tmp_path / "disk")
        source.symlink_to(tmp_path / "disk")
    else:
        store = source / ("store" if linked == "file" else ".store")
        store.mkdir()
        path.rename(store / "a.tif")
        path.symlink_to(store / "a.tif")
    before = source_signature(source)
    assert source_signature(source) == before
    os.utime(path.resolve(), ns=(1, 1))
    assert source_signature(source) != before


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_link_that_leads_elsewhere_is_a_change(what: str, download) -> None:
    """The new target has the size and the time of the old one, so only where it lies tells."""
    source = download("drive")
    path = source / "test" / "images" / "01_test.tif" if what == "file" else source / "test"
    for name in ("one", "two"):
        (shutil.copytree if what == "folder" else shutil.copy2)(path, source / name)
    for each in [source / "two", *(source / "two").rglob("*")]:
        twin = source / "one" / each.relative_to(source / "two")
        os.utime(each, ns=(twin.stat().st_atime_ns, twin.stat().st_mtime_ns))
    shutil.rmtree(path) if what == "folder" else path.unlink()
    path.symlink_to(source / "one")
    os.utime(path, ns=(5, 5), follow_symlinks=False)
    before = source_signature(source)
    path.unlink()
    path.symlink_to(source / "two")
    os.utime(path, ns=(5, 5), follow_symlinks=False)
    assert source_signature(source) != before


def test_a_link_to_itself_is_no_file(download, tmp_path: Path, capsys) -> None:
    source = download("drive")
    path = sorted((source / "test" / "images").iterdir())[0]
    path.unlink()
    path.symlink_to(path.name)
    fails("drive", tmp_path, capsys, f"{path}: cannot be read")


# Names and lists


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a\udcff\udcfe", "cannot be printed"),
        ("a\u2028b", "cannot be printed"),
        ("a\u0085b", "cannot be printed"),
        ("a\nb", "cannot be printed"),
        (" a", "begins or ends with a space"),
        ("a\u00a0", "begins or ends with a space"),
    ],
)
def test_a_name_that_no_list_keeps_is_refused(
    name: str, message: str, download, tmp_path: Path, capsys
) -> None:
    source = download("drive")
    for folder, suffix in (("images", "{}.tif"), ("1st_manual", "{}_manual1.gif")):
        path = sorted((source / "test" / folder).iterdir())[0]
        path.rename(path.with_name(suffix.format(name)))
    fails("drive", tmp_path, capsys, message)


RAMP = np.arange(0, 200, 10, dtype=np.uint8)[None].repeat(20, axis=0)
NAMES = ["a b", "#a", "a,b", "100 %", "%s", "a 1", "\u65e5\u672c", "\u00e9", "e\u0301", "'\"", "a;b", "{a}", "=a",
         "a.b", "\U0001f600", "$HOME", "a*", "[a]"]  # fmt: skip


def test_lists_hold_any_other_name(download, tmp_path: Path) -> None:
    """The names with spaces and digits before the label too; read back by the check and by OpenMMLab's reader."""
    from mmengine import list_from_file

    source = download("brain_tumor")
    folder = source / "Testing" / "no_tumor"
    names = [*NAMES, "a "]
    for path, name in zip(sorted(folder.iterdir()), names, strict=False):
        path.rename(path.with_name(f"{name}.jpg"))
    for number, name in enumerate(names[len(list(folder.iterdir())) :]):
        Image.fromarray(RAMP + np.uint8(number)).save(folder / f"{name}.jpg")
    out = prepared("brain_tumor", tmp_path)
    lines = read_lines(out / "splits" / "test.txt")
    assert lines == list_from_file(str(out / "splits" / "test.txt"))
    assert {f"Testing-no_tumor-{name}.jpg 2" for name in names} <= set(lines)
    assert all((out / "images" / line.strip().rsplit(" ", 1)[0]).is_file() for line in lines)


def test_segmentation_lists_hold_any_other_name(tmp_path: Path) -> None:
    with write_data_set(tmp_path / "set") as writer:
        writer.meta.update(kind="segmentation", classes=["background", "x"])
        for name in NAMES:
            writer.mask(name, writer.image(name, RAMP), RAMP > 99, Path("a.png"))
        writer.split("train", NAMES)
    assert check(tmp_path / "set") == []
    assert read_lines(tmp_path / "set" / "splits" / "train.txt") == NAMES


def test_a_list_ends_its_lines_as_openmmlab_does(tmp_path: Path) -> None:
    from mmengine import list_from_file

    path = tmp_path / "a.txt"
    for text in (
        "",
        "a",
        "a\n",
        "a\r\nb\r\n",
        "a\u2028b\n",
        "a\u0085b\x1c\n",
        " a \n\nb\n",
        "a\x0bb",
    ):
        path.write_text(text, encoding="utf-8", newline="")
        assert read_lines(path) == list_from_file(str(path)), text
    path.write_text("a\u2028b 0\nc 1\n", encoding="utf-8")
    config = Config.fromfile(registry.CONFIGS / "brain_tumor_linear.py")
    config.train_dataloader.dataset.ann_file = path.name
    assert training_images(config, tmp_path) == (["a\u2028b", "c"], ["0", "1"])


def test_names_survive_a_locale_without_unicode(tmp_path: Path, monkeypatch) -> None:
    """The lists are in UTF-8 whatever the locale: `open` without an encoding is told of another one."""
    monkeypatch.setattr("locale.getpreferredencoding", lambda *_: "ascii")
    monkeypatch.setattr("io.text_encoding", lambda encoding, *_: encoding or "ascii")
    with write_data_set(tmp_path / "set") as writer:
        writer.meta.update(kind="detection", classes=["x"])
        writer.image("\u65e5", RAMP)
        writer.split("train", ["\u65e5"])
    assert check(tmp_path / "set") == []


@pytest.mark.parametrize("name", [".a", "a/.b", "__MACOSX/a", "./a", "a//b"])
def test_the_writer_refuses_names_that_would_be_lost(name: str, tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="rename the file"),
        write_data_set(tmp_path / "set") as writer,
    ):
        writer.image(name, np.zeros((4, 4), np.uint8))


def test_usual_names() -> None:
    assert [usual_name(n) for n in ("A.JPEG", "a.Jpg", "a.TIFF", "a.NII", "a.nii.GZ", "a.b.PNG", "a", "A.GZ")] == [
        "A.jpg", "a.jpg", "a.tif", "a.nii.gz", "a.nii.gz", "a.b.png", "a", "A.gz",
    ]  # fmt: skip


def test_files_of_no_folder(tmp_path: Path) -> None:
    assert files_by_name(tmp_path / "nothing", "*") == {}
    (tmp_path / "a.png").touch()
    (tmp_path / "a.PNG").touch()
    with pytest.raises(Refused, match=r"a\.png: is a\.png as a\.PNG is\. Take one of the two out"):
        files_by_name(tmp_path, "*.png")


def test_cases_that_differ_by_capitals_are_refused(download, tmp_path: Path, capsys) -> None:
    path = sorted((download("prostate") / "BMC").iterdir())[0]
    shutil.copy(path, path.with_name(path.name.upper()))
    fails("prostate", tmp_path, capsys, "but for capitals. Take one of the two out")


# Generated folders

ODD = [" a", "a ", "a\udcff", "a\u2028b", "#", "%s", "a,b", "\u65e5\u672c", ".a", "._a", "Thumbs.db", "a" * 240, "-x",
       "a\nb", "[a]", "A", "case 1", ".DS_Store", "__MACOSX"]  # fmt: skip


def remove(path: Path) -> None:
    (shutil.rmtree if path.is_dir() and not path.is_symlink() else os.unlink)(path)


def disturb(source: Path, rng: random.Random) -> None:
    """One to three changes: names, endings, copies, links, devices, what is not there, what is something else."""
    for _ in range(rng.randint(1, 3)):
        everything = [p for p in sorted(source.rglob("*")) if p.name != "PHANTOM"]
        path, other = rng.choice(everything), rng.choice(everything)
        way = rng.randrange(9)
        if way == 0:
            path.rename(path.with_name(rng.choice(ODD) + "".join(path.suffixes[-2:])))
        elif way == 1 and path.is_file():
            shutil.copy(path, path.with_suffix(rng.choice([path.suffix.upper(), ".jpeg"])))
        elif way == 2:
            remove(path)
        elif way == 3:
            remove(path)
            targets = [other, other.name, "/etc", "/etc/passwd", "nothing", path, source, ".."]
            path.symlink_to(rng.choice(targets))
        elif way == 4:
            remove(path)
            rng.choice([os.mkfifo, os.mkdir, Path.touch])(path)
        elif way == 5 and path.is_file() and other.is_file() and path != other:
            path.write_bytes(other.read_bytes())
        elif way == 6:
            folder = path if path.is_dir() else path.parent
            (folder / f"{rng.choice(ODD)}x").write_bytes(b"x")
        elif way == 7 and path.is_dir() and not path.is_symlink():
            (path.parent / ".store").mkdir(exist_ok=True)
            path.rename(path.parent / ".store" / path.name)
            path.symlink_to(Path(".store") / path.name)
        elif path.is_file():
            path.write_bytes(rng.choice([b"", b"\0", b"text", path.read_bytes()[:50]]))


@pytest.mark.slow
@pytest.mark.parametrize("name", phantoms.names())
def test_generated_folders(name: str, phantom_root: Path, tmp_path: Path, capsys) -> None:
    """25 of each data set: prepared and sound, or a line and nothing on the disk."""
    rng, folder = random.Random(name), datasets.get(name).folder
    line = ["prepare", name, "--data", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    for _ in range(25):
        source = Path(shutil.copytree(phantom_root / folder, tmp_path / "in" / folder))
        with contextlib.suppress(OSError):  # some change undoes another
            disturb(source, rng)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = main(line)
        said = capsys.readouterr().err.replace("\r", "\n").splitlines()
        errors = [x for x in said if x.startswith("error: ")]
        if code == 0:
            assert check(tmp_path / "out" / name) == []
        else:
            assert code == 2 and len(errors) == 1 and errors[0].isprintable()
            assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []
        shutil.rmtree(tmp_path / "in")
        shutil.rmtree(tmp_path / "out", ignore_errors=True)


# DRIVE


@pytest.mark.parametrize("empty", [True, False])
def test_the_labels_of_drive_that_are_no_longer_served(
    empty: bool, download, tmp_path: Path, capsys
) -> None:
    folder = download("drive") / "test" / "1st_manual"
    shutil.rmtree(folder)
    if empty:
        folder.mkdir()
        (folder / ".DS_Store").touch()
    fails(
        "drive", tmp_path, capsys, f"{folder}: holds no labels: the download has not had those of"
    )
