"""Embeddings: kept or computed they are the same, and those of other weights are never used."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.registry import MODELS

import tasks.registration  # noqa: F401
from lvmmed_backbones.evaluation.store import KEYS, ROWS, SUMS
from lvmmed_backbones.files.outside import Refused
from tasks.prompt.model import PromptedSAM
from tests.tasks.prompt.building import MINI, prepared_image, spread

pytest.importorskip("segment_anything")


def model(seed: int = 0, **options: Any) -> PromptedSAM:
    built = MODELS.build(dict(type="PromptedSAM", backbone=MINI, **options))
    spread(built.backbone, seed)
    return built


def images(folder: Path, count: int = 3) -> list[str]:
    return [str(prepared_image(folder, (40, 50), f"{n}", seed=n)) for n in range(count)]


def calls_of(network: PromptedSAM) -> list[int]:
    """Count the images that go through the encoder from now on."""
    seen: list[int] = []
    network.backbone.network.patch_embed.register_forward_hook(lambda m, x, y: seen.append(len(y)))
    return seen


@pytest.mark.parametrize("image_input", ["rgb", "stretched_bgr"])
def test_what_is_kept_is_what_is_computed_bit_for_bit(tmp_path: Path, image_input: str) -> None:
    files = images(tmp_path)
    computed = model(image_input=image_input).embeddings
    kept = model(image_input=image_input).embeddings
    kept.keep(files, tmp_path / "cache", "some")
    assert (kept.added, kept.encoded) == (3, 0)
    assert torch.equal(kept.of(files), computed.of(files))
    assert torch.equal(kept.of(files[::-1]), computed.of(files).flip(0))
    assert (kept.encoded, computed.encoded) == (0, 6)
    assert kept.of(files).shape == (3, 256, 4, 4) and kept.of(files).dtype == torch.float32
    assert len({kept.of([file]).sum().item() for file in files}) == 3


def test_an_image_goes_through_the_encoder_once_for_all_runs(tmp_path: Path) -> None:
    files, first, second = images(tmp_path), model(), model()
    first.embeddings.keep(files[:2], tmp_path / "cache", "some")
    seen = calls_of(second)
    second.embeddings.keep(files, tmp_path / "cache", "some")
    second.embeddings.keep(files, tmp_path / "cache", "some")
    assert second.embeddings.added == 1
    noise = len(seen) - 1  # what tells whether the code behind the weights has changed
    second.embeddings.of(files)
    assert len(seen) == noise + 1


def test_embeddings_of_other_weights_are_never_used(tmp_path: Path) -> None:
    files, one, other = images(tmp_path), model(0).embeddings, model(1).embeddings
    one.keep(files, tmp_path / "cache", "some")
    other.keep(files, tmp_path / "cache", "some")
    assert one.added == other.added == 3
    assert not torch.equal(one.of(files), other.of(files))
    assert torch.equal(other.of(files), model(1).embeddings.of(files))


def test_embeddings_of_other_weights_in_their_place_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files, other = images(tmp_path), model(1).embeddings
    other.keep(files, tmp_path / "other", "some")
    model(0).embeddings.keep(files, tmp_path / "cache", "some")
    (mine,), (theirs,) = (list((tmp_path / name).iterdir()) for name in ("cache", "other"))
    shutil.rmtree(mine)
    shutil.copytree(theirs, mine)
    again = model(0).embeddings
    again.keep(files, tmp_path / "cache", "some")
    message = capsys.readouterr().err
    assert str(mine) in message and "other weights" in message and "computed again" in message
    assert again.added == 3
    assert torch.equal(again.of(files), model(0).embeddings.of(files))


def test_a_cache_of_another_shape_is_named(tmp_path: Path) -> None:
    files, embeddings = images(tmp_path), model().embeddings
    embeddings.keep(files, tmp_path / "cache", "some")
    (folder,) = (tmp_path / "cache").iterdir()
    meta = (folder / "meta.json").read_text()
    (folder / "meta.json").write_text(meta.replace("[256", "[128").replace("256,", "128,"))
    with pytest.raises(Refused, match=r"is not of rows.*Delete its folder"):
        model().embeddings.keep(files, tmp_path / "cache", "some")


@pytest.mark.parametrize("file", [ROWS, SUMS, KEYS])
def test_a_flipped_bit_is_named_or_its_image_computed_again(tmp_path: Path, file: str) -> None:
    """Of an embedding or its checksum: named, with the remedy. Of the name of an image: another image is not there."""
    files = images(tmp_path)
    right = model().embeddings.of(files)
    model().embeddings.keep(files, tmp_path / "cache", "some")
    (folder,) = (tmp_path / "cache").iterdir()
    content, rng = (folder / file).read_bytes(), np.random.default_rng(1)
    for place in rng.integers(0, len(content), 6):
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(rng.integers(8))
        (folder / file).write_bytes(damaged)
        embeddings = model().embeddings
        if file == KEYS:
            embeddings.keep(files, tmp_path / "cache", "some")
            assert embeddings.added == 1
            assert torch.equal(embeddings.of(files), right)
            continue
        with pytest.raises(Refused, match=rf"{ROWS}: is damaged: row \d.*Delete its") as caught:
            embeddings.keep(files, tmp_path / "cache", "some")
            embeddings.of(files)
        assert "\n" not in str(caught.value) and str(folder) in str(caught.value)
    shutil.rmtree(folder)
    embeddings = model().embeddings
    embeddings.keep(files, tmp_path / "cache", "some")
    assert embeddings.added == 3 and torch.equal(embeddings.of(files), right)


@pytest.mark.parametrize("file", [ROWS, SUMS, KEYS])
@pytest.mark.parametrize("kept", [0.0, 0.4, 0.99, None])
def test_what_is_cut_off_is_computed_again(tmp_path: Path, file: str, kept: float | None) -> None:
    """None: the file is gone, as that of checksums in a cache of an older version."""
    files = images(tmp_path)
    right = model().embeddings.of(files)
    model().embeddings.keep(files, tmp_path / "cache", "some")
    (path,) = (tmp_path / "cache").rglob(file)
    if kept is None:
        path.unlink()
    else:
        os.truncate(path, int(kept * path.stat().st_size))
    again = model().embeddings
    again.keep(files, tmp_path / "cache", "some")
    assert again.added == 3 - int(3 * (kept or 0))
    assert torch.equal(again.of(files), right)


def test_another_image_of_the_same_name_is_computed(tmp_path: Path) -> None:
    files = images(tmp_path)
    model().embeddings.keep(files, tmp_path / "cache", "some")
    shutil.copy(files[0], files[1])
    again = model().embeddings
    again.keep(files, tmp_path / "cache", "some")
    assert again.added == 0, "both are the first image now"
    assert torch.equal(again.of([files[1]]), again.of([files[0]]))
    prepared_image(tmp_path, (40, 50), "1", seed=9)
    other = model().embeddings
    other.keep(files, tmp_path / "cache", "some")
    assert other.added == 1
    assert torch.equal(other.of(files), model().embeddings.of(files))


def test_the_size_is_known_before_anything_is_computed() -> None:
    embeddings = MODELS.build(
        dict(type="PromptedSAM", backbone=dict(MINI, img_size=1024, window_size=14))
    ).embeddings
    assert embeddings.bytes_of(1) == 2 * 256 * 64 * 64 == 2_097_152
    assert embeddings.encoded == 0


def test_an_absent_image_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.png"):
        model().embeddings.of([str(tmp_path / "images" / "nothing.png")])


def test_decoding_several_images_is_decoding_each(tmp_path: Path) -> None:
    network = model()
    spread(network.mask_decoder, 2)
    embeddings = network.embeddings.of(images(tmp_path))
    boxes = torch.tensor([[0.0, 0, 64, 64], [3, 4, 50, 60], [10, 10, 11, 40]])
    with torch.no_grad():
        together = network.decode(embeddings, boxes)
        alone = [
            network.decode(e[None], b[None])[0] for e, b in zip(embeddings, boxes, strict=True)
        ]
    assert together.shape == (3, 16, 16)
    assert torch.equal(together, torch.stack(alone))
    assert not np.allclose(alone[0], alone[1])


def test_a_box_outside_is_named_with_its_image_when_a_mask_is_asked_for(tmp_path: Path) -> None:
    from mmseg.structures import SegDataSample

    sample = SegDataSample(
        metainfo=dict(img_path=images(tmp_path)[0], box=(0.0, 0.0, 70.0, 9.0), drawn=False)
    )
    network = model()
    with pytest.raises(ValueError, match=r"0: the box \(0, 0, 70, 9\) leaves the image"):
        network([sample])
    sample.set_metainfo(dict(drawn=True))  # as the release draws them for empty masks
    assert network([sample]).shape == (1, 16, 16)


def test_the_encoder_is_neither_trained_nor_saved(tmp_path: Path) -> None:
    network = model()
    trained = {name for name, p in network.named_parameters() if p.requires_grad}
    assert trained and all(name.startswith("mask_decoder.") for name in trained)
    assert {name.split(".")[0] for name in network.state_dict()} == {
        "prompt_encoder",
        "mask_decoder",
    }
    assert not any(p.requires_grad for p in network.backbone.parameters())
