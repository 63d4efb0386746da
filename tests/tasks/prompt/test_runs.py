"""Whole runs on phantoms: resumed, repeated, without a cache, without a step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmcv.transforms import BaseTransform
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS, MODELS, TRANSFORMS
from mmengine.runner import Runner
from PIL import Image

import tasks.registration  # noqa: F401
from benchmarks.config import configure, place, set_image_size
from benchmarks.execute import train_and_test
from benchmarks.grid import RunSpec
from benchmarks.resolve import open_weights, resolve
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.openmmlab.resumption import CheckedRunner
from lvmmed_backbones.weights.checksums import file_sha256
from tasks import datasets, phantoms, registry
from tasks.hooks import LAST
from tasks.prompt import decoder
from tests.factories import run_on
from tests.tasks.prompt.building import spread

pytest.importorskip("segment_anything")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prompted")
    for name in ("buid", "mmwhs_ct"):
        phantoms.generate(name, folder / "downloads")
        datasets.prepare(name, folder / "downloads", folder)
    return folder


def config_of(
    data: Path, folder: Path, task: str = "buid_prompt", epochs: int | None = None, **more: Any
) -> Config:
    """The mini config on a SAM of two blocks; with epochs a resumable run of them on 8 images."""
    recipe = more.pop("recipe", "suite")
    resolved = resolve(RunSpec(task, "random_vit_mini", "mini", 0, recipe=recipe))
    config = configure(resolved)
    folder.mkdir(exist_ok=True)
    config = place(config, data / config.task.dataset, list(range(8)), folder, folder / "features")
    set_image_size(config, 64)
    config.model.backbone.img_size = 64
    config.test_dataloader.dataset.indices = 6
    if epochs:
        plain = registry.get(task)
        config.train_dataloader.sampler = plain.train_dataloader.sampler
        config.train_dataloader.batch_size = 4
        for key in ("val_dataloader", "val_evaluator", "val_cfg"):
            config[key] = plain[key]
        config.val_dataloader = config.test_dataloader.to_dict()
        config.train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=epochs, val_interval=1)
        config.param_scheduler, config.log_processor.by_epoch = [], True
    elif config.train_cfg.max_iters:
        config.train_cfg.update(max_iters=2, val_interval=2)
    config.merge_from_dict(more)
    return config


def finished(config: Config) -> tuple[dict[str, float], dict[str, torch.Tensor], list]:
    runner = CheckedRunner.from_cfg(config)
    runner.train()
    metrics = runner.test()
    cases = json.loads(Path(config.test_evaluator.cases_file).read_text())
    return metrics, runner.model.state_dict(), cases


def same(first: tuple, second: tuple) -> bool:
    (m, s, c), (n, t, d) = first, second
    timing = ("data_time", "time")
    equal = all(torch.equal(s[name], t[name]) for name in {*s, *t})
    return equal and c == d and all(m[k] == n[k] for k in m if k not in timing)


@TRANSFORMS.register_module()
class _NoMask(BaseTransform):
    """Reads no mask: nothing is in it."""

    def transform(self, results: dict) -> dict:
        with Image.open(results["img_path"]) as image:
            results["gt_seg_map"] = np.zeros(image.size[::-1], np.uint8)
        return results


@HOOKS.register_module()
class _CountingHook(Hook):
    """Counts the images that go through the encoder, for each epoch."""

    epochs: list[int]

    def before_run(self, runner: Runner) -> None:
        self.__class__.epochs, seen = [], []
        patches = runner.model.backbone.network.patch_embed
        patches.register_forward_hook(lambda module, x, y: seen.append(len(y)))
        self.seen = seen

    def after_train_epoch(self, runner: Runner) -> None:
        self.epochs.append(len(self.seen))

    def after_val_epoch(self, runner: Runner, metrics: Any = None) -> None:
        self.seen.clear()


def test_the_second_epoch_runs_no_encoder(data: Path, tmp_path: Path) -> None:
    config = config_of(data, tmp_path / "run", epochs=2)
    config.custom_hooks.append(dict(type="_CountingHook"))
    runner = Runner.from_cfg(config)
    runner.train()
    first, second = _CountingHook.epochs
    assert first >= 8 and second == 0
    assert (runner.model.embeddings.encoded, runner.model.embeddings.added) == (0, 8 + 6)


def test_a_run_is_the_same_again_and_without_a_cache(data: Path, tmp_path: Path) -> None:
    first = finished(config_of(data, tmp_path / "a", epochs=1))
    assert same(first, finished(config_of(data, tmp_path / "b", epochs=1)))
    config = config_of(data, tmp_path / "c", epochs=1, embeddings=dict(limit=1e-9))
    runner = CheckedRunner.from_cfg(config)
    runner.train()
    metrics = runner.test()
    cases = json.loads(Path(config.test_evaluator.cases_file).read_text())
    assert runner.model.embeddings.encoded == 8 + 6 + 6 and runner.model.embeddings.added == 0
    assert not list((tmp_path / "c" / "features").iterdir())
    assert same(first, (metrics, runner.model.state_dict(), cases))
    (log,) = (tmp_path / "c").glob("*/*.log")
    assert "computed each time" in log.read_text()


def test_a_run_that_was_stopped_goes_on_to_the_same_result(data: Path, tmp_path: Path) -> None:
    whole = finished(config_of(data, tmp_path / "whole", epochs=2))

    @HOOKS.register_module(force=True)
    class StopHook(Hook):
        def before_train_epoch(self, runner: Runner) -> None:
            if runner.epoch == 1:
                raise KeyboardInterrupt

    config = config_of(data, tmp_path / "parts", epochs=2)
    stopped = Config(config.to_dict())
    stopped.custom_hooks.append(dict(type="StopHook"))
    with pytest.raises(KeyboardInterrupt):
        CheckedRunner.from_cfg(stopped).train()
    config.load_from, config.resume = str(tmp_path / "parts" / LAST), True
    assert same(whole, finished(config))


@pytest.mark.parametrize("recipe", ["suite", "release"])
def test_zero_shot_takes_no_step(data: Path, tmp_path: Path, recipe: str) -> None:
    config = config_of(data, tmp_path / "run", "buid_prompt_zero_shot", recipe=recipe)
    assert config.task.protocol == "zero_shot"
    runner = CheckedRunner.from_cfg(config)
    before = {name: value.clone() for name, value in runner.model.state_dict().items()}
    runner.train()
    metrics = runner.test()
    assert all(torch.equal(before[k], v) for k, v in runner.model.state_dict().items())
    assert runner.model.embeddings.added == 6, "the images to test on, and no others"
    assert 0 <= metrics["dice"] <= 1


def test_only_the_decoder_learns(data: Path, tmp_path: Path) -> None:
    runner = CheckedRunner.from_cfg(config_of(data, tmp_path / "run"))
    before = {name: value.clone() for name, value in runner.model.state_dict().items()}
    runner.train()
    changed = {k for k, v in runner.model.state_dict().items() if not torch.equal(v, before[k])}
    assert changed and all(name.startswith("mask_decoder.") for name in changed)
    assert not any("iou_prediction_head" in name for name in changed), "which is not used"


def test_images_without_a_structure_are_named_if_there_is_nothing_else(
    data: Path, tmp_path: Path
) -> None:
    config = config_of(data, tmp_path / "run")
    for loader in ("train_dataloader", "test_dataloader"):
        config[loader].dataset.pipeline[0] = dict(type="_NoMask")
    with pytest.raises(ValueError, match="none of the images to train on has a structure"):
        CheckedRunner.from_cfg(config).train()


def test_images_to_test_on_without_a_structure_are_named(data: Path, tmp_path: Path) -> None:
    config = config_of(data, tmp_path / "run", "buid_prompt_zero_shot")
    config.test_dataloader.dataset.pipeline[0] = dict(type="_NoMask")
    with pytest.raises(ValueError, match=r"none of 6 images has a structure.*see their masks") as e:
        finished(config)
    assert "\n" not in str(e.value)


def test_a_volume_has_both_scores(data: Path, tmp_path: Path) -> None:
    for recipe in ("suite", "release"):
        config = config_of(data, tmp_path / recipe, "mmwhs_ct_prompt", recipe=recipe)
        metrics, _, cases = finished(config)
        assert {"slice_iou", "volume_iou"} <= metrics.keys()
        assert next(iter(metrics)) == config.task.headline
        assert all("/" not in row["case"] for row in cases)


def test_a_decoder_with_a_file_is_loaded_and_known_by_its_checksum(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / name / "sam.pth" for name in ("here", "there")]
    parts = decoder.build(256)
    spread(parts)
    for file in files:
        file.parent.mkdir()
        torch.save(parts.state_dict(), file)
    runs = []
    for file in files:
        weights = {"file": str(file), "sha256": file_sha256(file)}
        monkeypatch.setattr("benchmarks.config.weights_for", lambda entry, w=weights: w)
        spec = RunSpec("buid_prompt_zero_shot", "random_vit_mini", "mini", 0)
        runs.append(run_on(spec, data, tmp_path))
    open_weights([run.config for run in runs])
    assert runs[0].identity == runs[1].identity, "wherever the file lies"
    assert train_and_test(runs[0]).mask_decoder == file_sha256(files[0])
    model = CheckedRunner.from_cfg(runs[0].config).model
    model.init_weights()
    name = "mask_decoder.iou_token.weight"
    assert torch.equal(model.state_dict()[name], parts.state_dict()[name])
    state = parts.state_dict()
    del state[name]
    torch.save(state, files[1])
    with pytest.raises(Refused, match=r"there/sam\.pth: differs from SAM's decoder.*iou_token"):
        open_weights([runs[1].config])


RECIPES = [("suite", name) for name in registry.prompt_names()]
RECIPES += [
    ("release", name) for name in registry.prompt_names() if name in registry.release_names()
]


@pytest.mark.parametrize(("recipe", "task"), RECIPES)
def test_the_paper_profile_is_the_task_config_and_its_model_is_built(
    recipe: str, task: str
) -> None:
    """Nothing but the encoder, its normalisation, its decoder and the seed is the run's own."""
    config = configure(resolve(RunSpec(task, "random_vit_b", "paper", 3, recipe=recipe)))
    plain = registry.get(task, recipe)
    for key in ("optim_wrapper", "param_scheduler", "train_cfg", "train_dataloader", "embeddings"):
        assert config[key] == plain[key]
    assert config.model.backbone.img_size == 1024 and config.model.sam_decoder is None
    drawn = [t for t in config.test_dataloader.dataset.pipeline if "seed" in t]
    assert [t.seed for t in drawn] == [3] * (recipe == "release")
    config.model.backbone.update(embed_dim=24, num_heads=2)  # quick to build
    config.model.backbone.img_size = 64
    assert MODELS.build(config.model).side == 64


@pytest.mark.slow
@pytest.mark.parametrize(("recipe", "task"), RECIPES)
def test_every_prompted_task_runs_end_to_end_at_mini(
    recipe: str, task: str, prepared_root: Path, tmp_path: Path
) -> None:
    run = run_on(
        RunSpec(task, "random_vit_mini", "mini", 0, recipe=recipe), prepared_root, tmp_path
    )
    record = train_and_test(run)
    assert record.metrics[record.metric] is not None and record.cases
    assert (record.protocol, record.recipe) == (run.config.task.protocol, recipe)
    assert (run.folder / "gallery" / "gallery.json").is_file()
