"""Manifest, fingerprint and the list of what was removed agree, wherever a command is killed, and on a full disk."""

from __future__ import annotations

import csv
import hashlib
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

from lvmmed_backbones.command.cli import main
from lvmmed_backbones.corpus import CorpusDataset
from lvmmed_backbones.corpus.auditing import audit
from lvmmed_backbones.corpus.building import build
from lvmmed_backbones.corpus.manifest import Options, fingerprint, read_rows, read_summary
from lvmmed_backbones.corpus.state import changing, remove
from lvmmed_backbones.files.outside import Refused
from tests.factories import blobs, signal_of_child

STATE = ("manifest.parquet", "corpus.json", "removed.csv", "skipped.csv")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Of 12 images, beside two folders of test images: 3.png, and 5.png with 7.png."""
    for name, seeds in (("in", range(12)), ("one", [3]), ("two", [5, 7])):
        (tmp_path / name).mkdir()
        for seed in seeds:
            cv2.imwrite(str(tmp_path / name / f"{seed}.png"), blobs(64, 64, seed=seed))
    assert command(tmp_path, "build") == 0
    shutil.copytree(tmp_path / "corpus", tmp_path / "untouched")
    return tmp_path / "corpus"


def command(folder: Path, verb: str, test: str = "one", *more: str) -> int:
    """The command as a user gives it."""
    corpus = str(folder / "corpus")
    line = {
        "build": [f"x={folder / 'in'}", "--out", corpus],
        "audit": [corpus, "--test", str(folder / test)],
    }
    return main(["corpus", verb, *line[verb], "--workers", "1", *more])


def state(corpus: Path) -> dict[str, bytes]:
    return {name: (corpus / name).read_bytes() for name in STATE if (corpus / name).exists()}


def sources(corpus: Path) -> set[str]:
    return set(pq.read_table(corpus / "manifest.parquet")["source"].to_pylist())


def removed(corpus: Path) -> list[str]:
    with (corpus / "removed.csv").open() as file:
        return [row["source"] for row in csv.DictReader(file)]


def agree(corpus: Path) -> bool:
    """Whether the three say the same, by a reading of our own."""
    pixels = sorted(pq.read_table(corpus / "manifest.parquet")["sha256"].to_pylist())
    summary = read_summary(corpus)
    true = hashlib.sha256("".join(pixels).encode()).hexdigest()
    gone = set(removed(corpus)) if (corpus / "removed.csv").exists() else set()
    fits = (summary.images, summary.fingerprint) == (len(pixels), true)
    return fits and gone == {f"{n}.png" for n in range(12)} - sources(corpus)


def killed_at(step: int, work: Callable[[], object], corpus: Path) -> bool:
    """Whether a process that does the work reaches a step, which touches a file of the corpus, and dies there."""

    def counts(event: str, arguments: tuple) -> bool:
        return event in ("open", "os.rename", "os.remove") and str(corpus) in str(arguments[0])

    return bool(signal_of_child(work, step, counts))


def honest(corpus: Path) -> bool:
    """Whether a reader takes the corpus; if so, it has the fingerprint of the images that it gives."""
    try:
        data = CorpusDataset(str(corpus))
    except Refused as error:
        assert "corpus.json: tells of" in str(error) and "Start it again" in str(error)
        return False
    pixels = sorted(pq.read_table(corpus / "manifest.parquet")["sha256"].to_pylist())
    true = hashlib.sha256("".join(pixels).encode()).hexdigest()
    assert (data.metainfo["images"], data.metainfo["fingerprint"]) == (len(pixels), true)
    return True


def take_back(corpus: Path) -> None:
    shutil.rmtree(corpus)
    shutil.copytree(corpus.parent / "untouched", corpus)


@pytest.mark.usefixtures("no_hang")
@pytest.mark.parametrize("then", ["the same audit", "another audit", "a build"])
def test_an_audit_killed_at_any_step_is_finished_by_the_next_command(
    then: str, corpus: Path
) -> None:
    folder, untouched = corpus.parent, state(corpus)
    assert command(folder, "audit", "one", "--remove") == 0
    audited = state(corpus)
    assert agree(corpus) and removed(corpus) == ["3.png"]
    take_back(corpus)
    rows = audit(corpus, [folder / "one"], workers=1).duplicates

    def work() -> None:
        with changing(corpus):
            remove(corpus, rows, Options())

    refused, steps, begun = 0, 0, 0
    while killed_at(steps + 1, work, corpus):
        steps += 1
        refused += not honest(corpus)
        begun += (corpus / "removed.csv").exists()
        if then == "the same audit":
            assert command(folder, "audit", "one", "--remove") == 0
            assert state(corpus) == audited
        elif then == "another audit":
            was_begun = (corpus / "removed.csv").exists()
            assert command(folder, "audit", "two", "--remove") == 0
            assert sources(corpus).isdisjoint({"5.png", "7.png"})
            assert ("3.png" in sources(corpus)) == (not was_begun)
        else:
            assert command(folder, "build") == 0
            assert state(corpus) == untouched
        assert agree(corpus) and honest(corpus)
        assert not [p for p in corpus.rglob(".*") if p.name != ".lock"]
        take_back(corpus)
    assert state(corpus) == audited
    assert steps >= 12 and 0 < refused < begun < steps


@pytest.mark.usefixtures("no_hang")
@pytest.mark.parametrize("then", ["a build", "an audit"])
def test_a_build_killed_over_its_last_files_is_finished_by_the_next_command(
    then: str, corpus: Path
) -> None:
    """Of an audited corpus: the build puts back what the audit had left out."""
    folder, untouched = corpus.parent, state(corpus)
    assert command(folder, "audit", "one", "--remove") == 0
    shutil.rmtree(folder / "untouched")
    shutil.copytree(corpus, folder / "untouched")
    audited, steps, refused = state(corpus), 0, 0

    def work() -> None:
        build([("x", folder / "in")], corpus, workers=1)

    while killed_at(steps + 1, work, corpus):
        steps += 1
        refused += not honest(corpus)
        if then == "a build":
            assert command(folder, "build") == 0
            assert state(corpus) == untouched
        else:
            assert command(folder, "audit", "one", "--remove") == 0
            assert state(corpus) == audited
        assert agree(corpus) and honest(corpus)
        take_back(corpus)
    assert steps >= 15 and refused > 0


def test_a_later_audit_adds_to_what_was_removed(corpus: Path, capsys) -> None:
    folder = corpus.parent
    for test, found in (("one", ["3.png"]), ("two", ["3.png", "5.png", "7.png"]), ("one", None)):
        assert command(folder, "audit", test, "--remove") == 0
        assert agree(corpus) and (found is None or removed(corpus) == found)
    assert removed(corpus) == ["3.png", "5.png", "7.png"]
    assert command(folder, "audit", "two") == 0


def test_a_list_of_a_former_version_keeps_its_rows(corpus: Path) -> None:
    assert command(corpus.parent, "audit", "one", "--remove") == 0
    with (corpus / "removed.csv").open() as file:
        rows = list(csv.reader(file))
    column = rows[0].index("sha256")
    lines = [",".join(cell for n, cell in enumerate(row) if n != column) for row in rows]
    (corpus / "removed.csv").write_text("\n".join(lines) + "\n")
    assert command(corpus.parent, "audit", "two", "--remove") == 0
    assert agree(corpus) and removed(corpus) == ["3.png", "5.png", "7.png"]


@pytest.mark.parametrize("text", ["a,b\n1\n", "a,b\n1,2,3\n", 'a\n"x', "a\n\0\n", "\ud800"])
def test_a_list_that_is_none_is_refused(text: str, corpus: Path, capsys) -> None:
    (corpus / "removed.csv").write_bytes(text.encode(errors="surrogatepass"))
    before = state(corpus)
    assert command(corpus.parent, "audit", "one", "--remove") == 1
    assert "removed.csv: " in capsys.readouterr().err and state(corpus) == before


def test_a_manifest_of_another_corpus_is_refused(corpus: Path) -> None:
    """Of as many images: the count alone would not tell."""
    cv2.imwrite(str(corpus.parent / "in" / "0.png"), blobs(64, 64, seed=99))
    build([("x", corpus.parent / "in")], corpus.parent / "other", workers=1)
    shutil.copy(corpus.parent / "other" / "manifest.parquet", corpus)
    with pytest.raises(
        Refused, match=r"corpus\.json: tells of 12 images with fingerprint .* of 12"
    ):
        CorpusDataset(str(corpus))


def test_the_fingerprint_is_that_of_the_sorted_texts(corpus: Path) -> None:
    table = read_rows(corpus, ["sha256"])
    for some in (table, table.slice(3, 5), table.slice(0, 0)):
        text = "".join(sorted(some["sha256"].to_pylist()))
        assert fingerprint(some) == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("verb", ["build", "audit"])
def test_one_command_at_a_time_changes_a_corpus(verb: str, corpus: Path, capsys) -> None:
    ready, before = os.pipe(), state(corpus)
    pid = os.fork()
    if pid == 0:
        with changing(corpus):
            os.write(ready[1], b"x")
            signal.pause()
    os.read(ready[0], 1)
    assert command(corpus.parent, verb, "one", *["--remove"] * (verb == "audit")) == 1
    assert "is being built or audited by another process" in capsys.readouterr().err
    assert state(corpus) == before
    assert command(corpus.parent, "audit") == 1  # which only reads
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(ready[0]), os.close(ready[1])
    assert command(corpus.parent, verb) == (1 if verb == "audit" else 0)


def errors(capsys) -> list[str]:
    lines = capsys.readouterr().err.splitlines()
    return [line for line in lines if line.startswith("error: ") or "Traceback" in line]


def test_a_build_on_a_full_disk_goes_on_once_there_is_room(
    small_disk: Path, tmp_path: Path, capsys
) -> None:
    (tmp_path / "in").mkdir()
    for seed in range(450):
        noise = np.random.default_rng(seed).integers(0, 256, (90, 90), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / "in" / f"{seed:03}.png"), noise)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(2**20))
    line = ["corpus", "build", f"x={tmp_path / 'in'}", "--workers", "2", "--out"]
    assert main([*line, str(small_disk / "corpus")]) == 1
    (error,) = errors(capsys)
    assert "/corpus/shards/" in error and "the disk is full. Make room, and start again" in error
    assert not [p for p in small_disk.rglob(".*") if p.name != ".lock"]
    filler.unlink()
    assert main([*line, str(small_disk / "corpus")]) == 1  # 3.8 MB do not fit either
    assert len(errors(capsys)) == 1
    shutil.copytree(small_disk / "corpus", tmp_path / "corpus")
    assert main([*line, str(tmp_path / "corpus")]) == 0
    assert main([*line, str(tmp_path / "whole")]) == 0
    assert (
        state(tmp_path / "corpus")["manifest.parquet"]
        == state(tmp_path / "whole")["manifest.parquet"]
    )
    CorpusDataset(str(tmp_path / "corpus"))


def test_an_audit_on_a_full_disk_leaves_what_was_there(
    small_disk: Path, corpus: Path, capsys
) -> None:
    moved = shutil.copytree(corpus, small_disk / "corpus")
    with pytest.raises(OSError, match="No space"):
        (small_disk / "filler").write_bytes(bytes(2**23))
    before = state(moved)
    line = ["corpus", "audit", str(moved), "--test", str(corpus.parent / "one"), "--workers", "1"]
    capsys.readouterr()
    assert main([*line, "--remove"]) == 1
    (error,) = errors(capsys)
    assert f"{moved}/" in error and "the disk is full" in error
    assert state(moved) == before and honest(moved)
    (small_disk / "filler").unlink()
    assert main([*line, "--remove"]) == 0
    assert removed(moved) == ["3.png"] and agree(moved)
