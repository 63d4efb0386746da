"""The release's U-Net: smp's own with the same weights, the catalogue's features, one line for wrong input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import segmentation_models_pytorch as smp
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from safetensors.torch import save_file
from torch import nn

import lvmmed_backbones
import tasks.release.registration  # noqa: F401
from lvmmed_backbones import catalogue, models
from tasks.release.losses import segmentation_losses
from tasks.release.unet import ReleasedUNet


def spread(module: nn.Module, seed: int = 0) -> None:
    """Move every parameter and statistic, so that none is 0 or as another."""
    generator = torch.Generator().manual_seed(seed)
    for value in module.state_dict().values():
        if value.is_floating_point():
            value.add_(0.02 * torch.rand(value.shape, generator=generator))


def stored(folder: Path, name: str = "resnet18") -> dict[str, Any]:
    """The config of a backbone whose weights lie in a file."""
    config = dict(type="Backbone", model_name=name, output="vector")
    module = models.from_config(config)
    spread(module)
    own = module.own_names()
    save_file(
        {own[n]: v.contiguous() for n, v in module.state_dict().items()}, folder / "w.safetensors"
    )
    return config | dict(weights=dict(file=str(folder / "w.safetensors")))


def unet(backbone: dict[str, Any], classes: int = 2, **arguments: Any) -> ReleasedUNet:
    model = ReleasedUNet(backbone, classes, **arguments)
    model.init_weights()
    return model


def sample(mask: torch.Tensor, name: str = "masks/a.png") -> SegDataSample:
    made = SegDataSample(metainfo=dict(seg_map_path=name))
    made.gt_sem_seg = PixelData(data=mask[None])
    return made


@pytest.mark.parametrize(("channels", "classes"), [(3, 2), (1, 8)])
@pytest.mark.parametrize("train", [True, False])
def test_the_network_is_smp_s_unet_with_the_same_weights(
    tmp_path: Path, channels: int, classes: int, train: bool
) -> None:
    """smp fills a grey image's first convolution itself, when weights are loaded before."""
    config = stored(tmp_path)
    ours = unet(config, classes, channels=channels).train(train)
    theirs = smp.Unet("resnet18", encoder_weights=None, classes=classes)
    theirs.encoder.load_state_dict(weights_of(config))
    theirs.encoder.set_in_channels(channels, pretrained=True)
    spread(theirs.decoder, 1)
    spread(theirs.segmentation_head, 2)
    ours.decoder.load_state_dict(theirs.decoder.state_dict())
    ours.segmentation_head.load_state_dict(theirs.segmentation_head.state_dict())
    images = torch.rand(2, channels, 64, 96) * 255
    three = images if channels == 3 else images.expand(-1, 3, -1, -1)
    with torch.no_grad():
        assert torch.equal(ours(three, []), theirs.train(train)(images))


def weights_of(config: dict[str, Any]) -> dict[str, torch.Tensor]:
    module = models.from_config(config)
    module.init_weights()
    return dict(module.network.state_dict())


@pytest.mark.parametrize(
    "name", ["random_resnet50", "random_resnet18_half", "imagenet_efficientnet_lite0"]
)
def test_the_filled_encoder_s_maps_are_those_of_the_built_backbone(
    tmp_path: Path, name: str
) -> None:
    built = lvmmed_backbones.build(name).eval()
    config = catalogue.get(name).model("vector", 224)
    if name.startswith("random"):
        own = built.own_names()
        state = {own[n]: v for n, v in built.state_dict().items()}
        save_file(state, tmp_path / "w.safetensors")
        config["weights"] = dict(file=str(tmp_path / "w.safetensors"))
    encoder = unet(config).eval().backbone
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        for mine, theirs in zip(encoder(images)[2:], built(images), strict=True):
            torch.testing.assert_close(mine, theirs)


def test_the_first_convolution_of_a_timm_encoder_is_summed_for_grey_images() -> None:
    config = catalogue.get("imagenet_efficientnet_lite0").model("vector", 224)
    colour, grey = (unet(config, channels=n).backbone.state_dict() for n in (3, 1))
    changed = [n for n in colour if colour[n].shape != grey[n].shape]
    assert changed == ["model.conv_stem.weight"]
    assert torch.equal(grey[changed[0]], colour[changed[0]].sum(1, keepdim=True))
    assert all(torch.equal(colour[n], grey[n]) for n in colour if n not in changed)


