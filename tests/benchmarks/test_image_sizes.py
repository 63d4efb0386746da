"""What the model sees of an image: resized, cropped, in tiles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import Runner
from PIL import Image

from benchmarks.config import LOADERS, image_size, transforms, use_tiles
from benchmarks.grid import RunSpec
from benchmarks.labels import inner_dataset
from tests.factories import configured, placed


def composed(task: str, profile: str) -> Config:
    config = configured(RunSpec(task, "random_vit_tiny", profile, 0))
    init_default_scope(config.default_scope)
    return config


@pytest.mark.parametrize(
    ("task", "profile", "resized", "seen"),
    [
        ("fgadr_linear", "paper", 512, 480),
        ("fgadr_finetune", "paper", 512, 480),
        ("fgadr_finetune", "small", 136, 128),
        ("fgadr_finetune", "mini", 68, 64),
    ],
)
def test_fgadr_is_resized_before_it_is_cropped(
    task: str, profile: str, resized: int, seen: int, tmp_path: Path
) -> None:
    """Without that, a crop of 64 px would see a twentieth of a photograph's width."""
    config = composed(task, profile)
    assert image_size(config) == seen
    for loader in filter(config.get, LOADERS):
        steps = [t for t in config[loader].dataset.pipeline if "scale" in t or "crop_size" in t]
        assert [t.get("scale") or t.crop_size for t in steps] == [(resized, resized), seen]
    y, x = np.mgrid[-1:1:1280j, -1:1:1280j]
    disc = 255 * np.repeat((np.hypot(x, y) < 0.8)[..., None], 3, 2).astype(np.uint8)
    Image.fromarray(disc).save(tmp_path / "disc.png")
    pipeline = Compose(config.test_dataloader.dataset.pipeline)
    found = pipeline(dict(img_path=str(tmp_path / "disc.png"), gt_label=0))["inputs"]
    assert found.shape == (3, seen, seen)
    share = np.pi * 0.8**2 / 4 * (resized / seen) ** 2
    assert (found > 127).float().mean().item() == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("profile", ["mini", "small"])
def test_drive_trains_on_crops_and_is_tested_on_tiles(profile: str) -> None:
    config = composed("drive", profile)
    size = image_size(config)
    assert config.model.test_cfg == dict(
        mode="slide", crop_size=(size, size), stride=(size * 3 // 4,) * 2
    )
    scales = {t.scale for t in transforms(config) if "scale" in t}
    assert len(scales) == 1 and min(scales.pop()) > size
    assert [t.type for t in config.train_dataloader.dataset.pipeline].count("RandomCrop") == 1
    assert "RandomCrop" not in [t.type for t in config.test_dataloader.dataset.pipeline]


def test_the_paper_profile_has_no_tiles() -> None:
    config = composed("drive", "paper")
    assert config.model.test_cfg == dict(mode="whole")
    assert image_size(config) == 256


def picture(folder: Path, width: int, height: int) -> dict[str, str]:
    """Write an image and its mask, both white on the right."""
    mask = np.zeros((height, width), np.uint8)
    mask[:, width // 2 :] = 1
    image, labels = folder / f"{width}.png", folder / f"{width}-mask.png"
    Image.fromarray(255 * mask).convert("RGB").save(image)
    Image.fromarray(mask).save(labels)
    return dict(img_path=str(image), seg_map_path=str(labels))


def loaded(config: Config, loader: str, files: dict[str, str]) -> dict:
    """Return an image after the pipeline of a loader."""
    facts = dict(label_map=None, reduce_zero_label=False, seg_fields=[])
    return Compose(inner_dataset(config[loader].dataset).pipeline)({**files, **facts})


@pytest.mark.parametrize(("width", "height"), [(565, 584), (40, 30), (64, 500)])
def test_masks_are_cropped_with_their_images(width: int, height: int, tmp_path: Path) -> None:
    config = composed("drive", "mini")
    files = picture(tmp_path, width, height)
    np.random.seed(0)
    shares = []
    for _ in range(20):
        sample = loaded(config, "train_dataloader", files)
        labels = sample["data_samples"].gt_sem_seg.data[0]
        assert sample["inputs"].shape == (3, 64, 64) and labels.shape == (64, 64)
        agreement = ((sample["inputs"][0] > 127) == labels.bool()).float().mean()
        assert agreement > 0.9
        shares.append(labels.float().mean().item())
    assert min(shares) == 0 and max(shares) == 1  # crops come from either side


class Echo:
    """A model that answers each tile with its own brightness, and counts the tiles."""

    def __init__(self) -> None:
        self.tiles = 0

    def __call__(self, tile: torch.Tensor, _metas: object) -> torch.Tensor:
        assert tile.shape[-2:] == (64, 64)
        self.tiles += 1
        return torch.cat([torch.zeros_like(tile[:, :1]), tile[:, :1]], 1)


@pytest.mark.parametrize("side", [64, 100, 112, 113, 256])
def test_tiles_cover_an_image_to_its_borders_and_are_put_back_in_their_place(
    side: int, tmp_path: Path
) -> None:
    """Images of different sizes in one batch, some of them smaller than a tile."""
    config = composed("drive", "mini")
    for loader in LOADERS:  # as it was before its budget
        if config.get(loader):
            pipeline = config[loader].dataset.pipeline
            config[loader].dataset.pipeline = [t for t in pipeline if t.type != "RandomCrop"]
    use_tiles(config, 64, side)
    model = MODELS.build(config.model).eval()
    model.encode_decode = echo = Echo()
    sizes = [(565, 584), (40, 30), (64, 500)]
    samples = [loaded(config, "test_dataloader", picture(tmp_path, *size)) for size in sizes]
    batch = {key: [sample[key] for sample in samples] for key in samples[0]}
    for (width, height), sample in zip(sizes, model.test_step(batch), strict=True):
        found, truth = sample.pred_sem_seg.data, sample.gt_sem_seg.data
        assert found.shape == truth.shape == (1, height, width)
        assert (found == truth).float().mean() > 0.95
    assert echo.tiles == {64: 1, 100: 4, 112: 4, 113: 9, 256: 25}[side]


def test_sizes_that_cannot_be_are_told() -> None:
    with pytest.raises(
        ValueError, match="image_size=64: crops are larger than the images, resize=32"
    ):
        use_tiles(composed("drive", "paper"), 64, 32)
    for task in ("fgadr_linear", "vindr"):
        with pytest.raises(ValueError, match="is not tested on tiles"):
            use_tiles(composed(task, "paper"), 64, 128)


@pytest.mark.slow
def test_an_untrained_network_learns_to_find_vessels(prepared_root: Path, tmp_path: Path) -> None:
    """On whole images of 64 px every backbone had a Dice of 0."""
    spec = RunSpec("drive", "random_resnet50", "mini", 0)
    runner = Runner.from_cfg(placed(spec, prepared_root, tmp_path))
    runner.train()
    assert runner.test()["dice"] > 0.3
