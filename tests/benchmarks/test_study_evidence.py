"""The study of docs/evidence.md: the judged images, the probes, the search and the report."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pandas as pd
import pytest
import scipy.stats
import statsmodels.api as sm
import torch

from benchmarks.studies.evidence import correlations, measures, probe_sets, reporting, study
from benchmarks.studies.evidence.__main__ import main
from benchmarks.studies.evidence.methods import (
    ALL,
    EPOCHS,
    KEPT,
    METHODS,
    PAIRS,
    RATE,
    ROW,
    TRIED,
    VARIANTS,
)
from benchmarks.studies.evidence.probe import probe
from benchmarks.studies.evidence.probe_sets import FINAL, SEARCH, TRAIN, VALID, ProbeSet
from benchmarks.studies.evidence.results import Result, read_results, write_result
from lvmmed_backbones import catalogue
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.models import from_config
from lvmmed_backbones.pretrain import config_names
from tests.factories import build_corpus

SIDE = 16


class Brightness(torch.nn.Module):
    """A backbone that knows the mean colour and nothing else."""

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor]:
        return (images.mean(dim=(2, 3)),)


def shades(parts: dict[str, int], labels_tell: bool = True) -> ProbeSet:
    """Dark and bright images; or labels that the images do not tell."""
    rng = np.random.default_rng(0)
    images, labels, of = [], [], []
    for part, number in parts.items():
        for n in range(number):
            label = n % 2
            shade = rng.normal((60, 190)[label if labels_tell else n // 2 % 2], 15, (1, 1, 3))
            images.append(np.broadcast_to(shade.clip(0, 255).astype(np.uint8), (SIDE, SIDE, 3)))
            labels.append(label)
            of.append(part)
    names = [str(n) for n in range(len(labels))]
    return ProbeSet("shades", np.array(images), np.array(labels), names, np.array(of), 2)


PARTS = {TRAIN: 40, VALID: 16, SEARCH: 12, FINAL: 20}


def test_a_probe_finds_what_features_tell_and_no_more() -> None:
    told = probe(Brightness(), [shades(PARTS)])
    assert [(one.name, one.part, len(one.scores)) for one in told] == [
        ("shades/knn", SEARCH, 12),
        ("shades/knn", FINAL, 20),
        ("shades/linear", SEARCH, 12),
        ("shades/linear", FINAL, 20),
    ]
    assert all((one.scores == 1).all() for one in told)
    untold = probe(Brightness(), [shades(PARTS, labels_tell=False)])
    assert {-1.0, 1.0} >= set(np.concatenate([one.scores for one in untold]))
    assert all(abs(one.scores.mean()) < 0.6 for one in untold)


def test_dice_is_of_the_cases_of_each_part(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    images, masks = [], []
    for _ in range(40):
        image = rng.integers(0, 90, (64, 64, 3)).astype(np.uint8)
        mask = np.zeros((128, 128), np.int64)
        x, y = rng.integers(0, 32, 2)
        image[y : y + 32, x : x + 32] += 150
        mask[2 * y : 2 * y + 64, 2 * x : 2 * x + 64] = 1
        images.append(image)
        masks.append(mask)
    parts = np.array([TRAIN] * 16 + [VALID] * 8 + [SEARCH] * 8 + [FINAL] * 8)
    cases = [f"volume{n // 2}" for n in range(40)]
    squares = ProbeSet("squares", np.array(images), np.array(masks), cases, parts, 2)
    torch.manual_seed(0)
    model = from_config(catalogue.get("random_resnet18_half").model("vector", 64))
    search, final = probe(model, [squares])
    assert (search.name, search.part, len(search.scores)) == ("squares/dense", SEARCH, 4)
    assert (final.part, len(final.scores)) == (FINAL, 4)
    assert ((final.scores > 0.6) & (final.scores <= 1)).all()


def picture(seed: int) -> np.ndarray:
    soft = np.random.default_rng(seed).integers(0, 256, (6, 6, 3)).astype(np.uint8)
    return cv2.resize(soft, (40, 40), interpolation=cv2.INTER_CUBIC)


def test_parts_have_equal_classes_no_copies_and_no_divided_unit() -> None:
    """60 smears of three cells, of two classes; every fifth picture is the one before it again."""
    found = probe_sets._Images([], [], [], [], [])
    for n in range(180):
        pixels = picture(n - 1 if n % 5 == 4 else n)
        found.pixels.append(pixels)
        found.truth.append(int(n % 3 == 0))
        found.cases.append(f"cell{n}")
        found.units.append(f"smear{n // 3}")
        found.sources.append(pixels)
    cells, judged = probe_sets._classified("cells", found, {FINAL: 9, SEARCH: 6, VALID: 3}, 100)
    counts = {part: np.bincount(cells.truth[cells.of(part)]).tolist() for part in probe_sets.PARTS}
    assert (counts[FINAL], counts[SEARCH], counts[VALID]) == ([9, 9], [6, 6], [3, 3])
    assert sum(counts[TRAIN]) > 40
    numbers = [int(case.removeprefix("cell")) for case in cells.cases]
    assert not any(n % 5 == 4 for n in numbers)
    part_of: dict[int, set[str]] = {}
    for n, part in zip(numbers, cells.parts, strict=True):
        part_of.setdefault(n // 3, set()).add(part)
    assert all(len(parts) == 1 for parts in part_of.values())
    kept_from_corpora = {name for name, _ in judged}
    assert kept_from_corpora == {f"smear{n}" for n, parts in part_of.items() if parts != {TRAIN}}


def test_a_data_set_that_is_absent_is_named(tmp_path: Path, capsys) -> None:
    folders = dict(data=tmp_path, prepared=tmp_path, out=tmp_path / "out")
    assert (
        main(["sets", *(word for name, at in folders.items() for word in (f"--{name}", str(at)))])
        == 2
    )
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert f"{tmp_path / 'brain_tumor' / 'Training'}: no such file or folder. Download" in line
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sets in the files of the study."""
    folder = tmp_path_factory.mktemp("sets")
    for name, told in (("easy", True), ("hard", False)):
        one = shades(PARTS, told)
        np.savez_compressed(
            folder / f"{name}.npz", images=one.images, truth=one.truth, cases=one.cases,
            parts=one.parts, classes=2,
        )  # fmt: skip
    return folder


