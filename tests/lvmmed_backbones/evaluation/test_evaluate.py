"""From a backbone and a folder to scores and records."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lvmmed_backbones import records
from lvmmed_backbones.command.cli import main
from lvmmed_backbones.evaluation import LabelledImages, Resize, evaluate
from lvmmed_backbones.evaluation.encoders import encoder_of
from lvmmed_backbones.evaluation.encoders.outputs import vectors
from lvmmed_backbones.evaluation.extraction import extract


class Means(nn.Module):
    """Mean colours of a grid of patches: no parameters, but features that tell dark from bright."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, images: Tensor) -> Tensor:
        return self.factor * nn.functional.adaptive_avg_pool2d(images, 4).flatten(1)


@pytest.fixture
def data() -> LabelledImages:
    random = np.random.default_rng(0)
    labels = np.arange(90) % 3
    images = random.integers(0, 120, (90, 20, 16, 3)) + 60 * labels[:, None, None, None]
    parts = np.repeat(["train", "valid", "test"], 30)
    return LabelledImages(
        name="grey",
        images=list(images.clip(0, 255).astype(np.uint8)),
        names=[f"{number}" for number in range(90)],
        labels=labels,
        parts=parts,
        classes=["dark", "grey", "bright"],
    )


def test_scores_and_records(data: LabelledImages, tmp_path: Path) -> None:
    result = evaluate(Means(), data, transform=Resize(16), seeds=(0, 1), cache=tmp_path / "cache")
    assert {(r.protocol, r.seed) for r in result.records} == {
        (probe, seed) for probe in ("knn", "linear") for seed in (0, 1)
    }
    assert all(record.metrics["accuracy"] > 0.9 for record in result.records)
    result.table()
    # What a notebook shows and keeps of a cell that ends with it.
    assert "balanced accuracy" in result._repr_html_() and len(repr(result)) < 100
    result.save(tmp_path / "results")
    result.save(tmp_path / "results")
    stored, problems = records.read(tmp_path / "results")
    assert len(stored) == 4 and not problems
    assert {record.data.counts["test"] for record in stored} == {30}


def test_features_are_computed_once(data: LabelledImages, tmp_path: Path) -> None:
    encoder = encoder_of(Means(), transform=Resize(16))
    first = extract(encoder, data, tmp_path)
    again = extract(encoder, data, tmp_path)
    assert (first.computed, again.computed) == (90, 0)
    np.testing.assert_array_equal(first.values, again.values)
    with torch.inference_mode():
        expected = encoder.encode(torch.stack([encoder.transform(data.pixels(7))]))[0]
    np.testing.assert_allclose(first.values[7], expected, rtol=1e-6)


def test_other_code_behind_the_same_weights_is_seen(data: LabelledImages, tmp_path: Path) -> None:
    one = extract(encoder_of(Means(), transform=Resize(16)), data, tmp_path)
    other = extract(encoder_of(Means(2.0), transform=Resize(16)), data, tmp_path)
    assert other.computed == 90
    np.testing.assert_allclose(other.values, 2 * one.values, rtol=1e-6)


def test_test_images_that_are_training_images_too_are_told(
    data: LabelledImages, tmp_path: Path
) -> None:
    data.images[60] = data.images[0]  # type: ignore[index]
    data.images[61] = np.maximum(data.images[1], 1)  # type: ignore[index]  # to the eye
    result = evaluate(Means(), data, transform=Resize(16), seeds=(0,), cache=tmp_path)
    assert "2 of 30 test images are training or valid images" in result.notes[0]
    assert all("accuracy_without_copies" in record.metrics for record in result.records)


class NotANumber(Means):
    def forward(self, images: Tensor) -> Tensor:
        found = super().forward(images)
        return torch.where(images.mean((1, 2, 3))[:, None] > 1.0, torch.nan, found)


def test_features_that_are_no_numbers_are_named(data: LabelledImages, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="NotANumber gives NaN or infinity for "):
        evaluate(NotANumber(), data, transform=Resize(16), cache=tmp_path)


