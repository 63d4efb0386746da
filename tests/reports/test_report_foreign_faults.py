"""Scores of other tools that are faulty: each fault is one line that says what was done; the rest is compared."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import reports
from tests.reports.test_report_foreign import FOREIGN, HEADER, study, write_table
from tests.spoiling import spoilt_bytes

Errors = Callable[..., list[str]]


def said(path: Path, **options) -> tuple[list[str], list[str], list]:
    """The problems, the notes and the compared tasks."""
    report = reports.compare(path, "ours", "theirs", **options)
    tasks = report.comparisons[0][1].tasks if report.comparisons else []
    assert all(line.isprintable() for line in [*report.problems, *report.notes])
    return report.problems, report.notes, tasks


@pytest.fixture
def table(tmp_path: Path) -> Callable[[list[list]], Path]:
    """Write a CSV."""
    return lambda rows: write_table(tmp_path / "a.csv", rows)


# Rows


@pytest.mark.parametrize(
    ("column", "text", "message"),
    [
        ("value", "", "line 3: no value. Left out."),
        ("metric", " ", "line 3: no metric. Left out."),
        ("backbone", "", "line 3: no backbone. Left out."),
        ("value", "n/a", "line 3: the value 'n/a' is no number. Left out."),
        ("value", "0.5 %", "line 3: the value '0.5 %' is no number. Left out."),
        ("value", "NaN", "line 3: the value is NaN. Left out."),
        ("value", "1e999", "line 3: the value is 1e999. Left out."),
        ("seed", "first", "line 3: the seed 'first' is no whole number. Left out."),
        ("case", "a\x1b[2Jb", "line 3: the case is not printable. Left out."),
        ("backbone", "x" * 501, "line 3: the backbone is longer than 500 characters. Left out."),
    ],
)
def test_a_faulty_row_is_left_out(
    table: Callable, column: str, text: str, message: str
) -> None:  # fmt: skip
    rows = study()
    rows[1][HEADER.index(column)] = text
    problems, notes, (task,) = said(table(rows))
    assert len(problems) == 1 and problems[0].endswith(message)
    assert (task.cases, task.seeds_a, task.left_out) == (12, 3, 0)
    assert any("ours on drive: 1 of 36 scores (seeds x cases) are missing" in n for n in notes)


def test_a_row_of_another_length_is_left_out(table: Callable) -> None:
    rows = study()
    rows[0].append("more")
    rows[1] = rows[1][:5]
    problems, _, _ = said(table(rows))
    assert problems[0].endswith("line 2: more cells than the 6 columns. Left out.")
    assert problems[1].endswith("line 3: no value. Left out.")


def test_many_faults_of_a_kind_are_one_line(table: Callable) -> None:
    rows = study()
    for row in rows[:8]:
        row[-1] = ""
    problems, _, _ = said(table(rows))
    assert len(problems) == 1 and "lines 2, 3, 4 and 5 more: no value" in problems[0]


def test_equal_rows_count_once(table: Callable) -> None:
    rows = study()
    problems, notes, (task,) = said(table([*rows, rows[0]]))
    assert not problems and any("counted once" in n and "line 74" in n for n in notes)
    assert task == said(table(rows))[2][0]


def test_rows_that_contradict_each_other_are_left_out(table: Callable) -> None:
    rows = study()
    other = [*rows[0][:-1], 0.123]
    (problem,), _, (task,) = said(table([*rows, other]))
    assert (
        "ours on drive: told twice with other values: 1 of its scores, such as dice 0." in problem
    )
    assert "and 0.123 (seed 0, case 00) in" in problem
    assert "lines 2, 74" in problem and "two metrics under one name?" in problem
    assert task.cases == 12


def test_runs_without_a_seed_are_no_seeds(table: Callable) -> None:
    rows = [[b, "t", "", "", "dice", v] for b in ("ours", "theirs") for v in (0.5, 0.6)]
    problems, _, tasks = said(table(rows))
    assert not tasks and sum("dice 0.5 and 0.6 (no seed told)" in p for p in problems) == 2
    assert problems[-1] == "ours and theirs have no task in common."


def test_seeds_that_some_rows_lack(table: Callable) -> None:
    rows = study()
    rows[0][2] = ""
    (problem,), _, _ = said(table(rows))
    assert "ours on drive: no seed in" in problem and "line 2" in problem


# Metrics and units


def test_two_metrics_need_a_choice(table: Callable) -> None:
    rows = study() + [[*r[:4], "iou", r[5] / 2] for r in study()]
    problems, _, tasks = said(table(rows))
    assert not tasks and "2 metrics (dice, iou), and --metric names none. Left out." in problems[0]
    problems, _, (task,) = said(table(rows), metric="IoU")
    assert not problems and task.metric == "iou"
    problems, _, tasks = said(table(rows), metric="kappa")
    assert not tasks and "no metric kappa; it has dice, iou. Left out." in problems[0]


def test_spellings_of_a_metric_are_one(table: Callable) -> None:
    rows = study()
    for row in rows[:36]:
        row[4] = "Dice"
    problems, notes, (task,) = said(table(rows))
    assert not problems and task.cases == 12 and "read as one metric: Dice, dice." in notes


@pytest.mark.parametrize("metric", ["mae", "AverageLoss", "hd95", "brier", "MeanSquaredError"])
def test_errors_are_no_scores(table: Callable, metric: str) -> None:
    problems, _, tasks = said(table([[*r[:4], metric, r[5]] for r in study()]))
    assert not tasks and f"less of {metric} is better" in problems[0]


def test_percent_is_said(table: Callable) -> None:
    shares, rows = study(), study()
    for row in rows:
        row[-1] = round(100 * row[-1], 2)
    problems, notes, (task,) = said(table(rows))
    assert not problems and "drive: dice is read as percent and divided by 100." in notes
    assert task.difference == pytest.approx(said(table(shares))[2][0].difference)


def test_percent_of_one_backbone_beside_shares_is_refused(table: Callable) -> None:
    rows = study() + [[*r[:1], "kvasir", *r[2:]] for r in study()]
    for row in rows[:36]:
        row[-1] = round(100 * row[-1], 2)
    (problem,), _, (task,) = said(table(rows))
    assert problem.startswith("drive: percent beside shares: dice ") and "--percent" in problem
    assert task.task == "kvasir"


def test_low_percent_needs_a_word(table: Callable) -> None:
    rows = study()
    for row in rows:
        row[-1] = round(100 * row[-1], 2)
    rows[0][-1] = 0.7
    problems, _, tasks = said(table(rows))
    assert not tasks and "percent beside shares" in problems[0] and "0.7 in" in problems[0]
    problems, _, (task,) = said(table(rows), percent=True)
    assert not problems and task.cases == 12


def test_values_beyond_percent_are_refused(table: Callable) -> None:
    rows = study()
    rows[0][-1] = 512
    problems, _, tasks = said(table(rows))
    assert not tasks and "dice 512 is neither a share nor percent" in problems[0]


def test_a_score_that_is_not_the_mean_of_its_cases(table: Callable) -> None:
    rows = [*study(), ["ours", "drive", 0, "", "dice", 0.9]]
    (problem,), _, (task,) = said(table(rows))
    assert "ours on drive, seed 0: dice is 0.9000, but its 12 cases average" in problem
    assert (task.seeds_a, task.seeds_b) == (2, 3)


# A and B


def test_other_seeds_are_said(table: Callable) -> None:
    rows = study()
    for row in rows[36:]:
        row[2] += 5
    problems, notes, (task,) = said(table(rows))
    assert not problems and task.verdict == "A"
    assert notes == [
        "ours has seeds 0, 1, 2 and theirs 5, 6, 7 on drive: all are used, since seeds are not paired."
    ]


def test_other_cases_are_counted(table: Callable) -> None:
    rows = [r for r in study() if r[0] == "theirs" or r[3] not in ("00", "01")]
    problems, _, (task,) = said(table(rows))
    assert not problems and (task.cases, task.left_out) == (10, 2)


def test_no_common_case_leaves_the_task_out(table: Callable) -> None:
    rows = study() + [[*r[:1], "kvasir", *r[2:]] for r in study()]
    for row in rows[:36]:
        row[3] = f"x{row[3]}"
    (problem,), _, (task,) = said(table(rows))
    assert problem == "drive: ours and theirs have no case in common, left out."
    assert task.task == "kvasir"


def test_patients_behind_cases_are_said(table: Callable) -> None:
    rows = [[*r[:3], f"images/test/{r[3]}.png", *r[4:]] for r in study()]
    problems, notes, (task,) = said(table(rows))
    assert not problems and task.interval.units == 0
    assert notes == [
        "drive: 12 cases of 1 patients, which the first two parts of a name such as images/test/00.png tell apart."
    ]


def test_cases_of_some_seeds_alone(table: Callable) -> None:
    rows = [r for r in study() if r[:3] != ["ours", "drive", 2]]
    rows.append(["ours", "drive", 2, "", "dice", 0.6])
    (problem,), _, (task,) = said(table(rows))
    assert "some seeds have scores of cases and others have none" in problem
    assert task.cases == 0 and task.seeds_a == 3


# Files and options


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "is empty. Name a CSV with the columns"),
        ("a.csv", b" \n", "is empty"),
        ("a.csv", b"\x89PNG\0\0", "is of no known format"),
        ("a.csv", "backbone,task\n".encode("utf-16"), "Save it as text in UTF-8"),
        ("a.csv", b"model;drive;kvasir\nours;0.7;0.6\n", "has no column backbone or task or metric or value"),
        ("a.csv", b"backbone,task,metric,value\n", "has no row below its header"),
        ("a.csv", b"backbone,task,metric,value,value\na,b,c,1,2\n", "has the column value twice"),
        ("a.csv", b'backbone,task,metric,value\na,b,c,"1\n', "is no whole CSV file"),
        ("a.json", b"{", "is no whole JSON file"),
        ("a.json", b"[" * 100_000, "is no whole JSON file"),
        ("a.json", b'{"a": 1}', "is of no known format"),
        ("a.json", b'{"metrics": {"val": [], "test": []}}', "has no score of a run"),
        ("a.json", b'{"metrics": {"val": 3, "test": [[1]]}}', "has no score of a run"),
        ("a.json", b'{"task_name": "a", "scores": {"test": [1]}}', "has no score"),
        ("a.json", b'{"f1": {"metric_score": 1}}', "lies in no folder DATASET/MODEL/TASK/ADAPTATION"),
    ],
)  # fmt: skip
def test_a_file_of_another_kind(
    tmp_path: Path, errors: Errors, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / "x" / "y" / "z" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    (line,) = errors("compare", path, "ours", "theirs")
    assert str(path) in line and message in line


def test_other_files_of_a_folder_are_named(tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", study())
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "cut.json").write_text("{")
    problems, notes, (task,) = said(tmp_path)
    assert "of no known format, not read: config.json." in notes and task.verdict == "A"
    assert len(problems) == 1 and "cut.json: is no whole JSON file" in problems[0]


def test_columns_that_are_not_read_are_named(tmp_path: Path) -> None:
    rows = [[*row, 1] for row in study()]
    _, notes, _ = said(write_table(tmp_path / "a.csv", rows, [*HEADER, "fold"]))
    assert any(note.endswith("not read: the columns fold.") for note in notes)


def test_a_link_out_of_the_folder_is_not_read(tmp_path: Path, secret: Path) -> None:
    folder = tmp_path / "scores"
    folder.mkdir()
    write_table(folder / "a.csv", study())
    (folder / "b.csv").symlink_to(secret)
    (problem,), _, _ = said(folder)
    assert "leads out of" in problem


def test_two_sessions_of_one_model_contradict_each_other(tmp_path: Path) -> None:
    shutil.copytree(FOREIGN / "eva", tmp_path / "eva")
    (session,) = tmp_path.glob("eva/kaiko_vits16/offline/crc/*")
    again = session.with_name("20260107-101112000002_ab12cd34")
    shutil.copytree(session, again)
    content = json.loads((again / "results.json").read_text())
    for metric in content["metrics"]["test"][0].values():
        metric["values"] = [value - 0.01 for value in metric["values"]]
    (again / "results.json").write_text(json.dumps(content))
    report = reports.compare(tmp_path / "eva", "kaiko_vits16", "dino_vits16")
    (problem,) = report.problems
    assert "kaiko_vits16 on crc (test): told twice with other values: 5 of its scores" in problem
    assert [task.task for task in report.comparisons[0][1].tasks] == ["bach"]


@pytest.mark.parametrize(
    ("pattern", "a", "b"),
    [
        ("scores.csv", "ours", "theirs"),
        ("eva/kaiko*/*/crc/*/results.json", "kaiko_vits16", "dino_vits16"),
        ("thunder/bach/uni/linear_probing/frozen/outputs.json", "uni", "phikon"),
        ("mteb/org__vit-base/r1/Massive*.json", "org/vit-base", "org/vit-small"),
    ],
)
def test_damage_is_named_in_a_line(tmp_path: Path, pattern: str, a: str, b: str) -> None:
    """Whatever lies in a file, it is read or named: no error but those of bad input."""
    shutil.copytree(FOREIGN, tmp_path / "foreign")
    (path,) = tmp_path.glob(f"foreign/{pattern}")
    folder = tmp_path / "foreign" / pattern.partition("/")[0]
    sound, refused = path.read_bytes(), 0
    for seed in range(40):
        path.write_bytes(spoilt_bytes(sound, random.Random(seed)))
        try:
            report = reports.compare(folder, a, b)
            lines = [*report.problems, *report.notes]
        except ValueError as error:
            lines, refused = str(error).split("\n"), refused + 1
        assert all(map(str.isprintable, lines))
    assert refused < 40 or folder == path


@pytest.mark.parametrize("value", ["NaN", "1" + "0" * 400, '"high"', "true", "null"])
def test_scores_of_tools_that_are_no_numbers(tmp_path: Path, value: str) -> None:
    shutil.copytree(FOREIGN, tmp_path / "foreign")
    (path,) = tmp_path.glob("foreign/eva/kaiko*/*/crc/*/results.json")
    content = json.loads(path.read_text())
    content["metrics"]["test"][0]["test/MulticlassAccuracy"]["values"][2] = "HERE"
    path.write_text(json.dumps(content).replace('"HERE"', value))
    report = reports.compare(path.parents[4], "kaiko_vits16", "dino_vits16", task=["crc"])
    (problem,) = report.problems
    assert "test/MulticlassAccuracy of run 2 is " in problem and "no number. Left out." in problem
    (task,) = report.comparisons[0][1].tasks
    assert (task.seeds_a, task.seeds_b) == (4, 5)
    for setting in ("accuracy", "f1"):
        (path,) = tmp_path.glob("foreign/thunder/bach/uni/linear_probing/frozen/outputs.json")
        content = json.loads(path.read_text())
        content[setting]["metric_score"] = "HERE"
        path.write_text(json.dumps(content).replace('"HERE"', value))
    report = reports.compare(tmp_path / "foreign" / "thunder", "uni", "phikon")
    assert len(report.problems) == 2 and len(report.comparisons[0][1].tasks) == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--profile", "mini"], "--profile: scores of other tools have no such thing."),
        (["--task", "x"], "--task x: no score has it. Choose from drive."),
        (["--protocol", "x"], "--protocol x: no score has it. Choose from none."),
    ],
)
def test_options_that_do_not_fit(
    table: Callable, errors: Errors, options: list[str], message: str
) -> None:
    (line,) = errors("compare", table(study()), "ours", "theirs", *options)
    assert message in line


def test_a_wrong_name_is_answered_with_the_right_one(table: Callable, errors: Errors) -> None:
    (line,) = errors("compare", table(study()), "our", "theirs")
    assert "no run of a backbone our. Did you mean ours?" in line


@pytest.mark.parametrize("verb", ["leaderboard", "tables", "figures"])
def test_other_verbs_read_records_alone(table: Callable, errors: Errors, verb: str) -> None:
    (line,) = errors(verb, table(study()))
    assert "is a file, no folder of runs. `compare` reads scores in a file" in line


def test_records_can_be_compared_in_another_metric(write: Callable, tmp_path: Path) -> None:
    for backbone, iou in (("a", 0.3), ("b", 0.4)):
        write(backbone, 0.5, {"metrics": {"dice": 0.5, "iou": iou}})
    (task,) = reports.compare(tmp_path, "a", "b", metric="iou").comparisons[0][1].tasks
    assert task.metric == "iou" and task.difference == pytest.approx(-0.1)


def test_percent_is_for_other_tools(write: Callable, tmp_path: Path, errors: Errors) -> None:
    write("a")
    (line,) = errors("compare", tmp_path, "a", "b", "--percent")
    assert "--percent is of scores of other tools" in line
