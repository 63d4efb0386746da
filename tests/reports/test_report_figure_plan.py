"""From records to files: which figures there are, where they lie, and why others are not there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from lvmmed_backbones.records import read
from reports.__main__ import main
from reports.reading.scores import read_scores
from reports.render.figures.plan import Plan, plan_figures
from reports.render.figures.plan_overall import cost_table
from reports.render.figures.plan_tasks import rank_correlation
from reports.statistics.intervals import mean_interval

ROOT = Path(__file__).resolve().parents[2]
Write = Callable[..., Path]


@pytest.fixture
def run(write: Write) -> Callable[..., Path]:
    """Write a run whose headline is the mean of its cases: `run('lvmmed', 0.7, seed=1, task='buid')`."""

    def runner(backbone: str, value: float = 0.5, **fields: Any) -> Path:
        seed, metric = fields.get("seed", 0), fields.get("metric", "dice")
        drawn = np.random.default_rng([seed, *backbone.encode()]).normal(value, 0.02, 8).round(6)
        cases = [{"case": f"c{n}", metric: float(v)} for n, v in enumerate(drawn)]
        return write(backbone, float(drawn.mean()), cases=cases, **fields)

    return runner


@pytest.fixture
def grid(run: Callable[..., Path], tmp_path: Path) -> Path:
    """Six tasks, three backbones, three seeds, and on one task two shares of the labels; phantoms."""
    for task in ("drive", "buid", "jsrt", "kvasir", "isic2018", "prostate"):
        for number, backbone in enumerate(("<script>", "$x_1$", "lvmmed")):
            for seed in range(3):
                shares = (0.1, 1.0) if task == "drive" else (1.0,)
                for share in shares:
                    run(
                        backbone, 0.3 + 0.1 * number + 0.2 * share, task=task, seed=seed,
                        label_fraction=share, data_source="phantom", profile="mini",
                    )  # fmt: skip
    return tmp_path / "runs"


def planned(results: Path) -> Plan:
    records, problems = read(results)
    assert not problems
    return plan_figures(records)


def test_what_a_grid_gives(grid: Path) -> None:
    made = planned(grid)
    names = {figure.name for figure in made.figures}
    assert {n.partition("/")[0] for n in names} == {"phantom-mini", "phantom-mini-10pct"}
    whole = {n.partition("/")[2] for n in names if n.startswith("phantom-mini/")}
    tasks = ("drive", "buid", "jsrt", "kvasir", "isic2018", "prostate")
    assert whole == {
        *(f"{kind}-{task}-finetune" for kind in ("bars", "cases", "ranks") for task in tasks),
        "labels-drive-finetune", "cost", "critical-difference", "profiles",
    }  # fmt: skip
    assert not made.problems
    reasons = "\n".join(made.missing)
    assert "10 % of the labels: no critical difference: 1 tasks" in reasons
    assert "gallery" not in reasons
    (without,) = plan_figures(read(grid)[0], kinds=["gallery"]).missing[:1]
    assert "no gallery of 18 of 18" in without
    for figure in made.figures:
        said = [text.get_text().replace("\n", " ") for text in figure.draw().findobj(Text)]
        assert "PHANTOM" in said
        assert any("profile mini" in words for words in said)


def test_bars_have_the_intervals_of_the_statistics(grid: Path) -> None:
    made = planned(grid)
    (bars,) = [f for f in made.figures if f.name == "phantom-mini/bars-buid-finetune"]
    records = [r for r in read(grid)[0] if r.task == "buid"]
    expected = {one.backbone: mean_interval(one) for one in read_scores(records)}
    axes = bars.draw().axes[0]
    segments = axes.containers[-1].lines[2][0].get_segments()
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["lvmmed", "$x_1$", "<script>"]
    for name, segment in zip(names, segments, strict=True):
        found = expected[name]
        assert found is not None
        np.testing.assert_allclose(segment[:, 0], [100 * found.low, 100 * found.high])
    assert "over seeds and cases; 3 seeds" in bars.note


def test_a_figure_with_too_little_data_says_so(run: Callable[..., Path], tmp_path: Path) -> None:
    run("alone", task="buid")
    run("a", task="drive")
    made = planned(tmp_path)
    reasons = "\n".join(made.missing)
    assert not made.figures
    assert "no bars of buid (finetune): alone alone was run on it" in reasons
    assert "no bars of drive (finetune): a alone was run on it" in reasons
    assert "no cost against quality" in reasons
    assert "no critical difference: 0 backbones" in reasons
    assert "Not ranked: a (1 of 2 tasks), alone (1 of 2 tasks)." in reasons
    assert "no label efficiency" in reasons


def test_scores_that_are_no_mean_of_cases_have_no_boxes(write: Write, tmp_path: Path) -> None:
    for number, backbone in enumerate("ab"):
        cases = [{"case": f"c{n}", "map50": 0.1} for n in range(9)]
        write(
            backbone,
            0.7 + 0.1 * number,
            task="vindr",
            kind="detection",
            metric="map50",
            metrics={},
            cases=cases,
        )
        cases = [{"case": f"c{n}", "accuracy": n % 2} for n in range(8)]
        write(
            backbone, 0.5, task="fgadr_linear", kind="classification", metric="accuracy", metrics={},
            cases=cases,
        )  # fmt: skip
    made = planned(tmp_path)
    assert {f.kind for f in made.figures} == {"bars", "cost", "ranks"}
    reasons = "\n".join(made.missing)
    assert "no boxes of vindr (finetune): its mAP50 is no mean over cases" in reasons
    assert "no boxes of fgadr_linear (finetune): a case is right or wrong" in reasons


def test_costs_by_machine(run: Callable[..., Path], tmp_path: Path) -> None:
    """A on a GPU, 1 and 3 hours; B on 2 threads, half an hour on each of two tasks; C on both."""
    for number, (backbone, gpu, seconds) in enumerate(
        [
            ("a", "H100", 3600),
            ("a", "H100", 10800),
            ("b", None, 1800),
            ("c", None, 60),
            ("c", "H100", 60),
        ]
    ):
        for task in ("drive", "buid"):
            run(
                backbone, task=task, seed=number, **{
                    "fields": {"provenance.machine.gpu": gpu, "threads": 2,
                               "cost.train_seconds": seconds, "backbone.parameters": 10**6 * (number + 1)},
                },
            )  # fmt: skip
    records, _ = read(tmp_path)
    score = pd.Series([0.9, 0.5, 0.1], list("cba"))
    table = cost_table(records, {("drive", "finetune"), ("buid", "finetune")}, score)
    assert table["score"].to_dict() == {"c": 0.9, "b": 0.5, "a": 0.1}
    assert table["training, GPU hours"].dropna().to_dict() == {"a": 4.0}
    assert table["training, CPU hours"].dropna().to_dict() == {"b": 2.0}
    assert table.loc["b", "parameters, million"] == 3
    alone = cost_table(records, {("drive", "finetune")}, score)
    assert alone.loc["a", "training, GPU hours"] == 2
    for record in records:
        record.backbone.parameters = 0  # which a logarithmic axis has no place for
    assert "parameters, million" not in cost_table(records, {("drive", "finetune")}, score)


def test_names_that_would_leave_the_folder(run: Callable[..., Path], tmp_path: Path) -> None:
    for backbone in ("a", "b"):
        for task in ("../../evil", "..-..-evil", "-"):
            run(backbone, task=task)
    assert main(["figures", str(tmp_path / "runs"), "--out", str(tmp_path / "out")]) == 0
    written = list((tmp_path / "out").rglob("*.svg"))
    assert len({path.name for path in written if path.name.startswith("bars-")}) == 3
    assert {p.parent for p in written} == {tmp_path / "out" / "measured-small"}
    assert {p.name for p in tmp_path.iterdir()} == {"runs", "out"}


def figures(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "reports", "figures", *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, timeout=120, env=os.environ | environment,
    )  # fmt: skip


def test_again_gives_the_same_bytes(grid: Path, tmp_path: Path) -> None:
    """Whatever the order of hashes."""
    outs = tmp_path / "one", tmp_path / "two"
    for number, out in enumerate(outs):
        done = figures(grid, "--task", "drive", "--out", out, PYTHONHASHSEED=str(number))
        assert done.returncode == 0, done.stderr
        files = sorted(Path(line) for line in done.stdout.splitlines())
        assert files == sorted(path for path in out.rglob("*") if path.is_file())
    names = [sorted(p.relative_to(out) for p in out.rglob("*.*")) for out in outs]
    assert names[0] == names[1] and len(names[0]) > 8
    for name in names[0]:
        assert (outs[0] / name).read_bytes() == (outs[1] / name).read_bytes(), name


def test_curves_of_pretraining(run: Callable[..., Path], tmp_path: Path) -> None:
    run("a")
    run("b")
    logs = tmp_path / "lvmmed_mini" / "20260101_000000" / "vis_data" / "scalars.json"
    logs.parent.mkdir(parents=True)
    logs.write_text("".join(json.dumps(dict(step=s, loss=1 / (s + 1))) + "\n" for s in range(9)))
    done = figures(tmp_path / "runs", "--pretraining", tmp_path / "lvmmed_mini", tmp_path / "gone")
    assert done.returncode == 1
    assert f"error: {tmp_path / 'gone'}: no such folder" in done.stderr
    assert (tmp_path / "runs" / "figures" / "pretraining.svg").is_file()


def test_a_spoilt_file_is_named_and_the_rest_is_drawn(
    run: Callable[..., Path], tmp_path: Path
) -> None:
    first = run("a")
    run("b")
    gallery = first.parent / "gallery"
    gallery.mkdir()
    (gallery / "gallery.json").write_text("{")
    done = figures(tmp_path / "runs", "--kind", "bars", "labels", "gallery")
    assert done.returncode == 1
    assert f"error: {gallery / 'gallery.json'}: " in done.stderr
    assert "not drawn: " in done.stderr
    assert (tmp_path / "runs" / "figures" / "measured-small" / "bars-drive-finetune.png").is_file()


def test_the_note_says_how_alike_the_rankings_are() -> None:
    assert rank_correlation(np.array([0.2, np.nan, 1.0, 0.6])).endswith("median 0.60.")
    assert rank_correlation(np.array([np.nan, np.nan])) == ""


def test_a_condition_without_a_sound_record_has_no_figures(
    grid: Path, run: Callable[..., Path]
) -> None:
    path = run("lvmmed", profile="small")
    content = json.loads(path.read_text())
    content["cases"] = [{"case": "c0", "dice": "x"}]
    path.write_text(json.dumps(content))
    records, problems = read(grid)
    assert [str(path) in problem for problem in problems] == [True]
    made = plan_figures(records)
    assert made.figures and not any("small" in figure.name for figure in made.figures)