def words(verb: str, tmp_path: Path, sets: Path, *methods: str) -> list[str]:
    folders = dict(corpus=tmp_path / "corpus", sets=sets, work=tmp_path / "work")
    folders["results"] = tmp_path / "results"
    options = [word for name, folder in folders.items() for word in (f"--{name}", str(folder))]
    return [verb, "--jobs", "1", *options, "--methods", *methods]


def test_untrained_networks_are_judged_and_not_twice(sets: Path, tmp_path: Path, capsys) -> None:
    build_corpus(tmp_path, 4)
    for verb, number in (("search", 1), ("final", 3)):
        assert main(words(verb, tmp_path, sets, "untrained")) == 0
        assert f"{number} results" in capsys.readouterr().out
    files = sorted((tmp_path / "results").glob("*.json"))
    assert len(files) == 4  # one for the search, one for each seed
    before = [file.stat().st_mtime_ns for file in files]
    assert main(words("final", tmp_path, sets, "untrained")) == 0
    assert [file.stat().st_mtime_ns for file in files] == before
    results = read_results(tmp_path / "results")
    finals = [result for result in results if result.part == FINAL]
    assert {len(scores) for result in finals for scores in result.scores.values()} == {20}
    assert all(result.means["easy/knn"] == 1 for result in results)
    assert not any((tmp_path / "work").iterdir())


def test_a_final_run_is_pretrained_judged_and_measured(sets: Path, tmp_path: Path) -> None:
    """Two steps on 128 images, with graphs of 8."""
    corpus = build_corpus(tmp_path / "corpus", 128, side=64)
    at = study._Places(corpus, sets, tmp_path / "work", tmp_path / "results", 1)
    job = replace(at.job("lvmmed", 1, 1, 5, FINAL), threads=1)
    assert job.changes["model.head.graph_size"] == 8
    study._carry_out_all([job], 1)
    (result,) = read_results(tmp_path / "results")
    assert (result.method, result.setting, result.steps, result.seed) == ("lvmmed", 1, 2, 5)
    assert result.sets == probe_sets.fingerprint(probe_sets.read_sets(sets))
    found = result.measures
    for share in ("vertices", "corrected", "broken", "last accuracy"):
        assert 0 <= found[share] <= 1
    assert found["vertices"] + found["corrected"] <= 1
    assert (
        -1 <= found["agreement"] <= 1 and 0 <= found["alignment"] <= 4 and found["uniformity"] <= 0
    )


