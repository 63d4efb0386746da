"""The installed package, in an environment without the checkout: `tox -e wheel`, and cibuildwheel for each wheel."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import sysconfig
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lvmmed_backbones import matching, records

pytestmark = pytest.mark.wheel

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "lvmmed_backbones"
SCRIPTS = Path(sysconfig.get_path("scripts"))
INSTALLED = Path(sysconfig.get_path("platlib"))
CORE = "lvmmed_backbones/matching/_core"


def lvmmed(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The installed command; it finds no program beside those of its environment, and so no compiler."""
    own = {"PATH": str(SCRIPTS), "LVMMED_HOME": str(cwd / "home"), "COLUMNS": "200"}
    return subprocess.run(
        [SCRIPTS / "lvmmed", *map(str, words)],
        cwd=cwd, env={**os.environ, **own}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def test_the_checkout_is_not_on_the_path() -> None:
    for module in (matching, matching.solver._core, records):
        assert Path(module.__file__ or "").is_relative_to(INSTALLED)
    assert not any(map(find_spec, ("tasks", "benchmarks", "reports")))


def test_it_holds_the_files_of_the_package_and_no_others() -> None:
    """One compiled module in place of its C++; from Python 3.12 on one that later Pythons load, too."""
    compiled = ".abi3.so" if sys.version_info >= (3, 12) else EXTENSION_SUFFIXES[0]
    sources = {
        file.relative_to(ROOT).as_posix()
        for file in PACKAGE.rglob("*")
        if file.is_file() and file.suffix not in (".so", ".pyc") and file.parent.name != "core"
    }
    files = {
        str(file)
        for file in distribution("lvmmed-backbones").files or ()
        if file.parts[0] not in ("..", "__pycache__") and file.suffix != ".pyc"
    }
    facts = {file for file in files if ".dist-info/" in file}
    assert {Path(file).name for file in facts} > {"METADATA", "RECORD", "WHEEL", "entry_points.txt"}
    assert files - facts == {*sources, CORE + compiled}


def test_it_brings_the_licences_of_what_is_compiled_in() -> None:
    facts = distribution("lvmmed-backbones")
    licences = facts.metadata.get_all("License-File") or []
    assert {"LICENSE", "THIRD-PARTY.md", "licences/nanobind.txt"} <= set(licences)
    for name in licences:
        assert facts.read_text(f"licenses/{name}") == (ROOT / name).read_text(), name


@pytest.mark.parametrize("seed", range(20))
def test_the_solver_finds_the_best_of_all_matchings(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 7))
    vertex = rng.normal(size=(n, n))
    source, target = (
        np.argwhere((rng.random((n, n)) < 0.6) & ~np.eye(n, dtype=bool)) for _ in range(2)
    )
    edge = rng.normal(size=(len(source), len(target)))
    pairs = np.zeros((n, n, n, n))  # [i, j, a, b]: what is earned by i -> j on a -> b
    pairs[source[:, :1], source[:, 1:], target[:, 0], target[:, 1]] = edge
    permutations = np.array(list(itertools.permutations(range(n))))
    matrices = np.eye(n)[permutations]
    objectives = np.einsum("ia,pia->p", vertex, matrices)
    objectives += np.einsum("ijab,pia,pjb->p", pairs, matrices, matrices, optimize=True)
    found = matching.solve(matching.Problem(vertex, source, target, edge))
    assert found.objective == pytest.approx(objectives.max(), abs=1e-4)
    place = (permutations == found.target).all(axis=1)
    assert objectives[place] == pytest.approx(found.objective, abs=1e-4)


def test_it_lists_every_backbone_of_the_catalogue(tmp_path: Path) -> None:
    done = lvmmed("list", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    entries = [file.stem for file in (PACKAGE / "catalogue" / "entries").glob("[!_]*.py")]
    assert entries and not [name for name in entries if name not in done.stdout]


def test_it_evaluates_a_backbone_on_a_folder_of_images_without_a_compiler(tmp_path: Path) -> None:
    with np.load(ROOT / "tasks" / "shipped" / "pneumonia" / "chest_xrays_28px.npz") as shipped:
        images, labels = shipped["train_images"], shipped["train_labels"].ravel()
    for label, name in enumerate(("normal", "pneumonia")):
        (tmp_path / "xrays" / name).mkdir(parents=True)
        for number in np.flatnonzero(labels == label)[:60]:
            Image.fromarray(images[number]).save(tmp_path / "xrays" / name / f"{number}.png")
    doctor = lvmmed("doctor", cwd=tmp_path)
    assert doctor.returncode == 0, doctor.stdout
    assert any("g++" in line and "missing" in line for line in doctor.stdout.splitlines())
    words = ("random_resnet18_half", "--data", "xrays", "--seeds", "0", "--results", "results")
    done = lvmmed("evaluate", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "random_resnet18_half" in done.stdout
    found, problems = records.read(tmp_path / "results")
    assert {record.protocol for record in found} == {"knn", "linear"} and not problems
    for record in found:
        assert record.data.counts["test"] == 24
        assert record.metrics["accuracy"] > 0.5


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (("evaluate", "random_resnet18_hal", "--data", "."), "did you mean random_resnet18_half"),
        (("evaluate", "random_resnet18_half", "--data", "nowhere"), "no such folder or file"),
        (("tasks", "list"), "no checkout of the suite"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    words: tuple[str, ...], remedy: str, tmp_path: Path
) -> None:
    done = lvmmed(*words, cwd=tmp_path)
    assert done.returncode == 1
    assert remedy in done.stderr and len(done.stderr.splitlines()) == 1
