"""`add`: a user's own file becomes a backbone by one command, or is refused with what it has."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from mmengine.registry import MODELS
from torchvision.models import resnet18, resnet50

import lvmmed_backbones
from lvmmed_backbones import catalogue
from lvmmed_backbones.catalogue import adding, architectures
from lvmmed_backbones.catalogue.adding import reference_images
from lvmmed_backbones.command.cli import main
from lvmmed_backbones.models import from_config


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch) -> Path:
    folder = tmp_path / "shelf"
    monkeypatch.setenv("LVMMED_CATALOGUE", str(folder))
    return folder


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    """torchvision's own ResNet-18: what a file must give again."""
    torch.manual_seed(0)
    return resnet18().eval()


def add(file: Path, shelf: Path, *more: str, name: str = "mine") -> int:
    return main(["add", str(file), name, "--out", str(shelf), *more])


@torch.no_grad()
def features(network: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
    """torchvision's, before the classifier."""
    stages = list(network.children())[:-2]
    return torch.nn.Sequential(*stages)(images).mean(dim=(2, 3))


TRAINERS = {
    "torchvision": ((), ""),
    "DistributedDataParallel": (("state_dict",), "module."),
    "MoCo": (("state_dict",), "module.encoder_q."),
    "DINO, the backbone of its teacher": (("teacher",), "module.backbone."),
    "solo-learn": (("state_dict",), "backbone."),
    "VISSL": (("classy_state_dict", "base_model", "model", "trunk"), "_feature_blocks."),
    "torch.compile and Lightning": (("state_dict",), "model._orig_mod."),
    "Barlow Twins": (("model",), "module.backbone."),
}


@pytest.mark.parametrize(("wrappers", "prefix"), TRAINERS.values(), ids=TRAINERS)
def test_files_of_trainers(
    network, wrappers, prefix: str, tmp_path: Path, shelf: Path, capsys
) -> None:
    content: dict = {prefix + key: value for key, value in network.state_dict().items()}
    content |= {"module.projector.0.weight": torch.ones(8, 8), f"{prefix}head.bias": torch.ones(3)}
    for wrapper in reversed(wrappers):
        content = {wrapper: content, "epoch": 9, "args": argparse.Namespace(arch="none of timm's")}
    torch.save(content, tmp_path / "w.pth")
    assert add(tmp_path / "w.pth", shelf) == 0
    said = capsys.readouterr().out
    assert "architecture: ResNet-18" in said and "used: 120 tensors" in said
    below = ".".join([*wrappers, prefix]).replace("_orig_mod.", "")
    for head in (f"{below}fc (2)", f"{below}head (1)", "module"):
        assert head in said
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        (vector,) = lvmmed_backbones.build("mine", "vector").eval()(images)
        maps = lvmmed_backbones.build("mine", "maps").eval()(images)
    torch.testing.assert_close(vector, features(network, images))
    torch.testing.assert_close(maps[-1].mean(dim=(2, 3)), vector)


def test_what_the_file_stores(network, tmp_path: Path, shelf: Path, capsys) -> None:
    """torchvision's names, once, and facts that the catalogue shows."""
    from safetensors import safe_open

    state = {k: v for k, v in network.state_dict().items() if "num_batches" not in k}
    torch.save(state, tmp_path / "my \x1b[2Jweights.pth")
    more = ["--method", "BYOL", "--corpus", "CheXpert", "--licence", "MIT"]
    statistics = ["--mean", "1", "2", "3", "--std", "4", "5", "6"]
    assert add(tmp_path / "my \x1b[2Jweights.pth", shelf, *more, *statistics) == 0
    said = capsys.readouterr().out
    assert "created: num_batches_tracked (20)" in said and "\x1b" not in said
    with safe_open(shelf / "mine.safetensors", "pt") as file:
        assert set(file.keys()) == {k for k in state if not k.startswith("fc.")}
    entry = catalogue.get("mine")
    assert (entry.method, entry.corpus, entry.licence) == ("BYOL", "CheXpert", "MIT")
    assert (entry.mean, entry.std) == ((1, 2, 3), (4, 5, 6))
    assert entry.source.startswith("my \\x1b[2Jweights.pth, sha256 ")
    assert main(["list", "--json"]) == 0
    assert "mine" in [fact["name"] for fact in json.loads(capsys.readouterr().out)]


@pytest.mark.parametrize(
    "pair", [("student", "teacher"), ("model", "model_ema"), ("state_dict", "state_dict_ema")]
)
def test_of_several_networks_the_one_asked_for(
    network, pair, tmp_path: Path, shelf: Path, capsys
) -> None:
    other = resnet18().eval()
    content = {pair[0]: other.state_dict(), pair[1]: network.state_dict(), "epoch": 1}
    torch.save(content, tmp_path / "w.pth")
    assert add(tmp_path / "w.pth", shelf) == 1
    assert f"holds 2 networks: {pair[0]}, {pair[1]}. Choose by --wrapper" in capsys.readouterr().err
    assert add(tmp_path / "w.pth", shelf, "--wrapper", "ema") == 1
    assert f"has no network below 'ema'; there are: {pair[0]}, {pair[1]}" in capsys.readouterr().err
    assert not shelf.exists()
    assert add(tmp_path / "w.pth", shelf, "--wrapper", pair[1]) == 0
    assert f"below {pair[1]}., of 2" in capsys.readouterr().out
    built = lvmmed_backbones.build("mine", "vector")
    assert torch.equal(built.network.conv1.weight, network.conv1.weight)


def test_a_resnet_in_one_sequential(tmp_path: Path, shelf: Path, capsys) -> None:
    """As lightly's and RadImageNet's files have it."""
    source = resnet50().eval()
    numbered = torch.nn.Sequential(*list(source.children())[:-1])
    torch.save({f"backbone.{k}": v for k, v in numbered.state_dict().items()}, tmp_path / "w.pth")
    assert add(tmp_path / "w.pth", shelf) == 0
    assert "ResNet-50" in (said := capsys.readouterr().out) and "torchvision_sequential" in said
    built = lvmmed_backbones.build("mine", "vector")
    assert torch.equal(built.network.layer3[5].conv3.weight, source.layer3[5].conv3.weight)


@pytest.mark.parametrize(
    "architecture", [pytest.param("sam_vit_b", marks=pytest.mark.slow), "lvmmed_vit_b"]
)
def test_an_image_encoder_of_sam_keeps_its_size(
    architecture: str, tmp_path: Path, shelf: Path, capsys
) -> None:
    """Positions for 1024 px are stored as they are, and interpolated where the backbone is used."""
    from lvmmed_backbones.catalogue.architectures import build_on_meta, config_by_name

    module = build_on_meta(
        dict(config_by_name(architecture), img_size=1024, output="last"), Path("x")
    )
    names = module.own_names()
    state = {
        f"image_encoder.{names[n]}": torch.full(v.shape, 0.01)
        for n, v in module.state_dict().items()
    }
    torch.save(state | {"mask_decoder.x": torch.zeros(1)}, tmp_path / "w.pth")
    assert add(tmp_path / "w.pth", shelf) == 0
    assert "SAM ViT-B/16" in capsys.readouterr().out
    from safetensors.torch import load_file

    stored = load_file(shelf / "mine.safetensors")
    assert all(torch.equal(v, stored[n.removeprefix("image_encoder.")]) for n, v in state.items())
    assert lvmmed_backbones.build("mine", "vector", 64)(torch.zeros(1, 3, 64, 64))[0].shape == (
        1,
        768,
    )


@pytest.mark.parametrize(
    "name", ["convnext_atto", "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"]
)
def test_any_model_of_timm(name: str, tmp_path: Path, shelf: Path, capsys) -> None:
    source = timm.create_model(name, num_classes=7).eval()
    torch.save(
        {"state_dict_ema": {f"module.{k}": v for k, v in source.state_dict().items()}},
        tmp_path / "w.pth",
    )
    assert add(tmp_path / "w.pth", shelf, "--architecture", f"timm:{name}") == 0
    said = capsys.readouterr().out
    assert "dropped: " in said and "head" in said
    images = torch.rand(2, 3, 224, 224)
    with torch.no_grad():
        (vector,) = lvmmed_backbones.build("mine", "vector").eval()(images)
        expected = source.forward_head(source.forward_features(images), pre_logits=True)
    torch.testing.assert_close(vector, expected, rtol=1e-4, atol=1e-5)
    entry = catalogue.get("mine")
    statistics = timm.get_pretrained_cfg(name)
    np.testing.assert_allclose(entry.mean, [255 * v for v in statistics.mean], rtol=1e-6)
    maps = lvmmed_backbones.build("mine", "maps").eval()(images)
    assert [m.shape[2] for m in maps] == [56, 28, 14, 7]
    assert tuple(m.shape[1] for m in maps) == entry.channels


def test_a_checkpoint_of_timm_tells_its_architecture(tmp_path: Path, shelf: Path, capsys) -> None:
    source = timm.create_model("convnext_atto")
    torch.save({"arch": "convnext_atto", "state_dict": source.state_dict()}, tmp_path / "w.pth")
    assert add(tmp_path / "w.pth", shelf) == 0
    assert "architecture: convnext_atto" in capsys.readouterr().out


REFUSED = {
    "a foreign network": (
        lambda: {"enc.block.0.w": torch.zeros(3), "enc.block.1.w": torch.zeros(3)},
        [],
        r"has no ResNet, ViT, SAM, CLIP or ALIGN in it: its prefixes are .*, such keys as enc.block.0.w",
    ),
    "a larger network": (
        lambda: timm.create_model("resnet101").state_dict(),
        ["--architecture", "resnet50"],
        r"tensors that ResNet-50 does not have, such as layer3\.6",
    ),
    "a smaller one": (
        lambda: resnet18().state_dict(),
        ["--architecture", "resnet50"],
        r"does not fill \d+ of 265 parameters of ResNet-50, such as",
    ),
    "no number": (
        lambda: {
            k: v * float("nan") if k == "bn1.weight" else v
            for k, v in resnet18().state_dict().items()
        },
        [],
        r"holds bn1.weight with values that are no numbers",
    ),
    "no such architecture": (
        lambda: resnet18().state_dict(),
        ["--architecture", "resnet19"],
        "no architecture 'resnet19': choose from resnet18",
    ),
    "no such model of timm": (
        lambda: resnet18().state_dict(),
        ["--architecture", "timm:resnet_18"],
        "resnet_18",
    ),
    "timm's hub": (
        lambda: resnet18().state_dict(),
        ["--architecture", "timm:hf-hub:a/b"],
        "hf-hub:a/b",
    ),
    "a taken name": (lambda: resnet18().state_dict(), [], "random_resnet50 is in the catalogue"),
    "no name": (lambda: resnet18().state_dict(), [], r"\.\./x is no name of a backbone"),
    "a deviation of 0": (
        lambda: resnet18().state_dict(),
        ["--std", "0", "1", "1"],
        "normalise no image",
    ),
}


@pytest.mark.parametrize(("content", "words", "expected"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_is_one_line_and_leaves_nothing(
    content, words, expected: str, tmp_path: Path, shelf: Path, capsys
) -> None:
    torch.save(content(), tmp_path / "w.pth")
    name = {"random_resnet50": "random_resnet50", r"\.\./x": "../x"}.get(
        expected.split(" is ")[0], "mine"
    )
    assert add(tmp_path / "w.pth", shelf, *words, name=name) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: ") and line.isprintable()
    assert __import__("re").search(expected, line), line
    assert not shelf.exists() or not list(shelf.iterdir())


def test_a_name_is_given_once(network, tmp_path: Path, shelf: Path, capsys) -> None:
    torch.save(network.state_dict(), tmp_path / "w.pth")
    assert add(tmp_path / "w.pth", shelf) == 0
    before = (shelf / "mine.safetensors").read_bytes()
    assert add(tmp_path / "w.pth", shelf) == 1
    assert "mine is in the catalogue: choose another name, or remove" in capsys.readouterr().err
    assert (shelf / "mine.safetensors").read_bytes() == before


def test_the_reference_images_are_the_same_everywhere() -> None:
    images = reference_images()
    assert images.shape == (8, 3, 224, 224) and torch.equal(images, reference_images())
    assert images.min() >= 0 and images.max() <= 255
    assert torch.equal(images[0, 0], images[0, 2]) and not torch.equal(images[1, 0], images[1, 2])


SMALL = dict(
    type="Backbone", model_name="scaled_resnet", depth=18, stem_channels=4, base_channels=4
)


@pytest.mark.slow
def test_300_damaged_files(tmp_path: Path, shelf: Path, monkeypatch, capsys) -> None:
    """Bytes changed, cut off or put in, and parts exchanged: the weights of the file, or one line and nothing left."""
    from safetensors.torch import load_file

    monkeypatch.setattr(adding, "SIDE", 32)
    monkeypatch.setitem(architectures.NAMED, "small", SMALL)
    model = from_config(SMALL)
    state = {own: model.state_dict()[name] for name, own in model.own_names().items()}
    rng = np.random.default_rng(0)
    file = tmp_path / "w.pth"
    torch.save({"model": state}, file)
    whole = file.read_bytes()
    outcomes = {0: 0, 1: 0}
    for number in range(300):
        if number % 2:
            mutant = dict(state)
            key = list(mutant)[rng.integers(len(mutant))]
            kinds = [
                lambda v: torch.zeros(3),
                lambda v: v.double() * 3,
                lambda v: v.to(torch.int32),
                lambda v: torch.full_like(v.float(), float("inf")),
                lambda v: "\x1b[2J",
                lambda v: {"x": v},
                lambda v: v.half(),
            ]
            kind = rng.integers(len(kinds) + 2)
            if kind == len(kinds):
                del mutant[key]
            elif kind == len(kinds) + 1:
                mutant[f"{key}\x1b[2J"] = mutant.pop(key)
            else:
                mutant[key] = kinds[kind](mutant[key])
            torch.save({"model": mutant} if number % 4 == 1 else mutant, file)
        else:
            damaged = bytearray(whole)
            damaged[rng.integers(len(whole))] = rng.integers(256)
            file.write_bytes(damaged[: rng.integers(len(whole))] if number % 10 == 0 else damaged)
        code = add(file, shelf, "--architecture", "small")
        said = capsys.readouterr()
        outcomes[code] += 1
        out = shelf / "mine.safetensors"
        if code == 0:
            # Mapped, as `add` reads it: else torch refuses some damage of the headers between the values.
            content = torch.load(file, weights_only=True, mmap=True)
            content = content.get("model", content)
            assert all(torch.equal(v, content[n]) for n, v in load_file(out).items())
            out.unlink()
        else:
            (line,) = said.err.strip().splitlines()
            assert line.startswith(f"error: {file}: ") and line.isprintable()
        assert not shelf.exists() or not list(shelf.iterdir())
    assert min(outcomes.values()) > 50, outcomes


OWN = {
    "lvmmed_resnet18_mini": [],
    "lvmmed_vit_tiny_mini": None,
    "mocov2_resnet18_mini": ["--wrapper", "backbone"],
    "dino_resnet18_mini": ["--wrapper", "backbone"],
    "swav_resnet18_mini": [],
    "vicregl_resnet18_mini": [],
}


@pytest.mark.parametrize(("config", "words"), OWN.items(), ids=OWN)
def test_checkpoints_of_our_own_pretraining(
    config: str, words: list[str] | None, tmp_path: Path, shelf: Path, capsys
) -> None:
    """By their names alone, as if somebody else had made them; a method's momentum copy is another network."""
    from mmengine.config import Config
    from mmengine.registry import DefaultScope

    import lvmmed_backbones.pretrain.registration
    from lvmmed_backbones.pretrain import CONFIGS

    model = Config.fromfile(CONFIGS / f"{config}.py").model
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        state = MODELS.build(dict(model, data_preprocessor=None)).state_dict()
    torch.save({"state_dict": state, "meta": {"iter": 3}}, tmp_path / "iter_3.pth")
    if words is None:  # no architecture that has a name: its wrapper is told, its size is not
        assert add(tmp_path / "iter_3.pth", shelf) == 1
        assert "such keys as state_dict.backbone.network.pos_embed" in capsys.readouterr().err
        return
    if words:
        assert add(tmp_path / "iter_3.pth", shelf) == 1
        said = capsys.readouterr().err
        assert "holds 2 networks: state_dict.backbone.network, state_dict." in said
    assert add(tmp_path / "iter_3.pth", shelf, *words) == 0
    built = lvmmed_backbones.build("mine", "vector").state_dict()
    assert all(torch.equal(v, state[f"backbone.{n}"]) for n, v in built.items())
