"""Files and folders that are whole or not there: real processes that are killed, real full disks."""

from __future__ import annotations

import errno
import json
import os
import pickle
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from lvmmed_backbones.files import writing
from lvmmed_backbones.files.writing import (
    DiskFull,
    disk_full,
    replacing,
    replacing_folder,
    sweep,
    write_json,
    write_text,
)
from tests.factories import signal_of_child

OLD, NEW = {"a.txt": "old a", "sub/b.txt": "old b"}, {"a.txt": "new a", "sub/c.txt": "new c"}
STEPS = {  # audit events of Python's own: each is heard before the system is asked
    "open",
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "shutil.rmtree",
}


def fill(folder: Path, content: dict[str, str]) -> None:
    for name, text in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def content(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): file.read_text()
        for file in folder.rglob("*")
        if file.is_file()
    }


def renew(path: Path, new: dict[str, str] = NEW) -> None:
    with replacing_folder(path) as folder:
        fill(folder, new)


def is_step(event: str, arguments: tuple) -> bool:
    return event in STEPS or event == "test.step"


def without_swap(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a file system that cannot exchange two names."""
    monkeypatch.setattr(writing, "swap", lambda one, two: False)


@pytest.fixture
def audited_swap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps before and after the one system call that Python does not report."""
    real = writing.swap

    def swap(one: Path, two: Path) -> bool:
        sys.audit("test.step")
        done = real(one, two)
        sys.audit("test.step")
        return done

    monkeypatch.setattr(writing, "swap", swap)


def test_a_file_is_new_after_success_and_old_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "one\r\nä")
    assert path.read_bytes() == "one\r\nä".encode()
    with pytest.raises(KeyError), replacing(path) as scratch:
        scratch.write_text("two")
        raise KeyError
    assert path.read_bytes() == "one\r\nä".encode() and os.listdir(tmp_path) == ["a.txt"]


def test_what_appears_has_the_usual_modes(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "a.txt", "a")
        renew(tmp_path / "folder")
        with replacing(tmp_path / "b.safetensors") as scratch:  # puts a file of mode 0600 there
            save_file({"a": torch.zeros(1)}, scratch)
    finally:
        os.umask(before)
    modes = {
        name: stat.S_IMODE((tmp_path / name).stat().st_mode)
        for name in ("a.txt", "b.safetensors", "folder", "folder/a.txt", "folder/sub")
    }
    assert modes == {
        "a.txt": 0o640,
        "b.safetensors": 0o640,
        "folder": 0o750,
        "folder/a.txt": 0o640,
        "folder/sub": 0o750,
    }


def test_a_file_killed_at_any_step_is_old_or_new(tmp_path: Path) -> None:
    path, died, seen = tmp_path / "a.txt", 0, set()
    write_text(path, "old")
    while signal_of_child(lambda: write_text(path, "new"), died + 1, is_step):
        died += 1
        seen.add(path.read_text())
        sweep(tmp_path)
        assert os.listdir(tmp_path) == ["a.txt"]
        write_text(path, "old")
    assert died >= 5 and seen == {"old", "new"} and path.read_text() == "new"


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_killed_at_any_step_is_old_or_new(
    tmp_path: Path, there: bool, audited_swap: None
) -> None:
    path, died, seen = tmp_path / "site", 0, []
    if there:
        fill(path, OLD)
    while signal_of_child(lambda: renew(path), died + 1, is_step):
        died += 1
        seen.append(content(path) if path.exists() else None)
        renew(path, OLD if there else {"again": ""})  # what a kill left blocks nothing
        assert os.listdir(tmp_path) == ["site"]
        if not there:
            (path / "again").unlink()
            path.rmdir()
    assert died >= 15 and content(path) == NEW
    assert all(one in (OLD if there else None, NEW) for one in seen)
    assert seen[0] != NEW and seen[-1] == NEW


