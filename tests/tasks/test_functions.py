"""The functions behind `python -m tasks`: they give what the commands give."""

from __future__ import annotations

from pathlib import Path

import pytest

import tasks
from tasks import datasets
from tasks.__main__ import main


def contents(folder: Path) -> dict[str, bytes]:
    """Files of a folder, by their paths in it."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def test_phantoms_prepared_and_checked(tmp_path: Path, capsys) -> None:
    names = ["buid", "drive"]
    drawn = tasks.draw_phantoms(names, out=tmp_path / "data", seed=3)
    assert drawn == {
        name: tmp_path / "data" / folder
        for name, folder in zip(names, ("busi", "drive"), strict=True)
    }
    made = tasks.prepare(data=tmp_path / "data", out=tmp_path / "out")
    assert made == {name: tmp_path / "out" / name for name in names}
    assert tasks.check(made.values()) == []
    assert capsys.readouterr().out == ""

    assert main(["phantoms", *names, "--out", str(tmp_path / "data2"), "--seed", "3"]) == 0
    assert contents(tmp_path / "data2") == contents(tmp_path / "data")
    out = str(tmp_path / "out2")
    assert main(["prepare", "drive", "--data", str(tmp_path / "data2"), "--out", out]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"{out}/drive"
    images = {name: data for name, data in contents(Path(out)).items() if name.endswith(".png")}
    assert images and images.items() <= contents(tmp_path / "out").items()

    (made["drive"] / "splits" / "test.txt").write_text("")
    assert main(["check", str(made["buid"]), str(made["drive"])]) == 1
    problems = tasks.check([str(made["buid"]), str(made["drive"])])
    assert problems == capsys.readouterr().out.splitlines()
    assert any("split test is empty" in problem for problem in problems)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no data set: expected a folder called"):
        tasks.prepare(data=tmp_path, out=tmp_path / "out")
    with pytest.raises(ValueError, match="no data set 'drivee': did you mean drive"):
        tasks.draw_phantoms(["drivee"], out=tmp_path)
    with pytest.raises(FileNotFoundError, match="is no prepared data set"):
        tasks.check([tmp_path])


def test_the_facts_of_the_data_sets() -> None:
    found = tasks.list_data_sets()
    assert set(found) == set(datasets.names())
    assert all(dataset.page and dataset.layout for dataset in found.values())
