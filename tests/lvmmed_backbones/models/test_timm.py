"""timm's models as backbones, against timm called directly on the same weights."""

from __future__ import annotations

import copy
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from lvmmed_backbones.models import Backbone

STRIDES = (4, 8, 16, 32)
PYRAMIDS = {
    "resnet18": (64, 128, 256, 512),
    "resnet18d": (64, 128, 256, 512),
    "regnetx_002": (24, 56, 152, 368),
    "densenet121": (256, 512, 1024, 1024),
    "hrnet_w18_small": (128, 256, 512, 1024),
    "convnext_atto": (40, 80, 160, 320),
    "efficientnet_b0": (24, 40, 112, 320),
    "efficientnet_lite0": (24, 40, 112, 320),
    "mobilenetv3_small_050": (8, 16, 24, 288),
    "edgenext_xx_small": (24, 48, 88, 168),
    "fastvit_t8": (48, 96, 192, 384),
    "efficientvit_b0": (16, 32, 64, 128),
    "pvt_v2_b0": (32, 64, 160, 256),
    "coatnet_pico_rw_224": (64, 128, 256, 512),
    "maxvit_rmlp_pico_rw_256": (32, 64, 128, 256),
    "mvitv2_tiny": (96, 192, 384, 768),
    "swin_tiny_patch4_window7_224": (96, 192, 384, 768),
    "swinv2_cr_tiny_ns_224": (96, 192, 384, 768),
    "swinv2_tiny_window8_256": (96, 192, 384, 768),
}
PLAIN = {  # tokens before the patches, and the model's width
    "vit_tiny_patch16_224": (1, 192),
    "vit_small_patch14_reg4_dinov2": (5, 384),
    "deit_tiny_distilled_patch16_224": (2, 192),
    "beit_base_patch16_224": (1, 768),
    "vit_small_patch16_dinov3": (5, 384),
    "eva02_tiny_patch14_224": (1, 192),
}
# Made shallow, which keeps the tests fast and shows that timm's own arguments arrive.
SHALLOW = {
    "convnext_atto": dict(depths=(1, 1, 1, 1)),
    "swin_tiny_patch4_window7_224": dict(depths=(1, 1, 2, 1)),
    "swinv2_cr_tiny_ns_224": dict(depths=(1, 1, 2, 1)),
    "swinv2_tiny_window8_256": dict(depths=(1, 1, 2, 1)),
    "pvt_v2_b0": dict(depths=(1, 1, 1, 1)),
    **{name: dict(depth=2) for name in PLAIN},
}


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def scattered(model: nn.Module) -> nn.Module:
    """The model in evaluation mode, every entry moved at random, so that none keeps the value of another."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for value in model.state_dict().values():
            if value.is_floating_point():
                noise = torch.rand(value.shape, generator=generator)
                value.mul_(1 + 0.2 * noise).add_(0.01 * noise)
    return model.eval()


def filled(model: Backbone, tensors: Mapping[str, Tensor]) -> Backbone:
    """The backbone in evaluation mode, with tensors by timm's names, every entry one of its shape."""
    fitted = model.resampled(tensors)
    state = {n: fitted[own] for n, own in model.own_names().items()}
    pyramid = {n: v for n, v in model.state_dict().items() if n.startswith("pyramid.")}
    model.load_state_dict(state | pyramid, strict=True)
    return model.eval()


def shapes(tensors: tuple[Tensor, ...]) -> list[tuple[int, ...]]:
    return [tuple(t.shape) for t in tensors]


