"""JSRT: chest X-rays of JSRT with the lung and heart masks of SCR. Fold 2 trains and fold 1 tests, as SCR advises."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lvmmed_backbones.files.outside import Refused, read_bytes
from lvmmed_backbones.layout.reading import refuse_other_size, to_8_bit
from lvmmed_backbones.layout.writer import Writer
from tasks.datasets import Dataset, prepares
from tasks.download.folders import each_file, files_by_name
from tasks.download.masks import read_mask
from tasks.splits import carve

DATASET = Dataset(
    name="jsrt",
    title="JSRT chest X-rays with SCR's masks",
    folder="jsrt",
    layout="All247images/*.IMG (raw 12 bit) and scratch/fold{1,2}/masks/{left lung,right lung,heart}/*.gif",
    kind="segmentation",
    classes=("background", "lung", "heart"),
    modality="X-ray, chest",
    images=247,
    licence="research use",
    citation="Shiraishi et al., AJR 2000; van Ginneken et al., Medical Image Analysis 2006",
    page="http://db.jsrt.or.jp/eng.php",
)


@prepares(DATASET)
def prepare(source: Path, writer: Writer) -> None:
    """Write the X-rays as 8-bit PNG of the masks' size. Both lungs are one class, the heart lies over them."""
    folder = source / "All247images"
    raw = files_by_name(folder, "*.img")
    folds: dict[int, list[str]] = {}
    for fold in (1, 2):
        root = source / "scratch" / f"fold{fold}" / "masks"
        lungs = [files_by_name(root / f"{side} lung", "*.gif") for side in ("left", "right")]
        folds[fold] = []
        for heart in each_file(root / "heart", "*.gif", "heart masks"):
            classes = read_mask(heart).astype(np.uint8) * 2
            for masks in lungs:
                lung = masks[f"{heart.stem}.gif"]
                mask = read_mask(lung)
                refuse_other_size(classes, mask, lung)
                classes[mask & (classes == 0)] = 1
            path = raw.get(f"{heart.stem}.img", folder / f"{heart.stem}.IMG")
            image = _shrink(read_raw(path), classes.shape[0], path)
            writer.mask(heart.stem, writer.image(heart.stem, image), classes, heart)
            folds[fold].append(heart.stem)
    writer.splits({**carve(folds[2], dict(train=0.8, valid=0.2)), "test": folds[1]})


def read_raw(path: Path) -> NDArray[np.uint8]:
    """Read a square raw image of big-endian words of 16 bits, 12 of them used; JSRT's low values are bright.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Refused
        If it is not square, or too large.
    """
    try:
        content = read_bytes(path)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such image. Is the download complete?") from None
    side = math.isqrt(len(content) // 2)
    if not side or 2 * side * side != len(content):
        reason = f"has {len(content)} bytes, which is no square image of 16-bit words"
        remedy = "Is it a raw image of JSRT? Download it again if it is"
        raise Refused(path, reason, remedy)
    values = np.frombuffer(content, ">u2")
    return 255 - to_8_bit(values.reshape(side, side).astype(np.float32), path)


def _shrink(image: NDArray[np.uint8], side: int, path: Path) -> NDArray[np.uint8]:
    """Average blocks of pixels until an image has the side of its mask; SCR's masks have half of JSRT's side.

    Raises
    ------
    Refused
        If its side is no multiple of the mask's; `path` is its file, for the message.
    """
    factor = image.shape[0] // side
    if not factor or factor * side != image.shape[0]:
        reason = f"an X-ray of side {image.shape[0]} does not shrink to its masks' side {side}"
        raise Refused(path, reason, "Use SCR's masks of 1024 pixels")
    return image.reshape(side, factor, side, factor).mean(axis=(1, 3)).round().astype(np.uint8)
