"""The commit that a figure is of, in real repositories."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lvmmed_backbones import revision

NAME = "lvmmed_backbones/revision.py"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Git as it is without settings of a machine or a user."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)


def git(folder: Path, *words: str) -> str:
    command = ["git", "-C", folder, "-c", "user.name=x", "-c", "user.email=x@example.org", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def installed(root: Path) -> Callable[[], str | None]:
    """Put the module into a folder; what it says there."""
    (root / NAME).parent.mkdir(parents=True)
    shutil.copyfile(revision.__file__, root / NAME)
    return lambda: runpy.run_path(str(root / NAME))["git_revision"]()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository of one commit, its name with a space and letters that are not ASCII."""
    root = tmp_path / "mein Prüfstand 検"
    installed(root)
    for name in ("lvmmed_backbones/__init__.py", "tasks/splits/drive.json", "notes.md"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / ".gitignore").write_text("work/\n*.so\n")
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "x")
    return root


def said(root: Path) -> str | None:
    return runpy.run_path(str(root / NAME))["git_revision"]()


def test_the_commit(checkout: Path) -> None:
    commit = git(checkout, "rev-parse", "HEAD")
    assert len(commit) == 40 and said(checkout) == commit


@pytest.mark.parametrize(
    "name",
    [
        "new.py", "lvmmed_backbones/new.py", "lvmmed_backbones/config.py", "lvmmed_backbones/mit Leerzeichen.py",
        "lvmmed_backbones/größe.py", "new/folder/core.cpp", "core.hpp", "pyproject.toml", "tasks/splits/mine.json",
        "tasks/splits/線.txt", 'a"b\n.py',
    ],
)  # fmt: skip
def test_an_untracked_file_of_code_is_marked(checkout: Path, name: str) -> None:
    commit = said(checkout)
    assert commit
    path = checkout / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    assert said(checkout) == f"{commit}+"
    path.unlink()
    assert said(checkout) == commit


def test_a_name_that_is_no_text_is_marked(checkout: Path) -> None:
    try:
        (checkout / os.fsdecode(b"\xff.py")).touch()
    except OSError:
        pytest.skip("this file system has no such names")
    assert str(said(checkout)).endswith("+")


@pytest.mark.parametrize(
    "name",
    [
        "images/1.png", "TODO.md", "results.csv", "tasks/new.json", "work/phantom.py", "lvmmed_backbones/_core.so",
        "my results/runs/0123456789abcdef/record.json", "my results/runs/0123456789abcdef/config.py",
    ],
)  # fmt: skip
def test_data_results_notes_and_what_is_ignored_are_not(checkout: Path, name: str) -> None:
    commit = said(checkout)
    (checkout / name).parent.mkdir(parents=True, exist_ok=True)
    (checkout / name).touch()
    assert said(checkout) == commit and commit and not commit.endswith("+")


@pytest.mark.parametrize("name", ["notes.md", "tasks/splits/drive.json"])
@pytest.mark.parametrize("staged", [False, True])
def test_a_changed_or_missing_tracked_file_is_marked(
    checkout: Path, name: str, staged: bool
) -> None:
    commit = said(checkout)
    (checkout / name).write_text("changed")
    if staged:
        git(checkout, "add", ".")
    assert said(checkout) == f"{commit}+"
    (checkout / name).unlink()
    assert said(checkout) == f"{commit}+"


def test_nothing_is_said_without_git(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(checkout)
    monkeypatch.setenv("PATH", str(checkout))
    assert said(checkout) is None


def test_nothing_is_said_outside_a_checkout(tmp_path: Path) -> None:
    assert installed(tmp_path)() is None


def test_nothing_is_said_before_the_first_commit(tmp_path: Path) -> None:
    speak = installed(tmp_path)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    assert speak() is None


def test_the_checkout_of_something_else_is_not_taken_for_the_suites(checkout: Path) -> None:
    """As where the package is installed in an environment within a project of its user."""
    assert installed(checkout / "work" / "site-packages")() is None
    assert installed(checkout / "site-packages")() is None


def test_nothing_is_said_of_a_checkout_that_git_refuses(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(subprocess.CalledProcessError) as refused:
        git(checkout, "status")
    assert "dubious ownership" in refused.value.stderr
    assert said(checkout) is None


def test_nothing_is_said_of_a_damaged_repository(checkout: Path) -> None:
    (checkout / ".git" / "index").write_bytes(b"cut")
    assert said(checkout) is None


def test_a_hook_of_another_repository_changes_nothing(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = said(checkout)
    git(tmp_path, "init", "--quiet", "other")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "other"))
    assert said(checkout) == commit


def test_it_waits_for_no_lock_and_leaves_none(checkout: Path) -> None:
    lock = checkout / ".git" / "index.lock"
    lock.touch()
    os.utime(checkout / "notes.md")
    assert said(checkout) == git(checkout, "rev-parse", "HEAD")
    assert lock.exists()
