"""What the configs of the release's end-to-end segmentation say, against the tables of the released settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import mmseg.datasets  # noqa: F401  registers the transforms
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DATA_SAMPLERS, METRICS, MODELS, TRANSFORMS, init_default_scope
from mmengine.runner import Runner
from skimage.transform import resize

import tasks.release.registration  # noqa: F401
from benchmarks.grid import RunSpec
from tests.factories import configured

RESNET, VIT = "random_resnet50", "random_vit_tiny"
# Size, batch, rate, epochs, class: of ResNet-50's files, and of the transformers' deleted ones.
RELEASED = {
    ("buid", RESNET): (256, 8, 1e-4, 50, 1),
    ("kvasir", RESNET): (224, 64, 1e-3, 35, 1),
    ("mmwhs_ct", RESNET): (224, 64, 1e-3, 20, 2),
    ("mmwhs_mri", RESNET): (224, 64, 1.5e-3, 30, 2),
    ("buid", VIT): (256, 32, 1e-4, 20, 1),
    ("kvasir", VIT): (224, 32, 1e-4, 20, 1),
    ("mmwhs_ct", VIT): (224, 32, 1e-4, 20, 2),
}


def composed(task: str, backbone: str) -> Config:
    init_default_scope("mmseg")
    return configured(RunSpec(task, backbone, "paper", 0, recipe="release"))


def packed(pipeline: list[dict[str, Any]], image: Path, mask: Path) -> dict[str, Any]:
    results: Any = dict(
        img_path=str(image), seg_map_path=str(mask), seg_fields=[], reduce_zero_label=False
    )
    for transform in pipeline:
        results = TRANSFORMS.build(transform)(results)
    return results


@pytest.mark.parametrize(("task", "backbone"), RELEASED)
def test_training_is_as_the_released_files_say(task: str, backbone: str) -> None:
    _, batch, rate, epochs, label = RELEASED[task, backbone]
    config = composed(task, backbone)
    loader = config.train_dataloader
    assert loader.batch_size == batch and not loader.get("drop_last")
    assert config.val_dataloader.batch_size == config.test_dataloader.batch_size == 1
    assert config.train_cfg.max_epochs == epochs and not config.param_scheduler
    assert loader.sampler.get("label") == (2 if task.startswith("mmwhs") else None)
    for evaluator in (config.val_evaluator, config.test_evaluator):
        assert evaluator.label == label
    model = torch.nn.Linear(2, 2)
    wrapper = Runner.build_optim_wrapper(type("R", (), dict(model=model))(), config.optim_wrapper)
    (group,) = wrapper.optimizer.param_groups
    assert type(wrapper.optimizer) is torch.optim.Adam and not group["amsgrad"]
    assert (group["lr"], group["betas"], group["eps"], group["weight_decay"]) == (
        rate, (0.9, 0.999), 1e-8, 0
    )  # fmt: skip
    wrapper.update_params(
        (1000 * model(torch.ones(1, 2))).sum() + 0 * sum(p.sum() for p in model.parameters())
    )
    # Adam's first moment is a tenth of the gradient after clipping.
    first = torch.cat([wrapper.optimizer.state[p]["exp_avg"].flatten() for p in model.parameters()])
    assert float(first.norm()) == pytest.approx(0.1, rel=1e-3)


@pytest.mark.parametrize("test", [False, True])
@pytest.mark.parametrize(("task", "backbone"), RELEASED)
def test_an_image_reaches_the_network_as_raw_bgr_stretched_by_itself(
    tmp_path: Path, task: str, backbone: str, test: bool
) -> None:
    """Blue first, nearest pixels, (x - min) * (1 / (max - min + 0.01) * 255); of a ResNet's tests without 0.01."""
    config = composed(task, backbone)
    px = RELEASED[task, backbone][0]
    rng = np.random.default_rng(5)
    bgr = rng.integers(20, 200, (90, 70, 3), dtype=np.uint8)
    if task.startswith("mmwhs"):
        bgr[:] = bgr[..., :1]
    labels = rng.integers(0, 2, (90, 70), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "i.png"), bgr)
    cv2.imwrite(str(tmp_path / "m.png"), labels)
    loader = config.test_dataloader if test else config.train_dataloader
    made = packed(loader.dataset.pipeline, tmp_path / "i.png", tmp_path / "m.png")
    preprocessor = MODELS.build(config.model.data_preprocessor)
    data = preprocessor(
        dict(inputs=[made["inputs"]], data_samples=[made["data_samples"]]), training=not test
    )
    small = resize(bgr, (px, px), order=0, preserve_range=True, anti_aliasing=False).astype(int)
    gap = 0 if test and backbone == RESNET else 0.01
    wanted = ((small - small.min()) * (1 / (gap + small.max() - small.min()) * 255)).astype(int)
    assert (data["inputs"][0].permute(1, 2, 0).numpy() == wanted).all()
    truth = resize(labels, (px, px), order=0, preserve_range=True, anti_aliasing=False)
    assert (data["data_samples"][0].gt_sem_seg.data[0].numpy() == truth).all()


