"""What the configs of the released classification say, against the release's tables and torchvision's transforms."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mmpretrain.datasets  # noqa: F401  registers the transforms
import numpy as np
import pytest
import torch
import torchvision
from mmengine.config import Config
from mmengine.registry import MODELS, TRANSFORMS, init_default_scope
from mmengine.runner import Runner
from PIL import Image
from skimage.transform import resize
from torch import nn
from torch.nn.functional import cross_entropy
from torchvision.transforms import v2

import tasks.registration
import tasks.release.registration  # noqa: F401
from benchmarks.grid import RunSpec
from lvmmed_backbones import catalogue
from lvmmed_backbones.catalogue import Entry
from tasks import registry
from tests.factories import blobs, configured

RESNET, VIT = "random_resnet50", "random_vit_mini"
# Batch, rate, decay, epochs, by the released files: the table of section 5.
RELEASED = {
    ("brain_tumor_linear", RESNET): (64, 5e-4, 0, 20),
    ("brain_tumor_linear", VIT): (64, 5e-4, 0, 20),
    ("brain_tumor_finetune", RESNET): (64, 5e-4, 0, 30),
    ("brain_tumor_finetune", VIT): (64, 5e-4, 0, 40),
    ("fgadr_linear", RESNET): (32, 5e-4, 0.005, 20),
    ("fgadr_linear", VIT): (32, 5e-4, 0.005, 20),
    ("fgadr_finetune", RESNET): (32, 1e-4, 0.005, 30),
    ("fgadr_finetune", VIT): (12, 1e-4, 0.005, 30),
}
CASES = [(f"{task}{head}", backbone) for task, backbone in RELEASED for head in ("", "_fcns")]
WIDTHS = dict(brain_tumor=[512, 256, 4], fgadr=[512, 128, 5])
PARTS = ("train_dataloader", "val_dataloader", "test_dataloader")
IMAGENET = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def composed(task: str, backbone: str, seed: int = 0) -> Config:
    init_default_scope("mmpretrain")
    return configured(RunSpec(task, backbone, "paper", seed, recipe="release"))


def small(task: str, backbone: str) -> Config:
    """A config of a network that a test can train."""
    config = composed(task, backbone)
    if backbone == RESNET:
        config.model.backbone.model_name = "resnet18"
        config.model.head.in_channels = 512
    return config


def seen(config: Config, part: str, file: Path) -> torch.Tensor:
    """The network's input (3, H, W) of an image file."""
    results: Any = dict(img_path=str(file), gt_label=0)
    for transform in config[part].dataset.pipeline:
        results = TRANSFORMS.build(transform)(results)
    data = dict(inputs=[results["inputs"]], data_samples=[results["data_samples"]])
    return MODELS.build(config.model.data_preprocessor)(data)["inputs"][0]


def saved(folder: Path, image: np.ndarray, name: str = "a.png") -> Path:
    (folder / "images").mkdir(exist_ok=True)
    Image.fromarray(image).save(folder / "images" / name)
    return folder / "images" / name


# Training.


@pytest.mark.parametrize(("task", "backbone"), CASES)
def test_training_is_as_the_released_files_say(task: str, backbone: str) -> None:
    batch, rate, decay, epochs = RELEASED[task.removesuffix("_fcns"), backbone]
    config = composed(task, backbone)
    assert [config[part].batch_size for part in PARTS] == [batch] * 3
    assert config.train_cfg.max_epochs == epochs and config.train_cfg.val_interval == 1
    assert not config.param_scheduler and not config.optim_wrapper.get("clip_grad")
    lists = [config[part].dataset.ann_file for part in PARTS]
    assert lists == ["splits/release_train.txt", "splits/release_valid.txt", "splits/test.txt"]
    assert config.default_hooks.checkpoint == dict(type="SelectionHook", ties="later")
    assert config.task.headline == "accuracy"
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    wrapper = Runner.build_optim_wrapper(type("R", (), dict(model=model))(), config.optim_wrapper)
    (group,) = wrapper.optimizer.param_groups
    assert type(wrapper.optimizer) is torch.optim.Adam and not group["amsgrad"]
    assert (group["lr"], group["betas"], group["eps"], group["weight_decay"]) == (
        rate, (0.9, 0.999), 1e-8, decay
    )  # fmt: skip
    assert len(group["params"]) == 4


