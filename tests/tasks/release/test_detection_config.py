"""The release's detection as its config composes it: images, sampling, start, what is frozen, and the optimiser."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import cv2
import mmdet.datasets  # noqa: F401  registers the transforms
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, MODELS, TRANSFORMS, init_default_scope
from mmengine.runner import Runner
from torch import Tensor, nn

import tasks.registration
import tasks.release.crops
import tasks.release.detection  # noqa: F401
from benchmarks.config import configure, set_image_size
from benchmarks.grid import RunSpec
from benchmarks.resolve import resolve
from tasks import registry
from tests.factories import configured

RESNET, SMALL, VIT = "random_resnet50", "random_resnet18_half", "random_vit_tiny"
MEAN, DEVIATION = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]  # of ImageNet, red first


def composed(backbone: str = SMALL, profile: str = "paper") -> Config:
    init_default_scope("mmdet")
    return configured(RunSpec("vindr", backbone, profile, 0, recipe="release"))


def coco(rng: np.random.Generator, images: int, classes: tuple[str, ...], side: int) -> dict:
    """Random boxes: later classes are rarer."""
    annotations: list[dict] = []
    for image in range(images):
        found = np.flatnonzero(rng.random(len(classes)) < 0.8 ** np.arange(1, 1 + len(classes)))
        for label in found if len(found) else [0]:
            x, y = rng.integers(0, side // 2, 2).tolist()
            annotations.append(
                dict(
                    id=len(annotations) + 1, image_id=image, category_id=int(label) + 1, iscrowd=0,
                    bbox=[x, y, side // 4, side // 3], area=side * side / 12,
                )
            )  # fmt: skip
    return dict(
        images=[dict(id=n, file_name=f"{n}.png", width=side, height=side) for n in range(images)],
        annotations=annotations,
        categories=[dict(id=n + 1, name=name) for n, name in enumerate(classes)],
    )


def packed(pipeline: list[dict[str, Any]], image: np.ndarray, boxes: list, folder: Path) -> Any:
    cv2.imwrite(str(folder / "i.png"), image)
    instances = [dict(bbox=box, bbox_label=n, ignore_flag=0) for n, box in enumerate(boxes)]
    results: Any = dict(img_path=str(folder / "i.png"), img_id=0, instances=instances)
    for transform in pipeline:
        results = TRANSFORMS.build(transform)(results)
        if results is None:
            return None
    return results


def seen_by(model: dict, made: dict, training: bool) -> Tensor:
    """What the network gets of a packed image."""
    preprocessor = MODELS.build(model["data_preprocessor"])
    data = dict(inputs=[made["inputs"]], data_samples=[made["data_samples"]])
    return preprocessor(data, training=training)["inputs"][0]


def test_training_is_as_the_released_command_says() -> None:
    config = composed(RESNET)
    assert config.train_dataloader.batch_size == 16 and config.train_cfg.max_epochs == 40
    assert config.train_cfg.val_interval == 1 and not config.param_scheduler
    assert config.val_dataloader.batch_size == config.test_dataloader.batch_size == 1
    assert config.model.roi_head.bbox_head.num_classes == 14
    model = nn.Linear(2, 2)
    wrapper = Runner.build_optim_wrapper(type("R", (), dict(model=model))(), config.optim_wrapper)
    (group,) = wrapper.optimizer.param_groups
    assert type(wrapper.optimizer) is torch.optim.Adam and not group["amsgrad"]
    assert (group["lr"], group["betas"], group["eps"], group["weight_decay"]) == (
        1e-4, (0.9, 0.999), 1e-8, 1e-4
    )  # fmt: skip
    weights = torch.cat([p.detach().flatten() for p in model.parameters()])
    loss = (1000 * model(torch.ones(1, 2))).sum() + 0 * sum(p.sum() for p in model.parameters())
    wrapper.update_params(loss)
    # Adam's first moment is a tenth of the gradient, clipped to norm 1, with the L2 penalty's.
    first = torch.cat([wrapper.optimizer.state[p]["exp_avg"].flatten() for p in model.parameters()])
    assert float((first - 1e-5 * weights).norm()) == pytest.approx(0.1, rel=1e-3)


def test_the_head_is_that_of_the_release() -> None:
    """mmdetection 2.25's configs/_base_/models/faster_rcnn_r50_fpn.py, which version 3 may leave one day."""
    model = composed(RESNET).model
    proposals, scores = model.test_cfg.rpn, model.test_cfg.rcnn
    assert (proposals.nms_pre, proposals.max_per_img, proposals.nms.iou_threshold) == (
        1000,
        1000,
        0.7,
    )
    assert (scores.score_thr, scores.nms.iou_threshold, scores.max_per_img) == (0.05, 0.5, 100)
    assert scores.nms.type == "nms" and not model.roi_head.bbox_head.reg_class_agnostic
    training = model.train_cfg
    assert (training.rpn_proposal.nms_pre, training.rpn_proposal.max_per_img) == (2000, 1000)
    assert (training.rpn.sampler.num, training.rcnn.sampler.num) == (256, 512)
    assert model.rpn_head.loss_bbox.type == model.roi_head.bbox_head.loss_bbox.type == "L1Loss"
    anchors = model.rpn_head.anchor_generator
    assert (anchors.scales, anchors.ratios) == ([8], [0.5, 1.0, 2.0])
    assert anchors.strides == [4, 8, 16, 32, 64] and model.neck.num_outs == 5


