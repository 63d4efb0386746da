"""Weights: read safely, converted rightly, loaded strictly, fetched whole or not at all."""

from __future__ import annotations

import hashlib
import os
import pickle
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.registry import MODELS
from safetensors.torch import save_file

import lvmmed_backbones.openmmlab
from lvmmed_backbones import catalogue
from lvmmed_backbones.weights.layouts import LAYOUTS, convert
from lvmmed_backbones.weights.loading import load_strictly, read
from lvmmed_backbones.weights.source import Weights


@pytest.fixture(scope="module")
def resnet() -> torch.nn.Module:
    return MODELS.build(dict(type="BackboneResNet", depth=18))


def build(weights: dict | None, **arguments) -> torch.nn.Module:
    model = MODELS.build(dict(type="BackboneResNet", depth=18, weights=weights, **arguments))
    model.init_weights()
    return model


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_survive_the_random_initialisation(resnet, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"weights{suffix}"
    save_file(resnet.state_dict(), path) if suffix == ".safetensors" else torch.save(
        resnet.state_dict(), path
    )
    model = build(dict(file=str(path)))
    assert all(torch.equal(v, resnet.state_dict()[k]) for k, v in model.state_dict().items())


@pytest.mark.parametrize("wrapper", ["state_dict", "model"])
def test_wrapped_checkpoints_of_others(resnet, tmp_path: Path, wrapper: str) -> None:
    """torchvision's names below `module.`, a classifier beside them, all in a dict of the training code."""
    tensors = {f"module.{k}": v for k, v in resnet.state_dict().items()} | {
        "module.fc.weight": torch.zeros(10, 512)
    }
    torch.save({wrapper: tensors, "epoch": 3}, tmp_path / "w.pth")
    model = build(dict(file=str(tmp_path / "w.pth"), layout="torchvision"))
    assert torch.equal(model.conv1.weight, resnet.conv1.weight)


def test_a_missing_parameter_is_named(resnet, tmp_path: Path) -> None:
    tensors = {k: v for k, v in resnet.state_dict().items() if not k.startswith("layer4.1.conv2")}
    torch.save(tensors, tmp_path / "w.pth")
    with pytest.raises(
        ValueError, match=r"w\.pth does not fill 1 of 120 .*layer4\.1\.conv2\.weight"
    ):
        build(dict(file=str(tmp_path / "w.pth")))


def test_a_misshapen_parameter_is_named(resnet, tmp_path: Path) -> None:
    torch.save(resnet.state_dict() | {"conv1.weight": torch.zeros(64, 1, 7, 7)}, tmp_path / "w.pth")
    with pytest.raises(
        ValueError, match=r"(?s)w\.pth holds 1 parameters of another shape.*conv1\.weight"
    ):
        build(dict(file=str(tmp_path / "w.pth")))


def test_a_foreign_layout_fills_nothing_and_says_so(resnet, tmp_path: Path) -> None:
    """The trap of strict=False: every name differs, nothing is loaded, nothing is said."""
    torch.save({f"encoder.{k}": v for k, v in resnet.state_dict().items()}, tmp_path / "w.pth")
    with pytest.raises(ValueError, match="does not fill 120 of 120"):
        build(dict(file=str(tmp_path / "w.pth")))


def test_a_checkpoint_of_another_layout_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no layout 'caffe': choose from efficientnet_pytorch"):
        convert({}, "caffe", "w.pth")


class Payload:
    """What a hostile checkpoint holds."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("plain", [True, False])
def test_a_pickle_that_runs_code_is_refused_and_does_not_run(tmp_path: Path, plain: bool) -> None:
    path, harm = tmp_path / "hostile.pth", tmp_path / "harm"
    if plain:
        path.write_bytes(pickle.dumps(Payload(harm)))
    else:
        torch.save({"state_dict": Payload(harm)}, path)
    with pytest.raises(ValueError, match=r"hostile\.pth is refused.*safetensors"):
        read(path)
    assert not harm.exists()


def test_getattr_of_a_checkpoint_opens_nothing(tmp_path: Path) -> None:
    """mmengine's checkpoints need getattr; a hostile one must not get at anything by it."""

    class Reach:
        def __reduce__(self):
            return getattr, (HistoryBuffer, "__init__")

    torch.save({"state_dict": Reach()}, tmp_path / "reach.pth")
    with pytest.raises(ValueError, match=r"reach\.pth"):
        read(tmp_path / "reach.pth")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_truncated_file_is_named(resnet, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"half{suffix}"
    save_file(resnet.state_dict(), path) if suffix == ".safetensors" else torch.save(
        resnet.state_dict(), path
    )
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ValueError, match=rf"half\{suffix} cannot be read.*fetch it again"):
        read(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_strictly(torch.nn.Linear(1, 1), str(tmp_path / "nowhere.pth"))


def test_a_wrong_checksum_is_named(resnet, tmp_path: Path) -> None:
    torch.save(resnet.state_dict(), tmp_path / "w.pth")
    with pytest.raises(ValueError, match=r"w\.pth has sha256 .*expected 00ff"):
        build(dict(file=str(tmp_path / "w.pth"), sha256="00ff"))


def segment_anything_names(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The tensors of a ViTSAM under the names of the segment-anything repository."""
    result = {}
    for name, value in model.state_dict().items():
        name = name.replace("patch_embed.projection", "patch_embed.proj").replace(
            "layers.", "blocks.", 1
        )
        name = name.replace(".ln1.", ".norm1.").replace(".ln2.", ".norm2.")
        name = name.replace(".ffn.layers.0.0.", ".mlp.lin1.").replace(
            ".ffn.layers.1.", ".mlp.lin2."
        )
        result[name] = value
    return result


@pytest.mark.parametrize("prefix", ["image_encoder.", ""])
def test_sam_weights_at_another_size(tmp_path: Path, prefix: str) -> None:
    """As SAM ships (with the decoder) and as LVM-Med does; embeddings for 128 pixels serve 64."""
    source = lvmmed_backbones.build("random_vit_tiny", "vector", image_size=128)
    for parameter in source.parameters():
        torch.nn.init.normal_(parameter, std=0.02)
    tensors = {prefix + k: v for k, v in segment_anything_names(source).items()}
    tensors |= {f"{prefix}neck.0.weight": torch.zeros(256, 192, 1, 1)}
    if prefix:
        tensors["mask_decoder.iou_token.weight"] = torch.zeros(1, 256)
    torch.save(tensors, tmp_path / "sam.pth")
    config = dict(catalogue.get("random_vit_tiny").config)
    weights = dict(file=str(tmp_path / "sam.pth"), layout="segment_anything")
    same = MODELS.build(dict(config, img_size=128, output="vector", weights=weights))
    same.init_weights()
    images = torch.rand(1, 3, 128, 128)
    torch.testing.assert_close(same(images), source(images))
    smaller = MODELS.build(dict(config, img_size=64, output="maps", weights=weights))
    smaller.init_weights()
    torch.testing.assert_close(smaller.layers[5].attn.qkv.weight, source.layers[5].attn.qkv.weight)
    assert smaller.pos_embed.shape == (1, 4, 4, 192)


def test_layouts_are_listed() -> None:
    assert set(LAYOUTS) == {"native", "torchvision", "segment_anything", "efficientnet_pytorch"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A local web server and the folder that it serves."""
    folder = tmp_path / "www"
    folder.mkdir()
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}", folder
        httpd.shutdown()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LVMMED_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "weights"


def test_weights_are_fetched_once(server: tuple[str, Path], cache: Path) -> None:
    address, folder = server
    (folder / "w.pth").write_bytes(b"x" * 1000)
    digest = hashlib.sha256(b"x" * 1000).hexdigest()
    weights = Weights("w.pth", "native", digest, url=f"{address}/w.pth")
    assert not weights.is_here
    assert weights.fetch() == cache / "w.pth"
    assert weights.is_here
    (folder / "w.pth").unlink()
    assert weights.fetch().read_bytes() == b"x" * 1000


def test_a_download_with_a_wrong_checksum_leaves_nothing(
    server: tuple[str, Path], cache: Path
) -> None:
    address, folder = server
    (folder / "w.pth").write_bytes(b"changed")
    with pytest.raises(ValueError, match="is not the file that it was"):
        Weights("w.pth", "native", "0676ba61", url=f"{address}/w.pth").fetch()
    assert list(cache.iterdir()) == []


def test_a_failed_download_leaves_nothing(server: tuple[str, Path], cache: Path) -> None:
    address, _ = server
    with pytest.raises(ConnectionError, match=r"missing\.pth cannot be fetched.*put it at"):
        Weights("w.pth", "native", None, url=f"{address}/missing.pth").fetch()
    assert list(cache.iterdir()) == []


def test_weights_without_a_download_name_the_page_and_the_place(cache: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"weights/w\.pth is missing.*fetch it from https://example\.org"
    ):
        Weights("w.pth", "native", None, page="https://example.org").fetch()


def test_weights_of_a_missing_package_name_the_extra() -> None:
    weights = Weights("w.pth", "native", None, package="no_such_package/models")
    assert not weights.is_here
    with pytest.raises(FileNotFoundError, match=r"no-such-package.*lvmmed-backbones\[imagenet\]"):
        weights.fetch()
