"""Start real commands, end them as happens in practice, and see what they leave running."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INJECTED = Path(__file__).resolve().parent / "injected"
MARK = "LVMMED_FAULT"  # in the environment of a command and of what it starts: its output's path
LIMIT = 240.0  # seconds that no command takes
GRACE = 20.0  # seconds in which what a command had started ends after it: a server of processes first ends its imports
ADOPT_ORPHANS = 36  # Linux's PR_SET_CHILD_SUBREAPER


@dataclass
class Command:
    """A command that was started.

    Attributes
    ----------
    process : int
        Its number; it is the leader of a session and of a process group.
    output : Path
        What it says, stdout and stderr.
    began : float
        By the monotonic clock.
    code : int or None
        How it ended, as a shell's: 128 + the signal that killed it; None: it goes on.
    """

    process: int
    output: Path
    began: float = field(default_factory=time.monotonic)
    code: int | None = None

    @property
    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def ended(self) -> bool:
        """Return whether it has ended."""
        if self.code is None:
            process, status = os.waitpid(self.process, os.WNOHANG)
            if process:
                code = os.waitstatus_to_exitcode(status)
                self.code = code if code >= 0 else 128 - code
        return self.code is not None

    def wait(self, seconds: float = LIMIT) -> int:
        """Wait for its end; return its exit code."""
        limit = time.monotonic() + seconds
        while not self.ended():
            if time.monotonic() > limit:
                raise AssertionError(f"not at its end after {seconds:.0f} s:\n{self.said[-3000:]}")
            time.sleep(0.005)
        assert self.code is not None
        return self.code

    def goes_on_for(self, seconds: float) -> bool:
        """Return whether it still runs `seconds` after its start."""
        while time.monotonic() < self.began + seconds:
            if self.ended():
                return False
            time.sleep(0.002)
        return not self.ended()

    def kill(self) -> None:
        """Send SIGKILL to its first process alone, as when memory runs out."""
        os.kill(self.process, signal.SIGKILL)
        self.wait()

    def strike_after(self, seconds: float) -> bool:
        """Send SIGKILL `seconds` after its start; return whether it still ran."""
        alive = self.goes_on_for(seconds)
        if alive:
            self.kill()
        return alive

    def interrupt(self) -> None:
        """Press Ctrl-C: send SIGINT to the foreground process group, as a terminal sends it."""
        os.killpg(self.process, signal.SIGINT)

    def family(self) -> dict[int, str]:
        """Return the living processes that it started, and itself: id and command line."""
        mark = f"{MARK}={self.output}\0".encode()
        processes = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                state, _, _, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
                if state in "ZX":
                    continue
                if int(session) == self.process or mark in (folder / "environ").read_bytes():
                    line = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                    processes[int(folder.name)] = line.decode(errors="replace")
            except OSError:  # it has ended
                continue
        return processes

    def orphans(self) -> dict[int, str]:
        """Return the processes of its family that live on after it."""
        self.wait()
        limit = time.monotonic() + GRACE
        while (left := self.family()) and time.monotonic() < limit:
            time.sleep(0.05)
        return left

    def end(self) -> None:
        """End it, and all that it started."""
        for process in self.family():
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue


def dies_at(step: int, folder: Path, note: Path, who: str = "leader") -> dict[str, str]:
    """Return variables of the environment that have a process die just before a change to a folder.

    Parameters
    ----------
    step : int
        The number of the change, from 1; 0: it lives, and only counts.
    note : Path
        A file that has a byte for each change.
    who : str
        `leader`, the command's first process, or `other`, each of those that it starts.
    """
    return {"LVMMED_FAULT_STEPS": f"{who}\n{folder}\n{step}\n{note}"}


def patience(seconds: float) -> dict[str, str]:
    """Return variables that have drivers give up a holder elsewhere `seconds` after its last sign of life."""
    return {"LVMMED_FAULT_SILENCE": str(seconds)}


class Starter:
    """Starts commands from a process that is warm.

    Attributes
    ----------
    commands : list of Command
        All that were started.
    environment : dict of str to str
        Of all commands.
    """

    def __init__(self) -> None:
        ctypes.CDLL(None).prctl(ADOPT_ORPHANS, 1, 0, 0, 0)
        self.commands: list[Command] = []
        # One thread: OpenMP's others are not there after a fork, and a command would wait for them for ever.
        self.environment = {**os.environ, "PYTHONPATH": path(), "OMP_NUM_THREADS": "1"}
        self.warm = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("warm.py")],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(
        self,
        module: str,
        *words: str | Path,
        output: Path,
        environment: Mapping[str, str] | None = None,
        before: Sequence[str] | None = None,
    ) -> Command:
        """Start `python -m MODULE WORDS`.

        Parameters
        ----------
        output : Path
            A file for what it says.
        environment : mapping of str to str, optional
            Variables beside ours.
        before : sequence of str, optional
            Words before `python`, such as a command that takes rights away; a list, even an empty one, has the command
            executed in place of forked.
        """
        order = dict(
            module=module,
            words=[str(word) for word in words],
            output=str(output),
            cwd=str(ROOT),
            environment={**self.environment, MARK: str(output), **(environment or {})},
        )
        if before is not None:
            order["line"] = [*before, sys.executable, "-m", module, *order["words"]]
        assert self.warm.stdin and self.warm.stdout
        self.warm.stdin.write(json.dumps(order) + "\n")
        self.warm.stdin.flush()
        output.touch()
        command = Command(int(self.warm.stdout.readline()), output)
        self.commands.append(command)
        return command

    def close(self) -> None:
        """End the commands that still run, and the warm process."""
        for command in self.commands:
            command.end()
        assert self.warm.stdin
        self.warm.stdin.close()
        self.warm.wait()


def path() -> str:
    """Return PYTHONPATH for a command: the folder of what Python runs at its start, and the checkout."""
    return os.pathsep.join([str(INJECTED), str(ROOT)])