def test_where_names_cannot_be_exchanged_a_killed_one_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_swap(monkeypatch)
    path, died, gone = tmp_path / "site", 0, 0
    fill(path, OLD)
    while signal_of_child(lambda: renew(path), died + 1, is_step):
        died += 1
        gone += not path.exists()
        sweep(tmp_path)
        assert os.listdir(tmp_path) == ["site"] and content(path) in (OLD, NEW)
        renew(path, OLD)
    assert died >= 15 and content(path) == NEW
    assert gone == 1  # between the two renames, and nowhere else


def test_killed_at_random_moments(tmp_path: Path) -> None:
    """The same from outside, wherever the process may be: also within a system call."""
    path = tmp_path / "site"
    fill(path, {str(n): "old" for n in range(30)})
    code = (
        "import sys; from pathlib import Path; from lvmmed_backbones.files.writing import replacing_folder\n"
        "while True:\n"
        "  with replacing_folder(Path(sys.argv[1])) as folder:\n"
        "    print(flush=True)\n"
        "    for n in range(30): (folder / str(n)).write_text('new')\n"
    )
    rng = np.random.default_rng(0)
    for _ in range(20):
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        process.stdout.readline()
        time.sleep(rng.uniform(0, 0.05))
        process.kill()
        process.communicate()
        found = content(path)
        assert len(found) == 30 and len(set(found.values())) == 1
    sweep(tmp_path)
    assert os.listdir(tmp_path) == ["site"]


