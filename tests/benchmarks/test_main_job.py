"""The main job end to end: real processes, real files, on phantoms."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
BARE = """
import json, sys
from mmengine.config import Config
from mmengine.runner import Runner
config = Config.fromfile(sys.argv[1])
config.work_dir = sys.argv[2]
config.test_evaluator.cases_file = sys.argv[2] + "/cases.json"
runner = Runner.from_cfg(config)
runner.train()
print("METRICS", json.dumps(runner.test()))
"""


def benchmarks(*arguments: str | Path, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "benchmarks", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, **options)


def records(results: Path) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted(results.glob("runs/*/record.json"))]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run a small job, two tasks with two backbones; return the folder of its results and work, and its output."""
    folder = tmp_path_factory.mktemp("job")
    done = benchmarks(*words(folder))
    assert done.returncode == 0, done.stderr
    (folder / "stderr.txt").write_text(done.stderr)
    return folder


def words(folder: Path) -> list[str]:
    return [
        *("run", "--tasks", "drive", "brain_tumor_linear"),
        *("--backbones", "random_vit_tiny", "imagenet_efficientnet_lite0"),
        *("--results", str(folder / "results"), "--work", str(folder / "work"), "--jobs", "2"),
    ]


def test_nothing_warns_of_what_a_user_cannot_change(finished: Path) -> None:
    """Neither on the terminal nor in the logs of the runs."""
    texts = [finished / "stderr.txt", *finished.glob("results/runs/*/run.log")]
    assert len(texts) == 5
    for text in texts:
        assert "warn" not in text.read_text().lower(), text


def test_every_run_leaves_a_record(finished: Path) -> None:
    found = records(finished / "results")
    assert {(r["task"], r["backbone"]["name"]) for r in found} == {
        (task, backbone)
        for task in ("drive", "brain_tumor_linear")
        for backbone in ("random_vit_tiny", "imagenet_efficientnet_lite0")
    }
    for record in found:
        assert record["data_source"] == "phantom"
        assert 0 <= record["metrics"][record["metric"]] <= 1
        assert len(record["cases"]) == record["data"]["counts"]["test"]
        assert record["provenance"]["versions"]["torch"]
        assert record["cost"]["train_seconds"] > 0
        weighted = record["backbone"]["name"].startswith("imagenet")
        assert (record["backbone"]["weights_sha256"] is not None) == weighted
        assert (
            Path(finished, "results", "runs", record["run"]) / "gallery" / "gallery.json"
        ).is_file()
    assert not list(finished.glob("results/**/*.partial"))


def test_started_again_it_skips_what_is_done(finished: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in finished.glob("results/runs/*/*")}
    again = benchmarks(*words(finished))
    assert again.returncode == 0
    assert "1 of 1 done" in again.stderr
    assert {p: p.stat().st_mtime_ns for p in finished.glob("results/runs/*/*")} == before


