"""What backbones have seen of the images that they are tested on: states, marks, and scores without these images."""

from __future__ import annotations

import json
import math
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reports
from lvmmed_backbones.records import read
from lvmmed_backbones.records.audits import Audit, write_audit
from reports.__main__ import main
from reports.analysis.leaked import leaked_scores
from reports.reading.seen import CLEAN, DATA_SET, STATES, TEST_IMAGES, UNKNOWN, find_seen
from tests.factories import changed

CORPUS, OTHER = "c" * 64, "d" * 64
NAMES = [f"{site}/P{n}/{part}" for site in "AB" for n in range(3) for part in range(2)]
Values = Mapping[str, Sequence[float]]


def declared(data_sets: Sequence[str] | None, *corpora: str) -> dict[str, Any] | None:
    """What a record says of a pretraining."""
    return None if data_sets is None else {"data_sets": [*data_sets], "corpora": [*corpora]}


def write_runs(
    results: Path,
    backbone: str,
    by_case: Values,
    pretraining: dict[str, Any] | None = None,
    sites: bool = False,
    **fields: Any,
) -> None:
    """Write a run for each seed: `by_case` has its Dice of each case."""
    for seed in range(len(next(iter(by_case.values())))):
        rows = [{"case": case, "dice": values[seed]} for case, values in by_case.items()]
        groups = defaultdict(list)
        for row in rows:
            groups[row["case"].partition("/")[0] if sites else ""].append(row["dice"])
        means = {site: statistics.fmean(group) for site, group in groups.items()}
        metrics = {"dice": statistics.fmean(means.values())}
        metrics |= {f"dice/{site}": mean for site, mean in means.items() if sites}
        record = changed(
            {
                "backbone.name": backbone,
                "backbone.method": "DINO",
                "backbone.weights_sha256": backbone[0].encode().hex().zfill(64),
                "backbone.pretraining": pretraining,
                "seed": seed,
                "cases": rows,
                "metrics": metrics,
                **fields,
            }
        )
        task = record["task"]
        path = results / "runs" / f"{task}-{backbone}-{seed}" / "record.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(record))


def values_of(names: Sequence[str], seeds: int, start: float, seed: int = 0) -> Values:
    """Scores of a backbone."""
    rng = np.random.default_rng(seed)
    drawn = np.clip(start + rng.normal(0, 0.1, (len(names), seeds)), 0, 1)
    return dict(zip(names, drawn.tolist(), strict=True))


def without(values: Values, names: Collection[str]) -> Values:
    return {case: scores for case, scores in values.items() if case not in names}


def states(results: Path, audits: Sequence[Audit]) -> dict[str, str]:
    """The state of each backbone."""
    seen, problems, _ = find_seen(read(results)[0], audits)
    assert not problems
    return {cell.backbone: one.state for cell, one in seen.items()}


leaks = st.sets(st.sampled_from(NAMES))


@settings(max_examples=25, deadline=None)
@given(leaks, st.booleans(), st.integers(1, 3), st.randoms())
def test_a_score_without_leaked_cases_is_the_mean_of_the_others(
    leaked, sites, seeds, random
) -> None:
    values = {name: [random.random() for _ in range(seeds)] for name in NAMES}
    with tempfile.TemporaryDirectory() as name:
        write_runs(Path(name), "ours", values, declared([], CORPUS), sites)
        records = read(Path(name))[0]
        audits = [Audit(CORPUS, "drive", "pixels", len(NAMES), sorted(leaked))]
        seen, _, _ = find_seen(records, audits)
        scores, _ = leaked_scores(records, seen)
    (one,) = seen.values()
    assert one.number == len(leaked) and one.tested == len(NAMES)
    if not leaked:
        assert not scores and one.state == CLEAN
        return
    (score,) = scores
    frame = pd.DataFrame(values).T
    frame = frame[~frame.index.isin(leaked)]
    groups = frame.index.str[0] if sites else np.zeros(len(frame))
    expected = frame.groupby(groups).mean().mean()
    assert score.mean_without == pytest.approx(expected.mean(), nan_ok=True, abs=1e-12)
    assert score.std_without == pytest.approx(expected.std(), nan_ok=True, abs=1e-12)
    assert bool(score.reason) == math.isnan(score.mean_without) == (len(leaked) == len(NAMES))


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([None, [], ["ImageNet-1k"], ["DRIVE"], ["somebody's"]]),
    st.lists(st.tuples(st.sampled_from([CORPUS, OTHER]), leaks, st.booleans()), max_size=3),
    st.tuples(st.sampled_from([CORPUS, OTHER]), leaks, st.booleans()),
)
def test_more_leaks_never_give_a_cleaner_state(data_sets, some, more) -> None:
    def audit(corpus: str, leaked: set[str], whole: bool) -> Audit:
        return Audit(corpus, "drive", "names", 12, sorted(leaked), whole)

    with tempfile.TemporaryDirectory() as name:
        pretraining = declared(data_sets or [], CORPUS) if data_sets is not None else None
        write_runs(Path(name), "ours", values_of(NAMES[:6], 2, 0.5), pretraining)
        before = states(Path(name), [audit(*one) for one in some])["ours"]
        after = states(Path(name), [audit(*one) for one in (*some, more)])["ours"]
    assert STATES.index(after) <= STATES.index(before)


