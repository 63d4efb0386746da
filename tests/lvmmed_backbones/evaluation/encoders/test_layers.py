"""Vectors and maps of chosen layers, compared with what timm, transformers and torch's own hooks give."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import timm
import torch
from torch import Tensor, nn

from lvmmed_backbones.evaluation import Resize
from lvmmed_backbones.evaluation.encoders import encoder_of

IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
SMALL = dict(img_size=32, patch_size=8, embed_dim=24, depth=5, num_heads=2, num_classes=0)


def transformer(**more: object) -> nn.Module:
    torch.manual_seed(0)
    return timm.create_model("vit_tiny_patch16_224", **{**SMALL, **more}).eval()


def outputs_of(blocks: nn.ModuleList, run: Callable[[], object]) -> list[Tensor]:
    """What blocks put out while something runs."""
    found: list[Tensor] = []
    hooks = [block.register_forward_hook(lambda *a: found.append(a[2])) for block in blocks]
    run()
    for hook in hooks:
        hook.remove()
    return found


@pytest.mark.parametrize(
    ("layers", "blocks"), [(1, [4]), (4, [1, 2, 3, 4]), ((0, -1), [0, 4]), ([-1, 2, 4], [2, 4])]
)
def test_blocks_of_a_transformer(layers: object, blocks: list[int]) -> None:
    network = transformer()
    tokens = outputs_of(network.blocks, lambda: network(IMAGES))
    chosen = [network.norm(tokens[block]) for block in blocks]
    encoder = encoder_of(network, layers=layers)
    expected = torch.cat([t[:, 0] for t in chosen], 1)
    torch.testing.assert_close(encoder.encode(IMAGES), expected)
    grids = [t[:, 1:].transpose(1, 2).reshape(2, 24, 4, 4) for t in chosen]
    torch.testing.assert_close(encoder.maps(IMAGES), torch.cat(grids, 1))


def test_the_last_layer_is_what_the_network_gives() -> None:
    whole, last = (encoder_of(transformer(), layers=layers) for layers in (None, 1))
    torch.testing.assert_close(whole.encode(IMAGES), last.encode(IMAGES))
    torch.testing.assert_close(whole.maps(IMAGES), last.maps(IMAGES))
    assert (whole.layers, last.layers) == (None, (-1,))


@pytest.mark.parametrize(
    "more",
    [
        dict(reg_tokens=2),
        dict(class_token=False, global_pool="avg"),
        dict(reg_tokens=2, class_token=False, global_pool="avg"),
    ],
    ids=["registers", "no class token", "registers alone"],
)
def test_prefix_tokens_are_no_patches(more: dict) -> None:
    network = transformer(**more, final_norm=True)
    tokens = network.norm(outputs_of(network.blocks, lambda: network(IMAGES))[-2])
    patches = tokens[:, network.num_prefix_tokens :]
    encoder = encoder_of(network, layers=(-2,))
    assert encoder.maps(IMAGES).shape == (2, 24, 4, 4)
    torch.testing.assert_close(encoder.maps(IMAGES).flatten(2).transpose(1, 2), patches)
    expected = tokens[:, 0] if network.cls_token is not None else patches.mean(1)
    torch.testing.assert_close(encoder.encode(IMAGES), expected)


def test_stages_of_a_convolutional_network() -> None:
    torch.manual_seed(0)
    network = timm.create_model("resnet18", num_classes=0).eval()
    stages = nn.ModuleList([network.layer3, network.layer4])
    deep, deepest = outputs_of(stages, lambda: network(IMAGES.repeat(1, 1, 2, 2)))
    images = IMAGES.repeat(1, 1, 2, 2)
    encoder = encoder_of(network, layers=2)
    expected = torch.cat([deep.mean((2, 3)), deepest.mean((2, 3))], 1)
    torch.testing.assert_close(encoder.encode(images), expected)
    maps = encoder.maps(images)
    assert maps.shape == (2, 256 + 512, 4, 4)
    torch.testing.assert_close(maps[:, :256], deep)
    torch.testing.assert_close(maps[:, 256:], nn.Upsample(scale_factor=2, mode="bilinear")(deepest))
    whole = encoder_of(network)
    torch.testing.assert_close(whole.maps(images), network.forward_features(images))
    torch.testing.assert_close(whole.maps(images).mean((2, 3)), whole.encode(images))


@pytest.mark.parametrize("name", ["random_vit_tiny", "random_resnet18_half"])
def test_backbones_of_the_catalogue(name: str) -> None:
    images = IMAGES.repeat(1, 1, 2, 2)
    whole, two = (encoder_of(name, size=64, layers=layers) for layers in (None, 2))
    last = encoder_of(name, size=64, layers=1)
    torch.testing.assert_close(whole.maps(images), last.maps(images))
    torch.testing.assert_close(whole.encode(images), last.encode(images))
    width = whole.maps(images).shape[1]
    assert two.maps(images).shape[1] > width and two.encode(images).shape[1] > width


class Answers(nn.Module):
    """Returns what it is told to."""

    def __init__(self, answer: object) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, images: Tensor) -> object:
        return self.answer


def of_user(answer: object, layers: object = None):
    return encoder_of(Answers(answer), transform=Resize(32), layers=layers)


def test_maps_of_what_modules_return() -> None:
    maps = torch.randn(2, 5, 3, 3)
    tokens = maps.flatten(2).transpose(1, 2)
    prefix = torch.zeros(2, 1, 5)
    for answer in (
        maps,
        [None, maps],
        {"x_norm_patchtokens": tokens, "x_norm_clstoken": prefix[:, 0]},
        {"last_hidden_state": torch.cat([prefix, tokens], 1)},
        {"last_hidden_state": torch.cat([prefix, prefix, tokens], 1)},
    ):
        torch.testing.assert_close(of_user(answer).maps(IMAGES), maps)
    wide = torch.randn(2, 5, 2, 6)
    tokens = torch.cat([prefix, wide.flatten(2).transpose(1, 2)], 1)
    found = of_user({"last_hidden_state": tokens}).maps(IMAGES.repeat(1, 1, 1, 3))
    torch.testing.assert_close(found, wide)


@pytest.mark.parametrize(
    "answer", [torch.ones(2, 3), torch.ones(1, 3, 4, 4), "text", {"pooler_output": torch.ones(2, 3)}]
)  # fmt: skip
def test_a_module_that_gives_no_maps_is_refused(answer: object) -> None:
    with pytest.raises(ValueError, match=r"Answers returned .*and so has no maps: return maps"):
        of_user(answer).maps(IMAGES)


def test_layers_of_a_module_that_does_not_show_them_are_refused() -> None:
    for ask in ("encode", "maps"):
        with pytest.raises(ValueError, match="Answers does not show its layers: leave layers=None"):
            getattr(of_user(torch.ones(2, 3), layers=2), ask)(IMAGES)


@pytest.mark.parametrize("layers", [0, -1, (), ("last",), (1.5,)])
def test_layers_that_are_none_are_refused(layers: object) -> None:
    with pytest.raises(ValueError, match=r"layers=.*give the number of the last layers"):
        encoder_of(transformer(), layers=layers)


@pytest.mark.parametrize("layers", [6, (5,), (-6,)])
def test_layers_that_the_network_does_not_have_are_refused(layers: object) -> None:
    with pytest.raises(ValueError, match=r"VisionTransformer: layers=.*out of range"):
        encoder_of(transformer(), layers=layers).encode(IMAGES)