@pytest.mark.parametrize("verb", ["search", "final"])
def test_a_rung_that_is_not_there_is_named(sets: Path, tmp_path: Path, capsys, verb: str) -> None:
    assert main([*words(verb, tmp_path, sets, "untrained"), "--rung", "4"]) == 2
    assert "rung 4: the search has 3" in capsys.readouterr().err


def test_a_run_that_fails_is_named(sets: Path, tmp_path: Path, capsys) -> None:
    build_corpus(tmp_path, 4)  # less than a batch
    assert main(words("search", tmp_path, sets, "simclr")) == 2
    said = capsys.readouterr().err
    log = tmp_path / "work" / "simclr-00-1-0" / "log.txt"
    assert "simclr-00-1-0 failed, see" in said and str(log) in said


@pytest.mark.parametrize("verb", ["search", "final"])
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("corpus", "corpus.json: no such file"),
        ("sets", "holds no data set"),
        ("results", "has results of another corpus or of other judged images than "),
        ("jobs", "--jobs 0: give the number of runs at a time, 1 or more"),
    ],
)
def test_what_cannot_be_judged_is_told_before_anything_is_pretrained(
    sets: Path, tmp_path: Path, capsys, verb: str, wrong: str, message: str
) -> None:
    if wrong != "corpus":
        build_corpus(tmp_path, 64)
    if wrong == "results":
        write_result(tmp_path / "results" / "other.json", fabricated("dino", 0, 1, 0.5))
    line = words(verb, tmp_path, tmp_path if wrong == "sets" else sets, "untrained")
    if wrong == "jobs":
        line[line.index("--jobs") + 1] = "0"
    assert main(line) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "work").exists()


def fabricated(method: str, setting: int, epochs: int, score: float, **other) -> Result:
    fields = dict(
        method=method, setting=setting, changes=ALL[method].settings()[setting], epochs=epochs,
        seed=0, steps=252 * epochs, corpus="c", sets="s", part=SEARCH, scores={}, measures={},
        means={"a/knn": score - 0.1, "a/linear": score + 0.1, "b/dense": score},
    )  # fmt: skip
    return Result(**{**fields, **other})


def test_the_best_settings_of_a_rung_go_on(tmp_path: Path) -> None:
    scores = np.random.default_rng(0).permutation(TRIED) / 100
    for setting, score in enumerate(scores):
        result = fabricated("simclr", setting, EPOCHS[0], float(score))
        write_result(tmp_path / f"{setting}.json", result)
    assert study._best("simclr", 0, TRIED, tmp_path) == list(range(TRIED))
    best = np.argsort(-scores)[: KEPT[1]].tolist()
    assert study._best("simclr", 1, KEPT[1], tmp_path) == sorted(best)
    assert study._best("simclr", 1, 1, tmp_path) == best[:1]
    with pytest.raises(RuntimeError, match=r"simclr has 0 of 4 runs of 4 epochs .* go on"):
        study._best("simclr", 2, 1, tmp_path)


