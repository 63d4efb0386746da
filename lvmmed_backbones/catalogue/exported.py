"""Catalogue entries that are files of weights: what `python -m lvmmed_backbones export` writes."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open

from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.weights.loading import file_sha256
from lvmmed_backbones.weights.source import Weights

KEY = "lvmmed_backbones"
SCHEMA = 1
TYPES = ("BackboneResNet", "BackboneTIMM", "BackboneViTSAM")


def read_facts(file: Path) -> dict:
    """What an exported backbone says of itself.

    Raises:
        ValueError: naming the file, if it does not hold an exported backbone, or one of a newer version.
    """
    try:
        with safe_open(file, "pt") as content:
            facts = json.loads((content.metadata() or {})[KEY])
        schema, kind = facts["schema"], facts["config"]["type"]
    except (SafetensorError, OSError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{file} is not a backbone that `python -m lvmmed_backbones export` wrote "
            f"({type(error).__name__}: {error})"
        ) from error
    if schema != SCHEMA:
        raise ValueError(f"{file} has schema {schema}, known is {SCHEMA}: update lvmmed_backbones")
    if kind not in TYPES:
        raise ValueError(f"{file} wants to build a {kind!r}: choose from {', '.join(TYPES)}")
    return facts


def files_by_seed(folder: Path) -> dict[int, Path]:
    """The files SEED.safetensors in a folder, in ascending order of the seeds; none where there is no folder."""
    files = {int(f.stem): f for f in folder.glob("*.safetensors") if f.stem.isdecimal()}
    return dict(sorted(files.items()))


def entry_of(file: Path, pretraining_seed: int | None = None) -> Entry:
    """The catalogue entry of an exported backbone.

    Args:
        pretraining_seed: that the file's name tells, where the backbone has several.

    Raises:
        ValueError: as `read_facts`, or if the file says that it was pretrained with another seed.
    """
    facts = read_facts(file)
    if pretraining_seed is not None and facts["seed"] != pretraining_seed:
        raise ValueError(
            f"{file} was pretrained with seed {facts['seed']}, not {pretraining_seed}: "
            "remove it, and export its run again"
        )
    corpus = facts["corpus"]
    return Entry(
        architecture=facts["architecture"],
        method=facts["method"],
        corpus=f"{corpus.get('name', 'unknown')}, {corpus.get('images', 'unknown')} images, "
        f"fingerprint {str(corpus.get('fingerprint', 'unknown'))[:12]}",
        licence="as its images",
        source=f"{facts['steps']} steps of the config inside the file, "
        f"code {str(facts['git_revision'])[:12]}",
        config=facts["config"],
        channels=tuple(facts["channels"]),
        vector_channels=facts["vector_channels"],
        weights=Weights(file=str(file.resolve()), layout="native", sha256=file_sha256(file)),
        mean=tuple(facts["mean"]),
        std=tuple(facts["std"]),
        pretraining_seed=pretraining_seed,
    )
