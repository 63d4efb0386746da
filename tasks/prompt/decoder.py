"""SAM's prompt encoder and mask decoder, of the package segment-anything, and their weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from lvmmed_backbones import catalogue
from lvmmed_backbones.catalogue import Entry
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.importing import needing
from lvmmed_backbones.weights.checksums import check_sha256, file_sha256
from lvmmed_backbones.weights.loading import check_values
from lvmmed_backbones.weights.networks import first_few
from lvmmed_backbones.weights.reading import read

CHANNELS = 256  # of an embedding
PATCH = 16  # pixels of an embedding's cell
# Architectures, and the entries whose files have the decoder of that size.
ENCODERS = ("sam_vit_b", "sam_vit_h")
PARTS = ("prompt_encoder.", "mask_decoder.")


def build(side: int) -> nn.ModuleDict:
    """Return `prompt_encoder` and `mask_decoder` for images of `side` pixels, with random weights.

    Raises
    ------
    ValueError
        If the image has no whole number of patches.
    ModuleNotFoundError
        If segment-anything is not installed.
    """
    if side % PATCH or side <= 0:
        raise ValueError(f"images of {side} pixels: SAM's embedding needs a multiple of {PATCH}")
    parts = _package()
    transformer = parts.TwoWayTransformer(
        depth=2, embedding_dim=CHANNELS, num_heads=8, mlp_dim=2048
    )
    return nn.ModuleDict(
        {
            "prompt_encoder": parts.PromptEncoder(
                embed_dim=CHANNELS,
                image_embedding_size=(side // PATCH, side // PATCH),
                input_image_size=(side, side),
                mask_in_chans=16,
            ),
            "mask_decoder": parts.MaskDecoder(transformer_dim=CHANNELS, transformer=transformer),
        }
    )


def _package() -> Any:
    """Import segment-anything's networks. Raises ModuleNotFoundError with the extra that brings them."""
    with needing("suite"):
        from segment_anything import modeling
    return modeling


def weights_for(entry: Entry) -> dict[str, str] | None:
    """Return the file of the decoder that goes with an encoder of the catalogue, and its SHA-256.

    It is the file of the SAM of the same size, whatever the encoder saw after SAM. None for an encoder with random
    weights: its decoder is random, too.

    Raises
    ------
    ValueError
        If the backbone is not SAM's image encoder.
    ModuleNotFoundError
        If segment-anything is not installed.
    FileNotFoundError, ConnectionError
        As `Weights.fetch`.
    """
    _package()  # before anything long
    name = entry.config.get("model_name")
    if name not in ENCODERS:
        raise ValueError(
            f"{entry.architecture} is not SAM's image encoder, whose mask decoder a box prompts. "
            "Choose a backbone such as sam_vit_b, lvmmed_vit_b or random_vit_b"
        )
    if entry.weights is None:
        return None
    weights: Any = catalogue.get(name).weights
    file = weights.fetch()
    return {"file": str(file), "sha256": file_sha256(file)}


def load(parts: nn.ModuleDict, file: str, sha256: str | None = None) -> None:
    """Fill the prompt encoder and the mask decoder from a file of SAM; all entries with their names must fit.

    Parameters
    ----------
    parts : ModuleDict
        As `build` returns it.
    file : str
        A safetensors file, or one that `torch.save` wrote, with SAM's names; what is of the image encoder is left out.
    sha256 : str, optional
        Checksum of the file; None: not checked.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Refused
        If the checksum differs, or an entry is missing, has another shape, is none of the decoder, or no number.
    """
    path = Path(file)
    if sha256 is not None:
        check_sha256(path, sha256)
    wanted = parts.state_dict()
    found = {str(name): value for name, value in read(path).items() if str(name).startswith(PARTS)}
    remedy = "Give a file of Segment Anything with its mask decoder, such as sam_vit_b_01ec64.pth"
    if not found:
        raise Refused(path, f"has no entry of {PARTS[0]}* or {PARTS[1]}*", remedy)
    wrong = sorted(
        name
        for name in {*wanted, *found}
        if getattr(found.get(name), "shape", None) != getattr(wanted.get(name), "shape", None)
    )
    if wrong:
        reason = f"differs from SAM's decoder in {len(wrong)} entries, such as {first_few(wrong)}"
        raise Refused(path, reason, remedy)
    check_values(found, wanted, path)
    parts.load_state_dict(found)
