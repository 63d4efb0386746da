"""`corpus.build` and `corpus.audit` called from Python: they give what the commands give, and print nothing."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from lvmmed_backbones import corpus
from lvmmed_backbones.command.cli import main
from lvmmed_backbones.corpus.manifest import read_summary
from tests.factories import write_images


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Six images and a file that is none."""
    folder = write_images(tmp_path / "in", 6, side=64)
    (folder / "notes.txt").write_text("none")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """What a corpus says and holds, but for its own name."""
    names = [str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()]
    return {name: (folder / name).read_bytes() for name in names if name != "corpus.json"}


def test_build_as_the_command_does(images: Path, tmp_path: Path) -> None:
    words = ["corpus", "build", f"noise={images}", "--out", str(tmp_path / "command")]
    assert main([*words, "--workers", "1", "--side", "48"]) == 0
    built = corpus.build([("noise", images)], tmp_path / "function", side=48, workers=1)
    assert contents(tmp_path / "function") == contents(tmp_path / "command")
    assert (built.out, built.images) == (tmp_path / "function", 6)
    assert sum(built.not_taken.values()) == 1 and not built.audit_undone
    assert read_summary(built.out).options.side == 48


def test_a_source_without_a_name_is_called_as_its_folder(images: Path, tmp_path: Path) -> None:
    built = corpus.build([str(images)], str(tmp_path / "out"), workers=1)
    assert built.images == 6
    with (tmp_path / "out" / "skipped.csv").open() as file:
        assert {row["data_set"] for row in csv.DictReader(file)} == {"in"}


def test_audit_tells_what_it_found_and_did(images: Path, tmp_path: Path, capsys) -> None:
    test, report = tmp_path / "test", tmp_path / "report.csv"
    test.mkdir()
    for name in ("001.png", "004.png"):
        (test / name).write_bytes((images / name).read_bytes())
    (test / "cut.png").write_bytes((images / "000.png").read_bytes()[:100])
    corpus.build([images], tmp_path / "out", workers=1)

    found = corpus.audit(tmp_path / "out", [test], report=report, workers=1)
    assert [row["source"] for row in found.duplicates] == ["001.png", "004.png"]
    assert (found.removed, found.finished) == (0, 0)
    (reason,) = found.not_compared
    assert str(test / "cut.png") in reason
    with report.open() as file:
        assert [row["key"] for row in csv.DictReader(file)] == [r["key"] for r in found.duplicates]
    assert read_summary(tmp_path / "out").images == 6

    again = corpus.audit(tmp_path / "out", [test], remove=True, workers=1)
    assert again.duplicates == found.duplicates and again.removed == 2
    assert read_summary(tmp_path / "out").images == 4
    assert corpus.audit(tmp_path / "out", [test], workers=1).duplicates == []
    assert corpus.build([images], tmp_path / "out", workers=1).audit_undone
    said = capsys.readouterr()
    assert not said.out and "images of the corpus" not in said.err


def test_the_data_sets_of_the_paper() -> None:
    names = [row["name"] for row in corpus.list_data_sets()]
    assert len(names) == len(set(names)) and {"BCSS", "BraTS2018"} <= set(names)