@pytest.mark.parametrize("side", [512, 96, 64])
def test_images_are_tested_at_800_px_of_512(tmp_path: Path, side: int) -> None:
    """By nothing but resizing; a smaller profile keeps the ratio."""
    config = composed()
    set_image_size(config, side)
    bgr = cv2.resize(
        np.random.default_rng(2).integers(0, 256, (9, 9, 3), dtype=np.uint8), (side, side)
    )
    for loader in (config.val_dataloader, config.test_dataloader):
        assert not any(t.type == "RandomFlip" for t in loader.dataset.pipeline)
        made = packed(loader.dataset.pipeline, bgr, [], tmp_path)
        large = side * 800 // 512
        assert made["inputs"].shape == (3, large, large)
        assert made["data_samples"].scale_factor == pytest.approx((large / side,) * 2)
        got = seen_by(config.model, made, training=False)
        padded = math.ceil(large / 32) * 32
        assert got.shape == (3, padded, padded)
        rgb = cv2.resize(bgr, (large, large), interpolation=cv2.INTER_LINEAR)[..., ::-1]
        wanted = torch.tensor((rgb - np.array(MEAN)) / DEVIATION).permute(2, 0, 1)
        assert torch.allclose(got[:, :large, :large].double(), wanted, atol=1e-5)
        assert (got[:, large:] == 0).all() and (got[:, :, large:] == 0).all()


def test_mean_and_deviation_are_imagenet_s_whatever_the_backbone() -> None:
    run = resolve(RunSpec("vindr", SMALL, "paper", 0, recipe="release"))
    other = dataclasses.replace(run.backbone, mean=(1.0, 2.0, 3.0), std=(4.0, 5.0, 6.0))
    preprocessor = configure(dataclasses.replace(run, backbone=other)).model.data_preprocessor
    assert (preprocessor.mean, preprocessor.std) == (MEAN, DEVIATION)