@pytest.mark.slow
def test_the_dumped_config_gives_the_same_figures_without_this_suite(
    finished: Path, tmp_path: Path
) -> None:
    """`Runner.from_cfg` on the config beside the record gives the same figures: same seed, same machine."""
    path = next(
        p.parent
        for p in finished.glob("results/runs/*/record.json")
        if (r := json.loads(p.read_text()))["task"] == "drive"
        and r["backbone"]["name"].startswith("imagenet")
    )
    threads = json.loads((path / "record.json").read_text())["threads"]
    bare = subprocess.run(
        [sys.executable, "-c", BARE, path / "config.py", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
    )
    assert bare.returncode == 0, bare.stderr
    line = next(line for line in bare.stdout.splitlines() if line.startswith("METRICS"))
    assert (
        json.loads(line.removeprefix("METRICS"))
        == json.loads((path / "record.json").read_text())["metrics"]
    )


@pytest.mark.slow
def test_a_failing_run_is_named_and_the_others_go_on(finished: Path, tmp_path: Path) -> None:
    """A prepared image that broke after preparation fails its task's runs, not the job."""
    work = tmp_path / "work"
    subprocess.run(["cp", "-a", finished / "work", work], check=True)
    name = (work / "prepared" / "phantoms" / "drive" / "splits" / "test.txt").read_text().split()[0]
    image = next(work.glob(f"prepared/*/drive/images/{name}.*"))
    whole = image.read_bytes()
    image.write_bytes(whole[:100])
    job = [w.replace(str(finished), str(tmp_path)) for w in words(finished)]
    broken = benchmarks(*job)
    assert broken.returncode == 1
    assert "2 runs done" in broken.stderr
    assert broken.stderr.count("FAILED") == 2
    assert len(records(tmp_path / "results")) == 2
    assert len(list(tmp_path.glob("results/runs/*/error.txt"))) == 2
    image.write_bytes(whole)
    mended = benchmarks(*job)
    assert mended.returncode == 0, mended.stderr
    assert len(records(tmp_path / "results")) == 4
    assert not list(tmp_path.glob("results/runs/*/error.txt"))


@pytest.mark.slow
def test_a_killed_run_takes_no_other_with_it(finished: Path, tmp_path: Path) -> None:
    """Send SIGKILL to the first run that writes its log, as the kernel does when memory runs out."""
    job = [w.replace(str(finished / "results"), str(tmp_path / "results")) for w in words(finished)]
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks", *job],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    victim, deadline = None, time.monotonic() + 120
    while victim is None and time.monotonic() < deadline:
        time.sleep(0.05)
        for log in tmp_path.glob("results/runs/*/run.log"):
            victim = writer_of(log)
    os.kill(victim, signal.SIGKILL)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "killed" in errors
    assert len(records(tmp_path / "results")) == 3


def writer_of(log: Path) -> int | None:
    """Return the process whose standard output is `log`."""
    for stdout in Path("/proc").glob("[0-9]*/fd/1"):
        try:
            if stdout.resolve() == log.resolve():
                return int(stdout.parts[2])
        except OSError:
            continue
    return None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--tasks", "drve"], "did you mean drive"),
        (["run", "--backbones", "resnet50"], "resnet50"),
        (["run", "--data", "nowhere"], "nowhere: no such folder"),
        (["run", "--tasks", "drive", "--data", "tests"], "tasks list"),
        (
            ["run", "--tasks", "drive", "--backbones", "random_vit_tiny", "lvmmed_resnet50"],
            "fetch it from https://drive.google.com",
        ),
        (["run", "--profile", "huge"], "no profile 'huge': choose from"),
        (["run", "--tasks", "drive", "--split", "clean"], "has no clean split"),
        (["run", "--jobs", "0"], "--jobs 0: give the number of runs at a time, 1 or more"),
        (["run", "--jobs", "-1"], "--jobs -1: give the number of runs at a time, 1 or more"),
        (["run", "--seeds", "0", "0"], "--seeds: 0 is named twice"),
    ],
)
def test_wrong_words_exit_with_2_and_a_remedy(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(ROOT)
    folders = ["--results", str(tmp_path / "results"), "--work", str(tmp_path / "work")]
    assert main([*arguments, *folders]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "results").exists()


def test_a_process_exits_with_2_too(tmp_path: Path) -> None:
    done = benchmarks("run", "--jobs", "0", "--results", tmp_path / "results")
    assert done.returncode == 2
    assert "--jobs 0: give the number of runs at a time, 1 or more" in done.stderr
    assert not (tmp_path / "results").exists()


@pytest.mark.slow
def test_real_images(real_data: Path, tmp_path: Path) -> None:
    """DRIVE, the smallest real data set, at the mini profile's size."""
    done = benchmarks(
        "run",
        "--data",
        real_data,
        "--tasks",
        "drive",
        "--backbones",
        "imagenet_efficientnet_lite0",
        "--results",
        tmp_path / "results",
        "--work",
        tmp_path / "work",
    )
    assert done.returncode == 0, done.stderr
    (record,) = records(tmp_path / "results")
    assert record["data_source"] == "measured"
    assert record["data"]["counts"]["test"] == 20


def test_help_on_every_level() -> None:
    for words_ in ([], ["run"], ["plan"], ["check"]):
        done = benchmarks(*words_, "--help")
        assert done.returncode == 0
        assert "usage" in done.stdout
