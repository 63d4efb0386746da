"""Stops: real signals to real processes, after which nothing runs on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import multiprocessing, os, subprocess, sys, time
from concurrent.futures import ProcessPoolExecutor
from lvmmed_backbones.stopping import die_with_parent, stop_quietly

def say(*numbers):
    os.write(1, (" ".join(map(str, numbers)) + "\\n").encode())  # whole, whatever the others write

def spin(seconds):
    say(os.getpid())
    end = time.monotonic() + 100
    while time.monotonic() < end:
        pass

def sleep(seconds):
    say(os.getpid())
    time.sleep(100)

def start_another(seconds):
    process = subprocess.Popen(["sleep", "100"])
    say(process.pid, os.getpid())
    process.wait()

if __name__ == "__main__":
    method, work, quiet = sys.argv[1:]
    if quiet == "quietly":
        stop_quietly("Start again")
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(3, context, initializer=die_with_parent) as pool:
        list(pool.map(globals()[work], range(3)))
"""
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a command, the leader of a group of its own as in a terminal; it ends with the test."""
    started = []

    def run(*line: str | Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *map(str, line)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.py"
    path.write_text(f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{SCRIPT}")
    return path


def lives(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody asked for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def left_of(pids: list[int], seconds: float) -> list[int]:
    """Those that still run when so much time has passed; as soon as none does, none."""
    end = time.monotonic() + seconds
    while (left := [pid for pid in pids if lives(pid)]) and time.monotonic() < end:
        time.sleep(0.02)
    return left


def pids_of(process: subprocess.Popen[str]) -> list[int]:
    lines = [process.stdout.readline() for _ in range(3)]
    pids = [int(pid) for line in lines for pid in line.split()]
    assert len(pids) >= 3 and all(map(lives, pids))
    return pids


@pytest.mark.parametrize(
    ("method", "work"),
    [("fork", "spin"), ("fork", "sleep"), ("fork", "start_another"), ("spawn", "sleep")],
)
def test_workers_end_when_their_parent_is_killed(
    method: str, work: str, start: Start, script: Path
) -> None:
    process = start(script, method, work, "loudly")
    pids = pids_of(process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert left_of(pids, 10) == []


@pytest.mark.parametrize(
    ("number", "to_group", "said"),
    [
        (signal.SIGINT, True, "stopped by Ctrl-C. Start again\n"),
        (signal.SIGTERM, False, "stopped by SIGTERM. Start again\n"),
        (signal.SIGTERM, True, "stopped by SIGTERM. Start again\n"),
    ],
)
@pytest.mark.parametrize("work", ["sleep", "start_another"])
def test_a_stop_is_one_line_and_leaves_nothing(
    number: int, to_group: bool, said: str, work: str, start: Start, script: Path
) -> None:
    process = start(script, "fork", work, "quietly")
    pids = pids_of(process)
    (os.killpg if to_group else os.kill)(process.pid, number)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (128 + number, said)
    assert left_of(pids, 10) == []


def test_a_stop_among_the_workers_starts_says_it_once(start: Start, script: Path) -> None:
    """A worker that was just forked still has its parent's handlers, and its parent's group."""
    for pause in (0.0, 0.001, 0.003, 0.01, 0.03):
        process = start(script, "fork", "sleep", "quietly")
        process.stdout.readline()  # the first of three
        time.sleep(pause)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert (process.returncode, errors) == (130, "stopped by Ctrl-C. Start again\n")


def test_what_was_told_to_ignore_ctrl_c_ignores_it(tmp_path: Path) -> None:
    """As nohup tells SIGHUP, and a shell's script tells SIGINT what it starts with &."""
    code = (
        "import os, signal; from lvmmed_backbones.stopping import stop_quietly; stop_quietly('');"
        "os.kill(os.getpid(), signal.SIGINT); print('goes on')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "goes on\n", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "line",
    [
        ("tasks", "phantoms", "--out", "OUT"),
        ("tasks", "prepare", "--data", "DATA", "--out", "OUT"),
        ("lvmmed_backbones", "corpus", "build", "DATA", "--out", "OUT"),
    ],
    ids=["phantoms", "prepare", "corpus"],
)
def test_a_command_stops_quietly_whatever_it_is_at(
    line: tuple[str, ...], number: int, start: Start, phantom_root: Path, tmp_path: Path
) -> None:
    """From its first import on: the moments are spread over what it does."""
    out = tmp_path / "out"
    words = {"OUT": str(out), "DATA": str(phantom_root)}
    for seconds in (0.4, 2.5):
        process = start("-m", *(words.get(word, word) for word in line))
        end = time.monotonic() + 60
        while not (seconds < 1 or out.exists()) and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(seconds if seconds < 1 else 0.3)
        family = children(process.pid)
        os.killpg(process.pid, number)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 128 + number, errors
        assert errors.count("stopped by") == 1 and "Traceback" not in errors
        assert left_of(family, 10) == []


def children(pid: int) -> list[int]:
    """The processes that a process started."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]