@pytest.mark.parametrize("depth", [18, 34, 50])
def test_a_resnet_of_any_width_is_smp_s_resnet_when_it_has_the_usual_one(
    tmp_path: Path, depth: int
) -> None:
    """`depth` is timm's here, not the number of smp's levels."""
    usual = stored(tmp_path, f"resnet{depth}")
    own = dict(usual, model_name="scaled_resnet", depth=depth)
    theirs, ours = (unet(config, channels=1).eval() for config in (usual, own))
    for part in ("decoder", "segmentation_head"):
        getattr(ours, part).load_state_dict(getattr(theirs, part).state_dict())
    images = 255 * torch.rand(1, 1, 32, 64)
    with torch.no_grad():
        torch.testing.assert_close(ours(images, []), theirs(images, []))


def test_without_weights_the_network_is_smp_s_from_the_same_random_numbers() -> None:
    torch.manual_seed(3)
    ours = unet(dict(type="Backbone", model_name="resnet18", output="vector"))
    torch.manual_seed(3)
    theirs = smp.Unet("resnet18", encoder_weights=None, classes=2)
    for mine, value in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
        assert torch.equal(mine, value)


def test_the_decoder_has_the_widths_and_the_start_of_the_release() -> None:
    model = unet(dict(type="Backbone", model_name="resnet50", output="vector"))
    convolutions = [m for m in model.decoder.modules() if isinstance(m, nn.Conv2d)]
    skips, widths = (1024, 512, 256, 64, 0), (2048, 256, 128, 64, 32, 16)
    wanted = []
    for before, skip, after in zip(widths, skips, widths[1:], strict=False):
        wanted += [(after, before + skip, 3, 3), (after, after, 3, 3)]
    assert [tuple(c.weight.shape) for c in convolutions] == wanted
    for convolution in convolutions:  # Kaiming, uniform: within sqrt(6 / fan in)
        assert convolution.bias is None
        bound = (6 / (convolution.weight[0].numel())) ** 0.5
        assert 0.98 * bound < convolution.weight.abs().max() <= bound
    (head,) = (m for m in model.segmentation_head.modules() if isinstance(m, nn.Conv2d))
    assert head.weight.shape == (2, 16, 3, 3) and not head.bias.any()
    bound = (6 / (9 * (16 + 2))) ** 0.5  # Xavier, uniform
    assert 0.95 * bound < head.weight.abs().max() <= bound
    kinds = {type(m) for m in model.decoder.modules()} | {type(m) for m in model.backbone.modules()}
    assert nn.BatchNorm2d in kinds and not any(
        issubclass(k, nn.modules.dropout._DropoutNd) for k in kinds
    )
    assert all(p.requires_grad for p in model.parameters()) and all(
        m.training for m in model.modules()
    )


def test_losses_and_predictions_are_of_the_network_s_size() -> None:
    model = unet(dict(type="Backbone", model_name="resnet18", output="vector"), 3).eval()
    images, masks = torch.rand(2, 3, 32, 64), torch.randint(0, 3, (2, 32, 64))
    samples = [sample(mask) for mask in masks]
    logits = model(images, [])
    wanted = segmentation_losses(logits, masks)
    for name, value in model(images, samples, "loss").items():
        assert torch.equal(value, wanted[name])
    for made, scores in zip(model(images, samples, "predict"), logits, strict=True):
        assert torch.equal(made.pred_sem_seg.data[0], scores.argmax(0))


@pytest.mark.parametrize("mode", ["loss", "predict"])
def test_a_label_beyond_the_classes_is_refused_with_its_file(mode: str) -> None:
    model = unet(dict(type="Backbone", model_name="resnet18", output="vector"))
    masks = torch.zeros(2, 32, 32, dtype=torch.uint8)
    masks[1, 3, 4] = 2
    samples = [sample(masks[0]), sample(masks[1], "masks/wrong.png")]
    with pytest.raises(
        ValueError, match=r"masks/wrong.png: has label 2, the task has 0 to 1\. Prep"
    ) as caught:
        model(torch.rand(2, 3, 32, 32), samples, mode)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [(250, 256), (256, 250), (16, 32)])
def test_images_whose_sides_are_no_multiples_of_32_are_refused(size: tuple[int, int]) -> None:
    model = unet(dict(type="Backbone", model_name="resnet18", output="vector"))
    with pytest.raises(ValueError, match=rf"images of {size[1]} x {size[0]} px: .*multiples of 32"):
        model(torch.rand(1, 3, *size), [])


@pytest.mark.parametrize(
    "more",
    [
        dict(model_name="levit_128"),
        dict(model_name="vit_tiny_patch16_224"),
        dict(model_name="sam_vit_b", depth=2, embed_dim=64, num_heads=2),
    ],
)
def test_a_backbone_without_five_maps_is_refused_in_a_line(more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"builds no U-Net .*Take resnet18, ") as caught:
        ReleasedUNet(dict(type="Backbone", output="vector", **more), 2)
    assert "\n" not in str(caught.value)
