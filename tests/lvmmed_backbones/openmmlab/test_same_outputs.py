"""The same weights give the same output as OpenMMLab's own classes, in double precision, which leaves no rounding."""

from __future__ import annotations

import pytest
import torch
from mmpretrain.models.backbones import ResNet, ViTSAM
from torch import Tensor, nn

from lvmmed_backbones.models import Backbone
from lvmmed_backbones.weights.layouts import converted

SMALL = dict(
    embed_dims=96,
    num_layers=4,
    num_heads=3,
    feedforward_channels=250,  # no multiple of the width
    global_attn_indexes=[1, 3],
)
OURS = dict(embed_dim=96, depth=4, num_heads=3, mlp_ratio=250.5 / 96, global_attn_indexes=[1, 3])


def scattered(model: nn.Module) -> nn.Module:
    """In evaluation mode and double precision, every parameter and statistic drawn at random, none left at 0 or 1."""
    model.double()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                noise = torch.randn(value.shape, generator=generator)
                if value.ndim == 1:
                    value.copy_((0 if name.endswith(("bias", "mean")) else 1) + 0.1 * noise.abs())
                elif "pos" in name:
                    value.copy_(0.3 * noise)
                else:
                    value.copy_(noise / value[0].numel() ** 0.5)
    model.eval()  # mmpretrain's gives nothing back
    return model


def like(model: nn.Module, ours: Backbone, layout: str) -> Backbone:
    """Ours with the weights of OpenMMLab's, every entry of them, as a checkpoint brings them."""
    tensors = ours.resampled(converted(model.state_dict(), layout))
    names = ours.double().own_names()
    assert {*tensors} == {*names.values()}
    state = {name: tensors[own] for name, own in names.items()}
    missing, unexpected = ours.load_state_dict(state, strict=False)
    assert not unexpected and all(name.startswith("pyramid.") for name in missing)
    return ours.eval()


def images(*sides: int) -> Tensor:
    return torch.randn(1, 3, *sides, generator=torch.Generator().manual_seed(1)).double()


def assert_same(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-7)


@torch.no_grad()
@pytest.mark.parametrize("sides", [(224, 224), (96, 130)])
def test_resnet_50(sides: tuple[int, int]) -> None:
    theirs = scattered(ResNet(50, out_indices=(0, 1, 2, 3)))
    expected = theirs(images(*sides))
    maps = like(theirs, Backbone("resnet50"), "openmmlab")(images(*sides))
    for one, other in zip(maps, expected, strict=True):
        assert_same(one, other)
    (last,) = like(theirs, Backbone("resnet50", "last"), "openmmlab")(images(*sides))
    assert_same(last, expected[-1])
    (vector,) = like(theirs, Backbone("resnet50", "vector"), "openmmlab")(images(*sides))
    assert_same(vector, expected[-1].mean(dim=(2, 3)))


@torch.no_grad()
@pytest.mark.parametrize(("depth", "stem", "base"), [(18, 32, 32), (50, 16, 24), (34, 64, 64)])
def test_resnets_of_any_width(depth: int, stem: int, base: int) -> None:
    theirs = scattered(
        ResNet(depth, stem_channels=stem, base_channels=base, out_indices=(0, 1, 2, 3))
    )
    ours = Backbone("scaled_resnet", depth=depth, stem_channels=stem, base_channels=base)
    for one, other in zip(
        like(theirs, ours, "openmmlab")(images(64, 96)), theirs(images(64, 96)), strict=True
    ):
        assert_same(one, other)


@torch.no_grad()
@pytest.mark.parametrize("absolute", [True, False])
@pytest.mark.parametrize("sides", [(224, 224), (160, 224)])
def test_sams_vit_b(sides: tuple[int, int], absolute: bool) -> None:
    """At the size that it is made for, and at another, where both kinds of positions are interpolated."""
    theirs = scattered(ViTSAM("base", img_size=224, out_channels=0, use_abs_pos=absolute))
    (expected,) = theirs(images(*sides))
    for output in ("maps", "last", "vector"):
        ours = like(theirs, Backbone("sam_vit_b", output, use_abs_pos=absolute), "openmmlab")
        found = ours(images(*sides))
        if output == "vector":
            assert_same(found[0], expected.mean(dim=(2, 3)))
        else:
            assert_same(found[2] if output == "maps" else found[0], expected)


@torch.no_grad()
@pytest.mark.parametrize("absolute", [True, False])
@pytest.mark.parametrize("window", [4, 14])
def test_sams_encoder_at_sizes_that_are_no_whole_patches(window: int, absolute: bool) -> None:
    arguments = dict(img_size=100, window_size=window, use_abs_pos=absolute)
    theirs = scattered(ViTSAM(SMALL, out_channels=0, **arguments))
    ours = like(theirs, Backbone("sam_vit_b", "last", **arguments, **OURS), "openmmlab")
    for sides in ((100, 100), (75, 130), (160, 40)):
        assert_same(ours(images(*sides))[0], theirs(images(*sides))[0])


@torch.no_grad()
@pytest.mark.parametrize("stored", [64, 160])
def test_weights_of_another_image_size_are_interpolated_as_mmpretrain_does(stored: int) -> None:
    """By its hooks of `load_state_dict`."""
    source = scattered(ViTSAM(SMALL, img_size=stored, out_channels=0, window_size=4))
    theirs = ViTSAM(SMALL, img_size=112, out_channels=0, window_size=4).double()
    theirs.eval()
    theirs.load_state_dict(source.state_dict())
    ours = Backbone("sam_vit_b", "last", img_size=112, window_size=4, **OURS)
    (found,) = like(source, ours, "openmmlab")(images(112, 112))
    assert_same(found, theirs(images(112, 112))[0])


@torch.no_grad()
@pytest.mark.parametrize("name", ["resnet50", "sam_vit_b"])
def test_single_precision(name: str) -> None:
    """Within 1e-5 of the largest value, so in half a dozen of its last bits."""
    theirs = ResNet(50) if name == "resnet50" else ViTSAM("base", out_channels=0)
    theirs = scattered(theirs)
    ours = like(theirs, Backbone(name, "last"), "openmmlab").float()
    (expected,) = theirs.float()(images(224, 224).float())
    (found,) = ours(images(224, 224).float())
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_stages_are_frozen_as_in_mmpretrain() -> None:
    for stages in range(-1, 5):
        theirs = ResNet(18, frozen_stages=stages, norm_eval=stages == 2)
        theirs.train()
        ours = Backbone("resnet18", frozen_stages=stages, norm_eval=stages == 2).train()
        expected = {name: p.requires_grad for name, p in theirs.named_parameters()}
        names = ours.own_names()
        assert {names[n]: p.requires_grad for n, p in ours.named_parameters()} == expected
        modules = {n: m for n, m in theirs.named_modules() if isinstance(m, nn.BatchNorm2d)}
        found = dict(ours.network.named_modules())
        assert modules
        for name, module in modules.items():
            assert found[name].training == module.training, (stages, name)


def test_initial_weights_are_distributed_as_in_mmpretrain() -> None:
    torch.manual_seed(0)
    theirs, ours = ResNet(50), Backbone("scaled_resnet", depth=50)
    theirs.init_weights()
    names, state = ours.own_names(), ours.state_dict()
    expected = theirs.state_dict()
    for name, own in names.items():
        one, other = state[name].float(), expected[own].float()
        if other.numel() > 1000 and other.std() > 0:
            assert abs(one.std() / other.std() - 1) < 0.1 and abs(one.mean()) < other.std() / 5, own
        else:
            assert torch.equal(one, other), own
