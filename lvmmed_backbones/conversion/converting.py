"""Write a backbone of the catalogue for another library, load it again by that library, and compare the two."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate
from tqdm import tqdm

from lvmmed_backbones import catalogue
from lvmmed_backbones.building import build
from lvmmed_backbones.catalogue import Entry
from lvmmed_backbones.catalogue.adding import reference_images
from lvmmed_backbones.conversion import onnx_file, safetensors_file, torchscript
from lvmmed_backbones.conversion.card import CARD, card
from lvmmed_backbones.conversion.format import Format, Network, Unfit
from lvmmed_backbones.conversion.hugging_face import HuggingFaceFolder
from lvmmed_backbones.conversion.onnx_file import OnnxFile
from lvmmed_backbones.conversion.safetensors_file import SafetensorsFile
from lvmmed_backbones.conversion.scores import scores
from lvmmed_backbones.conversion.timm_folder import TimmFolder
from lvmmed_backbones.conversion.torchscript import TorchScript
from lvmmed_backbones.display import plain
from lvmmed_backbones.files.writing import replacing_folder, write_text
from lvmmed_backbones.models import Backbone

FORMATS: dict[str, Format] = {
    "safetensors": SafetensorsFile(),
    "timm": TimmFolder(),
    "hf": HuggingFaceFolder(),
    "onnx": OnnxFile(),
    "torchscript": TorchScript(),
}
CLOSE = 1e-4  # largest difference, relative to the largest value of the output
BATCHES = (1, 3)  # other numbers of images than a graph was recorded with
# All that a conversion writes: a folder with anything else is not replaced.
NAMES = {
    CARD,
    "config.json",
    safetensors_file.FILE,
    onnx_file.FILE,
    f"{onnx_file.FILE}.data",
    torchscript.FILE,
}


@dataclass(frozen=True)
class Converted:
    """What `convert` wrote.

    Attributes
    ----------
    folder : Path
        The folder.
    difference : float
        Largest difference between our network's output and that of the loaded files, relative to the largest value.
    notes : list of str
        What a user must know before using the files or passing them on.
    """

    folder: Path
    difference: float
    notes: list[str] = field(default_factory=list)


def convert(
    name: str,
    to: str,
    out: str | Path | None = None,
    *,
    image_size: int | None = None,
    output: Literal["vector", "maps"] = "vector",
    seed: int = 0,
    results: Iterable[str | Path] = (),
) -> Converted:
    """Write a backbone of the catalogue for another library: `lvmmed convert`.

    The files appear only after the library has loaded them again and given the same output.

    Parameters
    ----------
    name : str
        A name of the catalogue.
    to : str
        A key of `FORMATS`: "safetensors", "timm", "hf", "onnx" or "torchscript".
    out : str, Path, optional
        Folder to write; None: NAME-FORMAT in the current folder. A former conversion there is replaced.
    image_size : int, optional
        Side of the images in pixels; None: the backbone's own.
    output : {"vector", "maps"}
        Of "onnx" and "torchscript": a vector (B, C), or the four maps. The other formats hold weights alone.
    seed : int
        Seed of the pretraining, if the backbone has several; of the weights of a random backbone.
    results : iterable of str or Path
        Folders of results, whose scores of this backbone the model card shows.

    Returns
    -------
    Converted

    Raises
    ------
    ValueError
        If there is no such backbone or format, if the library has no such architecture, or if what was written cannot
        be loaded again or gives another output: it is deleted then.
    FileExistsError
        If the folder holds something else than a conversion.
    FileNotFoundError
        If the weights, or the records of `results`, are not there.
    ModuleNotFoundError
        If the library is not installed. The message names the extra.
    """
    if to not in FORMATS:
        raise ValueError(f"no format {to!r}: choose from {', '.join(FORMATS)}")
    chosen = FORMATS[to]
    if output == "maps" and not chosen.holds_graph:
        raise ValueError(f"--output maps: {to} holds weights alone, which serve every output")
    entry = catalogue.get(name, seed)
    side = entry.image_size if image_size is None else image_size
    if side < 1:
        raise ValueError(f"--image-size {side}: give a number of pixels, 1 or more")
    folder = Path(out) if out is not None else Path(f"{name}-{to}")
    _refuse_foreign(folder)
    table, unread = scores(name, entry, results)
    with (
        torch.random.fork_rng(devices=[]),
        replacing_folder(folder) as scratch,
        tqdm(total=4, unit="step", leave=False, disable=None) as bar,
    ):

        def step(what: str) -> None:
            bar.set_description(f"{name}: {what}")
            bar.update()

        step("building")
        torch.manual_seed(seed)  # of a random backbone
        backbone = build(name, output, side, frozen=True, seed=seed).eval()
        step(f"writing {to}")
        with _saying(f"{chosen.library} cannot write {name}", folder):
            chosen.write(backbone, entry, side, scratch)
        with _saying(f"{chosen.library} cannot use what was written of {name}", folder):
            step(f"loading by {chosen.library}")
            network = chosen.load(scratch, entry, side)
            step("comparing")
            difference = _difference(network, backbone, entry, side)
        if not difference <= CLOSE:
            raise ValueError(
                f"{chosen.library} gives another output from what was written of {name}: it differs by "
                f"{difference:.2g} of the largest value, more than {CLOSE:g}. It was deleted: "
                f"{plain(folder)} is as it was"
            )
        notes = [*_of_licence(entry.licence), *_of_pyramid(backbone)]
        text = card(
            name=name,
            to=to,
            chosen=chosen,
            entry=entry,
            seed=seed,
            side=side,
            output=output,
            difference=difference,
            notes=notes,
            table=table,
            folder=folder.absolute().name,
        )
        write_text(scratch / CARD, text)
    return Converted(folder, difference, notes + [f"left out, {problem}" for problem in unread])


def _refuse_foreign(folder: Path) -> None:
    """Refuse to replace a folder that holds anything else than a conversion."""
    if folder.is_dir() and (others := {file.name for file in folder.iterdir()} - NAMES):
        raise FileExistsError(
            f"{plain(folder)}: holds {plain(min(others))}, which no conversion wrote. Name another folder"
        )


@contextmanager
def _saying(what: str, folder: Path) -> Iterator[None]:
    """Make one line of whatever a library raises."""
    try:
        yield
    except (OSError, Unfit, ModuleNotFoundError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(
            f"{what} ({plain(reason, 300)}). It was deleted: {plain(folder)} is as it was"
        ) from error


def _images(entry: Entry, side: int) -> Tensor:
    """Return the reference images as a backbone takes them, (8, 3, side, side)."""
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (entry.mean, entry.std))
    return (
        interpolate(reference_images(), side, mode="bilinear", align_corners=False) - mean
    ) / std


def _difference(network: Network, backbone: Backbone, entry: Entry, side: int) -> float:
    """Return the largest difference of two networks' outputs, relative to the largest value.

    Raises
    ------
    ValueError
        If the outputs have other shapes.
    """
    largest = 0.0
    with torch.no_grad():
        for count in BATCHES:
            images = _images(entry, side)[:count]
            for ours, theirs in zip(backbone(images), network(images), strict=True):
                if ours.shape != theirs.shape:
                    raise ValueError(f"it gives {tuple(theirs.shape)}, not {tuple(ours.shape)}")
                difference = (ours - theirs).abs().max() / ours.abs().max()
                largest = float(np.maximum(largest, difference))  # NaN stays
    return largest


def _of_licence(licence: str) -> list[str]:
    """Return what a licence asks of somebody who passes the files on."""
    words = licence.upper().replace("-", " ").split()
    notes = []
    if "ND" in words:
        notes.append(
            f"the weights' licence, {licence}, does not let you share changed versions: ask their authors before you "
            "publish these files"
        )
    if "NC" in words:
        notes.append(f"the weights' licence, {licence}, forbids commercial use")
    if licence.lower().startswith(("unknown", "not stated")):
        notes.append(
            "nobody stated the weights' licence: ask their authors before you publish these files"
        )
    return notes


def _of_pyramid(backbone: Backbone) -> list[str]:
    """Return a warning if the maps are not of pretrained weights alone."""
    if backbone.pyramid is None:
        return []
    return [
        "the maps come from a feature pyramid with random weights, which a task trains: without that training, "
        "take the vector"
    ]
