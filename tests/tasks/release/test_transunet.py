"""The release's end-to-end transformer: its levels, the transformer's own blocks, gradients that reach all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import interpolate

import tasks.release.registration  # noqa: F401
from lvmmed_backbones import models
from tasks.release.transunet import Blocks, TransUNet
from tests.tasks.prompt.building import spread

SAM = dict(
    type="Backbone", model_name="sam_vit_b", output="vector", img_size=1024,
    embed_dim=128, num_heads=2, depth=4, global_attn_indexes=(1, 3),
)  # fmt: skip
TIMM = dict(
    type="Backbone", model_name="vit_tiny_patch16_224", output="vector", embed_dim=128, num_heads=2, depth=2
)  # fmt: skip


def stored(folder: Path, config: dict[str, Any]) -> dict[str, Any]:
    """The config of a backbone whose weights lie in a file."""
    module = models.from_config(config)
    spread(module)
    own = module.own_names()
    save_file(
        {own[n]: v.contiguous() for n, v in module.state_dict().items()}, folder / "w.safetensors"
    )
    return config | dict(weights=dict(file=str(folder / "w.safetensors")))


def test_the_levels_have_the_shapes_of_the_release() -> None:
    with torch.device("meta"):
        model = TransUNet(dict(type="Backbone", model_name="sam_vit_b", output="vector"), 8).eval()
        seen: list[tuple[int, ...]] = []
        parts = [
            model.stem,
            *model.down,
            model.backbone,
            model.bridge,
            *model.up,
            model.segmentation_head,
        ]
        for part in parts:
            part.register_forward_hook(lambda module, x, y: seen.append(tuple(y.shape[1:])))
        model(torch.empty(2, 3, 224, 224), [])
    assert seen == [
        (96, 112, 112), (192, 56, 56), (384, 28, 28), (768, 14, 14), (768, 14, 14), (384, 14, 14),
        (192, 28, 28), (96, 56, 56), (48, 112, 112), (12, 224, 224), (8, 224, 224),
    ]  # fmt: skip
    before = [up.layers[0].in_channels for up in model.up]
    assert before == [384 + 384, 192 + 192, 96 + 96, 48]


@pytest.mark.parametrize(("config", "norm"), [(SAM, False), (TIMM, True)])
def test_the_blocks_are_the_file_s_on_the_same_tokens_and_nothing_else(
    tmp_path: Path, config: dict[str, Any], norm: bool
) -> None:
    filled = stored(tmp_path, config)
    model = TransUNet(filled, 2).eval()
    model.init_weights()
    source = models.from_config(filled)
    source.init_weights()
    network = source.eval().network
    x = torch.randn(2, 128, 14, 16)
    with torch.no_grad():
        tokens = x.permute(0, 2, 3, 1) if config is SAM else x.flatten(2).permute(0, 2, 1)
        for block in network.blocks:
            tokens = block(tokens)
        wanted = network.norm(tokens) if norm else tokens
        found = model.backbone(x).permute(0, 2, 3, 1)
    assert torch.equal(found.reshape(wanted.shape), wanted)
    names = {
        n for n in network.state_dict() if n.startswith(("blocks.", "norm.") if norm else "blocks.")
    }
    assert set(model.backbone.state_dict()) == names, "no patches, positions, token, neck"


def test_relative_positions_of_global_blocks_keep_the_file_s_length_and_are_interpolated_in_each_pass(
    tmp_path: Path,
) -> None:
    filled = stored(tmp_path, SAM)
    model = TransUNet(filled, 2).eval()
    model.init_weights()
    lengths = [block.attn.rel_pos_h.shape[0] for block in model.backbone.blocks]
    assert lengths == [27, 127, 27, 127], "windows of 14; the grid of 1024 px"
    # The same block with tables of 2n - 1, made by hand.
    small = models.from_config(SAM | dict(img_size=224)).network.eval().blocks[1]
    weights = dict(model.backbone.blocks[1].state_dict())
    for name in ("attn.rel_pos_h", "attn.rel_pos_w"):
        table = weights[name].T[None]
        weights[name] = interpolate(table, size=2 * 14 - 1, mode="linear")[0].T
    small.load_state_dict(weights)
    x = torch.randn(1, 14, 14, 128)
    with torch.no_grad():
        torch.testing.assert_close(model.backbone.blocks[1](x), small(x))


@pytest.mark.parametrize("config", [SAM, TIMM])
@pytest.mark.parametrize("channels", [1, 3])
def test_gradients_reach_every_parameter(config: dict[str, Any], channels: int) -> None:
    model = TransUNet(config, 3, channels)
    spread(model.backbone)
    samples = []
    for _ in range(2):
        sample = SegDataSample(metainfo=dict(seg_map_path="masks/a.png"))
        sample.gt_sem_seg = PixelData(data=torch.randint(0, 3, (1, 64, 96)))
        samples.append(sample)
    sum(model(255 * torch.rand(2, 3, 64, 96), samples, "loss").values()).backward()
    still = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still


def test_the_bottleneck_and_the_decoder_s_block_are_as_by_hand() -> None:
    model = TransUNet(TIMM, 2).eval()
    down, up = model.down[0], model.up[3]
    spread(down)
    spread(up)
    for module in (*down.modules(), *up.modules()):
        if isinstance(module, nn.BatchNorm2d):
            module.running_var.abs_().add_(0.5)
    x = torch.randn(2, 16, 8, 8)
    with torch.no_grad():
        conv1, norm1, _, conv2, norm2, _, conv3, norm3 = down.path
        assert [c.kernel_size + c.stride for c in (conv1, conv2, conv3)] == [
            (1, 1, 1, 1), (3, 3, 2, 2), (1, 1, 1, 1)
        ]  # fmt: skip
        inner = norm2(conv2(norm1(conv1(x)).clamp(min=0))).clamp(min=0)
        projection, norm = down.shortcut
        wanted = (norm3(conv3(inner)) + norm(projection(x))).clamp(min=0)
        assert torch.equal(down(x), wanted)
        y = torch.randn(1, up.layers[0].in_channels, 4, 5)
        large = interpolate(y, scale_factor=2, mode="bilinear", align_corners=True)
        first, n1, _, second, n2, _ = up.layers
        assert torch.equal(up(y, None), n2(second(n1(first(large)).clamp(min=0))).clamp(min=0))


def test_images_whose_sides_are_no_multiples_of_16_are_refused() -> None:
    with pytest.raises(ValueError, match=r"images of 64 x 40 px: .*multiples of 16"):
        TransUNet(TIMM, 2)(torch.rand(1, 3, 40, 64), [])


@pytest.mark.parametrize("name", ["resnet18", "swin_tiny_patch4_window7_224"])
def test_a_network_without_such_blocks_is_refused_in_a_line(name: str) -> None:
    with torch.device("meta"):
        module = models.from_config(dict(type="Backbone", model_name=name, output="vector"))
    message = rf"^{name}: the blocks of \w+ cannot stand alone.*Take SAM's.*--recipe suite"
    with pytest.raises(ValueError, match=message) as caught:
        Blocks(module)
    assert "\n" not in str(caught.value)
