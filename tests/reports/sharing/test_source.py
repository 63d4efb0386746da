"""`report download` and `coverage` of a git repository by its URL: real repositories, sound and hostile."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import reports
from benchmarks.results import scan
from lvmmed_backbones.records.audits import Audit, read_audits, write_audit
from reports.__main__ import main
from reports.sharing import source
from tests.reports.hostile import SECRET
from tests.reports.sharing.building import GIT, commit, edit, files, write_rest, write_run

pytestmark = pytest.mark.usefixtures("limit")


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own settings of git: empty; and a folder for temporary files, which is empty after each test."""
    file, scratch = tmp_path / "gitconfig", tmp_path / "scratch"
    file.touch()
    scratch.mkdir()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(file))
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    return file


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A folder with two runs and an audit."""
    folder = tmp_path / "repository"
    for seed in range(2):
        write_run(folder, seed=seed)
    write_audit(folder, Audit("corpus", "drive", "pixels", 2, ["01_test"]))
    (folder / "README.md").write_text("records")
    return folder


@pytest.mark.parametrize("by", ["folder", "URL", "bare URL"])
def test_what_is_downloaded_counts_as_done(
    tmp_path: Path, repository: Path, by: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_rest(write_run(repository, seed=2))
    url = commit(repository) if by != "folder" else str(repository)
    if by == "bare URL":
        bare = tmp_path / "bare.git"
        subprocess.run([*GIT, "clone", "-q", "--bare", url, bare], check=True)
        url = f"file://{bare}"
    assert main(["download", url, "--to", str(tmp_path / "mine")]) == 0
    assert "runs added: 3, there already with the same scores: 0, audits added: 1" in (
        capsys.readouterr().err
    )
    runs = {path.name for path in (repository / "runs").iterdir()}
    assert {name for name, row in scan(tmp_path / "mine").items() if not row.problem} == runs
    assert reports.merge([repository], out=tmp_path / "merged").problems == []
    (tmp_path / "mine" / "index.json").unlink()
    assert files(tmp_path / "mine") == files(tmp_path / "merged")
    assert [audit.leaked for audit in read_audits(tmp_path / "mine")[0]] == [["01_test"]]
    again = reports.download(url, to=tmp_path / "mine")
    assert (again.added, again.equal, again.problems) == ([], 3, [])
    assert list((tmp_path / "scratch").iterdir()) == []


def test_the_newest_commit_counts(tmp_path: Path, repository: Path) -> None:
    commit(repository)
    shutil.rmtree(repository / "runs")
    write_run(repository, seed=5)
    assert len(reports.download(commit(repository), to=tmp_path / "mine").added) == 1


def test_filters(tmp_path: Path, repository: Path, errors: Callable[..., list[str]]) -> None:
    write_run(repository, task="kvasir")
    url = commit(repository)
    assert len(reports.download(url, to=tmp_path / "mine", task=["kvasir"]).added) == 1
    (line,) = errors("download", url, "--to", tmp_path / "mine", "--task", "x")
    assert "--task x: no record has it. Choose from drive, kvasir" in line


def test_contradictions_name_the_source(tmp_path: Path, repository: Path) -> None:
    run = write_run(tmp_path / "mine", 0.7)
    url = commit(repository)
    (problem,) = reports.download(url, to=tmp_path / "mine").problems
    assert f"{run}/record.json and {url}/runs/{run.name}/record.json: two results" in problem


def test_a_record_that_claims_to_be_another_run_is_not_taken(
    tmp_path: Path, repository: Path
) -> None:
    run = write_run(repository, seed=7)
    edit(run / "record.json", backbone__name="mine")
    (problem,) = reports.download(commit(repository), to=tmp_path / "mine").problems
    assert "says backbone 'random_resnet50', the record beside it 'mine'" in problem
    assert not (tmp_path / "mine" / "runs" / run.name).exists()


def test_hostile_content(
    tmp_path: Path, repository: Path, secret: Path, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Links, a submodule, filters, large files, odd names, checkpoints; the good runs are taken all the same."""
    harm = tmp_path / "harm"
    filters = f'[filter "x"]\n smudge = touch {harm}\n required = true\n[core]\n hooksPath = {tmp_path}/hooks\n'
    (tmp_path / "hooks").mkdir()
    for hook in ("post-checkout", "reference-transaction", "post-merge"):
        (tmp_path / "hooks" / hook).write_text(f"#!/bin/sh\ntouch {harm}\n")
        (tmp_path / "hooks" / hook).chmod(0o755)
    run = write_run(repository, seed=9)
    (run / "gallery").mkdir()
    for name in ("gallery/best.png", "config.py"):
        (run / name).symlink_to(secret)
    (run / "gallery" / "gallery.json").symlink_to("../../../../../../../etc/passwd")
    linked = repository / "runs" / ("a" * 16)
    linked.mkdir()
    (linked / "record.json").symlink_to(secret)
    (repository / "runs" / ("b" * 16)).symlink_to(tmp_path)
    (run / "best.pth").write_text("large")
    (run / "gallery" / "\x1b[2J\n.png").write_text("odd")
    (repository / "runs" / "..x").mkdir()
    (repository / "runs" / "..x" / "record.json").write_text("{}")
    huge = run / "gallery" / "huge.png"
    huge.touch()
    os.truncate(huge, 17 * 2**20)
    (repository / ".gitattributes").write_text("* filter=x\n")
    (repository / ".gitmodules").write_text(
        f'[submodule "x"]\n path = runs/{"c" * 16}\n url = ext::touch {harm}\n'
    )
    commit(repository)
    submodule = f"160000,{'1' * 40},runs/{'c' * 16}"
    subprocess.run(
        [*GIT, "update-index", "--add", "--cacheinfo", submodule], cwd=repository, check=True
    )
    subprocess.run([*GIT, "commit", "-qm", "submodule"], cwd=repository, check=True)
    settings.write_text(filters)  # what somebody who uses Git LFS has
    merged = reports.download(f"file://{repository}", to=tmp_path / "mine")
    assert not harm.exists()
    assert len(merged.added) == 3
    said = "\n".join(merged.problems)
    for name, what in (
        ("gallery/best.png", "a link"), ("config.py", "a link"), ("gallery/gallery.json", "a link"),
        (f"{'a' * 16}/record.json", "a link"), (f"{'c' * 16}", ""), (f"{'b' * 16}", ""),
        ("huge.png", "17,825,792 bytes"), ("..x/record.json", "no folder of a run"),
    ):  # fmt: skip
        assert f"{name}: " in said and what in said, name
    assert len(merged.problems) == 8 and all(line.isprintable() for line in merged.problems)
    assert all(SECRET.encode() not in content for content in files(tmp_path / "mine").values())
    assert not any(path.is_symlink() for path in (tmp_path / "mine").rglob("*"))
    assert {path.name for path in (tmp_path / "mine" / "runs" / run.name).iterdir()} == {
        "record.json",
        "identity.json",
    }