@pytest.mark.parametrize(("task", "backbone", "kind", "channels"), [
    ("kvasir", RESNET, "ReleasedUNet", None), ("mmwhs_ct", RESNET, "ReleasedUNet", 1),
    ("kvasir", VIT, "TransUNet", None), ("mmwhs_ct", VIT, "TransUNet", 3), ("mmwhs_mri", VIT, "TransUNet", 3),
    ("isic2018", VIT, "TransUNet", None), ("drive", VIT, "TransUNet", None),
])  # fmt: skip
def test_a_resnet_gets_the_u_net_and_a_plain_transformer_the_trans_u_net(
    task: str, backbone: str, kind: str, channels: int | None
) -> None:
    model = composed(task, backbone).model
    assert (model.type, model.get("channels")) == (kind, channels)
    assert model.classes == (8 if task.startswith("mmwhs") else 2)
    assert not model.backbone.frozen and model.backbone.get("norm_eval") is None
    assert model.backbone.img_size == (1024 if backbone == VIT else model.backbone.img_size)


# Tasks without a released config, and the one whose settings they take.
NEAREST = {
    "isic2018": "buid", "drive": "buid", "jsrt": "buid", "prostate": "buid", "brats2018": "mmwhs_ct",
}  # fmt: skip


@pytest.mark.parametrize("backbone", [RESNET, VIT])
@pytest.mark.parametrize("task", NEAREST)
def test_a_task_without_a_config_is_trained_as_the_nearest_one(task: str, backbone: str) -> None:
    """Its images, masks, classes and cases are its own; size, batch, rate, epochs and all else are not."""
    mine, nearest = (composed(name, backbone).to_dict() for name in (task, NEAREST[task]))
    for config in (mine, nearest):
        for part in ("train", "val", "test"):
            loader = config[f"{part}_dataloader"]
            loader["sampler"].pop("label", None), loader["sampler"].pop("one_class", None)
            for own in ("data_root", "metainfo", "img_suffix", "ann_file"):
                loader["dataset"].pop(own, None)
            loader["dataset"]["pipeline"] = loader["dataset"]["pipeline"][2:]
        for evaluator in (config["val_evaluator"], config["test_evaluator"]):
            evaluator.pop("label"), evaluator.pop("group", None)
        config["model"].pop("classes")
    own = {"task", "classes", "data", "train_pipeline", "test_pipeline"}
    differing = {name for name in {*mine, *nearest} - own if mine.get(name) != nearest.get(name)}
    assert not differing
    assert mine["train_dataloader"]["dataset"]["pipeline"]


@pytest.mark.parametrize("test", [False, True])
@pytest.mark.parametrize("backbone", [RESNET, VIT])
def test_of_brats_the_network_sees_flair_alone_stretched_by_itself(
    tmp_path: Path, backbone: str, test: bool
) -> None:
    """The prepared image has T1ce, T2 and FLAIR as red, green and blue; the others are brighter here."""
    config = composed("brats2018", backbone)
    flair, others = np.random.default_rng(1).integers(0, 99, (224, 224)), np.full((224, 224), 255)
    cv2.imwrite(
        str(tmp_path / "i.png"), np.stack([flair, others, others], axis=-1).astype(np.uint8)
    )
    cv2.imwrite(str(tmp_path / "m.png"), np.zeros((224, 224), np.uint8))
    loader = config.test_dataloader if test else config.train_dataloader
    made = packed(loader.dataset.pipeline, tmp_path / "i.png", tmp_path / "m.png")
    gap = 0 if test and backbone == RESNET else 0.01
    wanted = (flair * (1 / (gap + flair.max()) * 255)).astype(int)
    assert flair.min() == 0
    for channel in made["inputs"]:
        assert (channel.numpy() == wanted).all()
    assert config.model.get("channels") == (1 if backbone == RESNET else 3)


