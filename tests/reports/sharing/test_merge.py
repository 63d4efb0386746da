"""`report merge`: results of several machines in one folder, contradictions by name, nothing overwritten."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import reports
from benchmarks.results import scan
from lvmmed_backbones.records import read
from lvmmed_backbones.records.audits import Audit, read_audits, write_audit
from lvmmed_backbones.records.identity import read_identity
from tests.factories import signal_of_child
from tests.reports.hostile import KINDS, SECRET, replaced
from tests.reports.mutations import bytes_of
from tests.reports.sharing.building import edit, files, write_rest, write_run, write_tasks

SHARED = {
    *("record.json", "identity.json", "config.py", "gallery/gallery.json", "gallery/best.png"),
    "20260101_000000/vis_data/scalars.json",
}


def test_what_of_a_run_goes_along(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / name, seed=seed) for seed, name in enumerate("ab")]
    for run in runs:
        write_rest(run)
    merged = reports.merge([tmp_path / "a", tmp_path / "b"], out=tmp_path / "out")
    assert merged.problems == [] and merged.added == [run.name for run in runs]
    for run in runs:
        copied = files(tmp_path / "out" / "runs" / run.name)
        assert copied == {name: content for name, content in files(run).items() if name in SHARED}
    assert {name for name, row in scan(tmp_path / "out").items() if not row.problem} == {
        run.name for run in runs
    }
    before = files(tmp_path / "out" / "runs")
    again = reports.merge([tmp_path / "a", tmp_path / "b"], out=tmp_path / "out")
    assert (again.added, again.equal, again.problems) == ([], 2, [])
    assert files(tmp_path / "out" / "runs") == before


def test_the_same_run_with_equal_scores_is_there_once(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    other = tmp_path / "b" / "runs" / run.name / "record.json"
    edit(other, cost__train_seconds=99, provenance__machine={"cpu": "another"})
    merged = reports.merge([tmp_path / "a", tmp_path / "b"], out=tmp_path / "out")
    assert (merged.added, merged.equal, merged.problems) == ([run.name], 1, [])
    assert files(tmp_path / "out" / "runs") == files(tmp_path / "a" / "runs")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"metrics": {"dice": 0.6}, "cases": [{"case": "01_test", "dice": 0.6}]},
            "metrics.dice is 0.5 and 0.6 (by 0.1); case 01_test, dice is 0.5 and 0.6 (by 0.1)",
        ),
        ({"metrics": {"dice": 0.5, "iou": 0.3}}, "metrics.iou is None and 0.3"),
        ({"cases": [{"case": "02_test", "dice": 0.5}]}, "case 01_test, dice is 0.5 and None"),
        ({"data__fingerprint": "0" * 64}, "data.fingerprint is"),
    ],
)
def test_the_same_run_with_other_scores_is_named(
    tmp_path: Path, fields: dict, said: str, errors: Callable[..., list[str]]
) -> None:
    run = write_run(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    other = tmp_path / "b" / "runs" / run.name / "record.json"
    edit(other, **fields)
    (line,) = errors("merge", tmp_path / "a", tmp_path / "b", "--out", tmp_path / "out")
    assert f"{run / 'record.json'} and {other}: two results of run {run.name}: " in line
    assert said in line and line.endswith("The first is kept, the other not copied.")
    assert files(tmp_path / "out" / "runs") == files(tmp_path / "a" / "runs")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"data__fingerprint": "0" * 64}, "the data"),
        ({"backbone__weights_sha256": "1" * 64}, "the weights"),
        ({"config": "d"}, "the config"),
        ({"threads": 2}, "the number of threads"),
        ({"threads": 2, "config": "d"}, "the config and the number of threads"),
        ({"backbone__pretraining_seed": 3, "config": "d"}, "the config and the pretraining seed"),
    ],
)
def test_two_runs_of_one_cell_are_named_with_the_reason(
    tmp_path: Path, fields: dict, why: str, errors: Callable[..., list[str]]
) -> None:
    run = write_run(tmp_path / "a")
    write_run(tmp_path / "b", 0.7, **fields)
    (line,) = errors("merge", tmp_path / "a", tmp_path / "b", "--out", tmp_path / "out")
    assert "two runs of drive version 1 (finetune), random_resnet50, seed 0, measured" in line
    assert f"(dice 0.5 and dice 0.7), which differ in {why}. The first is kept" in line
    assert os.listdir(tmp_path / "out" / "runs") == [run.name]


@pytest.mark.parametrize(
    "fields",
    [
        {"seed": 1}, {"task": "kvasir"}, {"task_version": 2}, {"protocol": "linear"}, {"profile": "mini"},
        {"backbone__name": "x"}, {"label_fraction": 0.5, "config": "d"}, {"split": "clean"},
        {"data_source": "phantom", "data__fingerprint": "0" * 64},
    ],
)  # fmt: skip
def test_other_cells_do_not_contradict_each_other(tmp_path: Path, fields: dict) -> None:
    write_run(tmp_path / "a")
    write_run(tmp_path / "b", 0.7, **fields)
    merged = reports.merge([tmp_path / "a", tmp_path / "b"], out=tmp_path / "out")
    assert len(merged.added) == 2 and merged.problems == []


def test_without_identities_the_records_tell_why_runs_differ(tmp_path: Path) -> None:
    for name, config, threads in (("a", "c", 1), ("b", "d", 1), ("c", "e", 2)):
        (write_run(tmp_path / name, config=config, threads=threads) / "identity.json").unlink()
    merged = reports.merge([tmp_path / name for name in "abc"], out=tmp_path / "out")
    first, second = merged.problems
    assert "one of them has no identity.json" in first and "the number of threads" in second


def test_what_is_there_is_the_first(tmp_path: Path) -> None:
    run = write_run(tmp_path / "out")
    write_rest(run)
    write_run(tmp_path / "a", 0.7, config="d")
    write_run(tmp_path / "a", 0.7, seed=1)
    before = files(run)
    merged = reports.merge([tmp_path / "out", tmp_path / "a"], out=tmp_path / "out")
    assert len(merged.added) == 1 and len(merged.problems) == 1
    assert files(run) == before, "checkpoints and all"


def test_a_run_that_goes_on_gets_the_record_and_keeps_the_rest(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a")
    here = tmp_path / "out" / "runs" / run.name
    here.mkdir(parents=True)
    (here / "lease.1").write_text("mine")
    (here / ".record.json.0123456789ab.partial").write_text("killed")
    assert reports.merge([tmp_path / "a"], out=tmp_path / "out").problems == []
    assert set(files(here)) == {"lease.1", "record.json", "identity.json"}


@pytest.mark.parametrize(
    ("file", "damage", "said"),
    [
        ("record.json", "{", "not valid JSON"),
        ("identity.json", "{", "is no whole JSON file"),
        ("identity.json", "[]", "is no JSON object"),
        ("identity.json", "{}", "is of the run"),
        ("identity.json", '{"a": ' * 900 + "1" + "}" * 900, "identity.json: is"),
    ],
)
def test_a_damaged_run_is_named_and_not_copied(
    tmp_path: Path, file: str, damage: str, said: str
) -> None:
    write_run(tmp_path / "a")
    (write_run(tmp_path / "a", seed=1) / file).write_text(damage)
    merged = reports.merge([tmp_path / "a"], out=tmp_path / "out")
    (problem,) = merged.problems
    assert said in problem and len(merged.added) == 1


def test_a_record_that_contradicts_its_identity_is_not_copied(tmp_path: Path) -> None:
    write_run(tmp_path / "a")
    edit(write_run(tmp_path / "a", seed=1) / "record.json", seed=2)
    (problem,) = reports.merge([tmp_path / "a"], out=tmp_path / "out").problems
    assert "says seed 1, the record beside it 2" in problem


@pytest.mark.parametrize("name", ["../../escaped", "short", "0123456789ABCDEF", "/tmp/x"])
def test_a_run_with_a_foreign_name_is_not_copied(tmp_path: Path, name: str) -> None:
    edit(write_run(tmp_path / "a") / "record.json", run=name)
    (problem,) = reports.merge([tmp_path / "a"], out=tmp_path / "out").problems
    assert "not 16 hex digits" in problem and files(tmp_path / "out") == {}
    assert not (tmp_path / "escaped").exists()


def test_an_unsound_record_in_its_place_is_not_overwritten(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "out")
    cut = tmp_path / "out" / "runs" / run.name / "record.json"
    cut.write_text("{")
    merged = reports.merge([tmp_path / "a"], out=tmp_path / "out")
    assert merged.added == [] and cut.read_text() == "{"
    assert "is no sound record, and is not overwritten" in merged.problems[1]


@pytest.mark.usefixtures("limit")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("file", ["record.json", "gallery/best.png", "gallery", "identity.json"])
def test_no_link_or_fifo_of_a_run_is_followed(
    tmp_path: Path, secret: Path, kind: str, file: str
) -> None:
    run = write_run(tmp_path / "a")
    write_rest(run)
    if file == "gallery":
        shutil.rmtree(run / file)
    replaced(run / file, kind, secret)
    merged = reports.merge([tmp_path / "a"], out=tmp_path / "out")
    if kind == "folder":
        assert merged.added == [] or file.startswith("gallery")
    else:
        assert merged.problems
    for content in files(tmp_path / "out").values():
        assert SECRET.encode() not in content and len(content) < 10_000


@pytest.mark.parametrize("place", ["runs", "runs/RUN", "runs/RUN/gallery", "audits"])
def test_no_link_in_the_folder_to_write_to_is_followed(tmp_path: Path, place: str) -> None:
    run = write_run(tmp_path / "a")
    write_rest(run)
    write_audit(tmp_path / "a", Audit("corpus", "drive", "pixels", 2, ["01_test"]))
    elsewhere, link = tmp_path / "elsewhere", tmp_path / "out" / place.replace("RUN", run.name)
    elsewhere.mkdir()
    link.parent.mkdir(parents=True)
    link.symlink_to(elsewhere)
    try:
        assert "is a link" in reports.merge([tmp_path / "a"], out=tmp_path / "out").problems[0]
    except ValueError as error:
        assert "is a link" in str(error)
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("place", ["", "runs", "runs/RUN"])
def test_a_file_in_place_of_a_folder_is_named(tmp_path: Path, place: str) -> None:
    run = write_run(tmp_path / "a")
    file = tmp_path / "out" / place.replace("RUN", run.name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("mine")
    try:
        assert "is no folder" in reports.merge([tmp_path / "a"], out=tmp_path / "out").problems[0]
    except ValueError as error:
        assert "is no folder" in str(error)
    assert file.read_text() == "mine"


def test_the_folder_to_write_to_may_be_a_link(tmp_path: Path) -> None:
    write_run(tmp_path / "a")
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to("disk")
    assert reports.merge([tmp_path / "a"], out=tmp_path / "out").problems == []
    assert len(read(tmp_path / "disk")[0]) == 1


@pytest.mark.usefixtures("limit")
def test_tampered_records_and_identities(tmp_path: Path) -> None:
    """What is copied can be read and fits its identity; nothing else is raised than said."""
    rng = random.Random(16)
    write_tasks(tmp_path / "a")
    for seed in range(300):
        run = write_run(tmp_path / "a", seed=seed)
        if seed:
            file = run / ("record.json" if seed % 3 else "identity.json")
            file.write_bytes(bytes_of(json.loads(file.read_text()), rng))
    merged = reports.merge([tmp_path / "a"], out=tmp_path / "out")
    checked = reports.check(tmp_path / "a")
    for problem in (*merged.problems, *checked.problems):
        assert problem.isprintable()
    records, problems = read(tmp_path / "out")
    assert problems == [] and 1 < len(records) == len(merged.added) < 200
    for record in records:
        assert read_identity(record.path.parent, record) is not None


def test_audits_go_along(tmp_path: Path, errors: Callable[..., list[str]]) -> None:
    for name in "ab":
        write_run(tmp_path / name, seed=ord(name))
        write_audit(tmp_path / name, Audit("same", "drive", "pixels", 2, ["01_test"]))
        write_audit(tmp_path / name, Audit(f"of {name}", "drive", "pixels", 2, []))
    leaked = ["01_test"] if name == "a" else []
    write_audit(tmp_path / "a", Audit("apart", "drive", "pixels", 2, ["01_test"]))
    write_audit(tmp_path / "b", Audit("apart", "drive", "pixels", 2, leaked))
    (line,) = errors("merge", tmp_path / "a", tmp_path / "b", "--out", tmp_path / "out")
    assert (
        "another audit of corpus apart and drive finds 1 of 2 cases by pixels, this one 0" in line
    )
    audits, problems = read_audits(tmp_path / "out")
    assert {audit.corpus for audit in audits} == {"same", "of a", "of b", "apart"}
    assert problems == [] and ["01_test"] in [a.leaked for a in audits if a.corpus == "apart"]


def test_folders_that_are_not_there(tmp_path: Path, errors: Callable[..., list[str]]) -> None:
    (line,) = errors("merge", tmp_path / "nothing", "--out", tmp_path / "out")
    assert "no such folder" in line and not (tmp_path / "out").exists()


def test_killed_at_each_step_the_same_call_finishes_it(tmp_path: Path) -> None:
    for seed in range(2):
        write_rest(write_run(tmp_path / "a", seed=seed))
    write_audit(tmp_path / "a", Audit("corpus", "drive", "pixels", 2, []))

    def work(out: Path) -> None:
        reports.merge([tmp_path / "a"], out=out)

    work(tmp_path / "whole")
    whole = files(tmp_path / "whole")
    of_writing = lambda event, arguments: event in ("os.rename", "os.mkdir", "os.link")  # noqa: E731
    for step in range(1, 100):
        out = tmp_path / f"out{step}"
        ended = signal_of_child(lambda out=out: work(out), step, of_writing)
        records = read(out)[0] if list(out.rglob("record.json")) else []
        for record in records:  # a run whose record is there is whole
            copied = files(record.path.parent)
            assert copied == files(tmp_path / "whole" / "runs" / record.run)
        work(out)
        assert files(out) == whole
        if not ended:
            break
    assert step > 10


@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(0, 2), st.integers(0, 1), st.sampled_from("cd")), max_size=5
        ),
        min_size=1,
        max_size=3,
    )
)
def test_whatever_the_folders_hold(
    tmp_path_factory: pytest.TempPathFactory, folders: list[list[tuple[int, int, str]]]
) -> None:
    """Runs of three seeds, two scores and two configs: what is kept is the first of each cell, and stays as it is."""
    tmp_path = tmp_path_factory.mktemp("generated")
    expected: dict[int, tuple[int, str]] = {}
    contradictions = 0
    for number, runs in enumerate(folders):
        (tmp_path / str(number)).mkdir()
        distinct = {}  # one record of a run in a folder
        for seed, score, config in runs:
            distinct.setdefault((seed, config), score)
        paths = {
            write_run(tmp_path / str(number), score / 2, config, seed=seed).name: (
                seed,
                score,
                config,
            )
            for (seed, config), score in distinct.items()
        }
        for _, (seed, score, config) in sorted(paths.items()):
            contradictions += expected.setdefault(seed, (score, config)) != (score, config)
    named = [tmp_path / str(number) for number, runs in enumerate(folders) if runs]
    if not named:
        return
    merged = reports.merge(named, out=tmp_path / "out")
    found = {
        record.seed: (round(record.value * 2), json.loads(
            (record.path.parent / "identity.json").read_text())["config_sha256"][0])
        for record in read(tmp_path / "out")[0]
    }  # fmt: skip
    assert found == expected and len(merged.problems) == contradictions
