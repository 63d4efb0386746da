"""Sources of a corpus: files that kill their process, links, clutter, changes behind links."""

from __future__ import annotations

import csv
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from lvmmed_backbones.command.cli import main
from lvmmed_backbones.corpus import building, reading
from lvmmed_backbones.corpus.building import build
from lvmmed_backbones.files.outside import Refused
from tests.factories import write_images

REASON = "kills the process that reads it. Save it again or leave it out"


def skipped(out: Path) -> dict[str, str]:
    with (out / "skipped.csv").open() as file:
        return {row["source"]: row["reason"] for row in csv.DictReader(file)}


def everything(folder: Path) -> dict[str, bytes]:
    """Its files, but for what tells of the files that were left out."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and file.name not in ("skipped.csv", building.KILLERS, "corpus.json")
    }


@pytest.fixture(autouse=True)
def killer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A format whose reader dies as a library does: by a signal, or by leaving, without an exception."""

    def die(path: Path, axis: int) -> Iterator:
        if path.read_text() == "exit":
            os._exit(3)
        os.kill(os.getpid(), getattr(signal, path.read_text()))
        yield

    monkeypatch.setitem(reading.READERS, ".kill", die)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_file_that_kills_its_process_is_found_and_left_out(
    workers: int, tmp_path: Path, monkeypatch
) -> None:
    """To the same bytes as without it; and a build that is repeated knows it."""
    monkeypatch.setattr(building, "UNIT", 10)
    source = write_images(tmp_path / "in", 42)
    whole, out = tmp_path / "whole", tmp_path / "out"
    build([("x", source)], whole, workers=1)
    deaths = {
        "000a.kill": "SIGKILL",
        "017a.kill": "SIGTERM",
        "017b.kill": "exit",
        "041a.kill": "exit",
    }
    for name, way in deaths.items():
        (source / name).write_text(way)
    built = build([("x", source)], out, workers=workers)
    assert built.images == 42 and built.not_taken.total() == 4
    assert skipped(out) == dict.fromkeys(deaths, REASON)
    assert everything(out) == everything(whole)
    monkeypatch.setattr(building, "killers_among", lambda unit: pytest.fail("it was read again"))
    assert build([("x", source)], out, workers=workers) == built
    assert everything(out) == everything(whole)


def test_a_killer_that_has_changed_is_read_again(tmp_path: Path) -> None:
    source, out = write_images(tmp_path / "in", 3), tmp_path / "out"
    (source / "a.kill").write_text("SIGKILL")
    assert build([("x", source)], out, workers=2).images == 3
    shutil.copy(source / "000.png", source / "b.png")
    (source / "a.kill").unlink()
    (source / "b.png").rename(source / "a.kill.png")
    assert build([("x", source)], out, workers=2).images == 4
    (source / "a.kill").write_text("exit")
    assert build([("x", source)], out, workers=2).images == 4
    assert skipped(out) == {"a.kill": REASON}