@torch.no_grad()
@pytest.mark.parametrize("name", PYRAMIDS)
def test_one_set_of_tensors_fills_maps_last_and_vector(name: str) -> None:
    shallow = SHALLOW.get(name, {})
    size = dict(img_size=64) if name.startswith(("swin", "maxvit", "coatnet", "mvit")) else {}
    reference = scattered(timm.create_model(name, num_classes=3, **shallow, **size))
    tensors = reference.state_dict()
    reference.reset_classifier(0)
    images = torch.rand(2, 3, 64, 64)

    maps = filled(Backbone(name, "maps", 64, **shallow), tensors)(images)
    assert shapes(maps) == [
        (2, c, 64 // s, 64 // s) for c, s in zip(PYRAMIDS[name], STRIDES, strict=True)
    ]
    if not name.startswith("hrnet"):  # its maps pass through layers that its intermediates do not
        expected = reference.forward_intermediates(images, intermediates_only=True)
        by_size = {m.shape[-1]: m for m in expected}  # the last of each size
        for found in maps:
            torch.testing.assert_close(found, by_size[found.shape[-1]], rtol=1e-4, atol=1e-5)

    (last,) = filled(Backbone(name, "last", 64, **shallow), tensors)(images)
    expected = reference.forward_features(images)
    if getattr(reference, "output_fmt", "") == "NHWC":
        expected = expected.permute(0, 3, 1, 2)
    elif expected.ndim == 3:
        expected = expected.transpose(1, 2).unflatten(2, (2, 2))
    torch.testing.assert_close(last, expected, rtol=1e-5, atol=1e-5)

    (vector,) = filled(Backbone(name, "vector", 64, **shallow), tensors)(images)
    torch.testing.assert_close(vector, reference(images), rtol=1e-5, atol=1e-5)
    assert vector.ndim == 2


@torch.no_grad()
@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_transformer_gives_its_vector_and_the_grid_of_its_patches(name: str) -> None:
    prefix, width = PLAIN[name]
    patch = 14 if "patch14" in name else 16
    pixels, shallow = 6 * patch, SHALLOW[name]
    reference = scattered(timm.create_model(name, num_classes=0, img_size=pixels, **shallow))
    images = torch.rand(2, 3, pixels, pixels)

    vector_of = filled(Backbone(name, "vector", pixels, **shallow), reference.state_dict())
    torch.testing.assert_close(vector_of(images)[0], reference(images), rtol=1e-5, atol=1e-5)
    assert shapes(vector_of(images)) == [(2, width)]

    (last,) = filled(Backbone(name, "last", pixels, **shallow), reference.state_dict())(images)
    assert last.shape == (2, width, 6, 6)
    tokens = reference.forward_features(images)[:, prefix:]
    torch.testing.assert_close(last.flatten(2).transpose(1, 2), tokens, rtol=1e-5, atol=1e-5)

    four = filled(Backbone(name, "maps", pixels, **shallow), reference.state_dict())(images)
    whole = -(-pixels // 16) * 16  # the pyramid starts from whole cells of 16 pixels
    assert shapes(four) == [(2, width, whole // s, whole // s) for s in STRIDES]


@torch.no_grad()
@pytest.mark.parametrize(("pixels", "patch"), [(96, 16), (112, 16), (112, 14)])
def test_positions_of_another_image_size_are_timms_interpolation(pixels: int, patch: int) -> None:
    name = {16: "vit_tiny_patch16_224", 14: "vit_small_patch14_dinov2"}[patch]
    stored = scattered(timm.create_model(name, num_classes=0, img_size=224, depth=1)).state_dict()
    before = {key: value.clone() for key, value in stored.items()}
    model = filled(Backbone(name, "vector", pixels, depth=1), stored)
    grid = pixels // patch
    expected = timm.layers.resample_abs_pos_embed(stored["pos_embed"], (grid, grid))
    torch.testing.assert_close(model.network.pos_embed, expected, rtol=0, atol=0)
    assert all(torch.equal(value, before[key]) for key, value in stored.items())


@torch.no_grad()
@pytest.mark.parametrize(
    "name", ["beit_base_patch16_224", "mvitv2_tiny", "swin_tiny_patch4_window7_224"]
)
def test_relative_positions_of_another_image_size_are_fitted(name: str) -> None:
    shallow = SHALLOW.get(name, {})
    stored = timm.create_model(name, num_classes=0, img_size=224, **shallow).state_dict()
    model = Backbone(name, "vector", 96, **shallow)
    state = model.state_dict()
    assert any(state[n].shape != stored[own].shape for n, own in model.own_names().items())
    (vector,) = filled(model, stored)(torch.rand(1, 3, 96, 96))
    assert vector.isfinite().all()


@torch.no_grad()
def test_weights_published_for_dinov2_are_renamed_by_timm() -> None:
    """Its names: a mask token, and SwiGLU's first layer as w12."""
    name, shallow = (
        "vit_giant_patch14_dinov2",
        dict(depth=1, embed_dim=96, num_heads=6, img_size=28),
    )
    reference = scattered(timm.create_model(name, num_classes=0, **shallow))
    renamed = {
        n.replace("mlp.fc1.", "mlp.w12.").replace("mlp.fc2.", "mlp.w3."): value
        for n, value in reference.state_dict().items()
    }
    published = renamed | dict(mask_token=torch.zeros(1, 96))
    images = torch.rand(1, 3, 28, 28)
    model = filled(Backbone(name, "vector", **shallow), published)
    torch.testing.assert_close(model(images)[0], reference(images))


def test_tensors_of_another_architecture_are_left_as_they_are() -> None:
    tensors = {"pos_embed": torch.zeros(()), "patch_embed.proj.weight": torch.zeros(1, 1, 999, 9)}
    for name in ("vit_tiny_patch16_224", "tnt_s_patch16_224"):
        assert Backbone(name, "vector", depth=1).resampled(tensors) == tensors


def test_an_error_that_is_not_the_image_sizes_stays_as_it_is() -> None:
    with pytest.raises(RuntimeError, match=r"expected input.* to have 3 channels"):
        Backbone("resnet18")(torch.rand(1, 4, 64, 64))


@torch.no_grad()
@pytest.mark.parametrize("name", ["resnet18", "convnext_atto", "swin_tiny_patch4_window7_224"])
def test_maps_of_images_of_any_size(name: str) -> None:
    """As detection feeds them: sides padded to a multiple of 32."""
    model = Backbone(name, img_size=224, **SHALLOW.get(name, {})).eval()
    for height, width in ((64, 96), (256, 416), (800, 1344)):
        expected = [(height // s, width // s) for s in STRIDES]
        assert [shape[2:] for shape in shapes(model(torch.rand(1, 3, height, width)))] == expected


@torch.no_grad()
def test_a_plain_transformer_takes_images_of_any_size() -> None:
    model = Backbone("vit_small_patch14_reg4_dinov2", "last", 224, depth=1).eval()
    assert shapes(model(torch.rand(1, 3, 98, 100))) == [(1, 384, 7, 8)]  # the last patches padded


def test_images_that_a_model_does_not_take_are_named() -> None:
    model = Backbone("maxvit_rmlp_pico_rw_256", img_size=64).eval()
    with pytest.raises(
        ValueError,
        match=r"^maxvit_rmlp_pico_rw_256 gives no maps for images of 96 x 80 px .*img_size=\(96, 80\)",
    ):
        model(torch.rand(1, 3, 96, 80))


@pytest.mark.parametrize(
    ("name", "output", "message"),
    [
        ("vgg11", "map", "choose 'maps', 'last' or 'vector'"),
        ("levit_128s", "maps", "has maps at stride 16, 32, 64, not at"),
        ("inception_v4", "maps", r"gives no maps for images of 224 x 224 px, but .*384, 25, 25\)"),
        (
            "halonet26t",
            "vector",
            r"gives no vector for images of 224 x 224 px .*try img_size=\(256, 256\)",
        ),
        ("hiera_tiny_224", "last", "gives no last for images of 224 x 224 px"),
    ],
)
def test_an_output_that_a_model_does_not_have_is_refused(
    name: str, output: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message) as error:
        Backbone(name, output)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "close"),
    [
        ("resnet_18", "resnet18"),
        ("resnet18.a1_in1k", "resnet18"),
        ("hf-hub:timm/resnet18.a1_in1k", "resnet18"),
        ("hf_hub:timm/resnet18", "resnet18"),
        ("local-dir:/weights/resnet18", "resnet18"),
        ("timm/resnet18", "resnet18"),
        ("https://example.org/resnet18", "resnet18"),
        ("", "timm.list_models"),
    ],
)
def test_an_unknown_name_is_refused_with_those_close_to_it(name: str, close: str) -> None:
    with pytest.raises(ValueError, match=f"timm has no model {name!r}: choose from .*{close}"):
        Backbone(name)


@pytest.mark.parametrize(
    "argument",
    [
        dict(pretrained=True),
        dict(pretrained=False),
        dict(pretrained_cfg=dict(url="http://example.org/w.pth")),
        dict(pretrained_cfg_overlay=dict(file="w.pth")),
        dict(checkpoint_path="w.pth"),
        dict(cache_dir="/cache"),
        dict(init_cfg=dict(type="Pretrained", checkpoint="http://example.org/w.pth")),
        dict(features_only=True),
        dict(out_indices=(0, 1)),
        dict(num_classes=3),
        dict(no_such_argument=1),
    ],
)
def test_an_argument_that_is_not_the_callers_is_refused(argument: dict) -> None:
    with pytest.raises(ValueError, match=f"resnet18.*{next(iter(argument))}"):
        Backbone("resnet18", **argument)


@torch.no_grad()
@pytest.mark.parametrize("name", ["convnext_atto", "efficientnet_lite0", "deit_tiny_patch16_224"])
def test_a_file_of_timms_own_fills_every_output(name: str, tmp_path: Path) -> None:
    """With the classifier in it, as timm publishes them, under 224 pixels' positions."""
    shallow = dict(depth=1) if name.startswith("deit") else {}
    reference = scattered(timm.create_model(name, **shallow))
    file = tmp_path / "weights.safetensors"
    save_file(reference.state_dict(), file)
    for output in ("maps", "last", "vector"):
        model = Backbone(name, output, 64, weights=dict(file=str(file)), **shallow)
        model.init_weights()
        state = model.state_dict()
        for ours, own in model.own_names().items():
            assert own == "pos_embed" or torch.equal(state[ours], reference.state_dict()[own])


def test_init_weights_keeps_timms_random_initialisation() -> None:
    torch.manual_seed(0)
    expected = timm.create_model("vit_tiny_patch16_224", num_classes=0, depth=1).state_dict()
    torch.manual_seed(0)
    model = Backbone("vit_tiny_patch16_224", "vector", depth=1)
    model.init_weights()
    assert all(
        torch.equal(value, expected[own])
        for (n, own), value in zip(
            model.own_names().items(), model.state_dict().values(), strict=True
        )
    )


def test_a_frozen_backbone_stays_as_it_is() -> None:
    model = Backbone("resnet18", frozen=True)
    before = copy.deepcopy(model.state_dict())
    model.train()(torch.rand(2, 3, 64, 64))
    assert not model.network.training
    assert not any(p.requires_grad for p in model.parameters())
    assert all(torch.equal(value, before[n]) for n, value in model.state_dict().items())


@pytest.mark.parametrize(
    "name", ["convnext_atto", "efficientnet_b0", "swin_tiny_patch4_window7_224"]
)
def test_every_parameter_of_the_maps_gets_a_gradient(name: str) -> None:
    model = Backbone(name, img_size=64, drop_path_rate=0.1, **SHALLOW.get(name, {})).eval()
    sum(m.square().mean() for m in model(torch.rand(1, 3, 64, 64))).backward()
    assert [n for n, p in model.named_parameters() if p.grad is None] == []