@pytest.mark.parametrize(
    "data_sets, audit, state",
    [
        (None, None, UNKNOWN),
        ([], None, CLEAN),
        (["ImageNet-1k"], None, CLEAN),
        (["DRIVE"], None, DATA_SET),
        (["somebody's"], None, UNKNOWN),
        (["somebody's"], [NAMES[0]], TEST_IMAGES),
        (["ImageNet-1k"], [NAMES[0]], TEST_IMAGES),
        (["ImageNet-1k"], ["an image of training"], DATA_SET),
        (["ImageNet-1k"], [], CLEAN),
        (["DRIVE"], [], DATA_SET),
    ],
)
def test_what_is_declared_and_what_is_found_give_a_state(
    tmp_path: Path, data_sets: list[str] | None, audit: list[str] | None, state: str
) -> None:
    write_runs(tmp_path, "ours", values_of(NAMES, 1, 0.5), declared(data_sets, CORPUS))
    audits = [] if audit is None else [Audit(CORPUS, "drive", "pixels", 12, audit)]
    assert states(tmp_path, audits) == {"ours": state}


def test_random_weights_have_seen_nothing_though_nobody_declares_it(tmp_path: Path) -> None:
    random = {"backbone.method": "random", "backbone.weights_sha256": None}
    write_runs(tmp_path, "random", values_of(NAMES, 1, 0.5), **random)
    assert states(tmp_path, []) == {"random": CLEAN}


def test_the_worst_of_several_pretrainings_counts(tmp_path: Path) -> None:
    values = values_of(NAMES, 1, 0.5)
    write_runs(tmp_path / "a", "ours", values, declared(["ImageNet-1k"], CORPUS))
    write_runs(tmp_path / "b", "ours", values, declared(["ImageNet-1k"], OTHER), seed=1)
    audits = [
        Audit(CORPUS, "drive", "pixels", 12, [NAMES[0]]),
        Audit(OTHER, "drive", "names", 12, [NAMES[0], NAMES[1]]),
    ]
    (seen,) = find_seen(read(tmp_path)[0], audits)[0].values()
    assert (seen.state, seen.leaked, seen.by) == (
        TEST_IMAGES,
        tuple(NAMES[:2]),
        ("names", "pixels"),
    )
    assert (seen.number, seen.tested) == (2, 12)


