"""Each format loads by its own library and gives the same features; what does not is deleted, and said."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import lvmmed_backbones
from lvmmed_backbones import catalogue
from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.command.cli import main
from lvmmed_backbones.conversion.converting import CLOSE, FORMATS, convert

SIDE = 64
NEEDS = {"hf": "transformers", "onnx": "onnxruntime"}
FILES = {
    "safetensors": "model.safetensors",
    "timm": "model.safetensors",
    "hf": "model.safetensors",
    "onnx": "model.onnx.data",
    "torchscript": "model.pt",
}


@pytest.fixture
def small_resnet(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A backbone that timm itself has, with random weights."""
    monkeypatch.setattr(catalogue, "_registered", {})
    entry = Entry(
        architecture="ResNet-18",
        method="a `method`",
        corpus="<b>images</b>",
        licence="CC BY-NC-ND 2.0",
        source="nobody",
        mean=(10.0, 20.0, 30.0),
        std=(40.0, 50.0, 60.0),
        image_size=SIDE,
        config=dict(type="Backbone", model_name="resnet18"),
        channels=(64, 128, 256, 512),
        vector_channels=512,
    )
    catalogue.register("small_resnet", entry)
    yield "small_resnet"


def installed(to: str) -> None:
    if to in NEEDS:
        pytest.importorskip(NEEDS[to], reason=f"pip install '.[{FORMATS[to].extra}]'")


def followed(card: str, folder: Path, images: torch.Tensor) -> np.ndarray:
    """What the Python of a card gives in a new process, in the folder above that of the files."""
    block = card.partition("```python\n")[2].partition("```")[0]
    np.save(folder / "images.npy", images.numpy())
    code = f"""
import numpy, torch
torch.set_grad_enabled(False)
images = torch.from_numpy(numpy.load("images.npy"))
{block}
found = features[0] if isinstance(features, list) else features
numpy.save("features.npy", numpy.asarray(found))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return np.load(folder / "features.npy")


@pytest.mark.parametrize("to", FORMATS)
def test_a_reader_of_the_card_gets_our_features(
    to: str, small_resnet: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(to)
    monkeypatch.chdir(tmp_path)
    converted = convert(small_resnet, to)
    assert converted.folder == Path(f"small_resnet-{to}") and converted.difference <= CLOSE
    assert len(converted.notes) == 2  # no derivatives, not commercial: the card has them, too
    torch.manual_seed(0)  # of the random weights
    backbone = lvmmed_backbones.build(small_resnet, "vector", SIDE).eval()
    images = torch.randn(5, 3, SIDE, SIDE)
    with torch.no_grad():
        (ours,) = backbone(images)
    card = (tmp_path / converted.folder / "README.md").read_text()
    assert card.count("**Note**") == 2
    theirs = followed(card, tmp_path, images)
    assert np.abs(theirs - ours.numpy()).max() <= 1e-4 * np.abs(ours.numpy()).max()
    umask = os.umask(0)
    os.umask(umask)
    for file in converted.folder.iterdir():
        assert file.stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.slow
@pytest.mark.parametrize("to", ["onnx", "torchscript"])
@pytest.mark.parametrize("name", ["random_vit_tiny", "random_resnet18_half"])
def test_maps_of_ours_alone(to: str, name: str, tmp_path: Path) -> None:
    installed(to)
    converted = convert(name, to, tmp_path / "out", image_size=SIDE, output="maps")
    assert converted.difference <= CLOSE
    assert any("random weights" in note for note in converted.notes) == (name == "random_vit_tiny")


@pytest.mark.parametrize("to", FORMATS)
def test_a_damaged_export_is_deleted_and_said(
    to: str, small_resnet: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(to)
    chosen, out = type(FORMATS[to]), tmp_path / "out"
    write = chosen.write

    def cut(self: object, backbone: object, entry: object, side: int, folder: Path) -> None:
        write(self, backbone, entry, side, folder)  # type: ignore[arg-type]
        content = (folder / FILES[to]).read_bytes()
        (folder / FILES[to]).write_bytes(content[: len(content) // 2])

    monkeypatch.setattr(chosen, "write", cut)
    with pytest.raises(ValueError, match="cannot use what was written of small_resnet") as told:
        convert(small_resnet, to, out)
    assert "\n" not in str(told.value) and str(told.value).endswith(f"{out} is as it was")
    assert list(tmp_path.iterdir()) == []


def test_another_weight_is_seen_and_the_former_export_stays(
    small_resnet: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen, out = type(FORMATS["safetensors"]), tmp_path / "out"
    convert(small_resnet, "safetensors", out)
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    write = chosen.write

    def changed(self: object, backbone: object, entry: object, side: int, folder: Path) -> None:
        write(self, backbone, entry, side, folder)  # type: ignore[arg-type]
        tensors = load_file(folder / "model.safetensors")
        tensors["conv1.weight"] *= 1.01
        save_file(tensors, folder / "model.safetensors")

    monkeypatch.setattr(chosen, "write", changed)
    with pytest.raises(ValueError, match=r"gives another output .* more than 0.0001"):
        convert(small_resnet, "safetensors", out)
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before


@pytest.mark.parametrize(
    ("to", "package", "extra"),
    [
        ("onnx", "onnxscript", "export"),
        ("onnx", "onnxruntime", "export"),
        ("hf", "transformers", "hub"),
    ],
)
def test_a_missing_library_is_one_line(
    to: str,
    package: str,
    extra: str,
    small_resnet: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if to == "onnx":
        installed(to)
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Without(package), *sys.meta_path])
    assert main(["convert", small_resnet, "--to", to, "--out", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert f"{package} is not installed: pip install 'lvmmed-backbones[{extra}]'" in error
    assert error.count("\n") == 1 and list(tmp_path.iterdir()) == []


class Without:
    """A finder as where a package is not installed."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, name: str, *_: object) -> None:
        if name == self.package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@pytest.mark.parametrize("to", FORMATS)