def test_a_training_image_is_mirrored_cropped_around_its_boxes_and_resized(tmp_path: Path) -> None:
    """The image holds its own places, so that where a crop lies can be read off it."""
    config = composed()
    pipeline = config.train_dataloader.dataset.dataset.pipeline
    ramp = np.linspace(0, 255, 512).astype(np.uint8)
    bgr = np.stack(np.broadcast_arrays(ramp[None], ramp[:, None], 7), -1).astype(np.uint8)
    boxes = [[100, 150, 220, 300], [200, 200, 260, 240]]
    mirrored = 0
    for seed in range(24):
        np.random.seed(seed)
        made = packed(pipeline, bgr, boxes, tmp_path)
        assert made["inputs"].shape == (3, 512, 512)
        columns, rows = made["inputs"][0, 256].float(), made["inputs"][1, :, 256].float()
        found = made["data_samples"].gt_instances.bboxes.tensor
        assert made["data_samples"].gt_instances.labels.tolist() == [0, 1]
        flipped = bool(columns[-1] < columns[0])
        mirrored += flipped
        for box, (x1, y1, x2, y2) in zip(found.tolist(), boxes, strict=True):
            assert min(box) >= 0 and max(box) <= 512
            if flipped:
                x1, x2 = 512 - x2, 512 - x1
            for corner, place, line in (
                (0, x1, columns),
                (1, y1, rows),
                (2, x2, columns),
                (3, y2, rows),
            ):
                if 2 < box[corner] < 510:  # not cut by the crop
                    value = 255 * (512 - place if line is columns and flipped else place) / 512
                    assert float(line[int(box[corner])]) == pytest.approx(value, abs=2)
        got = seen_by(config.model, made, training=True)
        assert float(got[0].mean()) == pytest.approx((7 - MEAN[0]) / DEVIATION[0], abs=1e-5)
    assert 4 <= mirrored <= 20
    assert packed(pipeline, bgr, [], tmp_path) is None


def test_an_image_that_is_no_multiple_of_32_is_padded_before_it_is_cropped(tmp_path: Path) -> None:
    pipeline = composed().train_dataloader.dataset.dataset.pipeline
    until = [t.type for t in pipeline].index("BoxSafeCrop")
    white = np.full((300, 500, 3), 255, np.uint8)
    made = packed(pipeline[:until], white, [[1, 1, 50, 50]], tmp_path)
    assert made["img"].shape == (320, 512, 3)
    assert (made["img"][307] == 0).all() and (made["img"][305] == 255).all()


@pytest.mark.parametrize("seed", range(3))
def test_rare_findings_are_drawn_more_often(tmp_path: Path, seed: int) -> None:
    """ceil of the largest max(1, sqrt(0.4 / f)) of an image's classes, of the images that are left of the labels."""
    config = composed()
    loader = config.train_dataloader.dataset
    content = coco(np.random.default_rng(seed), 60, loader.dataset.metainfo.classes, 64)
    (tmp_path / "splits").mkdir()
    (tmp_path / loader.dataset.ann_file).write_text(json.dumps(content))
    loader.dataset.data_root = str(tmp_path)
    loader.dataset.indices = list(range(20, 60))
    data = DATASETS.build(loader)
    classes = [
        {a["category_id"] for a in content["annotations"] if a["image_id"] == image}
        for image in range(20, 60)
    ]
    share = {c: sum(c in found for found in classes) / 40 for c in range(1, 15)}
    times = [math.ceil(max(max(1, math.sqrt(0.4 / share[c])) for c in found)) for found in classes]
    assert max(times) > 1
    assert data.repeat_indices == [n for n, count in enumerate(times) for _ in range(count)]


@pytest.fixture(scope="module")
def built() -> tuple[nn.Module, dict[str, Tensor]]:
    """A network, and its tensors before it was initialised."""
    torch.manual_seed(0)
    model = MODELS.build(composed(RESNET).model)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.init_weights()
    return model, before