def test_of_a_whole_data_set_all_cases_count_even_without_names(tmp_path: Path) -> None:
    fields = {"cases": [], "metric": "map50", "metrics": {"map50": 0.4}, "dataset": "vindr"}
    write_runs(tmp_path, "ours", {"x": [0.4]}, declared([], "LVM-Med"), **fields)
    write_audit(tmp_path, Audit("LVM-Med", "vindr", "names", 100, [], whole=True))
    report = reports.leaderboard(tmp_path)
    (cell,) = report.cells.itertuples()
    assert (cell.seen, cell.leaked_cases, cell.test_cases) == (TEST_IMAGES, 20, 20)
    assert math.isnan(cell.mean_without_leaked)
    assert "all test cases were seen" in (tmp_path / "leaderboard/leaderboard.md").read_text()


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Three backbones: one saw test images, one the data set, of one nothing is known; a task that all are clean on."""
    for task, dataset in (("drive", "drive"), ("jsrt", "jsrt")):
        fields = {"task": task, "dataset": dataset}
        own = ["DRIVE"] if task == "drive" else ["ImageNet-1k"]
        for number, (name, data_sets) in enumerate(
            {"ours": own, "theirs": own, "imagenet": ["ImageNet-1k"], "hidden": None}.items()
        ):
            corpora = [CORPUS] if name == "ours" and task == "drive" else []
            values = values_of(NAMES, 3, 0.7 - 0.05 * number, number)
            write_runs(tmp_path, name, values, declared(data_sets, *corpora), **fields)
    write_audit(tmp_path, Audit(CORPUS, "drive", "pixels", 12, NAMES[:4]))
    return tmp_path


def test_every_form_of_the_leaderboard_marks_what_was_seen(
    study: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["leaderboard", str(study), "--latex"]) == 0
    said = capsys.readouterr().out
    folder = study / "leaderboard"
    markdown, latex = ((folder / f"leaderboard.{end}").read_text() for end in ("md", "tex"))
    for text, full, hollow in (
        (said, "●", "○"),
        (markdown, "●", "○"),
        (latex, r"$\bullet$", r"$\circ$"),
    ):
        (ours, *_), (theirs, *_), (hidden, *_), (imagenet, *_) = (
            [line for line in text.splitlines() if name in line and "." in line and "/" not in line]
            for name in ("ours", "theirs", "hidden", "imagenet")
        )
        assert full in ours and hollow in theirs and hidden.count("?") == 2
        assert not any(mark in imagenet for mark in (full, hollow, "?"))
        assert "4 of 12 (pixels)" in text
    assert markdown.count("Seen in pretraining: ● test images of the task; ○ its data set") == 1
    table = pd.read_csv(folder / "leaderboard.csv").set_index(["task", "backbone"])
    ours, theirs = table.loc["drive", "ours"], table.loc["drive", "theirs"]
    assert (ours.seen, ours.leaked_cases, ours.test_cases) == (TEST_IMAGES, 4, 12)
    assert theirs.seen == DATA_SET and math.isnan(theirs.leaked_cases)
    values = values_of(NAMES, 3, 0.7, 0)
    assert ours.mean_without_leaked == pytest.approx(
        np.mean([*without(values, NAMES[:4]).values()])
    )
    assert math.isnan(theirs.mean_without_leaked)


def test_the_tables_of_the_paper_mark_what_was_seen(study: Path) -> None:
    report = reports.tables(study, columns=["drive", "jsrt"], rows=["ours", "theirs", "hidden"])
    rows = {line.split(" |")[0]: line for line in report.text.splitlines() if line.startswith("| ")}
    assert rows["| ours"].count("●") == 1 and rows["| theirs"].count("○") == 1
    assert rows["| hidden"].count("?") == 2
    page = (study / "tables/tables.html").read_text()
    assert 'title="saw the test images (4 of 12)">●' in page
    cells = pd.read_csv(study / "tables/tables.csv")
    assert set(cells["seen"].dropna()) == {TEST_IMAGES, DATA_SET, UNKNOWN, CLEAN}


def test_a_site_of_a_task_is_marked_by_its_own_cases(tmp_path: Path) -> None:
    fields = {"task": "prostate", "dataset": "prostate"}
    names = [f"{site}/P{n}" for site in ("BMC", "HK") for n in range(4)]
    write_runs(tmp_path, "ours", values_of(names, 2, 0.7), declared([], CORPUS), True, **fields)
    write_audit(tmp_path, Audit(CORPUS, "prostate", "pixels", 8, ["HK/P1"]))
    reports.tables(tmp_path, table=["table4"])
    cells = pd.read_csv(tmp_path / "tables/tables.csv")
    measured = cells[cells["source"] == "measured"].set_index("column")["seen"]
    assert {name.partition(",")[0].split()[-1]: state for name, state in measured.items()} == {
        "BMC": DATA_SET,
        "HK": TEST_IMAGES,
    }


def test_the_pages_say_what_was_seen_in_words(study: Path) -> None:
    site = study / "site"
    hostile = "<script>alert(1)</script>"
    write_runs(study, "hostile", values_of(NAMES, 1, 0.2, 9), declared([hostile], hostile))
    write_audit(study, Audit(hostile, "drive", "pixels", 12, [NAMES[0]]))
    assert main(["site", str(study), "--out", str(site)]) == 0
    for page in ("index.html", "tasks/drive.html"):
        text = (site / page).read_text()
        assert 'role="img" aria-label="saw the test images (4 of 12)"' in text
        assert "Seen in pretraining: ●" in text
    assert "Scores without the test images" in (site / "tasks/drive.html").read_text()
    assert "Scores without the test images" not in (site / "tasks/jsrt.html").read_text()
    backbone = (site / "backbones/theirs.html").read_text()
    assert f"<td>{DATA_SET}</td>" in backbone and "DRIVE" in backbone
    for page in site.rglob("*.html"):
        assert hostile not in page.read_text()
    assert '"saw the test images (4 of 12)"' in (site / "data/comparisons.js").read_text()


def test_of_phantoms_nothing_is_said(tmp_path: Path) -> None:
    write_runs(
        tmp_path, "ours", values_of(NAMES, 2, 0.5), declared(["DRIVE"]), data_source="phantom"
    )
    report = reports.leaderboard(tmp_path)
    assert report.cells["seen"].isna().all()
    assert "pretraining:" not in (tmp_path / "leaderboard/leaderboard.md").read_text()


def test_if_nothing_is_known_one_sentence_stands_in_place_of_many_marks(tmp_path: Path) -> None:
    write_runs(tmp_path, "a", values_of(NAMES, 2, 0.5))
    write_runs(tmp_path, "b", values_of(NAMES, 2, 0.5, 1))
    report = reports.leaderboard(tmp_path)
    text = (tmp_path / "leaderboard/leaderboard.md").read_text()
    assert "Nobody declares it." in text and "?" not in text.partition("###")[0]
    assert set(report.cells["seen"]) == {UNKNOWN}


def pair(results: Path, values: Mapping[str, Mapping[str, Values]], leaked: bool) -> None:
    """Write A and B on some tasks; if `leaked`, audits name cases of t0 and t1."""
    for task, of_task in values.items():
        for name, of_backbone in of_task.items():
            corpus = CORPUS if name == "a" else OTHER
            fields = {"task": task, "dataset": task}
            write_runs(results, name, of_backbone, declared(["x"], corpus), task == "t1", **fields)
    if leaked:
        write_audit(results, Audit(CORPUS, "t0", "pixels", 12, NAMES[:3]))
        write_audit(results, Audit(OTHER, "t0", "pixels", 12, NAMES[2:5]))
        write_audit(results, Audit(OTHER, "t1", "pixels", 12, NAMES[6:8]))


@pytest.fixture
def twice(tmp_path: Path) -> Path:
    """A study, in `all` with audits, in `rest` without the cases that A or B saw, in `clean` without audits."""
    values = {
        f"t{t}": {
            name: values_of(NAMES, 3, 0.5 + 0.1 * n, 5 * t + n) for n, name in enumerate("ab")
        }
        for t in range(3)
    }
    dropped = {"t0": NAMES[:5], "t1": NAMES[6:8], "t2": []}
    rest = {t: {n: without(v, dropped[t]) for n, v in of.items()} for t, of in values.items()}
    pair(tmp_path / "all", values, leaked=True)
    pair(tmp_path / "clean", values, leaked=False)
    pair(tmp_path / "rest", rest, leaked=False)
    return tmp_path


def test_verdicts_on_unseen_cases_are_those_of_records_without_the_others(twice: Path) -> None:
    found = reports.compare(twice / "all", "a", "b").comparisons[0][1]
    expected = reports.compare(twice / "rest", "a", "b").comparisons[0][1]
    assert found.unseen is not None and not found.untold
    for ours, theirs in zip(found.unseen.tasks, expected.tasks, strict=True):
        for name, value in vars(theirs).items():
            if isinstance(value, float):
                assert getattr(ours, name) == pytest.approx(value, rel=1e-9, nan_ok=True), name
            elif isinstance(value, str | int):
                assert getattr(ours, name) == value, name
    clean = reports.compare(twice / "clean", "a", "b").comparisons[0][1]
    assert [t.p_backbones for t in clean.tasks] == [t.p_backbones for t in found.tasks]


def test_compare_names_what_was_seen_and_the_verdict_without_it(
    study: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "2000")
    assert main(["compare", str(study), "ours", "theirs"]) == 0
    said = capsys.readouterr().out
    assert "ours saw test images of drive (finetune): 4 of 12." in said
    assert "On the 8 test cases of drive (finetune) that neither saw, " in said
    assert "of jsrt (finetune) that neither saw" not in said
    assert "unseen" in said
    assert main(["compare", str(study), "theirs", "imagenet"]) == 0
    assert "unseen" not in capsys.readouterr().out


def test_if_all_cases_leaked_it_is_said_and_there_is_no_score(tmp_path: Path) -> None:
    write_runs(tmp_path, "a", values_of(NAMES, 2, 0.5), declared([], CORPUS))
    write_runs(tmp_path, "b", values_of(NAMES, 2, 0.5, 1), declared([]))
    write_audit(tmp_path, Audit(CORPUS, "drive", "pixels", 12, NAMES))
    comparison = reports.compare(tmp_path, "a", "b").comparisons[0][1]
    assert comparison.unseen is None
    assert "all test cases were seen" in comparison.untold["drive (finetune)"]
    cells = reports.leaderboard(tmp_path).cells.set_index("backbone")
    assert math.isnan(cells.loc["a", "mean_without_leaked"])
    with pytest.raises(reports.NothingLeft, match="all test cases were seen"):
        reports.leaderboard(tmp_path, without_leaked=True)


def test_a_board_without_leaked_cases_is_that_of_records_without_them(twice: Path) -> None:
    found = reports.leaderboard(twice / "all", without_leaked=True)
    expected = reports.leaderboard(twice / "rest")
    names = ["task", "backbone", "mean", "std", "rank", "mean_rank", "to_best", "to_best_low"]
    pd.testing.assert_frame_equal(found.cells[names], expected.cells[names], rtol=1e-9)
    assert len(found.notes) == 2 and found.cells["unseen_cases_only"].all()
    assert set(found.cells.loc[found.cells["task"] == "t0", "seen"]) == {DATA_SET}


# Bad input


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"schema": 1}', '{"schema": 9}', '{"schema": 1, "corpus": 3}']
)
def test_an_audit_that_is_none_is_named_with_the_remedy(
    study: Path, content: str, errors: Callable[..., list[str]]
) -> None:
    (study / "audits" / "spoilt.json").write_text(content)
    for verb in (["leaderboard"], ["tables"], ["compare", "ours", "theirs"]):
        (error,) = errors(verb[0], study, *verb[1:])
        assert "spoilt.json" in error and "lvmmed corpus audit" in error


def test_audits_that_disagree_are_named_and_all_their_cases_count(
    study: Path, errors: Callable[..., list[str]]
) -> None:
    other = Audit(CORPUS, "drive", "pixels", 12, NAMES[3:6])
    write_audit(study / "elsewhere", other).rename(study / "audits" / "again.json")
    (error,) = errors("leaderboard", study)
    assert "2 audits by pixels disagree" in error and "Delete all but the newest" in error
    cells = pd.read_csv(study / "leaderboard/leaderboard.csv").set_index(["task", "backbone"])
    assert cells.loc[("drive", "ours"), "leaked_cases"] == 6


def test_an_audit_that_fits_no_record_is_a_note(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_audit(study, Audit(OTHER, "drive", "pixels", 12, [NAMES[0]]))
    assert main(["leaderboard", str(study)]) == 0
    assert f"corpus {OTHER[:16]} and drive fits no record" in capsys.readouterr().err


def test_an_audit_whose_cases_have_other_names_is_a_note(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_audit(study, Audit(CORPUS, "drive", "pixels", 12, ["case-1", "case-2"]))
    assert main(["leaderboard", str(study)]) == 0
    said = capsys.readouterr().err
    assert "none of its 2 leaked cases, such as case-1, is a case of a record" in said
    cells = pd.read_csv(study / "leaderboard/leaderboard.csv").set_index(["task", "backbone"])
    assert cells.loc[("drive", "ours"), "seen"] == DATA_SET


def test_audits_of_each_of_several_folders_of_results_count(study: Path, tmp_path: Path) -> None:
    whole = tmp_path.parent / f"{tmp_path.name}-several"
    whole.mkdir()
    study.rename(whole / "one")
    cells = reports.leaderboard(whole).cells.set_index(["task", "backbone"])
    assert cells.loc[("drive", "ours"), "leaked_cases"] == 4


def test_records_are_read_again_only_where_an_audit_names_cases(study: Path) -> None:
    records = read(study)[0]
    for record in records:
        record.path.unlink()
    clean = [Audit(CORPUS, "drive", "pixels", 12, [])]
    assert find_seen(records, clean)[1] == []
    leaking = [Audit(CORPUS, "drive", "pixels", 12, NAMES[:1])]
    problems = find_seen(records, leaking)[1]
    assert len(problems) == 3 and all("drive-ours" in problem for problem in problems)
