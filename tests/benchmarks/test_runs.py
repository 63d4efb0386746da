"""A run's identity: everything that decides its result, and nothing else."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from benchmarks import preparation
from benchmarks.composing import without_repeats
from benchmarks.grid import RunSpec
from benchmarks.preparation import PreparedData
from benchmarks.runs import Identity, checksum
from tests.factories import configured, prepared_run

SPEC = RunSpec("brain_tumor_linear", "random_vit_tiny", "mini", 0)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, PreparedData]:
    names = ["brain_tumor", "drive"]
    return preparation.prepare(names, None, tmp_path_factory.mktemp("work"))


def test_each_of_its_parts_makes_another_run() -> None:
    one = Identity("t", 1, "b", None, "mini", "linear", None, "published", 0, "d", "c", 1)
    assert len(one.run_id) == 16 and int(one.run_id, 16) >= 0
    other = dict(
        task="u", task_version=2, backbone="a", weights_sha256="w", profile="small", protocol="finetune",
        label_fraction="s", split="clean", seed=1, data_fingerprint="e", config_sha256="f", threads=2, recipe="release",
        overrides=(("model.x.y", 1),),
    )  # fmt: skip
    assert set(other) == {field.name for field in dataclasses.fields(Identity)}
    names = {dataclasses.replace(one, **{key: value}).run_id for key, value in other.items()}
    assert len(names) == len(other) and one.run_id not in names


@pytest.mark.parametrize(
    "other",
    [
        dict(seed=1),
        dict(backbone="random_resnet50"),
        dict(task="brain_tumor_finetune"),
        dict(profile="small"),
        dict(profile="evidence"),
        dict(label_fraction=0.5),
        dict(overrides=(("probe.image_size", 48),)),
    ],
    ids=str,
)
def test_another_spec_is_another_run(prepared, tmp_path: Path, other: dict) -> None:
    spec = dataclasses.replace(SPEC, **other)
    assert (
        prepared_run(SPEC, prepared, tmp_path).folder
        != prepared_run(spec, prepared, tmp_path).folder
    )


def test_profiles_that_compose_alike_are_two_runs(prepared, tmp_path: Path) -> None:
    """The profile `evidence` has the segmentation of `small`."""
    small, evidence = (
        prepared_run(RunSpec("drive", "random_vit_tiny", profile, 0), prepared, tmp_path)
        for profile in ("small", "evidence")
    )
    assert small.identity.config_sha256 == evidence.identity.config_sha256
    assert small.folder != evidence.folder


def test_another_version_of_the_task_is_another_run(prepared, tmp_path: Path) -> None:
    one, two = (prepared_run(SPEC, prepared, tmp_path, version=version) for version in (1, 2))
    assert one.folder != two.folder


def test_folders_and_machines_are_no_part_of_it(prepared, tmp_path: Path) -> None:
    one, two = (prepared_run(SPEC, prepared, tmp_path / name) for name in ("a", "b"))
    assert one.identity == two.identity
    text = checksum(one.identity.facts())
    assert text.startswith(one.folder.name)
    assert str(tmp_path) not in configured(SPEC).pretty_text


def test_label_fractions_that_take_the_same_images_are_one_run(
    prepared, tmp_path: Path, capsys
) -> None:
    specs = [dataclasses.replace(SPEC, label_fraction=f) for f in (0.4, 0.4001, 0.25)]
    runs = [prepared_run(spec, prepared, tmp_path) for spec in specs]
    assert [run.spec.label_fraction for run in without_repeats(runs)] == [0.4, 0.25]
    assert "takes the same training images as" in capsys.readouterr().err


def test_a_fraction_that_takes_all_is_the_whole(prepared, tmp_path: Path) -> None:
    spec = dataclasses.replace(SPEC, label_fraction=0.9999)
    assert (
        prepared_run(spec, prepared, tmp_path).folder
        == prepared_run(SPEC, prepared, tmp_path).folder
    )