@pytest.mark.parametrize("test", [False, True])
@pytest.mark.parametrize("task", ["brats2018", "jsrt", "prostate"])
def test_every_structure_of_a_mask_is_one_class(tmp_path: Path, task: str, test: bool) -> None:
    config = composed(task, RESNET)
    rng = np.random.default_rng(2)
    labels = rng.integers(0, {"brats2018": 4, "jsrt": 3, "prostate": 2}[task], (60, 80), np.uint8)
    cv2.imwrite(str(tmp_path / "i.png"), rng.integers(0, 256, (60, 80, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "m.png"), labels)
    loader = config.test_dataloader if test else config.train_dataloader
    made = packed(loader.dataset.pipeline, tmp_path / "i.png", tmp_path / "m.png")
    px = made["inputs"].shape[-1]
    wanted = resize(labels > 0, (px, px), order=0, preserve_range=True, anti_aliasing=False)
    assert (made["data_samples"].gt_sem_seg.data[0].numpy() == wanted).all()
    assert config.model.classes == len(loader.dataset.metainfo["classes"]) == 2
    for evaluator in (config.val_evaluator, config.test_evaluator):
        assert evaluator.label == 1


class _Listed(list):
    """A data set."""

    get_data_info = list.__getitem__


@pytest.mark.parametrize("task", ["brats2018", "jsrt", "prostate"])
def test_images_with_a_structure_are_trained_on_and_as_many_without(
    tmp_path: Path, task: str
) -> None:
    """Whatever the structure is: every label of the data set alone, all together, and none."""
    sampler = composed(task, RESNET).train_dataloader.sampler
    most = {"brats2018": 3, "jsrt": 2, "prostate": 1}[task]
    masks = [[0, n] for n in range(1, most + 1)] + [list(range(most + 1))] + [[0, 0]] * 9
    files = []
    for number, mask in enumerate(masks):
        files.append(dict(seg_map_path=str(tmp_path / f"{number}.png")))
        cv2.imwrite(files[-1]["seg_map_path"], np.array([mask], np.uint8))
    taken = [*DATA_SAMPLERS.build(dict(sampler, dataset=_Listed(files), seed=0))]
    assert sorted(n for n in taken if n <= most) == list(range(most + 1))
    assert len(taken) == 2 * (most + 1)


def test_prostate_is_scored_by_site() -> None:
    config = composed("prostate", RESNET)
    assert config.train_dataloader.dataset.ann_file == "splits/train.txt"
    assert config.test_dataloader.dataset.ann_file == "splits/test_all.txt"
    names = ["BMC/a/0", "BMC/a/1", "BMC/b/0", "HK/c/0"]
    truth = torch.zeros(1, 4, 4, dtype=torch.long)
    truth[0, 0, :2] = 1
    wrong = truth.roll(1, -1)
    metric = METRICS.build(config.test_evaluator)
    metric.dataset_meta = config.test_dataloader.dataset.metainfo
    for name, found in zip(names, [truth, wrong, truth, wrong], strict=True):
        metric.process({}, [dict(
            img_path=f"d/images/{name}.png", pred_sem_seg=dict(data=found), gt_sem_seg=dict(data=truth),
        )])  # fmt: skip
    scores = metric.compute_metrics(metric.results)
    assert scores["dice/BMC"] == pytest.approx(2.5 / 3) and scores["dice/HK"] == pytest.approx(0.5)
    assert scores["dice"] == pytest.approx((2.5 / 3 + 0.5) / 2) and next(iter(scores)) == "dice"
