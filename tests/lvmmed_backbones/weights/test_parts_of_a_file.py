"""A file of SAM of which a part is taken: without its positions, or its blocks alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lvmmed_backbones import catalogue
from lvmmed_backbones.catalogue.architectures import build_on_meta, is_sam_encoder
from lvmmed_backbones.evaluation.encoders import depends_on_seed
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.models import Backbone, from_config
from lvmmed_backbones.weights.loading import find, load_strictly
from lvmmed_backbones.weights.source import Weights

SMALL = dict(embed_dim=32, depth=2, num_heads=2, window_size=2, global_attn_indexes=(1,))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file as SAM's: the encoder with positions and neck behind a prefix, and a decoder."""
    torch.manual_seed(1)
    whole = Backbone("sam_vit_b", "vector", img_size=64, neck_chans=8, **SMALL).network
    state = {f"image_encoder.{n}": torch.randn_like(v) for n, v in whole.state_dict().items()}
    torch.save(state | {"mask_decoder.iou_token.weight": torch.ones(1, 8)}, tmp_path / "sam.pth")
    return tmp_path / "sam.pth"


def encoder(**arguments) -> Backbone:
    return Backbone("sam_vit_b", "vector", img_size=64, **SMALL, **arguments)


def test_positions_are_passed_over_where_that_is_asked_for(file: Path) -> None:
    module = encoder(ignore_abs_pos=True)
    load_strictly(module, str(file))
    saved = torch.load(file, weights_only=True)
    assert module.network.pos_embed is None
    for name, value in module.network.state_dict().items():
        assert torch.equal(value, saved[f"image_encoder.{name}"])
    tokens = module.network.patch_embed(torch.ones(1, 3, 64, 64))
    for block in module.network.blocks:
        tokens = block(tokens)
    torch.testing.assert_close(module(torch.ones(1, 3, 64, 64))[0], tokens.mean((1, 2)))


def test_without_being_asked_for_they_are_still_refused(file: Path) -> None:
    with pytest.raises(Refused, match="such as pos_embed"):
        load_strictly(encoder(use_abs_pos=False), str(file))
    del (saved := torch.load(file, weights_only=True))["image_encoder.pos_embed"]
    torch.save(saved, file)
    load_strictly(encoder(ignore_abs_pos=True), str(file))  # LVM-Med's file has none


def test_the_blocks_alone_are_filled_and_the_patches_are_of_the_seed(file: Path) -> None:
    saved, patches = torch.load(file, weights_only=True), []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        module = encoder(ignore_abs_pos=True, weights=dict(file=str(file), only="blocks."))
        before = {n: v.clone() for n, v in module.network.state_dict().items()}
        module.init_weights()
        for name, value in module.network.state_dict().items():
            of_file = torch.equal(value, saved[f"image_encoder.{name}"])
            assert of_file == name.startswith("blocks.")
            assert of_file or torch.equal(value, before[name])
        patches.append(module.network.patch_embed.proj.weight)
    assert torch.equal(patches[0], patches[1]) and not torch.equal(patches[0], patches[2])
    bound = (3 * 16 * 16) ** -0.5  # torch's own start of a convolution, as in the release
    assert 0.98 * bound < patches[0].abs().max().item() <= bound


def test_the_whole_file_must_fit_though_a_part_is_taken(file: Path) -> None:
    saved = torch.load(file, weights_only=True)
    del saved["image_encoder.patch_embed.proj.bias"]
    torch.save(saved, file)
    with pytest.raises(Refused, match=r"does not fill 1 of .* such as patch_embed.proj.bias"):
        load_strictly(encoder(ignore_abs_pos=True), str(file), only="blocks.")


def test_a_part_that_there_is_not_is_named(file: Path) -> None:
    with pytest.raises(ValueError, match=r"only='layers\.': no parameter of .*sam.pth begins so"):
        load_strictly(encoder(ignore_abs_pos=True), str(file), only="layers.")


def test_the_catalogue_s_entry_takes_sam_s_file_but_its_blocks_alone(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, sam = (catalogue.get(name) for name in ("sam_vit_b_blocks_only", "sam_vit_b"))
    ours, theirs = entry.weights, sam.weights
    assert ours and theirs and ours.only == "blocks." and theirs.only == ""
    assert (ours.file, ours.url, ours.sha256) == (theirs.file, theirs.url, theirs.sha256)
    assert (entry.licence, entry.data_sets) == (sam.licence, sam.data_sets)
    monkeypatch.setattr(Weights, "fetch", lambda self: file)
    config = entry.model("vector", 64)
    assert (
        config["weights"]["only"] == "blocks." and "only" not in sam.model("vector", 64)["weights"]
    )
    small = {**config, **SMALL, "weights": config["weights"] | {"sha256": None}}
    module = from_config(small)
    module.init_weights()
    assert module.network.pos_embed is None
    of_file = {key: value for key, value in small.items() if key != "weights"}
    find(build_on_meta(of_file, file), file, ["own"])  # as before a run


def test_it_has_other_weights_for_each_seed() -> None:
    assert depends_on_seed("sam_vit_b_blocks_only") and not depends_on_seed("sam_vit_b")


@pytest.mark.parametrize(
    ("name", "sam"),
    [("sam_vit_b", True), ("lvmmed_vit_b", True), ("sam_vit_h", True), ("random_vit_mini", True),
     ("dinov2_vit_small", False), ("random_resnet50", False)],
)  # fmt: skip
def test_sam_s_encoders_are_known(name: str, sam: bool) -> None:
    assert is_sam_encoder(catalogue.get(name).config) == sam