def test_what_is_no_result_is_refused(tmp_path: Path, capsys) -> None:
    write_result(tmp_path / "a.json", fabricated("simclr", 0, 1, 0.5))
    write_result(tmp_path / "b.json", fabricated("simclr", 1, 1, 0.5, sets="others"))
    with pytest.raises(Refused, match=r"b\.json.*or other judged images"):
        read_results(tmp_path)
    (tmp_path / "b.json").write_text('{"method": 3}')
    assert main(["report", "--results", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "b.json" in said and "Remove it" in said and "Traceback" not in said


def finals(shift: dict[str, float]) -> list[Result]:
    """Three seeds of each method on two sets; all of a method's scores are shifted."""
    rng = np.random.default_rng(0)
    base = {"a/knn": rng.random(60), "a/linear": rng.random(60), "b/dense": rng.random(40)}
    found = []
    for method, by in shift.items():
        for seed in (1, 2, 3):
            scores = {k: (v + by + rng.normal(0, 0.01, len(v))).tolist() for k, v in base.items()}
            means = {name: float(np.mean(values)) for name, values in scores.items()}
            found.append(
                fabricated(
                    method, 0, EPOCHS[-1], 0, part=FINAL, seed=seed, scores=scores, means=means
                )
            )
    return found


def test_scores_are_means_over_sets_of_means_over_cases() -> None:
    results = finals({"simclr": 0.0, "lvmmed": 0.1})
    simclr, lvmmed = reporting.by_method(results)
    assert (simclr.backbone, lvmmed.backbone) == ("simclr", "lvmmed")
    for number, result in enumerate(results[:3]):
        of_a = np.mean([result.means["a/knn"], result.means["a/linear"]])
        by_hand = (of_a + result.means["b/dense"]) / 2
        assert simclr.headlines[number] == pytest.approx(by_hand) == pytest.approx(result.score)
    assert simclr.values.shape == (3, 100)


def test_a_report_wants_results(tmp_path: Path, capsys) -> None:
    assert main(["report", "--results", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert f"{tmp_path} holds no result" in capsys.readouterr().err


def test_tables_have_mean_and_sample_deviation() -> None:
    assert reporting._cell([0.5, 0.6], 100, 1) == "55.0 ± 7.1"
    assert reporting._cell([0.3], 1, 2) == "0.30"
    assert reporting._cell([], 1, 0) == ""


def test_ranks_are_as_sure_as_the_scores() -> None:
    """Two methods that are nearly alike, and one that is worse for every image."""
    scores = reporting.by_method(finals({"simclr": 0.0, "dino": 0.0005, "lvmmed": -0.3}))
    alike, other, worse = reporting.rank_intervals(scores, 200)
    assert worse == (3, 3)
    assert alike[0] < 1.5 < alike[1] and other[0] < 1.5 < other[1]


def test_the_report_says_what_differs(tmp_path: Path, capsys) -> None:
    for number, result in enumerate(finals({"simclr": 0.0, "lvmmed": 0.1, "dino": 0.0995})):
        write_result(tmp_path / "runs" / f"{number}.json", result)
    write_result(tmp_path / "runs" / "search.json", fabricated("simclr", 3, 1, 0.7))
    out = tmp_path / "out"
    assert main(["report", "--results", str(tmp_path / "runs"), "--out", str(out)]) == 0
    written = {Path(line).name for line in capsys.readouterr().out.splitlines()}
    assert (
        written
        == {path.name for path in out.iterdir()}
        > {"tables.md", "search.svg", "final-3024.svg"}
    )
    text = (out / "tables.md").read_text()
    rows = {(row[0], row[1]): row for row in table_of(text)}
    settled, still_open = rows["lvmmed", "simclr"], rows["lvmmed", "dino"]
    assert float(settled[2]) == pytest.approx(10, abs=1) and float(settled[4]) < 0.05
    assert len(settled) == 5  # no seeds are needed
    assert float(still_open[4]) > 0.05 and still_open[5] != ""
    assert re.search(r"by the number of seeds of each method: \d+\.\d with 2, \d+\.\d with 3", text)
    assert "rate 0.0013" not in text and "lr 0.0013" in text  # setting 3 of SimCLR


def test_variants_have_a_table_of_their_own(tmp_path: Path) -> None:
    runs = finals({"simclr": 0.0, "lvmmed": 0.1, "graphs_8x1": 0.0995})
    for number, result in enumerate(runs):
        write_result(tmp_path / "runs" / f"{number}.json", result)
    reporting.report(results=tmp_path / "runs", out=tmp_path)
    assert (tmp_path / "graphs-3024.svg").is_file()
    rows, others = (tmp_path / "tables.md").read_text().split("## Other graphs for LVM-Med, 3,024")
    assert "| simclr |" in rows and "graphs_8x1" not in rows
    assert "| lvmmed |" in others and "| graphs_8x1 | lvmmed |" in others and "simclr" not in others


def test_measures_are_set_against_scores() -> None:
    """By the means of methods that have the measure; too few give no row."""
    runs = []
    for number, method in enumerate(
        ["simclr", "barlowtwins", "dino", "lvmmed", "first_order", "soft"]
    ):
        for seed, off in ((1, -1), (2, 1)):
            measures = {
                "vertices": 0.1 * number + off,
                "alignment": -number,
                "agreement": number % 2,
            }
            if number < 4:
                measures["broken"] = number
            runs.append(fabricated(method, 0, 1, 0.1 * number, seed=seed, measures=measures))
    table = correlations.between_methods("Title", runs)
    rows = dict(re.findall(r"\| ([a-z ]+) \| 6 \| ([+-]\d\.\d\d) \|", table))
    expected = pd.Series([0, 1, 0, 1, 0, 1]).corr(pd.Series(range(6)), method="spearman")
    assert rows == {
        "by vertices alone": "+1.00",
        "agreement of gradients": f"{expected:+.2f}",
        "alignment": "-1.00",
    }
    assert correlations.between_methods("Title", runs[:6]) == ""


def searched(method: str, rng: np.random.Generator, off: float = 0.0) -> list[Result]:
    """A search in which the rate moves the loss and the score, and the loss alone the score a little more."""
    runs = []
    for setting in range(TRIED):
        rate, noise = rng.uniform(0.001, 0.02), rng.normal()
        score = 0.5 + off + 10 * rate + 0.02 * noise
        measures = {"last loss": off - 50 * rate - 0.1 * noise + 0.1 * rng.normal()}
        run = fabricated(method, setting, 1, score, measures=measures)
        runs.append(msgspec.structs.replace(run, changes={RATE: rate}))
    return runs


def table_of(text: str) -> list[list[str]]:
    return [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]


def test_within_a_search_the_rate_is_held() -> None:
    """Of one method it is the partial correlation of Spearman's coefficients; p is that of its t-test."""
    runs = searched("simclr", np.random.default_rng(0))
    frame = pd.DataFrame(
        [{"score": r.score, "rate": r.changes[RATE], "loss": r.measures["last loss"]} for r in runs]
    )
    r = frame.corr(method="spearman")
    xy, xz, yz = r.loc["loss", "score"], r.loc["loss", "rate"], r.loc["score", "rate"]
    partial = (xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2))
    t = partial * np.sqrt((TRIED - 3) / (1 - partial**2))
    _, row, *_ = table_of(correlations.within_searches("Title", runs))
    assert row[:5] == ["loss, last steps", "1", str(TRIED), f"{xy:+.2f}", f"{partial:+.2f}"]
    assert float(row[5]) == pytest.approx(2 * scipy.stats.t.sf(abs(t), TRIED - 3), rel=0.5)
    assert row[6:] == row[4:6]  # there are no graphs


def test_within_a_search_the_size_of_the_graphs_is_held_too() -> None:
    """By the correlation of what two regressions on the ranks leave, as statsmodels has it."""
    rng = np.random.default_rng(0)
    runs = []
    for run in searched("lvmmed", rng):
        size = int(rng.choice([8, 16, 32, 64]))
        loss = run.measures["last loss"] + 0.02 * size
        runs.append(
            msgspec.structs.replace(
                run, changes=run.changes | {correlations.SIZE: size}, measures={"last loss": loss}
            )
        )
    _, loss, size, *_ = table_of(correlations.within_searches("Title", runs))
    columns = [
        [run.score for run in runs],
        [run.measures["last loss"] for run in runs],
        [run.changes[RATE] for run in runs],
        [run.changes[correlations.SIZE] for run in runs],
    ]
    y, x, *held = (scipy.stats.rankdata(column) for column in columns)
    known = sm.add_constant(np.column_stack(held))
    left = [sm.OLS(one, known).fit().resid for one in (y, x)]
    assert loss[6] == f"{np.corrcoef(left)[0, 1]:+.2f}" != loss[4]
    assert size[0] == "images of a graph" and len(size) == 6  # with itself held, nothing is left


def test_differences_of_methods_are_no_part_of_what_is_within_them() -> None:
    rng = np.random.default_rng(0)
    runs = [*searched("simclr", rng), *searched("dino", rng)]
    worse = [
        msgspec.structs.replace(run, means={name: mean / 2 for name, mean in run.means.items()})
        for run in runs[TRIED:]
    ]
    moved = [*runs[:TRIED], *worse]
    one, other = (table_of(correlations.within_searches("T", some))[1] for some in (runs, moved))
    assert one == other and one[1:3] == ["2", str(2 * TRIED)]
    assert float(one[3]) < float(one[4]) < 0  # the rate moves both


def test_a_measure_that_says_nothing_has_no_small_p() -> None:
    """Over 100 searches p is evenly distributed."""
    found = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        runs = [
            msgspec.structs.replace(r, measures={"last loss": rng.normal()})
            for r in searched("simclr", rng)
        ]
        found.append(float(table_of(correlations.within_searches("T", runs))[1][5]))
    assert scipy.stats.kstest(found, "uniform").pvalue > 0.01


def test_a_setting_that_a_curve_would_choose() -> None:
    runs = [
        msgspec.structs.replace(run, measures={"last loss": -n, "last accuracy": abs(n - 3)})
        for n, run in enumerate(searched("lvmmed", np.random.default_rng(0)))
    ]
    scores = [100 * run.score for run in runs]
    *_, row = table_of(correlations.within_searches("Title", runs))
    mean = sum(scores) / len(scores)
    fastest = scores[np.argmax([run.changes[RATE] for run in runs])]
    shown = [f"{score:.1f}" for score in (max(scores), mean, scores[-1], scores[-1])]
    assert row == ["lvmmed", *shown, "", f"{fastest:.1f}"]
    few = runs[: correlations.LEAST_SETTINGS - 1]
    assert correlations.within_searches("Title", few) == ""


def test_alignment_and_uniformity_are_those_of_the_paper() -> None:
    rng = np.random.default_rng(0)
    first, second = (
        x / np.linalg.norm(x, axis=1, keepdims=True) for x in rng.normal(size=(2, 7, 5))
    )
    pairs = [np.exp(-2 * ((first[i] - first[j]) ** 2).sum()) for i in range(7) for j in range(i)]
    a, b = torch.from_numpy(first), torch.from_numpy(second)
    assert float(measures.uniformity(a)) == pytest.approx(np.log(np.mean(pairs)))
    apart = ((first - second) ** 2).sum(1).mean()
    assert float(measures.alignment(a, b)) == pytest.approx(apart)


def test_a_resumed_runs_curve_counts_each_step_once(tmp_path: Path) -> None:
    for part, steps in (("1", (10, 20)), ("2", (20, 30))):
        (tmp_path / part / "vis_data").mkdir(parents=True)
        rows = [dict(step=step, loss=float(step), time=0.1 * int(part)) for step in steps]
        text = "\n".join(json.dumps(row) for row in rows)
        (tmp_path / part / "vis_data" / "scalars.json").write_text(text)
    found = study.ends(tmp_path)
    assert found["last loss"] == 20.0 and found["time"] == pytest.approx(0.2)


def test_every_method_tries_as_many_different_settings() -> None:
    trained = {name: method for name, method in METHODS.items() if method.config}
    assert {method.config for method in trained.values()} <= set(config_names())
    for name, method in trained.items():
        settings = method.settings()
        assert len({json.dumps(setting) for setting in settings}) == TRIED, name
        assert settings == method.settings()
        assert msgspec.json.decode(msgspec.json.encode(settings)) == settings
    assert {name for pair in PAIRS for name in pair} <= set(trained)


def test_variants_are_of_the_chosen_row() -> None:
    """Each has its rate and noise, and one other kind of graphs."""
    results = Path("docs/evidence/runs")
    (number,) = study._best("lvmmed", 1, 1, results)
    chosen = METHODS["lvmmed"].fixed | METHODS["lvmmed"].settings()[number]
    kinds = [json.dumps(chosen)]
    for variant in VARIANTS.values():
        assert variant.settings() == [{}]
        assert ROW.items() <= chosen.items() and ROW.items() <= variant.fixed.items()
        kinds.append(json.dumps({**chosen, **variant.fixed}))
    assert len(set(kinds)) == 1 + len(VARIANTS)


def test_the_plan_names_what_the_code_does() -> None:
    text = Path("docs/evidence/plan.md").read_text()
    steps = [252 * epochs for epochs in EPOCHS]
    assert re.search(
        f"{TRIED} settings with {steps[0]} steps, .*{KEPT[1]} anew with {steps[1]:,}", text
    )
    assert f"best {KEPT[2]} anew with {steps[2]:,}" in text


@pytest.mark.slow
def test_the_judged_images_are_those_of_the_plan(real_data: Path, tmp_path: Path) -> None:
    """The table of docs/evidence/plan.md, from the real data sets."""
    from tasks import prepare

    prepare(data=real_data, out=tmp_path / "prepared", names=["isic2018", "kvasir", "hippocampus"])
    probe_sets.sets(data=real_data, prepared=tmp_path / "prepared", out=tmp_path / "sets")
    table = Path("docs/evidence/plan.md").read_text()
    for one in probe_sets.read_sets(tmp_path / "sets"):
        cells = next(line for line in table.splitlines() if line.startswith(f"| {one.name} |"))
        planned = [int(cell.strip().replace(",", "")) for cell in cells.split("|")[3:-1]]
        units = [len({one.cases[n] for n in one.of(part)}) for part in probe_sets.PARTS]
        assert units == planned, one.name
