"""Catalogue entries that are files of weights: what `python -m lvmmed_backbones export` and `add` write."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from lvmmed_backbones.catalogue.architectures import checked
from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.files.outside import Refused, refusing, regular
from lvmmed_backbones.files.writing import sweep, write_bytes
from lvmmed_backbones.weights.checksums import file_sha256
from lvmmed_backbones.weights.source import Weights

KEY = "lvmmed_backbones"
SCHEMA = 3
LAYOUTS = {
    1: "openmmlab",
    2: "own",
    3: "own",
}  # of the tensors, by schema; config's words changed at 3
REMEDY = "Make it again: `python -m lvmmed_backbones export RUN NAME`, or `add FILE NAME`"


class Facts(msgspec.Struct):
    """What a file of the catalogue says of itself.

    Attributes
    ----------
    schema : int
        Version of these facts.
    architecture, method : str
        In the field's words.
    config : dict
        Of the backbone: registered type and arguments.
    channels : (int, int, int, int) or None
        Of the four maps; None where the architecture has none.
    vector_channels : int
        Length of the vector.
    mean, std : (float, float, float)
        That images in RGB, 0 to 255, are normalised with.
    corpus : dict of str to str, int or None
        Name, images and fingerprint of what it was pretrained on, as far as known.
    licence, source : str
        Where it comes from.
    steps, epochs, images_seen, seed, git_revision, training : int or None
        Of a pretraining run; `training` is its config, a text for people that nothing reads.
    """

    schema: int
    architecture: str
    method: str
    config: dict[str, Any]
    channels: tuple[int, int, int, int] | None
    vector_channels: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    corpus: dict[str, str | int | None] = {}
    licence: str = "as its images"
    source: str = ""
    steps: int | None = None
    epochs: int | None = None
    images_seen: int | None = None
    seed: int | None = None
    git_revision: str | None = None
    training: str = ""

    def __post_init__(self) -> None:
        texts = dict(
            architecture=self.architecture,
            method=self.method,
            licence=self.licence,
            source=self.source,
            git_revision=self.git_revision or "none",
            corpus=" ".join(f"{key} {value}" for key, value in self.corpus.items()),
        )
        for name, text in texts.items():
            if not text.isprintable() or len(text) > 1000:
                raise ValueError(f"{name} is {text[:50]!r}, not a printable line")
        if not all(math.isfinite(v) for v in (*self.mean, *self.std)) or min(self.std) <= 0:
            raise ValueError(f"mean {self.mean} and std {self.std} normalise no image")


def write(out: Path, tensors: Mapping[str, Tensor], facts: Facts) -> None:
    """Write a file of the catalogue, which appears at once when it is whole; what a killed one left goes.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        By the architecture's own names.

    Raises
    ------
    DiskFull, OSError
        If it cannot be written.
    """
    text = msgspec.json.encode(facts).decode()
    out.parent.mkdir(parents=True, exist_ok=True)
    sweep(out.parent)
    copies = {n: v.clone(memory_format=torch.contiguous_format) for n, v in tensors.items()}
    # Not save_file, which writes to a temporary file of its own: a kill would leave it, and others may not read it.
    write_bytes(out, save(copies, metadata={KEY: text}))


def sound(facts: dict[str, Any], file: Path) -> Facts:
    """Facts, once they are known to be such as can be read again.

    Parameters
    ----------
    facts : dict
        The fields of `Facts` but the schema.
    file : Path
        That they were taken from.

    Raises
    ------
    Refused
        Naming the file and the field.
    """
    with refusing(file, REMEDY, "tells what no backbone has"):
        return msgspec.convert(facts | dict(schema=SCHEMA), Facts)


def read_facts(file: Path) -> Facts:
    """What a file of the catalogue says of itself.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Refused
        Naming the file, if it is none that `export` or `add` wrote, or one of a newer version.
    """
    regular(file)
    with refusing(file, REMEDY, "is not a backbone that `export` or `add` wrote"):
        with safe_open(file, "pt") as content:
            text = (content.metadata() or {})[KEY]
        schema = json.loads(text)["schema"]
    if type(schema) is not int or schema not in LAYOUTS:
        raise Refused(
            file, f"has schema {schema}, known is up to {SCHEMA}", "Update lvmmed_backbones"
        )
    with refusing(file, REMEDY, "is not a backbone that `export` or `add` wrote"):
        facts = msgspec.json.decode(text, type=Facts)
    facts.config = checked(facts.config, file)
    return facts


def files_by_seed(folder: Path) -> dict[int, Path]:
    """The files SEED.safetensors in a folder, in ascending order of the seeds; none where there is no folder."""
    files = {int(f.stem): f for f in folder.glob("*.safetensors") if f.stem.isdecimal()}
    return dict(sorted(files.items()))


def entry_of(file: Path, pretraining_seed: int | None = None) -> Entry:
    """The catalogue entry of a file.

    Parameters
    ----------
    pretraining_seed : int, optional
        That the file's name tells, where the backbone has several.

    Raises
    ------
    Refused
        As `read_facts`, or if the file says that it was pretrained with another seed.
    """
    facts = read_facts(file)
    if pretraining_seed is not None and facts.seed != pretraining_seed:
        raise Refused(
            file,
            f"was pretrained with seed {facts.seed}, not {pretraining_seed}",
            "Remove it, and export its run again",
        )
    return Entry(
        architecture=facts.architecture,
        method=facts.method,
        corpus=corpus_line(facts.corpus),
        licence=facts.licence,
        source=facts.source
        or f"{facts.steps} steps of the config inside the file, "
        f"code {str(facts.git_revision)[:12]}",
        config=facts.config,
        channels=facts.channels,
        vector_channels=facts.vector_channels,
        weights=Weights(
            file=str(file.resolve()), layout=LAYOUTS[facts.schema], sha256=file_sha256(file)
        ),
        mean=facts.mean,
        std=facts.std,
        pretraining_seed=pretraining_seed,
    )


def corpus_line(corpus: dict[str, str | int | None]) -> str:
    """A corpus in a line."""
    if set(corpus) <= {"name"}:
        return str(corpus.get("name", "unknown"))
    return (
        f"{corpus.get('name', 'unknown')}, {corpus.get('images', 'unknown')} images, "
        f"fingerprint {str(corpus.get('fingerprint', 'unknown'))[:12]}"
    )
