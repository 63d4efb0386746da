"""A lease has one holder at a time, also when a holder dies, and across machines."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from benchmarks.scheduler import lease
from benchmarks.scheduler.lease import (
    Holder,
    Watch,
    alone,
    boot_and_container,
    claim,
    myself,
    newest,
    read_holder,
    start_of,
)

ROOT = Path(__file__).resolve().parents[2]
HOLD = """
import sys, time
from pathlib import Path
from benchmarks.scheduler.lease import claim
print(claim(Path(sys.argv[1])).path.name, flush=True)
time.sleep(600)
"""


def holding(name: Path) -> subprocess.Popen:
    """Start a process that holds a lease."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, name], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == f"{name.name}.1\n"
    return process


def of_another_host(name: Path, number: int = 1) -> Path:
    """Write a lease as a process on another machine does."""
    path = name.with_name(f"{name.name}.{number}")
    path.write_bytes(msgspec.json.encode(Holder("elsewhere", 1, "another boot", 5)))
    return path


def test_a_lease_is_taken_once_and_released(tmp_path: Path) -> None:
    name = tmp_path / "lease"
    held = claim(name)
    assert read_holder(held.path) == myself()
    assert claim(name) is None
    assert not Watch().is_free(name)
    held.release()
    assert Watch().is_free(name) and not list(tmp_path.iterdir())


def test_a_killed_holder_on_this_machine_is_known_at_once(tmp_path: Path) -> None:
    name = tmp_path / "lease"
    process = holding(name)
    assert not Watch().is_free(name)
    process.kill()
    process.wait()
    assert Watch().is_free(name)
    over = newest(name)
    mine = claim(name, over)
    assert mine.path.name == "lease.2" and mine.is_mine
    assert claim(name, over) is None, "two took over from one"
    mine.release()
    assert not list(tmp_path.iterdir())


def test_a_process_number_that_was_given_again_is_another_process(tmp_path: Path) -> None:
    """In containers, for example, each job is process 7."""
    path = tmp_path / "lease.1"
    path.write_bytes(msgspec.json.encode(Holder("here", os.getpid(), boot_and_container(), 1)))
    assert start_of(os.getpid()) != 1
    assert Watch().is_free(tmp_path / "lease")


def test_a_holder_elsewhere_is_given_up_after_its_silence_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(lease.time, "monotonic", lambda: now[0])
    path, watch = of_another_host(tmp_path / "lease"), Watch()
    assert not watch.is_dead(path)
    for beat in range(1, 4):
        now[0] += lease.SILENCE - 1
        assert not watch.is_dead(path)
        os.utime(path, ns=(beat, beat))  # of any clock: back to 1970
    assert not watch.is_dead(path)
    now[0] += lease.SILENCE + 1
    assert watch.is_dead(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"host": 1}', b"\xff", b"9" * 5000])
def test_a_lease_that_tells_nothing_is_waited_for(tmp_path: Path, content: bytes) -> None:
    """Its writer may be about to write."""
    path = tmp_path / "lease.1"
    path.write_bytes(content)
    assert read_holder(path) is None
    assert not Watch().is_free(tmp_path / "lease")


def test_a_lease_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch) -> None:
    def full(path: Path, content: bytes) -> None:
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        claim(tmp_path / "lease")
    assert not list(tmp_path.iterdir())


def test_a_file_system_without_hard_links_will_do(tmp_path: Path, monkeypatch) -> None:
    def none(*paths: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", none)
    held = claim(tmp_path / "lease")
    assert read_holder(held.path) == myself() and claim(tmp_path / "lease") is None
    held.release()
    assert not list(tmp_path.iterdir())


def test_other_files_are_no_leases(tmp_path: Path) -> None:
    for name in ("lease.x", "lease.", "lease.1.2", "leases.3", "lease"):
        (tmp_path / name).touch()
    assert newest(tmp_path / "lease") is None


def test_a_sign_of_life_is_a_new_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "BEAT", 0.05)
    held = claim(tmp_path / "lease")
    os.utime(held.path, ns=(0, 0))
    time.sleep(0.5)
    assert held.path.stat().st_mtime_ns > 0
    held.release()


def test_a_holder_that_slept_learns_that_it_was_given_up(tmp_path: Path) -> None:
    held = claim(tmp_path / "lease")
    other = of_another_host(tmp_path / "lease", 2)
    assert not held.is_mine
    held.release()
    assert list(tmp_path.iterdir()) == [other]


def count(folder: Path, times: int) -> None:
    """Add one to a number in a file; two processes at the same time would lose counts."""
    for _ in range(times):
        with alone(folder / "lease", "counting"):
            number = int((folder / "number").read_text())
            time.sleep(0.001)
            (folder / "number").write_text(str(number + 1))


def test_one_at_a_time_even_where_holders_are_killed(tmp_path: Path) -> None:
    (tmp_path / "number").write_text("0")
    context = multiprocessing.get_context("fork")
    doomed = holding(tmp_path / "lease")
    workers = [context.Process(target=count, args=(tmp_path, 3)) for _ in range(3)]
    for worker in workers:
        worker.start()
    time.sleep(0.3)
    assert (tmp_path / "number").read_text() == "0"
    doomed.send_signal(signal.SIGKILL)
    doomed.wait()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert (tmp_path / "number").read_text() == "9"