@pytest.mark.parametrize(("task", "backbone"), CASES)
def test_a_training_step_is_a_plain_one_of_torch(task: str, backbone: str) -> None:
    """Cross-entropy of the layers on the vector, Adam with its own decay; frozen networks stay but for BatchNorm."""
    config = small(task, backbone)
    torch.manual_seed(0)
    model = MODELS.build(config.model).train()
    model.init_weights()
    names = (
        WIDTHS[config.task.dataset] if task.endswith("_fcns") else WIDTHS[config.task.dataset][2:]
    )
    width, layers = config.model.head.in_channels, []
    for number, wider in enumerate(names):
        layers += [nn.ReLU()] * (number > 0) + [nn.Linear(width, wider)]
        width = wider
    head = nn.Sequential(*layers)
    ours = [m for m in model.head.modules() if isinstance(m, nn.Linear)]
    for mine, theirs in zip(ours, (m for m in head if isinstance(m, nn.Linear)), strict=True):
        assert mine.weight.abs().max() <= mine.in_features**-0.5, "torch's start"
        assert mine.weight.abs().max() > 0.9 * mine.in_features**-0.5
        theirs.load_state_dict(mine.state_dict())
    assert not [m for m in model.head.modules() if isinstance(m, nn.Dropout)]
    frozen = "linear" in task
    if backbone == RESNET:
        network = torchvision.models.resnet18(num_classes=1)
        network.fc = nn.Identity()
    else:
        network = MODELS.build(config.model.backbone).network
    network.load_state_dict(model.backbone.network.state_dict())
    network.requires_grad_(not frozen)
    plain = nn.Sequential(network, head).train()
    _, rate, decay, _ = RELEASED[task.removesuffix("_fcns"), backbone]
    optimizer = torch.optim.Adam(plain.parameters(), lr=rate, weight_decay=decay)
    wrapper = Runner.build_optim_wrapper(type("R", (), dict(model=model))(), config.optim_wrapper)
    mean, std = (
        torch.tensor(v).view(3, 1, 1) for v in ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375])
    )
    before = {name: value.clone() for name, value in plain.state_dict().items()}
    for step in range(3):
        inputs = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
        labels = torch.randint(0, names[-1], (4,))
        samples = [_sample(label) for label in labels.tolist()]
        loss = model.train_step(dict(inputs=[*inputs], data_samples=samples), wrapper)["loss"]
        wanted = cross_entropy(plain((inputs.flip(1).float() - mean) / std), labels)
        optimizer.zero_grad()
        wanted.backward()
        optimizer.step()
        assert float(loss) == pytest.approx(wanted.item(), rel=2e-4), step
    after = {f"0.{n}": v for n, v in model.backbone.network.state_dict().items()}
    for name, value in plain.state_dict().items():
        if name in after:
            torch.testing.assert_close(after[name], value, rtol=1e-3, atol=1e-5)
            moved = not torch.equal(value, before[name])
            drifts = backbone == RESNET and "running_" in name
            assert moved == (not frozen or drifts or "num_batches" in name), name
    for mine, theirs in zip(ours, (m for m in head if isinstance(m, nn.Linear)), strict=True):
        torch.testing.assert_close(mine.weight, theirs.weight, rtol=1e-3, atol=1e-5)


def _sample(label: int) -> Any:
    from mmpretrain.structures import DataSample

    return DataSample().set_gt_label(label)


def test_a_batch_of_one_image_keeps_its_axis(tmp_path: Path) -> None:
    """The release's ViT squeezes it away (vitcls:194-210)."""
    for task in ("brain_tumor_linear", "brain_tumor_finetune_fcns"):
        model = MODELS.build(composed(task, VIT).model)
        for mode in (model.train(), model.eval()):
            assert mode(torch.rand(1, 3, 48, 48), mode="tensor").shape == (1, 4)
        data = dict(inputs=[torch.zeros(3, 48, 48, dtype=torch.uint8)], data_samples=[_sample(2)])
        (answer,) = model.test_step(data)
        assert answer.pred_score.shape == (4,)


