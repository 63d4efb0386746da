"""The study of docs/evidence.md: a small study from the command to its tables, and each of its measures."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from benchmarks.studies.evidence.variants import VARIANTS

from benchmarks.studies.evidence import measures, reporting
from benchmarks.studies.evidence.__main__ import main
from benchmarks.studies.evidence.probe import copied, probe
from benchmarks.studies.evidence.study import SecondOrderHook, ends, slug
from lvmmed_backbones.pretrain import config_names
from tests.factories import build_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """128 soft images: two steps of the small config."""
    return build_corpus(tmp_path_factory.mktemp("corpus"), 128, side=64)


@pytest.fixture(scope="module")
def work(corpus: Path, prepared_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Carry out a study of two variants by the command."""
    folder = tmp_path_factory.mktemp("work")
    assert main(words(corpus, prepared_root, folder)) == 0
    return folder


def words(corpus: Path, prepared_root: Path, work: Path, *variants: str) -> list[str]:
    folders = dict(corpus=corpus, prepared=prepared_root / "brain_tumor", work=work)
    chosen = variants or ("random", "weak_edges, edges in the second half, rate 1e-3")
    return [
        "pretrain", "--jobs", "1", "--variants", *chosen,
        *(word for name, folder in folders.items() for word in (f"--{name}", str(folder))),
    ]  # fmt: skip


def test_a_study_leaves_results_tables_and_a_figure(work: Path, tmp_path: Path, capsys) -> None:
    assert main(["report", str(work), "--out", str(tmp_path)]) == 0
    written = {Path(line).name for line in capsys.readouterr().out.splitlines()}
    assert written == {path.name for path in tmp_path.iterdir()}
    assert {"results.csv", "tables.md", "variants.svg"} < written
    rows = pd.read_csv(tmp_path / "results.csv").set_index("variant")
    assert list(rows.index) == ["random", "weak_edges, edges in the second half, rate 1e-3"]
    trained = rows.loc["weak_edges, edges in the second half, rate 1e-3"]
    assert trained["steps"] == 2 and 0 < trained["last loss"] <= 2
    assert rows[["neighbours test", "linear valid"]].stack().between(0, 1).all()
    table = (tmp_path / "tables.md").read_text()
    assert f"| {100 * rows.loc['random', 'linear valid']:.1f} |" in table


def test_what_has_a_result_is_not_done_again(work: Path, corpus: Path, prepared_root: Path) -> None:
    files = sorted(work.glob("*/result.json"))
    assert len(files) == 2
    before = [file.stat().st_mtime_ns for file in files]
    assert main(words(corpus, prepared_root, work)) == 0
    assert [file.stat().st_mtime_ns for file in files] == before


def test_a_variant_that_fails_is_named(prepared_root: Path, tmp_path: Path, capsys) -> None:
    assert main(words(tmp_path / "none", prepared_root, tmp_path / "work", "lvmmed")) == 2
    said = capsys.readouterr().err
    assert (
        "lvmmed failed, see" in said and str(tmp_path / "work" / "lvmmed-1-0" / "log.txt") in said
    )


