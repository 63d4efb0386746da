"""SAM's decoder: its weights fit or are named, and images stay apart."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch

from benchmarks.grid import RunSpec
from lvmmed_backbones import catalogue
from lvmmed_backbones.catalogue.architectures import build_on_meta
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.weights.networks import find_networks
from tasks.prompt import decoder
from tests.factories import configured
from tests.tasks.prompt.building import spread

pytest.importorskip("segment_anything")
PUBLISHED = Path(__file__).parents[2] / "lvmmed_backbones" / "weights" / "published"


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    """What a file of SAM has of the decoder, with an entry of the encoder."""
    parts = decoder.build(64)
    spread(parts)
    return {**parts.state_dict(), "image_encoder.patch_embed.proj.bias": torch.zeros(3)}


@pytest.mark.parametrize("name", ["sam_vit_b", "sam_vit_h"])
def test_the_decoder_has_the_names_and_shapes_of_the_published_files(name: str) -> None:
    published = {
        key: shape
        for key, shape in json.loads((PUBLISHED / f"{name}.json").read_text())["keys"].items()
        if key.startswith(decoder.PARTS)
    }
    ours = {key: list(value.shape) for key, value in decoder.build(1024).state_dict().items()}
    assert ours == published


@pytest.mark.parametrize("name", ["sam_vit_b", "lvmmed_vit_b", "sam_vit_h"])
def test_a_file_as_published_fills_the_encoder_and_the_decoder_of_a_prompted_run(name: str) -> None:
    """On the meta device: the names and shapes of the file, each in the encoder or in the decoder."""
    facts = json.loads((PUBLISHED / f"{name}.json").read_text())
    file = {key: torch.empty(shape, device="meta") for key, shape in facts["keys"].items()}
    model = configured(RunSpec("buid_prompt", "random_vit_b", "paper", 0, recipe="release")).model
    size = dict(model.backbone, model_name=f"sam_vit_{name[-1]}")
    size |= dict(use_abs_pos=False) if name.startswith("lvmmed") else {}
    size.pop("weights", None)
    encoder = build_on_meta(size, Path(name))
    (found,) = find_networks(file, encoder, ["own"], Path(name))
    assert len(found.tensors) == len(encoder.state_dict())
    of_decoder = {key for key in file if key.startswith(decoder.PARTS)}
    with torch.device("meta"):
        wanted = decoder.build(model.backbone.img_size).state_dict()
    assert of_decoder == ({*wanted} if name.startswith("sam") else set())
    assert len(found.tensors) + len(of_decoder) == len(file)


def test_each_entry_that_is_missing_or_of_another_shape_is_named(
    state: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = decoder.build(64)
    monkeypatch.setattr(decoder, "read", lambda path: spoilt)
    for name in parts.state_dict():
        missing = {key: value for key, value in state.items() if key != name}
        for spoilt in (
            missing,
            state | {name: state[name][None]},
            missing | {f"{name}.x": state[name]},
        ):
            reason = f"sam.pth: differs from SAM's decoder in {1 + (f'{name}.x' in spoilt)} entries"
            with pytest.raises(Refused) as caught:
                decoder.load(parts, "sam.pth")
            assert reason in str(caught.value) and name in str(caught.value)
    spoilt = state
    decoder.load(parts, "sam.pth")


def test_every_entry_of_the_decoder_is_loaded(state: dict, tmp_path: Path) -> None:
    torch.save(state, tmp_path / "sam.pth")
    parts = decoder.build(64)
    digest = hashlib.sha256((tmp_path / "sam.pth").read_bytes()).hexdigest()
    decoder.load(parts, str(tmp_path / "sam.pth"), digest)
    for name, value in parts.state_dict().items():
        assert torch.equal(value, state[name]), name


IOU = "mask_decoder.iou_token.weight"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop(IOU), f"sam.pth: differs from SAM's decoder in 1 entries, such as {IOU}"),
        (lambda s: s.update({IOU: torch.zeros(1, 128)}), f"in 1 entries, such as {IOU}"),
        (lambda s: s.update({"mask_decoder.more": torch.zeros(1)}), "such as mask_decoder.more"),
        (lambda s: s.update({IOU: torch.full((1, 256), float("nan"))}), f"{IOU} with values that"),
        (
            lambda s: [s.pop(key) for key in list(s) if key.startswith(decoder.PARTS)],
            r"has no entry of prompt_encoder.\* or mask_decoder.\*.*sam_vit_b_01ec64.pth",
        ),
    ],
)
def test_a_file_that_does_not_fit_is_named_with_its_keys(
    state: dict, tmp_path: Path, change, message: str
) -> None:
    change(state)
    torch.save(state, tmp_path / "sam.pth")
    with pytest.raises(Refused, match=message):
        decoder.load(decoder.build(64), str(tmp_path / "sam.pth"))


def test_an_absent_file_and_another_checksum_are_named(state: dict, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"sam\.pth"):
        decoder.load(decoder.build(64), str(tmp_path / "sam.pth"))
    torch.save(state, tmp_path / "sam.pth")
    with pytest.raises(Refused, match=r"sam\.pth"):
        decoder.load(decoder.build(64), str(tmp_path / "sam.pth"), "0" * 64)


def test_images_that_are_no_whole_number_of_patches_are_named() -> None:
    with pytest.raises(ValueError, match=r"images of 1000 pixels.*a multiple of 16"):
        decoder.build(1000)


def test_a_random_encoder_has_a_random_decoder_and_another_backbone_none() -> None:
    for name in ("random_vit_b", "random_vit_tiny", "random_vit_mini"):
        assert decoder.weights_for(catalogue.get(name)) is None
    with pytest.raises(ValueError, match=r"ResNet-50 is not SAM's image encoder.*sam_vit_b"):
        decoder.weights_for(catalogue.get("random_resnet50"))


@pytest.mark.parametrize(
    ("backbone", "file"),
    [
        ("sam_vit_b", "sam_vit_b_01ec64.pth"),
        ("lvmmed_vit_b", "sam_vit_b_01ec64.pth"),
        ("medsam_vit_base", "sam_vit_b_01ec64.pth"),
        ("sam_vit_h", "sam_vit_h_4b8939.pth"),
        ("lvmmed_vit_h_livecell", "sam_vit_h_4b8939.pth"),
    ],
)
def test_the_decoder_is_that_of_the_sam_of_the_encoder_s_size(
    backbone: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lvmmed_backbones.weights.source import Weights

    (tmp_path / file).write_bytes(b"weights")
    monkeypatch.setattr(Weights, "fetch", lambda self: tmp_path / self.file)
    digest = hashlib.sha256(b"weights").hexdigest()
    expected = {"file": str(tmp_path / file), "sha256": digest}
    assert decoder.weights_for(catalogue.get(backbone)) == expected
