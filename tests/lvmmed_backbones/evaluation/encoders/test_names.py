"""Backbones by name: repositories in the hub's layout, files of weights, timm's names, code; against the libraries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from lvmmed_backbones.evaluation.encoders import Encoder, encoder_of
from lvmmed_backbones.records import Pretraining

COMMIT = "89abcdef0123456789abcdef0123456789abcdef"
IMAGE = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
SMALL: dict[str, Any] = dict(
    hidden_size=32,
    num_hidden_layers=3,
    num_attention_heads=2,
    intermediate_size=64,
    image_size=32,
    patch_size=8,
)
PROCESSOR = dict(
    image_mean=[0.1, 0.2, 0.3],
    image_std=[0.4, 0.5, 0.6],
    rescale_factor=1 / 255,
    crop_size=dict(height=32, width=32),
)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache in the hub's layout, without a network."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def repository(cache: Path, name: str, texts: Mapping[str, Any] | None = None) -> Path:
    """The folder of a repository's snapshot, with these JSON files in it."""
    folder = cache / f"models--{name.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(COMMIT)
    snapshot = folder / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    for file, content in (texts or {}).items():
        (snapshot / file).write_text(json.dumps(content))
    return snapshot


def randomised(network: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    for value in network.state_dict().values():
        if value.is_floating_point():
            value.normal_(std=0.2).abs_()
    return network.eval()


def batch(encoder: Encoder) -> torch.Tensor:
    return encoder.transform(IMAGE).unsqueeze(0)


def test_timms_layout(cache: Path) -> None:
    network = randomised(timm.create_model("resnet18", num_classes=10, base_width=64))
    own = dict(input_size=[3, 64, 64], mean=[0.1, 0.2, 0.3], std=[0.4, 0.5, 0.6], tag="mine")
    own |= dict(classifier="fc")
    config = dict(architecture="resnet18", num_classes=10, pretrained_cfg=own)
    folder = repository(cache, "org/net", {"config.json": config})
    save_file(network.state_dict(), folder / "model.safetensors")
    encoder = encoder_of("hf:org/net")
    assert (encoder.revision, encoder.method) == (COMMIT, "mine")
    assert encoder.pretraining is None
    expected = (IMAGE.mean((0, 1)) / 255 - own["mean"]) / own["std"]
    assert encoder.transform(IMAGE).shape == (3, 64, 64)
    np.testing.assert_allclose(encoder.transform(IMAGE).mean((1, 2)), expected, atol=0.02)
    theirs = timm.create_model(f"local-dir:{folder}", pretrained=True, num_classes=0).eval()
    torch.testing.assert_close(encoder.encode(batch(encoder)), theirs(batch(encoder)))
    pinned = encoder_of(f"hf:org/net@{COMMIT}", size=96, layers=2)
    assert pinned.encode(batch(pinned)).shape == (1, 256 + 512)


TRANSFORMERS = {
    "Dinov2Model": ("Dinov2Config", dict(layerscale_value=0.5)),
    "Dinov2WithRegistersModel": ("Dinov2WithRegistersConfig", {}),
    "DINOv3ViTModel": ("DINOv3ViTConfig", dict(num_register_tokens=4)),
    "ViTModel": ("ViTConfig", {}),
    "SiglipVisionModel": ("SiglipVisionConfig", {}),
}


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
@pytest.mark.parametrize("model", TRANSFORMERS)
def test_transformers_layout(model: str, suffix: str, cache: Path) -> None:
    transformers: Any = pytest.importorskip("transformers", reason="pip install '.[hub]'")
    kind, more = TRANSFORMERS[model]
    network = getattr(transformers, model)(getattr(transformers, kind)(**SMALL, **more))
    randomised(network)
    folder = repository(cache, "org/net", {"preprocessor_config.json": PROCESSOR})
    network.save_pretrained(folder)
    if suffix == "bin":
        from safetensors.torch import load_file

        torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
        (folder / "model.safetensors").unlink()
    encoder = encoder_of("hf:org/net")
    assert (encoder.architecture, encoder.revision) == (model, COMMIT)
    images = batch(encoder)
    assert images.shape == (1, 3, 32, 32)
    with torch.no_grad():
        theirs = network(images)
        vector = encoder.encode(images)
        torch.testing.assert_close(vector, theirs.pooler_output, rtol=1e-5, atol=1e-5)
        maps = encoder.maps(images)
        tokens = maps.flatten(2).transpose(1, 2)
        torch.testing.assert_close(tokens, theirs.last_hidden_state[:, -16:], rtol=1e-5, atol=1e-5)
        last = encoder_of("hf:org/net", layers=1)
        torch.testing.assert_close(last.maps(images), maps, rtol=1e-5, atol=1e-5)
        larger = encoder_of("hf:org/net", size=48)
        assert larger.maps(batch(larger)).shape == (1, 32, 6, 6)


def test_the_same_dinov2_through_timm_and_transformers(cache: Path, tmp_path: Path) -> None:
    """Vectors and maps of the last three blocks, by two independent implementations of one network."""
    from lvmmed_backbones.models import from_config
    from lvmmed_backbones.weights.loading import load_strictly

    transformers: Any = pytest.importorskip("transformers", reason="pip install '.[hub]'")
    settings = SMALL | dict(intermediate_size=128, layerscale_value=0.5)
    network = randomised(transformers.Dinov2Model(transformers.Dinov2Config(**settings)))
    folder = repository(cache, "org/net", {"preprocessor_config.json": PROCESSOR})
    network.save_pretrained(folder)
    ours = from_config(
        dict(
            type="Backbone",
            model_name="vit_small_patch14_dinov2",
            output="vector",
            img_size=32,
            patch_size=8,
            embed_dim=32,
            depth=3,
            num_heads=2,
        )
    )
    load_strictly(ours, str(folder / "model.safetensors"), "transformers")
    one = encoder_of("hf:org/net", layers=3)
    other = encoder_of(ours, transform=one.transform, layers=3)
    with torch.no_grad():
        for ask in (Encoder.encode, Encoder.maps):
            expected, found = ask(one, batch(one)), ask(other, batch(one))
            assert found.shape[1] == 96
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_the_image_encoder_of_clip_in_transformers_layout(cache: Path) -> None:
    transformers: Any = pytest.importorskip("transformers", reason="pip install '.[hub]'")
    text = dict(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64)
    text |= dict(vocab_size=50, bos_token_id=0, eos_token_id=1)
    config = transformers.CLIPConfig(text_config=text, vision_config=SMALL, projection_dim=16)
    network = randomised(transformers.CLIPModel(config))
    folder = repository(cache, "org/net", {"preprocessor_config.json": PROCESSOR})
    network.save_pretrained(folder)
    encoder = encoder_of("hf:org/net")
    expected = network.vision_model(batch(encoder)).pooler_output
    torch.testing.assert_close(encoder.encode(batch(encoder)), expected, rtol=1e-5, atol=1e-5)
    assert encoder.architecture == "CLIPVisionModel"


def test_a_pooler_that_the_file_lacks_is_not_drawn_at_random(cache: Path) -> None:
    transformers: Any = pytest.importorskip("transformers", reason="pip install '.[hub]'")
    network = transformers.ViTModel(transformers.ViTConfig(**SMALL), add_pooling_layer=False)
    folder = repository(cache, "org/net", {"preprocessor_config.json": PROCESSOR})
    randomised(network).save_pretrained(folder)
    encoder = encoder_of("hf:org/net")
    expected = network(batch(encoder)).last_hidden_state[:, 0]
    torch.testing.assert_close(encoder.encode(batch(encoder)), expected, rtol=1e-5, atol=1e-5)


def test_open_clips_layout(cache: Path) -> None:
    """As BiomedCLIP: a trunk of timm within a model that holds a text encoder too, in a file of torch.save."""
    network = randomised(timm.create_model("vit_tiny_patch16_224", num_classes=0))
    config = dict(
        model_cfg=dict(vision_cfg=dict(timm_model_name="vit_tiny_patch16_224", image_size=224)),
        preprocess_cfg=dict(mean=[0.1, 0.2, 0.3], std=[0.4, 0.5, 0.6]),
    )
    folder = repository(cache, "org/net", {"open_clip_config.json": config})
    state = {f"visual.trunk.{name}": value for name, value in network.state_dict().items()}
    state |= {"visual.head.proj.weight": torch.ones(4, 192), "text.proj.0.weight": torch.ones(4, 4)}
    torch.save(state, folder / "open_clip_pytorch_model.bin")
    encoder = encoder_of("hf:org/net")
    torch.testing.assert_close(encoder.encode(batch(encoder)), network(batch(encoder)))
    assert encoder.transform.mean == pytest.approx((25.5, 51.0, 76.5))
    own = dict(config, model_cfg=dict(vision_cfg=dict(layers=12)))
    (folder / "open_clip_config.json").write_text(json.dumps(own))
    with pytest.raises(ValueError, match="describes a transformer of OpenCLIP's own"):
        encoder_of("hf:org/net")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"x": 1}, "config.json: is no config of a backbone"),
        ([], "config.json: is no config of a backbone"),
        ({"model_type": "mine", "auto_map": {"AutoModel": "code.Net"}}, "is no config that transf"),
        ({"architecture": "resnet17", "pretrained_cfg": {}}, "is no config of a backbone"),
        (
            dict(architecture="resnet18", input_size=[3, 8, 8], mean=[0] * 3, std=[1] * 3)
            | dict(model_args=dict(checkpoint_path="/etc/passwd")),
            "has the argument 'checkpoint_path', which no file may give",
        ),
    ],
)
def test_repositories_that_hold_no_backbone_are_refused(
    config: object, words: str, cache: Path
) -> None:
    if isinstance(config, dict) and "model_type" in config:
        pytest.importorskip("transformers", reason="pip install '.[hub]'")
    folder = repository(cache, "org/net", {"config.json": config})
    (folder / "code.py").write_text("raise SystemExit('ran')")
    (folder / "model.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match=words):
        encoder_of("hf:org/net")


def test_a_repository_that_is_not_here_is_told_with_its_place(cache: Path) -> None:
    with pytest.raises(
        ConnectionError, match=r"config\.json of org/net@main is not on this .*hub/models--org--net"
    ):
        encoder_of("hf:org/net")  # fmt: skip
    with pytest.raises(ValueError, match=r"is no name of a repository: write ORG/REPO"):
        encoder_of("hf:../net")


@pytest.mark.parametrize("layout", ["", "@own"])
def test_a_file_of_weights(layout: str, tmp_path: Path) -> None:
    network = randomised(timm.create_model("resnet18", num_classes=0))
    torch.save({"state_dict": network.state_dict()}, tmp_path / "mine.pth")
    encoder = encoder_of(f"file:{tmp_path}/mine.pth{layout}", size=64)
    torch.testing.assert_close(encoder.encode(batch(encoder)), network(batch(encoder)))
    assert (encoder.name, encoder.architecture) == ("file:mine.pth", "ResNet-18")
    assert encoder.weights_sha256 is not None and len(encoder.weights_sha256) == 64
    assert encoder.pretraining is None  # nobody declared it
    with pytest.raises(FileNotFoundError, match=r"none\.pth"):
        encoder_of(f"file:{tmp_path}/none.pth{layout}")


@pytest.mark.parametrize(("owner", "known"), [("timm", True), ("somebody", False)])
def test_a_tag_in_a_repository_is_believed_if_it_is_timms_own(
    owner: str, known: bool, cache: Path
) -> None:
    """Who trains timm's weights further and uploads them keeps the tag."""
    own = dict(input_size=[3, 32, 32], mean=[0.5] * 3, std=[0.5] * 3, tag="a1_in1k")
    config = dict(architecture="resnet18", num_classes=0, pretrained_cfg=own)
    folder = repository(cache, f"{owner}/net", {"config.json": config})
    save_file(timm.create_model("resnet18").state_dict(), folder / "model.safetensors")
    seen = encoder_of(f"hf:{owner}/net").pretraining
    assert seen == (Pretraining(["ImageNet-1k"]) if known else None)


def test_timms_names_with_a_tag(cache: Path) -> None:
    network = timm.create_model("resnet18")
    folder = repository(cache, "timm/resnet18.a1_in1k")
    save_file(network.state_dict(), folder / "model.safetensors")
    one, other = (encoder_of(f"timm:resnet18{tag}", size=32) for tag in ("@a1_in1k", ".a1_in1k"))
    assert one.weights == other.weights and one.revision == COMMIT and one.method == "a1_in1k"
    assert one.pretraining == Pretraining(["ImageNet-1k"])


def test_code_by_both_names(tmp_path: Path) -> None:
    file = tmp_path / "flat_code.py"
    file.write_text(
        "import torch\nfrom lvmmed_backbones.evaluation import Resize\n"
        "def build():\n    return torch.nn.Flatten(), Resize(4)\n"
    )
    for name in (f"{file}:build", f"module:{file}:build"):
        assert encoder_of(name).name == "flat_code:build"
