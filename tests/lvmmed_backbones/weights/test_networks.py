"""Networks are found in whatever lies around them, loaded strictly, and refused with what the file has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import resnet18, resnet101

from lvmmed_backbones.catalogue.architectures import build_on_meta, config_by_name
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.models import from_config
from lvmmed_backbones.weights.layouts import converted
from lvmmed_backbones.weights.loading import find, load_strictly
from lvmmed_backbones.weights.networks import find_networks

PUBLISHED = Path(__file__).parent / "published"
RESNETS = sorted(p.stem for p in PUBLISHED.glob("*resnet*.json"))
TRANSFORMERS = {
    "sam_vit_b": "sam_vit_b",
    "sam_vit_l": "sam_vit_l",
    "lvmmed_vit_b": "lvmmed_vit_b",
    "lvmmed_vit_h_livecell": "lvmmed_vit_h",
    "sam_vit_h": "sam_vit_h",
}


def published(name: str, device: str = "cpu") -> dict:
    """A file as its authors publish it: their names and shapes in their wrapper, with values of ours."""
    facts = json.loads((PUBLISHED / f"{name}.json").read_text())
    content: dict = {}
    for number, (key, shape) in enumerate(facts["keys"].items()):
        if key.endswith("num_batches_tracked"):
            content[key] = torch.tensor(7, device=device)
        else:
            content[key] = torch.full(shape, number / 1000, device=device)
    for wrapper in reversed(facts["wrapper"]):
        content = {wrapper: content, "epoch": 3}
    return content


@pytest.mark.parametrize("name", RESNETS)
def test_every_published_resnet_50_loads(name: str, tmp_path: Path) -> None:
    """Against the file itself: the n-th tensor of its list holds n / 1000, whatever it is called."""
    torch.save(published(name), tmp_path / "w.pth")
    model = from_config(config_by_name("resnet50"))
    load_strictly(model, str(tmp_path / "w.pth"))
    facts = json.loads((PUBLISHED / f"{name}.json").read_text())
    number = {key.removeprefix(facts["prefix"]): n for n, key in enumerate(facts["keys"])}
    for key, value in model.network.state_dict().items():
        if not key.endswith("num_batches_tracked"):
            torch.testing.assert_close(value, torch.full_like(value, number[key] / 1000))


@pytest.mark.parametrize("name", ["sam_vit_b", "lvmmed_vit_b"])
def test_every_published_vit_b_loads(name: str, tmp_path: Path) -> None:
    torch.save(published(name), tmp_path / "w.pth")
    model = from_config(dict(config_by_name(TRANSFORMERS[name]), img_size=64, output="vector"))
    load_strictly(model, str(tmp_path / "w.pth"))
    facts = json.loads((PUBLISHED / f"{name}.json").read_text())
    number = {key.removeprefix(facts["prefix"]): n for n, key in enumerate(facts["keys"])}
    assert (model.network.pos_embed is None) == (name == "lvmmed_vit_b")
    for own in ("patch_embed.proj.weight", "blocks.11.mlp.lin2.bias", "blocks.2.attn.rel_pos_h"):
        value = model.network.state_dict()[own]
        torch.testing.assert_close(value, torch.full_like(value, number[own] / 1000))
    assert all(torch.isfinite(part).all() for part in model(torch.zeros(1, 3, 64, 64)))


@pytest.mark.parametrize("name", ["sam_vit_l", "sam_vit_h", "lvmmed_vit_h_livecell"])
def test_every_published_large_transformer_fits(name: str) -> None:
    """On the meta device: names and shapes, without 2.5 GB of values."""
    from lvmmed_backbones.weights.networks import flatten

    module = build_on_meta(
        dict(config_by_name(TRANSFORMERS[name]), img_size=1024, output="vector"), Path("w")
    )
    tensors = flatten(published(name, "meta"), Path(name))
    (found,) = find_networks(tensors, module, ["own"], Path(name))
    assert len(found.tensors) == len(module.state_dict())


def test_absolute_positions_are_not_left_out_silently(tmp_path: Path) -> None:
    """SAM's file in LVM-Med's module would give other features."""
    torch.save(published("sam_vit_b"), tmp_path / "w.pth")
    module = build_on_meta(dict(config_by_name("lvmmed_vit_b"), img_size=64), Path("w"))
    with pytest.raises(Refused, match=r"does not have, such as pos_embed"):
        find(module, tmp_path / "w.pth", ["own"])


PREFIXES = {
    "DistributedDataParallel": "module.",
    "torch.compile": "_orig_mod.",
    "both": "module._orig_mod.",
    "FSDP": "_fsdp_wrapped_module.",
    "MoCo": "module.encoder_q.",
    "DINO": "module.backbone.",
    "solo-learn": "backbone.",
    "lightning": "model.net.encoder.",
    "VISSL": "_feature_blocks.",
    "OpenMMLab": "backbone.",
    "mmengine's EMA": "module.backbone.",
    "a name of no one": "a.b.c.d.e.",
}


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    """torchvision's own ResNet-18, with its classifier."""
    return dict(resnet18().state_dict())