# Images.


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("backbone", [RESNET, VIT])
@pytest.mark.parametrize("task", ["brain_tumor_linear", "brain_tumor_finetune"])
def test_an_image_of_a_brain_is_resized_by_pil_and_normalised_by_imagenet(
    tmp_path: Path, task: str, backbone: str, part: str
) -> None:
    image = np.random.default_rng(3).integers(0, 256, (300, 401, 3), dtype=np.uint8)
    file = saved(tmp_path, image)
    release = torchvision.transforms.Compose(
        [
            torchvision.transforms.Resize((224, 224)),
            torchvision.transforms.ToTensor(),
            torchvision.transforms.Normalize(*(v.tolist() for v in IMAGENET)),
        ]
    )
    wanted = release(Image.open(file).convert("RGB"))
    ours = seen(composed(task, backbone), part, file)
    torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-5)


def pixels(normalised: torch.Tensor) -> np.ndarray:
    """The uint8 image (H, W, 3) that was normalised by ImageNet's values."""
    mean, std = (v.view(3, 1, 1) for v in IMAGENET)
    values = (normalised * std + mean) * 255
    torch.testing.assert_close(values, values.round(), rtol=0, atol=2e-3)
    return values.round().permute(1, 2, 0).numpy().astype(np.uint8)


def of_release(image: np.ndarray) -> np.ndarray:
    """As the release's preparer stores an image of FGADR (split/FGADR:13-38)."""
    small = resize(image, (512, 512), order=0, preserve_range=True, anti_aliasing=False)
    return small.astype(np.uint8)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    ("task", "backbone", "random"),
    [
        ("fgadr_linear", RESNET, True), ("fgadr_linear", VIT, True),
        ("fgadr_finetune", RESNET, True), ("fgadr_finetune", VIT, False),
    ],
)  # fmt: skip
def test_fgadr_is_cropped_mirrored_and_stretched_in_all_parts_but_for_the_fine_tuned_vit(
    tmp_path: Path, task: str, backbone: str, random: bool, part: str
) -> None:
    image = blobs(640, 560, 3, seed=1) // 2 + 30
    file = saved(tmp_path, image)
    stored = of_release(image)
    made = []
    for seed in range(6):
        np.random.seed(seed)
        made.append(pixels(seen(composed(task, backbone, seed), part, file)))
    if not random:
        assert all((each == stored).all() for each in made)
        return
    assert {each.shape for each in made} == {(480, 480, 3)}
    assert len({each.tobytes() for each in made}) > 4
    low, high = stored.min(), stored.max()
    stretched = [each for each in made if each.min() < low]
    plain = [each for each in made if each.min() >= low]
    assert len(plain) >= 3 and all(each.max() <= high for each in plain)
    assert all((each.min((0, 1)) == 0).all() for each in stretched)
    for each in plain[:2]:
        assert _is_part(each, stored) or _is_part(each[:, ::-1], stored)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("task", ["fgadr_linear", "fgadr_finetune"])
def test_every_part_is_mirrored_and_stretched_as_often_as_in_training(task: str, part: str) -> None:
    """0.5 and 0.2 of 400 views, within four deviations."""
    image = np.tile(np.arange(50, 98, dtype=np.uint8), (48, 1))[..., None].repeat(3, -1)
    (view,) = [t for t in composed(task, RESNET)[part].dataset.pipeline if t.type == "RandomView"]
    np.random.seed(0)
    made = []
    for seed in range(400):
        own = dict(seed=seed) if "seed" in view else {}
        transform = TRANSFORMS.build({**view, "crop_size": 40, **own})
        made.append(transform(dict(img=image, img_path="images/a.png"))["img"])
    mirrored = np.mean([each[0, 0, 0] > each[0, -1, 0] for each in made])
    stretched = np.mean([each.min() == 0 for each in made])
    assert abs(mirrored - 0.5) < 4 * (0.25 / 400) ** 0.5
    assert abs(stretched - 0.2) < 4 * (0.16 / 400) ** 0.5


def _is_part(part: np.ndarray, whole: np.ndarray) -> bool:
    side = len(part)
    places = np.argwhere((whole[: 513 - side, : 513 - side] == part[0, 0]).all(-1))
    return any((whole[top : top + side, left : left + side] == part).all() for top, left in places)


@pytest.mark.parametrize("part", PARTS[1:])
def test_a_view_in_testing_is_fixed_by_the_run_s_seed_and_the_image(
    tmp_path: Path, part: str
) -> None:
    files = [saved(tmp_path, blobs(530, 520, 3, seed=2), name) for name in ("a.png", "b.png")]
    seeds = {}
    for seed in (0, 1):
        config = composed("fgadr_finetune", RESNET, seed)
        first = [seen(config, part, file) for file in files]
        np.random.seed(seed + 7)
        again = [seen(config, part, file) for file in reversed(files)][::-1]
        assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
        seeds[seed] = first
    assert not torch.equal(*seeds[0]) and not torch.equal(seeds[0][0], seeds[1][0])