class Constant(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return torch.ones(len(images), 5)


def test_features_that_are_all_the_same_are_named(data: LabelledImages, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Constant gives all 90 images of grey the same features"):
        evaluate(Constant(), data, transform=Resize(16), cache=tmp_path)


def test_a_transform_that_fails_names_the_image(data: LabelledImages, tmp_path: Path) -> None:
    resize = Resize(16)

    def picky(image: np.ndarray) -> Tensor:
        if (image == data.pixels(5)).all() if image.shape == (20, 16, 3) else False:
            raise KeyError("five")
        return resize(image)

    with pytest.raises(ValueError, match="5: the transform raised KeyError: 'five'"):
        evaluate(Means(), data, transform=picky, cache=tmp_path)


def test_a_module_without_a_transform_is_refused(data: LabelledImages) -> None:
    with pytest.raises(ValueError, match="nothing tells how to normalise its images"):
        evaluate(Means(), data)


@pytest.mark.parametrize(
    "output",
    [torch.ones(2, 3, 4), torch.ones(3, 4), "text", (), {"logits": torch.ones(2, 3)}],
    ids=["tokens", "another number", "text", "nothing", "logits"],
)
def test_what_is_no_vector_for_each_image_is_refused(output: object) -> None:
    with pytest.raises(ValueError, match=r"net returned .*a backbone must return"):
        vectors(output, 2, "net")


def test_vectors_of_what_modules_return() -> None:
    maps = torch.arange(16.0).reshape(2, 2, 2, 2)
    expected = maps.mean((2, 3))
    for output in (expected, maps, [None, maps], (maps,), {"x_norm_clstoken": expected}):
        assert torch.equal(vectors(output, 2, "net"), expected)
    hidden = {"last_hidden_state": torch.stack([expected, expected + 1], 1)}
    assert torch.equal(vectors(hidden, 2, "net"), expected)


def test_a_file_with_a_function(data: LabelledImages, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "import torch\nfrom lvmmed_backbones.evaluation import Resize\n"
        "def build():\n    return torch.nn.Flatten(), Resize(4)\n"
        "def text():\n    return 'text'\n"
    )
    result = evaluate(f"{file}:build", data, seeds=(0,), probes=("knn",), cache=tmp_path / "c")
    assert result.records[0].backbone.name == "mine:build"
    for function, words in (("none", "has no function 'none'"), ("text", "returned str: return")):
        with pytest.raises(ValueError, match=words):
            encoder_of(f"{file}:{function}")


def test_random_backbones_are_another_network_for_each_seed() -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    outputs = []
    for seed in (0, 0, 1):
        encoder = encoder_of("random_resnet18_half", size=64, seed=seed)
        outputs.append(encoder.encode(encoder.transform(image).unsqueeze(0)))
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])


def test_nothing_of_openmmlab_is_imported() -> None:
    code = """
import sys
import lvmmed_backbones.evaluation.evaluating
bad = {name.partition(".")[0] for name in sys.modules} & {"mmengine", "mmcv", "mmpretrain", "mmseg", "mmdet"}
assert not bad, bad
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    random = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 20), ("val", 10), ("test", 10)):
        labels = np.arange(count) % 2
        images = random.integers(0, 150, (count, 8, 8)) + 80 * labels[:, None, None]
        arrays |= {f"{part}_images": images.astype(np.uint8), f"{part}_labels": labels}
    np.savez(tmp_path / "set.npz", **arrays)
    (tmp_path / "flat_net.py").write_text(
        "import torch\nfrom lvmmed_backbones.evaluation import Resize\n"
        "build = torch.nn.Flatten\nresize = Resize(8)\n"
    )
    monkeypatch.chdir(tmp_path)
    words = ["evaluate", "flat_net.py:build", "--data", "set.npz", "--cache", "cache"]
    assert main([*words, "--transform", "flat_net.py:resize", "--results", "results"]) == 0
    assert "set, linear" in capsys.readouterr().out
    assert len(records.read(tmp_path / "results")[0]) == 6
    assert main(words) == 1
    assert "nothing tells how to normalise its images" in capsys.readouterr().err
    assert main([*words, "--transform", "flat_net.py:resize", "--probes", "svm"]) == 1
    assert "no probe 'svm': choose from knn, linear" in capsys.readouterr().err


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache in the layout of the hub, without a network."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def test_a_model_of_timm_whose_weights_are_in_the_hubs_cache(hub: Path) -> None:
    import timm
    from safetensors.torch import save_file

    torch.manual_seed(0)
    network = timm.create_model("resnet18")
    repository = hub / "models--timm--resnet18.a1_in1k"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0" * 40)
    snapshot = repository / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    save_file(network.state_dict(), snapshot / "model.safetensors")
    encoder = encoder_of("timm:resnet18", size=64)
    image = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    batch = encoder.transform(image).unsqueeze(0)
    expected = network.eval().forward_head(network.forward_features(batch), pre_logits=True)
    torch.testing.assert_close(encoder.encode(batch), expected)
    assert isinstance(encoder.transform, Resize)
    assert encoder.transform.mean == pytest.approx((123.675, 116.28, 103.53))


def test_weights_that_cannot_be_fetched_are_told_with_their_place(hub: Path) -> None:
    with pytest.raises(ConnectionError, match="timm:resnet18: its weights are not on this machine"):
        encoder_of("timm:resnet18")


def test_a_name_that_timm_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="timm:resnet17: timm says"):
        encoder_of("timm:resnet17")
