"""Scores of other tools: each format, at each level, and a CSV of our own records beside the records themselves."""

from __future__ import annotations

import csv
import json
import math
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reports
from reports.__main__ import main
from reports.analysis.compare import TaskComparison
from tests.factories import changed

ROOT = Path(__file__).resolve().parents[2]
FOREIGN = Path(__file__).parent / "foreign"
HEADER = ["backbone", "task", "seed", "case", "metric", "value"]


def write_table(
    path: Path, rows: list[list], header: list[str] = HEADER, delimiter: str = ","
) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows([header, *rows])
    return path


def study(seeds: int = 3, cases: int = 12, lead: float = 0.1) -> list[list]:
    """Dice of two backbones on `drive`."""
    rng = np.random.default_rng(0)
    shared = rng.uniform(0.4, 0.6, cases)
    return [
        [name, "drive", seed, f"{case:02}", "dice", round(shared[case] + plus + rng.uniform(0, 0.02), 4)]
        for name, plus in (("ours", lead), ("theirs", 0))
        for seed in range(seeds)
        for case in range(cases)
    ]  # fmt: skip


def compared(path: Path, a: str = "ours", b: str = "theirs", **options: Any) -> TaskComparison:
    """The comparison on the only task, found without a problem."""
    report = reports.compare(path, a, b, **options)
    assert not report.problems
    (task,) = report.comparisons[0][1].tasks
    return task


# CSV, at each level


def test_cases_and_seeds(tmp_path: Path) -> None:
    rows = study()
    task = compared(write_table(tmp_path / "a.csv", rows))
    means = {name: np.mean([r[-1] for r in rows if r[0] == name]) for name in ("ours", "theirs")}
    assert task.difference == pytest.approx(means["ours"] - means["theirs"])
    assert (task.verdict, task.cases, task.seeds_a, task.protocol) == ("A", 12, 3, "")


def test_seeds_alone(tmp_path: Path) -> None:
    rows = [[b, "t", s, "", "kappa", v + 0.01 * s] for b, v in (("ours", 0.7), ("theirs", 0.6))
            for s in range(3)]  # fmt: skip
    task = compared(write_table(tmp_path / "a.csv", rows))
    assert task.verdict == "A" and task.cases == 0 and task.interval and task.interval.units == 0


