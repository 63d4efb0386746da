"""Entries of the catalogue that are files of weights, which `python -m lvmmed_backbones export` and `add` write."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import msgspec
import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from lvmmed_backbones.catalogue.architectures import checked_config
from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.data_sets import MOST_NAMES, is_name
from lvmmed_backbones.files.outside import Refused, refusing, regular
from lvmmed_backbones.files.writing import sweep, write_bytes
from lvmmed_backbones.weights.checksums import file_sha256
from lvmmed_backbones.weights.source import Weights

KEY = "lvmmed_backbones"
SCHEMA = 3
# Layout of the tensors by schema. Schema 3 renamed the arguments of configs.
LAYOUTS = {1: "openmmlab", 2: "own", 3: "own"}
REMEDY = "Make it again: `python -m lvmmed_backbones export RUN NAME`, or `add FILE NAME`"


class Facts(msgspec.Struct):
    """The facts that a file of the catalogue holds beside its weights.

    Attributes
    ----------
    schema : int
        Version of these facts.
    architecture, method : str
        Their usual names.
    config : dict
        Registered type of the backbone, and its arguments.
    channels : (int, int, int, int) or None
        Widths of the four maps; None if the architecture has no such maps.
    vector_channels : int
        Length of the pooled vector.
    mean, std : (float, float, float)
        Normalisation of images in RGB, 0 to 255.
    corpus : dict of str to str, int or None
        Name, number of images and fingerprint of the pretraining corpus, as far as known.
    data_sets : list of str or None
        Data sets that the pretraining saw; None: unknown, as in files from before they were noted.
    started_from : str or None
        What it began with: a backbone of the catalogue, or another name; None: random weights.
    licence, source : str
        Licence of the weights, and their origin.
    steps, epochs, images_seen, seed, git_revision, training : int or None
        Facts of the pretraining run. `training` is its config, a text for people; no code reads it.
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
    data_sets: Annotated[list[str], msgspec.Meta(max_length=MOST_NAMES)] | None = None
    started_from: str | None = None
    licence: str = "as its images"
    source: str = ""
    steps: int | None = None
    epochs: int | None = None
    images_seen: int | None = None
    seed: int | None = None
    git_revision: str | None = None
    training: str = ""

    def __post_init__(self) -> None:
        names = ("architecture", "method", "licence", "source", "git_revision")
        texts = {name: getattr(self, name) or "" for name in names}
        begun = [] if self.started_from is None else [self.started_from]
        if wrong := [name for name in (*(self.data_sets or ()), *begun) if not is_name(name)]:
            raise ValueError(f"data_sets or started_from has {wrong[0][:50]!r}, no printable name")
        texts["corpus"] = " ".join(f"{key} {value}" for key, value in self.corpus.items())
        for name, text in texts.items():
            if not text.isprintable() or len(text) > 1000:
                raise ValueError(f"{name} is {text[:50]!r}, not a printable line")
        if not all(math.isfinite(v) for v in (*self.mean, *self.std)) or min(self.std) <= 0:
            raise ValueError(f"mean {self.mean} and std {self.std} normalise no image")


def write_backbone(out: Path, tensors: Mapping[str, Tensor], facts: Facts) -> None:
    """Write a file of the catalogue atomically, and remove what killed writers left.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        Weights by the architecture's own names.

    Raises
    ------
    DiskFull, OSError
        If it cannot be written.
    """
    text = msgspec.json.encode(facts).decode()
    out.parent.mkdir(parents=True, exist_ok=True)
    sweep(out.parent)
    copies = {n: v.clone(memory_format=torch.contiguous_format) for n, v in tensors.items()}
    # Not save_file: a kill would leave its temporary file, and other users could not read the result.
    write_bytes(out, save(copies, metadata={KEY: text}))


def checked_facts(facts: dict[str, Any], file: Path) -> Facts:
    """Return facts after a check that they can be read again.

    Parameters
    ----------
    facts : dict
        The fields of `Facts` without the schema.
    file : Path
        The file that they come from, for the message.

    Raises
    ------
    Refused
        If a field is wrong. The message names the file and the field.
    """
    with refusing(file, REMEDY, "tells what no backbone has"):
        return msgspec.convert(facts | dict(schema=SCHEMA), Facts)


def is_exported(file: Path) -> bool:
    """Whether a file of weights holds facts of the catalogue. Raises Refused if it is no whole safetensors file."""
    if file.suffix != ".safetensors":
        return False
    with refusing(file, "Fetch it again"), safe_open(file, "pt") as content:
        return KEY in (content.metadata() or {})


def read_facts(file: Path) -> Facts:
    """Read the facts of a file of the catalogue.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Refused
        If `export` or `add` did not write it, or a newer version did. The message names the file.
    """
    regular(file)
    with refusing(file, REMEDY, "is not a backbone that `export` or `add` wrote"):
        with safe_open(file, "pt") as content:
            text = (content.metadata() or {})[KEY]
        schema = json.loads(text)["schema"]
        if type(schema) is not int or schema not in LAYOUTS:
            reason = f"has schema {schema}, known is up to {SCHEMA}"
            raise Refused(file, reason, "Update lvmmed_backbones")
        facts = msgspec.json.decode(text, type=Facts)
    facts.config = checked_config(facts.config, file)
    return facts


def files_by_seed(folder: Path) -> dict[int, Path]:
    """Return the files SEED.safetensors of a folder by seed, in ascending order; none if there is no folder."""
    files = {int(f.stem): f for f in folder.glob("*.safetensors") if f.stem.isdecimal()}
    return dict(sorted(files.items()))


def read_entry(file: Path, pretraining_seed: int | None = None) -> Entry:
    """Return the catalogue entry of a file.

    Parameters
    ----------
    pretraining_seed : int, optional
        The seed in the file's name, if the backbone has several seeds.

    Raises
    ------
    Refused
        As `read_facts`, or if the file was pretrained with another seed.
    """
    facts = read_facts(file)
    if pretraining_seed is not None and facts.seed != pretraining_seed:
        reason = f"was pretrained with seed {facts.seed}, not {pretraining_seed}"
        raise Refused(file, reason, "Remove it, and export its run again")
    same = {field.name for field in fields(Entry)} & {*facts.__struct_fields__}
    run = f"{facts.steps} steps of the config inside the file, code {str(facts.git_revision)[:12]}"
    entry = {name: getattr(facts, name) for name in same}
    entry |= dict(
        corpus=_describe_corpus(facts.corpus),
        data_sets=None if facts.data_sets is None else tuple(facts.data_sets),
        corpus_id=_id_of(facts.corpus),
        source=facts.source or run,
    )
    weights = Weights(str(file.resolve()), LAYOUTS[facts.schema], file_sha256(file))
    return Entry(**entry, weights=weights, pretraining_seed=pretraining_seed)


def _id_of(corpus: dict[str, str | int | None]) -> str | None:
    """Return the fingerprint of a corpus, if it is known."""
    fingerprint = corpus.get("fingerprint")
    return fingerprint if isinstance(fingerprint, str) and is_name(fingerprint) else None


def _describe_corpus(corpus: dict[str, str | int | None]) -> str:
    """Return a corpus in one line."""
    if set(corpus) <= {"name"}:
        return str(corpus.get("name", "unknown"))
    return (
        f"{corpus.get('name', 'unknown')}, {corpus.get('images', 'unknown')} images, "
        f"fingerprint {str(corpus.get('fingerprint', 'unknown'))[:12]}"
    )