def equals(model: torch.nn.Module, state: dict[str, torch.Tensor]) -> bool:
    return all(
        torch.equal(value, state[name]) for name, value in model.network.state_dict().items()
    )


@pytest.mark.parametrize("prefix", PREFIXES.values(), ids=PREFIXES)
@pytest.mark.parametrize("wrapper", [(), ("state_dict",), ("model",), ("a", "b", "c")])
def test_any_nesting_of_prefixes(
    state, tmp_path: Path, prefix: str, wrapper: tuple[str, ...]
) -> None:
    content: dict = {prefix + key: value for key, value in state.items()}
    content |= {"projector.0.weight": torch.zeros(3, 3), "queue": torch.zeros(4)}
    for name in wrapper:
        content = {name: content, "optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}}}
    torch.save(content, tmp_path / "w.pth")
    model = from_config(dict(type="Backbone", model_name="resnet18"))
    load_strictly(model, str(tmp_path / "w.pth"))
    assert equals(model, state)


def test_a_compiler_within_a_network(state, tmp_path: Path) -> None:
    inside = {k.replace("layer1.0.", "layer1.0._orig_mod."): v for k, v in state.items()}
    torch.save(inside, tmp_path / "w.pth")
    model = from_config(dict(type="Backbone", model_name="resnet18"))
    load_strictly(model, str(tmp_path / "w.pth"))
    assert equals(model, state)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_survive_the_random_initialisation(state, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"weights{suffix}"
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    model = from_config(dict(type="Backbone", model_name="resnet18", weights=dict(file=str(path))))
    model.init_weights()
    assert equals(model, state)


def test_counters_of_the_framework_may_be_absent(state, tmp_path: Path) -> None:
    torch.save({k: v for k, v in state.items() if "num_batches" not in k}, tmp_path / "w.pth")
    model = from_config(dict(type="Backbone", model_name="resnet18"))
    load_strictly(model, str(tmp_path / "w.pth"))
    assert torch.equal(model.network.bn1.running_var, state["bn1.running_var"])


@pytest.mark.parametrize("lost", ["layer4.1.conv2.weight", "bn1.running_mean", "layer1.0.bn1.bias"])
def test_a_missing_parameter_or_running_statistic_is_named(
    state, tmp_path: Path, lost: str
) -> None:
    torch.save({k: v for k, v in state.items() if k != lost}, tmp_path / "w.pth")
    model = from_config(dict(type="Backbone", model_name="resnet18"))
    with pytest.raises(Refused, match=rf"w\.pth: does not fill 1 of 100 .*{lost}"):
        load_strictly(model, str(tmp_path / "w.pth"))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (torch.zeros(64, 1, 7, 7), "holds 1 parameters of another shape.*conv1.weight"),
        (torch.full((64, 3, 7, 7), float("nan")), "conv1.weight with values that are no numbers"),
        (torch.full((64, 3, 7, 7), float("inf")), "conv1.weight with values that are no numbers"),
        (torch.full((64, 3, 7, 7), 1e300, dtype=torch.float64), "conv1.weight with values"),
        (torch.zeros(64, 3, 7, 7, dtype=torch.int8), "conv1.weight as torch.int8, not as floats"),
        (torch.zeros(64, 3, 7, 7).bool(), "conv1.weight as torch.bool"),
        (torch.zeros(64, 3, 7, 7).cfloat(), "conv1.weight as torch.complex64"),
        (torch.zeros(64, 3, 7, 7).to_sparse(), "conv1.weight without plain values"),
        (torch.zeros(64, 3, 7, 7, device="meta"), "conv1.weight without plain values"),
    ],
    ids=[
        "shape",
        "NaN",
        "infinity",
        "overflow",
        "integers",
        "booleans",
        "complex",
        "sparse",
        "meta",
    ],
)
def test_a_parameter_that_is_none_is_named(state, tmp_path: Path, value, words: str) -> None:
    torch.save(state | {"conv1.weight": value}, tmp_path / "w.pth")
    model = from_config(dict(type="Backbone", model_name="resnet18"))
    with pytest.raises(Refused, match=words):
        load_strictly(model, str(tmp_path / "w.pth"))


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floats_are_converted(state, tmp_path: Path, kind: torch.dtype) -> None:
    torch.save({k: v.to(kind) if v.ndim else v for k, v in state.items()}, tmp_path / "w.pth")
    model = from_config(dict(type="Backbone", model_name="resnet18"))
    load_strictly(model, str(tmp_path / "w.pth"))
    assert model.network.conv1.weight.dtype == torch.float32
    torch.testing.assert_close(model.network.conv1.weight, state["conv1.weight"].to(kind).float())


