"""What `--slurm` says, and folders of any name, reach sbatch and the script as data. Slurm itself: tests/slurm."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.scheduler import slurm

NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@pytest.mark.parametrize(
    "option",
    [
        "exclusive",
        "-p=gpu",
        "--partition=gpu",
        "partition",
        "partition=",
        "=gpu",
        "partition=gpu\n#SBATCH --uid=0",
        "comment=\x1b[2J",
        "Partition=gpu",
        "",
    ],
)
def test_what_is_no_option_is_refused(option: str) -> None:
    with pytest.raises(ValueError, match="write NAME=VALUE") as error:
        slurm.check(["time=1:00", option])
    assert str(error.value).isprintable()


@pytest.mark.parametrize("name", slurm.OURS)
def test_what_is_set_here_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"sets {name} itself"):
        slurm.check([f"{name}=x"])


def test_a_machine_without_slurm_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="no sbatch on this machine"):
        slurm.check(["partition=gpu", "gres=gpu:1"])


@settings(max_examples=50, deadline=None)
@given(folder=NAMES, option=NAMES)
def test_the_script_keeps_every_name(folder: str, option: str) -> None:
    """sh takes the script apart again: what is quoted in it is one word, as it was."""
    file = Path(f"/{folder}/jobs.json")
    script = slurm._script(file, ["sbatch", f"--comment={option}", str(file)])
    begin, _, line = script.partition("\nexec ")
    assert [row[:1] for row in begin.split("\n")] == ["#"] * 3
    taken = subprocess.run(
        ["sh"],
        input=f"set -- {line}printf '%s\\0' \"$@\"".encode(),
        env={"SLURM_ARRAY_TASK_ID": "7"},
        capture_output=True,
        check=True,
    )
    words = [sys.executable, "-m", "benchmarks", "job", str(file), "7", ""]
    assert taken.stdout.decode() == "\0".join(words)