def test_a_living_builders_scratch_is_left_alone(tmp_path: Path) -> None:
    go = os.pipe()
    write_text(tmp_path / "a.txt", "old")
    pid = os.fork()
    if pid == 0:
        with replacing(tmp_path / "a.txt") as file, replacing_folder(tmp_path / "site") as folder:
            file.write_text("new")
            fill(folder, NEW)
            os.write(go[1], b"x")
            signal.pause()
    os.read(go[0], 1)
    before = sorted(os.listdir(tmp_path))
    assert len(before) == 3
    sweep(tmp_path)
    renew(tmp_path / "site", OLD)
    assert sorted(os.listdir(tmp_path)) == sorted([*before, "site"])
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    sweep(tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["a.txt", "site"] and content(tmp_path / "site") == OLD
    os.close(go[0]), os.close(go[1])


@pytest.mark.parametrize("can_swap", [True, False])
def test_builders_at_the_same_time_leave_one_whole_folder(
    tmp_path: Path, can_swap: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not can_swap:
        without_swap(monkeypatch)
    path, children = tmp_path / "site", []
    for number in range(6):
        pid = os.fork()
        if pid == 0:
            try:
                for _ in range(20):
                    renew(path, {str(n): str(number) for n in range(5)})
                os._exit(0)
            finally:
                os._exit(1)
        children.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 6
    found = content(path)
    assert len(found) == 5 and len(set(found.values())) == 1
    assert os.listdir(tmp_path) == ["site"]


def test_a_sweep_takes_a_thousand_leftovers_and_nothing_else(tmp_path: Path) -> None:
    others = [".a.partial", "a.0123456789ab.partial", ".b.0123456789ab.part", ".git"]
    for name in others:
        (tmp_path / name).write_text("not ours")
    for number in range(1000):
        (tmp_path / f".a.txt.{number:012x}.partial").write_text("x")
    (tmp_path / ".c.0123456789ab.partial").symlink_to(tmp_path / ".git")
    (tmp_path / ".d.0123456789ab.partial" / "new").mkdir(parents=True)
    (tmp_path / ".d.0123456789ab.partial" / "new" / "link").symlink_to(tmp_path)
    os.mkfifo(tmp_path / ".e.0123456789ab.partial")
    sweep(tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted([*others, ".c.0123456789ab.partial"])
    sweep(tmp_path / "nowhere")


def test_a_folder_takes_no_place_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(FileExistsError, match="file: not a folder"):
        renew(tmp_path / "file")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    renew(tmp_path / "link")
    assert not (tmp_path / "link").is_symlink() and content(tmp_path / "link") == NEW
    assert content(tmp_path / "elsewhere") == {"a": "precious"}
    with pytest.raises(FileExistsError, match=r"/proc: a file system is mounted there"):
        renew(Path("/proc"))


def test_an_error_names_what_the_user_knows(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"'.*/no/a\.txt'"):
        write_text(tmp_path / "no" / "a.txt", "")
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError, match="file"):
        renew(tmp_path / "file" / "site")


def save_by_torch(path: Path) -> None:
    torch.save(torch.zeros(3 * 2**20), path)


def save_by_pillow(path: Path, kind: str = "PNG") -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2000, 2000, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, kind, **({"quality": 100} if kind == "JPEG" else {}))


WRITERS: dict[str, Callable[[Path], object]] = {
    "python": lambda path: path.write_bytes(bytes(2**23)),
    "safetensors": lambda path: save_file({"a": torch.zeros(3 * 2**20)}, path),
    "pyarrow": lambda path: pq.write_table(
        pa.table({"a": np.random.default_rng(0).random(2**20)}), path
    ),
    "torch": save_by_torch,
    "png": save_by_pillow,
    "jpeg": lambda path: save_by_pillow(path, "JPEG"),
    "numpy": lambda path: np.save(path.open("wb"), np.zeros(2**20)),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_full_disk_is_one_line_and_what_was_there_stays(writer: str, small_disk: Path) -> None:
    path = small_disk / "a.bin"
    write_text(path, "old")
    with pytest.raises(DiskFull) as caught, replacing(path) as scratch:
        WRITERS[writer](scratch)
    line = f"{path}: not written, the disk is full. Make room, and start again"
    assert str(caught.value) == line and caught.value.errno == errno.ENOSPC
    assert str(pickle.loads(pickle.dumps(caught.value))) == line
    assert path.read_text() == "old" and os.listdir(small_disk) == ["a.bin"]


def test_a_full_disk_leaves_the_old_folder(small_disk: Path) -> None:
    renew(small_disk / "site", OLD)
    with pytest.raises(DiskFull) as caught, replacing_folder(small_disk / "site") as folder:
        write_text(folder / "a.txt", "x" * 2**23)
    assert str(small_disk / "site") == caught.value.filename
    assert content(small_disk / "site") == OLD and os.listdir(small_disk) == ["site"]
    assert not disk_full(small_disk)
    renew(small_disk / "site")
    assert content(small_disk / "site") == NEW


def test_no_room_for_another_name_is_a_full_disk(small_disk: Path) -> None:
    write_text(small_disk / "a.txt", "old")
    with pytest.raises(OSError, match="No space"):
        for number in range(300):
            (small_disk / str(number)).touch()
    assert disk_full(small_disk) and disk_full(small_disk / "not" / "there")
    with pytest.raises(DiskFull):
        write_text(small_disk / "a.txt", "new")
    with pytest.raises(DiskFull):
        renew(small_disk / "site")
    assert (small_disk / "a.txt").read_text() == "old"


def test_other_errors_stay_what_they_are_even_on_a_full_disk(small_disk: Path) -> None:
    with pytest.raises(OSError, match="No space"):
        (small_disk / "filler").write_bytes(bytes(2**23))
    with pytest.raises(ValueError, match="mine"), replacing(small_disk / "a"):
        raise ValueError("mine")
    with pytest.raises(PermissionError), replacing(small_disk / "a"):
        raise PermissionError(errno.EACCES, "mine")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}])
def test_what_json_does_not_know_leaves_the_file_as_it_was(tmp_path: Path, value: object) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"a": [0.1, None, "é"]})
    assert json.loads(path.read_text()) == {"a": [0.1, None, "é"]}
    with pytest.raises((ValueError, TypeError), match="JSON"):
        write_json(path, {"a": value})
    assert json.loads(path.read_text()) == {"a": [0.1, None, "é"]}
    assert list(tmp_path.iterdir()) == [path]