def test_of_a_plain_folder_a_fifo_and_links_are_named(
    tmp_path: Path, repository: Path, secret: Path
) -> None:
    for number, kind in enumerate(("FIFO", "link")):
        path = repository / "runs" / (str(number) * 16) / "record.json"
        path.parent.mkdir()
        os.mkfifo(path) if kind == "FIFO" else path.symlink_to(secret)
    merged = reports.download(repository, to=tmp_path / "mine")
    assert len(merged.added) == 2 and len(merged.problems) == 2
    assert "is a FIFO" in merged.problems[0] and "leads out of" in merged.problems[1]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("--upload-pack=touch HARM", "no such folder"),
        ("-x", "no such folder"),
        ("file:///nothing/here", "git cannot fetch it (fatal: '/nothing/here' does not appear"),
        ("https://127.0.0.1:9/records.git", "git cannot fetch it (fatal: unable to access"),
        ("ssh://127.0.0.1:9/records.git", "git cannot fetch it ("),
        ("ssh://-oProxyCommand=touch%20HARM/x", "is no URL"),
        ("ssh://-oProxyCommand=touch@host/x", "is no URL"),
        ("https://[x/records", "is no URL"),
        ("https://a.b/\x1b[2Jrecords", "is no URL"),
        ("https://user:hunter2@a.b/records", "https://a.b/records: comes with a password"),
        ("http://a.b/records", "http:// is not fetched"),
        ("git://a.b/records", "git:// is not fetched"),
        ("ext::sh -c 'touch HARM'", "no such folder"),
        ("ext://x", "ext:// is not fetched"),
        ("git@a.b:records", "no such folder"),
        ("", "no such folder"),
    ],
)
@pytest.mark.parametrize("verb", ["download", "coverage"])
def test_what_is_no_source(
    tmp_path: Path, errors: Callable[..., list[str]], verb: str, url: str, said: str
) -> None:
    harm = tmp_path / "harm"
    words = ["--to", tmp_path / "mine"] if verb == "download" else []
    (line,) = errors(verb, *words, "--", url.replace("HARM", str(harm)))
    assert said in line and "hunter2" not in line and "\x1b" not in line
    assert not harm.exists() and not (tmp_path / "mine").exists()