def test_changes_are_measured_on_a_checkpoint(work: Path, corpus: Path, capsys) -> None:
    run = work / "weak_edges_edges_in_the_second_half_rate_1e-3-1-0"
    assert main(["changes", "--corpus", str(corpus), str(run)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "run,of,value,linear,changed,corrected,broken,returned"
    returned = {
        line.split(",")[2]: float(line.split(",")[-1]) for line in lines if ",lambda," in line
    }
    assert (
        returned["80.0"] == 1.0 and returned["0.08"] < 1
    )  # the paper's lambda returns the identity
    assert main(["changes", "--corpus", str(corpus), str(work / "random-1-0")]) == 2
    assert "holds no checkpoint" in capsys.readouterr().err


def test_moved_costs_return_what_the_definition_says() -> None:
    torch.manual_seed(0)
    vertex = torch.rand(1, 6, 6)
    assert measures.returned(vertex, 80.0) == 1.0
    assert measures.returned(vertex + 3 * torch.eye(6), 1e-6) == 1.0  # was there before the move
    assert measures.returned(vertex + 3 * torch.eye(6).roll(1, 0), 1e-6) == 0.0


def test_the_second_order_is_on_in_its_part_of_the_run() -> None:
    head = SimpleNamespace(edge_weight=0.1)
    runner = SimpleNamespace(model=SimpleNamespace(head=head), iter=0, max_iters=10)
    hook = SecondOrderHook(0.5, 1)
    hook.before_train(runner)
    seen = []
    for runner.iter in range(10):
        hook.before_train_iter(runner, runner.iter)
        seen.append(head.edge_weight)
    assert seen == [0] * 5 + [0.1] * 5


class Brightness(torch.nn.Module):
    """A backbone that knows the mean colour and nothing else."""

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor]:
        return (images.mean(dim=(2, 3)),)


@pytest.fixture
def shades(tmp_path: Path) -> Path:
    """A prepared data set whose two classes are dark and bright."""
    meta = dict(
        name="shades", kind="classification", classes=["dark", "bright"], fingerprint="f" * 64,
        complete=True, phantom=False,
    )  # fmt: skip
    (tmp_path / "meta.json").write_text(json.dumps(meta))
    for folder in ("images", "splits"):
        (tmp_path / folder).mkdir()
    rng = np.random.default_rng(0)
    for name, number in (("train", 20), ("valid", 10), ("test", 10)):
        lines = []
        for n in range(number):
            label = n % 2
            file = f"{'Testing' if name == 'test' else 'Training'}-class-{name}{n}.png"
            shade = rng.normal((60, 190)[label], 15, (1, 1, 3)).clip(0, 255).astype(np.uint8)
            assert cv2.imwrite(str(tmp_path / "images" / file), np.broadcast_to(shade, (64, 64, 3)))
            lines.append(f"{file} {label}")
        (tmp_path / "splits" / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_a_probe_finds_what_features_tell_and_no_more(shades: Path) -> None:
    assert set(probe(Brightness(), shades, None).values()) == {1.0}
    for name in ("valid", "test"):  # labels that the images do not tell
        file = shades / "splits" / f"{name}.txt"
        file.write_text(file.read_text().replace(" 1\n", " 0\n"))
    assert probe(Brightness(), shades, None)["linear test"] == 0.5


def test_copies_of_test_images_are_learnt_from_only_as_published(
    shades: Path, tmp_path: Path
) -> None:
    """Without its dark images, training has a single class."""
    audit = tmp_path / "copies.csv"
    rows = [f"brain_tumor,class/train{n}.png" for n in range(2, 20, 2)]
    audit.write_text("\n".join(["data_set,source", *rows, "other,class/train0.png"]) + "\n")
    assert copied(audit) == {f"Training-class-train{n}.png" for n in range(2, 20, 2)}
    found = probe(Brightness(), shades, audit)
    assert found["neighbours test"] == 1.0
    assert found["neighbours clean"] == found["neighbours valid"] == 0.5


def test_a_resumed_runs_curve_counts_each_step_once(tmp_path: Path) -> None:
    for part, steps in (("1", (10, 20)), ("2", (20, 30))):
        (tmp_path / part / "vis_data").mkdir(parents=True)
        rows = [dict(step=step, loss=float(step), time=0.1 * int(part)) for step in steps]
        text = "\n".join(json.dumps(row) for row in rows)
        (tmp_path / part / "vis_data" / "scalars.json").write_text(text)
    found = ends(tmp_path)
    assert found["last loss"] == 20.0 and found["time"] == pytest.approx(0.2)


def test_every_variant_has_a_config_and_a_folder_of_its_own() -> None:
    assert {v.config for v in VARIANTS.values()} - {None} <= set(config_names())
    assert len({slug(name) for name in VARIANTS}) == len(VARIANTS)
    assert all("/" not in slug(name) and " " not in slug(name) for name in VARIANTS)


def test_a_report_wants_results(tmp_path: Path, capsys) -> None:
    assert main(["report", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert f"{tmp_path} holds no" in capsys.readouterr().err


def test_tables_have_mean_and_sample_deviation() -> None:
    rows = pd.DataFrame({"time": [0.2, 0.4], "linear test": [0.5, 0.6]})
    assert reporting.cell(rows, "linear test") == "55.0 ± 7.1"
    assert reporting.cell(rows, "time") == "0.30"
    assert reporting.cell(rows, "last effective_rank") == ""
