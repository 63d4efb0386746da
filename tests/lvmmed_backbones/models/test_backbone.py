"""What the module adds to an architecture of timm: the pyramid, freezing, gradient checkpointing."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from lvmmed_backbones.models import Backbone, from_config, timm_models
from lvmmed_backbones.models.pyramid import STRIDES, SimpleFeaturePyramid, _resampled

NETWORKS = {
    "resnet18": {},
    "convnext_atto": dict(depths=(1, 1, 1, 1)),
    "sam_vit_b": dict(embed_dim=48, depth=3, num_heads=3, global_attn_indexes=[2], window_size=2),
    "vit_small_patch14_dinov2": dict(embed_dim=48, depth=3, num_heads=3),
    "vit_small_patch16_dinov3": dict(embed_dim=48, depth=3, num_heads=3),
}


@torch.no_grad()
@pytest.mark.parametrize("patch", [8, 14, 16, 32])
@pytest.mark.parametrize("sides", [(224, 224), (64, 160), (96, 448)])
def test_the_pyramid_of_any_patch_has_the_four_strides(patch: int, sides: tuple[int, int]) -> None:
    pyramid = SimpleFeaturePyramid(6, patch)
    grid = [-(-side // patch) for side in sides]
    maps = pyramid(torch.rand(1, 6, *grid), sides)
    assert [m.shape[1:] for m in maps] == [(6, *(-(-side // s) for side in sides)) for s in STRIDES]


@pytest.mark.parametrize("sides", [(224, 224), (224, 160), (50, 300)])
def test_cells_of_other_patches_keep_their_place_in_the_image(sides: tuple[int, int]) -> None:
    """Each cell of 14 pixels holds the column of its middle, and so must each cell of 16 after it."""
    height, width = (-(-side // 14) for side in sides)
    at = 14 * torch.arange(width) + 6.5
    found = _resampled(at.expand(1, 1, height, width), 14, 16, sides)[0, 0]
    assert found.shape == (-(-sides[0] // 16), -(-sides[1] // 16))
    expected = 16 * torch.arange(found.shape[1]) + 7.5
    inside = (expected >= at[0]) & (expected <= at[-1])
    assert inside.sum() >= found.shape[1] - 1
    torch.testing.assert_close(found[:, inside], expected[inside].expand(len(found), -1))


@pytest.mark.parametrize("name", NETWORKS)
def test_gradient_checkpointing_changes_no_gradient(name: str) -> None:
    torch.manual_seed(0)
    one = Backbone(name, img_size=96, **NETWORKS[name]).train()
    other = Backbone(name, img_size=96, with_cp=True, **NETWORKS[name]).train()
    other.load_state_dict(one.state_dict())
    kept = []
    for model in (one, other):
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t: (kept.append(t.numel()), t)[1], lambda t: t
        ):
            loss = sum(m.square().mean() for m in model(torch.ones(2, 3, 96, 96).cumsum(2)))
        loss.backward()
        kept.append(None)
    first = kept.index(None)
    assert sum(kept[first + 1 : -1]) < 0.7 * sum(kept[:first])  # activations
    for (n, p), q in zip(one.named_parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(q.grad, p.grad, msg=n)


@pytest.mark.parametrize("name", NETWORKS)
def test_frozen_stages_get_no_gradient_and_the_others_do(name: str) -> None:
    model = Backbone(name, img_size=96, frozen_stages=1, **NETWORKS[name]).train()
    sum(m.square().mean() for m in model(torch.rand(2, 3, 96, 96))).backward()
    for n, p in model.named_parameters():
        stem = ("conv1", "bn1", "stem", "patch_embed", "pos_embed", "cls_token", "reg_token")
        first = ("layer1.", "stages.0.", "stages_0.", "blocks.0.")
        frozen = n.removeprefix("network.").startswith((*stem, *first))
        assert p.requires_grad != frozen, n
        assert (p.grad is None) == frozen, n


def test_a_model_without_stages_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^mine has no stages to freeze"):
        timm_models.stages_of_parameters("mine", nn.Linear(1, 1))


def test_norm_eval_keeps_all_statistics() -> None:
    model = Backbone("resnet18", norm_eval=True).train()
    before = copy.deepcopy(dict(model.named_buffers()))
    model(torch.rand(2, 3, 64, 64))
    assert before and all(torch.equal(v, before[n]) for n, v in model.named_buffers())
    assert all(p.requires_grad for p in model.parameters())
    assert not any(m.training for m in model.modules() if isinstance(m, nn.BatchNorm2d))


def test_the_pyramid_of_a_frozen_backbone_is_trained() -> None:
    model = Backbone("vit_tiny_patch16_224", img_size=64, depth=1, frozen=True).train()
    sum(m.mean() for m in model(torch.rand(1, 3, 64, 64))).backward()
    trained = {name.partition(".")[0] for name, p in model.named_parameters() if p.requires_grad}
    assert trained == {"pyramid"}
    assert all(p.grad is not None for p in model.pyramid.parameters())


def test_only_registered_types_are_built() -> None:
    with pytest.raises(
        ValueError, match=r"no registered class 'ResNet': .*lvmmed_backbones.register"
    ):
        from_config(dict(type="ResNet", depth=50))


@torch.no_grad()
@pytest.mark.parametrize("output", ["maps", "last"])
@pytest.mark.parametrize(
    "name",
    [
        "resnet18",
        "sam_vit_b",
        "vit_tiny_patch16_224",
        "convnext_atto",
        "swin_tiny_patch4_window7_224",
    ],
)
def test_maps_lie_in_memory_as_mmcvs_operators_read_them(name: str, output: str) -> None:
    """RoIAlign of mmcv takes any tensor for a contiguous one, and its features of others are wrong without a word."""
    model = Backbone(name, output).eval().to(memory_format=torch.channels_last)
    for found in model(torch.rand(1, 3, 224, 224).to(memory_format=torch.channels_last)):
        assert found.is_contiguous()