def test_without_git(
    tmp_path: Path,
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
    errors: Callable[..., list[str]],
) -> None:
    url = commit(repository)
    monkeypatch.setenv("PATH", str(tmp_path))
    (line,) = errors("download", url, "--to", tmp_path / "mine")
    assert "git is not installed" in line
    assert reports.download(repository, to=tmp_path / "mine").problems == [], "a folder needs none"


@pytest.mark.parametrize("empty", ["no commit", "no runs"])
def test_an_empty_repository(tmp_path: Path, empty: str, errors: Callable[..., list[str]]) -> None:
    folder = tmp_path / "repository"
    folder.mkdir()
    subprocess.run([*GIT, "init", "-q"], cwd=folder, check=True)
    if empty == "no runs":
        (folder / "README.md").touch()
        commit(folder)
    (line,) = errors("download", f"file://{folder}", "--to", tmp_path / "mine")
    assert ("has no commit" if empty == "no commit" else "has no records") in line
    assert str(tmp_path / "scratch") not in line


@pytest.mark.parametrize(
    ("limit_", "most", "said"),
    [
        ("MOST_FETCHED", 100_000, "has more than 100,000 bytes"),
        ("MOST_WRITTEN", 1000, "bytes, of at most 1,000"),
        ("MOST_FILES", 2, "has more than 2 files"),
        ("MOST_SECONDS", 0, "took longer than 0 s"),
    ],
)
def test_limits(
    tmp_path: Path,
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
    errors: Callable[..., list[str]],
    limit_: str,
    most: int,
    said: str,
) -> None:
    (repository / "noise").write_bytes(os.urandom(300_000))
    monkeypatch.setattr(source, limit_, most)
    (line,) = errors("download", commit(repository), "--to", tmp_path / "mine")
    assert said in line and not (tmp_path / "mine").exists()
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_repository_around_changes_nothing(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a hook of git, whose variables name its repository."""
    url = commit(repository)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    assert len(reports.download(url, to=tmp_path / "mine").added) == 2


def test_coverage(tmp_path: Path, repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in range(3):
        write_run(repository, backbone__name="full", seed=seed)
    write_run(repository, backbone__name="full", task="kvasir", seed=0)
    write_run(repository, backbone__name="full", profile="mini", seed=0)
    cells = reports.coverage(repository).cells
    assert [
        (c.condition.profile, c.task, c.backbone, c.seeds, c.missing) for c in cells
    ] == [
        ("small", "drive", "full", (0, 1, 2), ()),
        ("small", "drive", "random_resnet50", (0, 1), (2,)),
        ("small", "kvasir", "full", (0,), ()),
        ("small", "kvasir", "random_resnet50", (), (0,)),
        ("mini", "drive", "full", (0,), ()),
    ]  # fmt: skip
    url = commit(repository)
    assert reports.coverage(url).cells == cells
    assert [c.task for c in reports.coverage(url, task=["kvasir"]).cells] == ["kvasir"]
    capsys.readouterr()
    assert main(["coverage", url]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "drive (finetune) 1 0, 1 2 random_resnet50" in lines
    assert "kvasir (finetune) 1 – 0 random_resnet50" in lines


def test_coverage_names_bad_records(
    tmp_path: Path, repository: Path, errors: Callable[..., list[str]]
) -> None:
    run = write_run(repository, seed=7)
    (run / "record.json").write_text("{")
    (line,) = errors("coverage", commit(repository))
    assert f"file://{repository}/runs/{run.name}/record.json: not valid JSON" in line