def test_files_that_kill_only_together_are_named(tmp_path: Path, monkeypatch) -> None:
    """As where there is too little memory for a shard: no file alone does it."""
    source = write_images(tmp_path / "in", 3)
    monkeypatch.setattr(building, "add_member", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(
        Refused, match=r"a process died over the files 000\.png to 002\.png, but over none alone"
    ):
        build([("x", source)], tmp_path / "out", workers=1)


def test_a_list_of_killers_that_is_none_is_refused(tmp_path: Path) -> None:
    source, out = write_images(tmp_path / "in", 1), tmp_path / "out"
    build([("x", source)], out, workers=1)
    for content in ("{", "{}", "[1]", "[[]]", '[["a", 1, 2, 3]]'):
        (out / "parts" / building.KILLERS).write_text(content)
        with pytest.raises(Refused, match=r"killers\.json: is no .*Remove it, and build again"):
            build([("x", source)], out, workers=1)


def test_an_audit_names_a_test_file_that_kills_its_process(tmp_path: Path, capsys) -> None:
    source, test = write_images(tmp_path / "in", 3), write_images(tmp_path / "test", 40)
    (test / "010a.kill").write_text("SIGKILL")
    out = str(tmp_path / "out")
    assert main(["corpus", "build", str(source), "--out", out, "--workers", "1"]) == 0
    line = ["corpus", "audit", out, "--test", str(test), "--workers", "2"]
    assert main([*line, "--report", str(tmp_path / "report.csv")]) == 1
    said = capsys.readouterr().err
    assert "1 test files are not compared, such as" in said and f"010a.kill: {REASON}" in said
    with (tmp_path / "report.csv").open() as file:
        assert [Path(row["test"]).name for row in csv.DictReader(file)] == [
            "000.png",
            "001.png",
            "002.png",
        ]


def test_clutter_makes_no_difference(tmp_path: Path) -> None:
    source = write_images(tmp_path / "in", 3)
    build([("x", source)], tmp_path / "whole", workers=1)
    (source / "__MACOSX").mkdir()
    for name in (
        ".DS_Store",
        "Thumbs.db",
        "._000.png",
        ".a.png",
        "desktop.ini",
        "__MACOSX/000.png",
    ):
        shutil.copy(source / "000.png", source / name)
    built = build([("x", source)], tmp_path / "out", workers=1)
    assert (built.images, built.not_taken) == (3, {})
    assert everything(tmp_path / "out") == everything(tmp_path / "whole")


def test_links_to_folders_are_followed_or_listed(tmp_path: Path) -> None:
    source = write_images(tmp_path / "in" / ".store", 3).parent
    write_images(tmp_path / "elsewhere", 2)
    (source / "shown").symlink_to(".store")
    (source / ".store" / "circle").symlink_to("..")
    (source / "away").symlink_to(tmp_path / "elsewhere")
    images = build([("x", source)], tmp_path / "out", workers=1).images
    assert images == 3
    ((name, reason),) = skipped(tmp_path / "out").items()
    assert name == "away" and reason.startswith(f"leads out of {source}. Put the file itself there")


@pytest.mark.parametrize("linked", ["file", "folder", "source", "another target"])
def test_a_change_behind_a_link_is_seen(linked: str, tmp_path: Path) -> None:
    source = write_images(tmp_path / "in", 3)
    store = source / ".store"
    store.mkdir()
    file = source / "000.png"
    if linked == "file" or linked == "another target":
        file = file.rename(store / "a.png")
        (source / "000.png").symlink_to(".store/a.png")
    elif linked == "folder":
        file = file.rename(store / "a.png")
        (source / "shown").symlink_to(".store")
    else:
        (tmp_path / "link").symlink_to(source)
        source = tmp_path / "link"
    build([("x", source)], tmp_path / "out", workers=1)
    before = everything(tmp_path / "out")
    build([("x", source)], tmp_path / "out", workers=1)
    assert everything(tmp_path / "out") == before
    other, when = cv2.imread(str(file)), file.stat().st_mtime_ns
    if linked == "another target":
        cv2.imwrite(str(store / "b.png"), 255 - other)
        for path in (store / "a.png", store / "b.png"):
            path.write_bytes(path.read_bytes().ljust(9_000, b"\0"))
            os.utime(path, ns=(when, when))
        build([("x", source)], tmp_path / "out", workers=1)
        before = everything(tmp_path / "out")
        link = source / "000.png"
        old = link.lstat()
        link.unlink()
        link.symlink_to(".store/b.png")
        os.utime(link, ns=(old.st_atime_ns, old.st_mtime_ns), follow_symlinks=False)
    else:
        cv2.imwrite(str(file), 255 - other)
        os.utime(file, ns=(when + 1, when + 1))
    build([("x", source)], tmp_path / "out", workers=1)
    assert everything(tmp_path / "out") != before