def test_a_library_that_cannot_write_is_said(
    to: str, small_resnet: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(type(FORMATS[to]), "write", fail)
    with pytest.raises(ValueError, match=r"cannot write small_resnet .two lines."):
        convert(small_resnet, to, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_other_files_is_left_alone(small_resnet: str, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"holds thesis.txt, which no conversion wrote"):
        convert(small_resnet, "safetensors", tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_what_cannot_be_converted_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for words, message in (
        (["no_such_net", "--to", "timm"], "no backbone 'no_such_net'"),
        (["random_vit_tiny", "--to", "timm"], "Take --to safetensors, onnx or torchscript"),
        (["random_resnet50", "--to", "timm", "--output", "maps"], "timm holds weights alone"),
        (["random_resnet50", "--to", "timm", "--image-size", "0"], "--image-size 0"),
        (["random_resnet50", "--to", "timm", "--results", "no_folder"], "no_folder: no such"),
        (["lvmmed_resnet50", "--to", "timm"], "lvmmed_resnet.torch is missing"),
    ):
        assert main(["convert", *words]) == 1
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_transformers_prepares_images_as_the_entry_says(small_resnet: str, tmp_path: Path) -> None:
    installed("hf")
    from PIL import Image
    from transformers import AutoImageProcessor

    folder = convert(small_resnet, "hf", tmp_path / "out").folder
    image = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    found = AutoImageProcessor.from_pretrained(folder)(Image.fromarray(image), return_tensors="pt")
    entry = catalogue.get(small_resnet)
    ours = (image - np.array(entry.mean)) / np.array(entry.std)
    np.testing.assert_allclose(found["pixel_values"][0].permute(1, 2, 0), ours, atol=1e-4)


def test_a_built_backbone_carries_its_entry(small_resnet: str) -> None:
    backbone = lvmmed_backbones.build(small_resnet, image_size=SIDE)
    assert backbone.entry is catalogue.get(small_resnet)
    for other in (copy.deepcopy(backbone), pickle.loads(pickle.dumps(backbone))):
        assert other.entry == backbone.entry
        assert other.state_dict().keys() == backbone.state_dict().keys()
    images = torch.randn(2, 3, SIDE, SIDE)
    compiled = torch.compile(backbone.eval(), backend="eager", fullgraph=True)
    with torch.no_grad():
        for one, another in zip(compiled(images), backbone(images), strict=True):
            torch.testing.assert_close(one, another)
    bare = lvmmed_backbones.Backbone("resnet18", img_size=SIDE)
    assert bare.entry is None and bare.state_dict().keys() == backbone.state_dict().keys()


def test_a_random_backbone_is_that_of_its_seed(small_resnet: str, tmp_path: Path) -> None:
    weights = []
    for seed in (0, 0, 1):
        folder = convert(small_resnet, "safetensors", tmp_path / "out", seed=seed).folder
        weights.append(load_file(folder / "model.safetensors")["conv1.weight"])
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_the_caller_s_random_numbers_go_on(small_resnet: str, tmp_path: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    convert(small_resnet, "safetensors", tmp_path / "out")
    assert torch.equal(torch.rand(3), expected)


def test_no_licence_is_said(small_resnet: str, tmp_path: Path) -> None:
    entry = replace(catalogue.get(small_resnet), licence="unknown")
    catalogue.register("other", entry)
    (note,) = convert("other", "safetensors", tmp_path / "out").notes
    assert "nobody stated" in note