def test_cases_of_one_seed(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    rows = [[r[0], r[1], *r[3:]] for r in study(seeds=1)]
    path = write_table(tmp_path / "a.csv", rows, [name for name in HEADER if name != "seed"])
    assert main(["compare", str(path), "ours", "theirs"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "On drive, the difference is untested: ours is ahead of theirs by " in said
    assert "12 cases, these networks only). Needs at least 2 seeds of each backbone" in said
    assert "this speaks of the networks that were trained, not of the backbones" in said


def test_neither(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "a.csv"
    path.write_text("task,backbone,value,metric\nt,ours,0.7,dice\nt,theirs,0.6,dice\n")
    assert main(["compare", str(path), "ours", "theirs"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert (
        "the difference is untested: ours is ahead of theirs by 10.0 points of Dice (no interval; 1 seed"
        in said
    )
    assert "Nothing speaks of these networks either" in said and "p =" not in said


def test_more_seeds_are_named(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    rows = [[b, "t", s, "", "dice", v + 0.03 * s] for b, v in (("ours", 0.62), ("theirs", 0.6))
            for s in range(3)]  # fmt: skip
    main(["compare", str(write_table(tmp_path / "a.csv", rows)), "ours", "theirs"])
    said = " ".join(capsys.readouterr().out.split())
    assert re.search(r"About \d+ seeds of each \(\d+ more\) would likely settle it", said)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_as_spreadsheets_write_it(tmp_path: Path, delimiter: str, encoding: str) -> None:
    rows = study()
    plain = compared(write_table(tmp_path / "a.csv", rows))
    if delimiter != ",":
        rows = [[*row[:-1], str(row[-1]).replace(".", ",")] for row in rows]
    path = write_table(tmp_path / "b.csv", rows, [n.capitalize() for n in HEADER], delimiter)
    path.write_bytes(path.read_text().encode(encoding))
    assert compared(path) == plain


def test_a_folder_of_files_is_one_comparison(tmp_path: Path) -> None:
    rows = study()
    whole = compared(write_table(tmp_path / "whole.csv", rows))
    folder = tmp_path / "parts"
    folder.mkdir()
    for name in ("ours", "theirs"):
        write_table(folder / f"{name}.csv", [row for row in rows if row[0] == name])
    assert compared(folder) == whole


# Other tools


def test_eva() -> None:
    """The files are written by `SessionRecorder` of kaiko-eva 0.4.5 (eva/core/trainers/_recorder.py), made up."""
    report = reports.compare(FOREIGN / "eva", "kaiko_vits16", "dino_vits16")
    (origin, comparison), *more = report.comparisons
    assert not more and not report.problems and origin == (("eva",),)
    assert comparison.one_network == ["dino_vits16", "kaiko_vits16"]
    bach, crc = comparison.tasks
    assert (bach.task, bach.protocol, crc.task, crc.protocol) == ("bach", "val", "crc", "test")
    path = next(FOREIGN.glob("eva/kaiko*/offline/crc/*/results.json"))
    content = json.loads(path.read_text())["metrics"]["test"][0]["test/MulticlassAccuracy"]
    assert crc.mean_a == pytest.approx(content["mean"]) and crc.seeds_a == len(content["values"])
    assert sum("no test scores" in note for note in report.notes) == 2


def test_one_file_of_eva_names_its_model(tmp_path: Path) -> None:
    """A user may copy two sessions out of eva's folders, as long as model and task name them."""
    for model in ("kaiko_vits16", "dino_vits16"):
        (source,) = FOREIGN.glob(f"eva/{model}/offline/crc/*/results.json")
        (tmp_path / model / "crc").mkdir(parents=True)
        shutil.copy(source, tmp_path / model / "crc")
    assert compared(tmp_path, "kaiko_vits16", "dino_vits16").task == "crc"


def test_thunder() -> None:
    """The files are written by `compute_metrics` and `save_outputs` of thunder-bench 0.2.2, of made-up predictions."""
    report = reports.compare(FOREIGN / "thunder", "uni", "phikon")
    tasks = {task.protocol: task for task in report.comparisons[0][1].tasks}
    assert not report.problems and len(tasks) == 4
    probe = tasks["linear_probing, frozen"]
    outputs = json.loads(
        (FOREIGN / "thunder/bach/uni/linear_probing/frozen/outputs.json").read_text()
    )
    assert probe.mean_a == outputs["accuracy"]["metric_score"] and probe.cases == len(
        outputs["label"]
    )
    assert probe.verdict == "untested" and probe.p_sign_flip is not None and probe.interval
    in_f1 = reports.compare(
        FOREIGN / "thunder", "uni", "phikon", metric="f1", protocol=["knn, frozen"]
    )
    (knn,) = in_f1.comparisons[0][1].tasks
    assert knn.metric == "f1" and knn.cases == 0 and knn.interval is None


def test_mteb() -> None:
    """The files are written by `TaskResult` and `ResultCache` of mteb 2.26.24, of made-up scores."""
    report = reports.compare(FOREIGN / "mteb", "org/vit-base", "org/vit-small")
    assert not report.problems
    tasks = {task.task: task for task in report.comparisons[0][1].tasks}
    content = json.loads(
        (FOREIGN / "mteb/org__vit-base/r1/MassiveIntentClassification.json").read_text()
    )
    mains = [subset["main_score"] for subset in content["scores"]["test"]]
    massive = tasks["MassiveIntentClassification"]
    assert massive.mean_a == pytest.approx(np.mean(mains), abs=2e-6) and massive.seeds_a == 4
    assert tasks["STSBenchmark"].verdict == "untested"
    assert any("experiments count as seeds" in note for note in report.notes)


def test_mteb_says_what_it_cannot_read(tmp_path: Path) -> None:
    """The old format is that of mteb/results/*/SummEvalPtSummarization.json of its repository."""
    path = tmp_path / "model" / "revision" / "Old.json"
    path.parent.mkdir(parents=True)
    path.write_text(
        '{"mteb_dataset_name": "Old", "mteb_version": "1.6.36", "test": {"cos_sim": {}}}'
    )
    with pytest.raises(ValueError, match="written by MTEB before"):
        reports.compare(path, "a", "b")


def test_the_command_needs_no_torch() -> None:
    done = subprocess.run(
        [sys.executable, "-c",
         "import sys, reports.__main__ as m\n"
         f"m.main(['compare', {str(FOREIGN / 'eva')!r}, 'kaiko_vits16', 'dino_vits16', '--json'])\n"
         "print({'torch', 'mmengine'} & set(sys.modules), file=sys.stderr)"],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.stderr.splitlines()[-1] == "set()"
    (found,) = json.loads(done.stdout)
    assert found["setting"] == {"formats": ["eva"]} and len(found["tasks"]) == 2


# The examples of docs/reports.md

SECTION = (ROOT / "docs" / "reports.md").read_text().split("## Scores of other tools\n")[1]
EXAMPLES = re.findall(r"```\n\$ python -m reports (.+?)\n(.+?)```", SECTION, re.DOTALL)


def test_every_format_has_an_example() -> None:
    assert [shlex.split(words)[1].rpartition("/")[2] for words, _ in EXAMPLES] == [
        "scores.csv",
        "eva",
        "thunder",
        "mteb",
    ]


@pytest.mark.parametrize(("words", "sentences"), EXAMPLES)
def test_the_examples_print_what_they_say(
    words: str,
    sentences: str,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(shlex.split(words)) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert said.partition(" - On ")[2] == " ".join(sentences.split()).removeprefix("- On ")


# A CSV of our own records


@st.composite
def runs(draw: st.DrawFn) -> list[dict]:
    """Records of two backbones on a few tasks: cases, cases of sites, or none; other seeds for each."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    records = []
    for task in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["cases", "sites", "none"]))
        names = [
            f"{'ABC'[n % 3]}/p{n // 3:02}/0" if kind == "sites" else f"{n:02}" for n in range(14)
        ]
        shared = rng.uniform(0.3, 0.7, 14)
        for backbone, lead in (("a", draw(st.sampled_from([0, 0.02, 0.2]))), ("b", 0)):
            for seed in range(draw(st.integers(1, 3))):
                values = np.clip(shared + lead + rng.normal(0, 0.02, 14), 0, 1)
                metrics = (
                    {"dice": float(values.mean())}
                    if kind != "none"
                    else {"map50": float(values[0])}
                )
                if kind == "sites":
                    metrics = {f"dice/{s}": float(values[i::3].mean()) for i, s in enumerate("ABC")}
                    metrics["dice"] = math.fsum(metrics.values()) / 3
                rows = [{"case": n, "dice": float(v)} for n, v in zip(names, values, strict=True)]
                record = changed(
                    {
                        "backbone.name": backbone,
                        "task": f"t{task}",
                        "seed": seed,
                        "metric": "map50" if kind == "none" else "dice",
                        "cases": [] if kind == "none" else rows,
                    }
                )
                records.append(record | {"metrics": metrics})
    return records


@settings(max_examples=12, deadline=None)
@given(runs())
def test_a_csv_of_records_has_the_verdict_of_the_records(records: list[dict]) -> None:
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for number, record in enumerate(records):
            path = Path(name) / "results" / f"{number:02}" / "record.json"
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(record))
            run = [record["backbone"]["name"], record["task"], record["seed"]]
            metric = record["metric"]
            rows.append([*run, "", metric, repr(record["metrics"][metric])])
            rows += [[*run, case["case"], metric, repr(case["dice"])] for case in record["cases"]]
        of_records = reports.compare(Path(name) / "results", "a", "b")
        of_table = reports.compare(write_table(Path(name) / "a.csv", rows), "a", "b")
    assert not of_records.problems and not of_table.problems
    pairs = zip(of_records.comparisons[0][1].tasks, of_table.comparisons[0][1].tasks, strict=True)
    of_records_alone = ("protocol", "seen_a", "seen_b")
    for theirs, ours in pairs:
        fields, same = (
            {name: value for name, value in vars(task).items() if name not in of_records_alone}
            for task in (theirs, ours)
        )
        assert repr(fields) == repr(same)
