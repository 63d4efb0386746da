"""The functions behind the verbs: they give what the commands give, tell what they left out, and print nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reports import commands
from reports.__main__ import main
from reports.commands import NothingLeft


@pytest.fixture
def results(write: Callable[..., Path], tmp_path: Path) -> Path:
    """Two backbones on two tasks with three seeds each, at two profiles, and a record that is cut short."""
    for backbone, better in (("a", 0.0), ("b", 0.1)):
        for task in ("drive", "buid"):
            for seed in range(3):
                value = 0.5 + better + 0.01 * seed
                write(backbone, value, task=task, dataset=task, seed=seed)
        write(backbone, 0.3, profile="mini")
    cut = write("cut")
    cut.write_text(cut.read_text()[:100])
    return tmp_path / "runs"


def contents(folder: Path) -> dict[str, bytes]:
    """Files of a folder, by their paths in it."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


CALLS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "leaderboard": (
        ["--metric", "dice", "--by", "score", "--published", "--latex"],
        dict(metric=["dice"], by="score", published=True, latex=True),
    ),
    "tables": (["--rows", "a", "b"], dict(rows=["a", "b"])),
    "figures": (["--kind", "bars", "labels"], dict(kind=["bars", "labels"])),
    "site": ([], {}),
}


@pytest.mark.parametrize("verb", CALLS)
def test_a_function_writes_what_its_command_writes(
    verb: str, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """To the byte; the problems are those that the command names on stderr."""
    words, arguments = CALLS[verb]
    words = [verb, str(results), *words, "--profile", "small", "--out", str(tmp_path / "command")]
    assert main(words) == 1
    said = capsys.readouterr()
    made = getattr(commands, verb)(results, out=tmp_path / "out", profile=["small"], **arguments)
    assert contents(tmp_path / "out") == contents(tmp_path / "command") != {}
    named = [line for line in said.err.splitlines() if line.startswith("error: ")]
    assert named == [f"error: {problem}" for problem in made.problems]
    assert len(made.problems) == 1 and "not valid JSON" in made.problems[0]
    if verb != "site":
        assert {str(file.relative_to(tmp_path / "out")) for file in made.files} == set(
            contents(tmp_path / "out")
        )
    assert capsys.readouterr().out == ""


def test_compare_finds_what_its_command_prints(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(results), "a", "b", "--json"]) == 1
    printed = json.loads(capsys.readouterr().out)
    found = commands.compare(results, "a", "b")
    assert [one.profile for one, _ in found.comparisons] == ["small", "mini"]
    assert [comparison["setting"]["profile"] for comparison in printed] == ["small", "mini"]
    for (_, comparison), expected in zip(found.comparisons, printed, strict=True):
        differences = {task.task: task.difference for task in comparison.tasks}
        assert differences == {task["task"]: task["difference"] for task in expected["tasks"]}
    small = found.comparisons[0][1]
    assert [task.difference for task in small.tasks] == pytest.approx([-0.1, -0.1])
    assert len(found.problems) == 1
    assert capsys.readouterr().out == ""


def test_a_leaderboard_gives_the_figures(results: Path) -> None:
    made = commands.leaderboard(results, task=["drive"], profile=["small"])
    (board,) = made.boards
    assert board.mean_rank.to_dict() == {"b": 1.0, "a": 2.0}
    assert made.cells.set_index("backbone")["mean"].round(10).to_dict() == {"a": 0.51, "b": 0.61}
    assert made.files == [results / "leaderboard" / f"leaderboard.{end}" for end in ("md", "csv")]
    assert made.notes == []


def test_published_tables_need_no_results_and_write_nothing(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = commands.tables(table=["table2"])
    assert [table.name for table in made.tables] == ["table2"]
    assert "LVM-Med" in made.text and made.files == made.problems == []
    assert not list(tmp_path.iterdir())


def test_what_was_asked_for_and_is_not_there_is_a_note(results: Path, tmp_path: Path) -> None:
    made = commands.figures(results, out=tmp_path / "out", kind=["critical-difference"])
    assert made.files == [] and len(made.problems) == 1
    assert len(made.not_drawn) == 2  # of each profile
    assert all("no critical difference: 2 backbones" in reason for reason in made.not_drawn), (
        made.not_drawn
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: commands.leaderboard(r, by="luck"), "--by luck: choose from rank, score"),
        (lambda r: commands.leaderboard(r, metric=["luck"]), "--metric luck: no record has it"),
        (lambda r: commands.leaderboard(r, task=["x"]), "--task x: no record has it"),
        (lambda r: commands.figures(r, kind=["pies"]), "--kind pies: choose from bars"),
        (lambda r: commands.compare(r, "a", "bb"), "no run of a backbone bb. Did you mean b?"),
        (lambda r: commands.compare(r, "a", "a"), "a cannot be compared with itself"),
        (lambda r: commands.tables(r, table=["table0"]), "--table table0: no such table"),
    ],
)
def test_wrong_arguments_are_named_and_nothing_is_written(
    call: Callable, message: str, results: Path
) -> None:
    before = sorted(results.rglob("*"))
    with pytest.raises(ValueError) as caught:
        call(results)
    assert message in str(caught.value)
    assert sorted(results.rglob("*")) == before


def test_when_nothing_is_left_the_error_tells_every_reason(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    cut = write("cut")
    cut.write_text("{")
    newer = write("newer", schema=99)
    with pytest.raises(NothingLeft) as caught:
        commands.leaderboard(tmp_path)
    assert len(caught.value.problems) == 3
    for path, problem in zip((cut, newer, tmp_path), caught.value.problems, strict=True):
        assert str(path) in problem
    with pytest.raises(FileNotFoundError, match="no such folder"):
        commands.site(tmp_path / "nowhere", out=tmp_path / "out")


def test_names_are_compared_as_they_look(write: Callable[..., Path], tmp_path: Path) -> None:
    """Composed and decomposed letters are the same name, in filters as well."""
    for backbone in ("caf\u00e9", "other"):
        write(backbone, task="caf\u00e9")
    found = commands.compare(tmp_path, "cafe\u0301", "other", task=["cafe\u0301"])
    assert found.comparisons[0][1].a == "caf\u00e9"