def test_testing_can_be_made_sound_by_a_central_crop(tmp_path: Path) -> None:
    """As the config says, in place of the random view; then no seed changes what is tested."""
    assert (
        "dict(type='CenterCrop', crop_size=480)"
        in Path(registry.get("fgadr_linear", "release").filename).read_text()
    )
    image = blobs(512, 512, 3, seed=4)
    file = saved(tmp_path, image)
    for seed in (0, 1):
        config = composed("fgadr_linear", RESNET, seed)
        for part in PARTS[1:]:
            at = [t.type for t in config[part].dataset.pipeline].index("RandomView")
            config[part].dataset.pipeline[at] = dict(type="CenterCrop", crop_size=480)
            wanted = v2.CenterCrop(480)(Image.fromarray(image))
            assert (pixels(seen(config, part, file)) == np.asarray(wanted)).all()


# Networks.


SIDES = [(224, "brain_tumor_linear"), (480, "fgadr_linear"), (512, "fgadr_finetune")]


@pytest.mark.parametrize(("side", "task"), SIDES)
def test_sam_s_encoder_has_no_positions_no_neck_and_interpolates_its_relative_ones(
    side: int, task: str
) -> None:
    """Against segment_anything's own blocks, whose tables have the length of 1024 px, as in the released module."""
    encoder = pytest.importorskip("segment_anything.modeling.image_encoder")
    config = composed(task, VIT)
    assert "use_abs_pos" not in config.model.backbone and config.model.backbone.ignore_abs_pos
    ours = MODELS.build(config.model.backbone).eval()
    theirs = encoder.ImageEncoderViT(
        img_size=1024, embed_dim=64, depth=2, num_heads=2, window_size=4, global_attn_indexes=(1,),
        use_rel_pos=True, use_abs_pos=False, norm_layer=lambda width: nn.LayerNorm(width, eps=1e-6),
    ).eval()  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    state = {
        name: torch.randn(value.shape, generator=generator) / max(1, value[0].numel()) ** 0.5
        for name, value in ours.network.state_dict().items()
    }
    assert state["blocks.1.attn.rel_pos_h"].shape[0] == 127
    assert not {name for name in state if name.startswith(("neck", "pos_embed"))}
    ours.network.load_state_dict(state)
    missing, unexpected = theirs.load_state_dict(state, strict=False)
    assert not unexpected and all(name.startswith("neck") for name in missing)
    images = torch.randn(2, 3, side, side, generator=generator)
    with torch.no_grad():
        (vector,) = ours(images)
        x = theirs.patch_embed(images)
        for block in theirs.blocks:
            x = block(x)
    assert x.shape[1:3] == (side // 16, side // 16)
    torch.testing.assert_close(vector, x.mean((1, 2)), rtol=1e-4, atol=1e-4)


def test_another_transformer_keeps_the_vector_of_its_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """No wrapper of another one was released."""
    monkeypatch.setattr("lvmmed_backbones.catalogue._registered", {})
    entry = Entry(
        architecture="ViT", source="here", channels=None, vector_channels=192, mean=(127.5,) * 3,
        config=dict(type="Backbone", model_name="vit_tiny_patch16_224", depth=1),
    )  # fmt: skip
    catalogue.register("small_vit", entry)
    for side, task in SIDES:
        model = composed(task, "small_vit").model
        backbone = model.backbone
        assert model.data_preprocessor.mean == [123.675, 116.28, 103.53], "ImageNet's for all"
        assert "ignore_abs_pos" not in backbone and backbone.img_size == side
        assert MODELS.build(backbone).network.pos_embed.shape[1] == (side // 16) ** 2 + 1


def test_a_suite_s_run_is_told_nothing_of_the_release() -> None:
    for task in ("brain_tumor_linear", "fgadr_finetune"):
        for backbone in (RESNET, VIT):
            config = configured(RunSpec(task, backbone, "paper", 0))
            assert not {"ignore_abs_pos", "frozen_statistics"} & config.model.backbone.keys()
            assert config.default_hooks.checkpoint == dict(type="SelectionHook")
            assert config.train_dataloader.dataset.ann_file == "splits/train.txt"