def test_neck_and_heads_are_not_initialised(built: tuple[nn.Module, dict[str, Tensor]]) -> None:
    model, before = built
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_the_rpn_and_the_box_head_start_as_torch_s_own_layers(
    built: tuple[nn.Module, dict[str, Tensor]],
) -> None:
    """Uniform within 1 / sqrt(fan in): mmdetection's own start has a deviation of 0.01, or Xavier's."""
    model, _ = built
    layers = [
        (name, layer)
        for part in (model.rpn_head, model.roi_head)
        for name, layer in part.named_modules()
        if isinstance(layer, nn.Conv2d | nn.Linear)
    ]
    assert len(layers) == 3 + 4
    for name, layer in layers:
        bound = layer.weight[0].numel() ** -0.5
        for values in (layer.weight, layer.bias):
            assert float(values.detach().abs().max()) <= bound * (1 + 1e-6), name
        assert float(layer.weight.std()) == pytest.approx(bound / math.sqrt(3), rel=0.05), name
        assert float(layer.bias.abs().max()) > 0, name


def test_the_pyramid_starts_as_mmcv_s_conv_module(
    built: tuple[nn.Module, dict[str, Tensor]],
) -> None:
    """Kaiming normal by fan out, biases 0: mmdetection's own start is Xavier uniform, torch's has biases."""
    model, _ = built
    layers = [layer for layer in model.neck.modules() if isinstance(layer, nn.Conv2d)]
    assert len(layers) == 8
    for layer in layers:
        fan_out = layer.out_channels * layer.weight[0, 0].numel()
        deviation = math.sqrt(2 / fan_out)
        assert float(layer.weight.std()) == pytest.approx(deviation, rel=0.02)
        # A normal distribution has values beyond three deviations, no uniform one has any beyond 1.74.
        assert float(layer.weight.abs().max()) > 3 * deviation
        assert not layer.bias.any()


def test_the_backbone_gets_its_weights(tmp_path: Path) -> None:
    config = composed()
    source = MODELS.build(config.model.backbone)
    file = tmp_path / "weights.pth"
    own = {name: source.state_dict()[key] for key, name in source.own_names().items()}
    torch.save(own, file)
    config.model.backbone.weights = dict(file=str(file), layout="own")
    model = MODELS.build(config.model)
    before = {name: value.clone() for name, value in model.neck.state_dict().items()}
    model.init_weights()
    for name, value in source.state_dict().items():
        assert torch.equal(model.backbone.state_dict()[name], value), name
    for name, value in model.neck.state_dict().items():
        assert torch.equal(value, before[name]), name


@pytest.mark.parametrize("backbone", [RESNET, VIT])
def test_the_stem_the_first_stage_and_all_statistics_stay(tmp_path: Path, backbone: str) -> None:
    """Of a ResNet; of a transformer, which the release does not have, everything is trained."""
    config = composed(backbone, "mini")
    torch.manual_seed(0)
    model = MODELS.build(config.model)
    model.init_weights()
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.ones_(layer.weight)  # timm's random ResNet begins with blocks that do nothing
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    rng = np.random.default_rng(0)
    pipeline = config.train_dataloader.dataset.dataset.pipeline
    image = rng.integers(0, 256, (96, 96, 3), dtype=np.uint8)
    made = packed(pipeline, image, [[10, 10, 60, 70]], tmp_path)
    data = dict(inputs=[made["inputs"]] * 2, data_samples=[made["data_samples"]] * 2)
    data = model.data_preprocessor(data, training=True)
    losses, _ = model.parse_losses(model(**data, mode="loss"))
    optimiser = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    losses.backward()
    optimiser.step()
    changed = {name for name, value in model.state_dict().items() if not value.equal(before[name])}
    parameters = {name for name, _ in model.named_parameters()}
    statistics = {name for name in before if "running" in name or "num_batches" in name}
    assert not changed & statistics
    stem = ("conv1.", "bn1.", "layer1.")
    kept = {
        name for name in parameters if name.removeprefix("backbone.network.").startswith(stem)
    } if backbone == RESNET else set()  # fmt: skip
    assert len(kept) == (33 if backbone == RESNET else 0)
    assert not changed & kept
    assert changed >= parameters - kept


def test_kvasir_detection_has_no_released_protocol() -> None:
    with pytest.raises(ValueError, match=r"kvasir_detection has no recipe 'release'.*vindr"):
        registry.check("kvasir_detection", "release")