def test_a_deeper_network_is_not_cut_to_size(tmp_path: Path) -> None:
    """All that a ResNet-50 needs stands in a ResNet-101 under the same names and shapes."""
    torch.save(resnet101().state_dict(), tmp_path / "w.pth")
    with pytest.raises(Refused, match=r"tensors that ResNet-50 does not have, such as layer3\.6"):
        find(build_on_meta(config_by_name("resnet50"), Path("w")), tmp_path / "w.pth", ["own"])


def test_a_foreign_network_is_refused_with_what_the_file_has(tmp_path: Path) -> None:
    tensors = {f"model.vit.block{n}.w": torch.zeros(3) for n in range(9)}
    torch.save(tensors | {"model.\x1b[2Jhead": torch.zeros(2)}, tmp_path / "w.pth")
    with pytest.raises(Refused) as error:
        find(build_on_meta(config_by_name("resnet50"), Path("w")), tmp_path / "w.pth", ["own"])
    said = str(error.value)
    assert "has the prefixes model.vit, model.\\x1b[2Jhead" in said
    assert "such keys as model.vit.block0.w" in said and said.isprintable()


def test_a_checkpoint_of_another_layout_is_named() -> None:
    with pytest.raises(
        ValueError, match="no layout 'caffe': choose from align, efficientnet_pytorch"
    ):
        converted({}, "caffe")


@pytest.mark.parametrize("prefix", ["image_encoder.", ""])
def test_sam_weights_at_another_size(tmp_path: Path, prefix: str) -> None:
    """As SAM ships (with the decoder) and as LVM-Med does; embeddings for 128 pixels serve 64."""
    import lvmmed_backbones
    from lvmmed_backbones import catalogue

    source = lvmmed_backbones.build("random_vit_tiny", "vector", image_size=128)
    for parameter in source.parameters():
        torch.nn.init.normal_(parameter, std=0.02)
    tensors = {prefix + own: source.state_dict()[n] for n, own in source.own_names().items()}
    assert f"{prefix}blocks.0.norm1.weight" in tensors
    tensors |= {f"{prefix}neck.0.weight": torch.zeros(256, 192, 1, 1)}
    if prefix:
        tensors["mask_decoder.iou_token.weight"] = torch.zeros(1, 256)
    torch.save(tensors, tmp_path / "sam.pth")
    config = dict(catalogue.get("random_vit_tiny").config)
    weights = dict(file=str(tmp_path / "sam.pth"), layout="own")
    same = from_config(dict(config, img_size=128, output="vector", weights=weights))
    same.init_weights()
    images = torch.rand(1, 3, 128, 128)
    torch.testing.assert_close(same(images), source(images))
    smaller = from_config(dict(config, img_size=64, output="maps", weights=weights))
    smaller.init_weights()
    torch.testing.assert_close(
        smaller.network.blocks[5].attn.qkv.weight, source.network.blocks[5].attn.qkv.weight
    )
    assert smaller.network.pos_embed.shape == (1, 4, 4, 192)


def test_a_wrong_checksum_is_named_and_nothing_is_loaded(state, tmp_path: Path) -> None:
    torch.save(state, tmp_path / "w.pth")
    model = from_config(dict(type="Backbone", model_name="resnet18"))
    before = model.network.conv1.weight.clone()
    with pytest.raises(Refused, match=r"w\.pth: has sha256 .*expected 00ff"):
        load_strictly(model, str(tmp_path / "w.pth"), sha256="00ff")
    assert torch.equal(model.network.conv1.weight, before)


def test_mappings_without_end_are_refused(tmp_path: Path) -> None:
    endless: dict = {"a": torch.zeros(1)}
    endless["self"] = endless
    torch.save(endless, tmp_path / "w.pth")
    with pytest.raises(Refused, match="nests more than"):
        find(build_on_meta(config_by_name("resnet18"), Path("w")), tmp_path / "w.pth", ["own"])
