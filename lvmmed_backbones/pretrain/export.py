"""A pretrained backbone as one file of the catalogue: its weights, and inside them how they came to be."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import MODELS
from safetensors.torch import save_file

from lvmmed_backbones.catalogue.entry import IMAGENET_MEAN, IMAGENET_STD
from lvmmed_backbones.catalogue.exported import KEY, SCHEMA, files_by_seed, read_facts
from lvmmed_backbones.pretrain.hooks import newest_checkpoint
from lvmmed_backbones.weights.loading import read

# What the files of one backbone have in common, whatever the seed.
SHARED = ("architecture", "method", "config", "steps", "images_seen")


def export(run: Path, out: Path, by_seed: bool = False) -> Path:
    """Write the backbone of a pretraining run.

    Args:
        run: the run's folder, of which the newest checkpoint is taken, or a checkpoint.
        out: the .safetensors file to write; its name is the backbone's in the catalogue.
        by_seed: write NAME/SEED.safetensors instead of NAME.safetensors, SEED that of the run.

    Returns:
        The file, which appears at once when it is whole.

    Raises:
        FileNotFoundError: if there is no checkpoint.
        ValueError: if `out` has another suffix, or the checkpoint is not of a pretraining run; if the name would mean
            both one file and several seeds, or the run differs from those of the other seeds in more than its seed.
    """
    if out.suffix != ".safetensors" or not out.stem.isidentifier():
        raise ValueError(f"{out}: a file NAME.safetensors is wanted, NAME of letters, digits and _")
    folder = out.with_suffix("")
    if out.exists() if by_seed else files_by_seed(folder):
        raise ValueError(
            f"{out if by_seed else folder} is there, and {out.stem} cannot be both one file and several seeds: "
            "choose another name, or remove it"
        )
    checkpoint = newest_checkpoint(run) if run.is_dir() else run
    content = read(checkpoint)
    meta = content.get("meta", {})
    tensors = {
        name.removeprefix("backbone."): value.contiguous()
        for name, value in content.get("state_dict", {}).items()
        if name.startswith("backbone.")
    }
    if not tensors or "cfg" not in meta:
        raise ValueError(f"{checkpoint} is not a checkpoint of a pretraining run")
    config = Config.fromstring(meta["cfg"], ".py")
    facts = describe(config, meta)
    if by_seed:
        out = folder / f"{seed_among(folder, facts)}.safetensors"
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f".{out.name}.partial")
    save_file(tensors, partial, metadata={KEY: json.dumps(facts)})
    partial.replace(out)
    return out


def seed_among(folder: Path, facts: dict) -> int:
    """The seed of a run that joins those of the other seeds of its backbone.

    Raises:
        ValueError: if it has none, or differs from the others in more than that.
    """
    seed = facts["seed"]
    if seed is None:
        raise ValueError(
            "the run has no seed: pretrain with --cfg-options randomness.seed=0, or export it as one file"
        )
    known = json.loads(json.dumps(facts))  # as the files have it
    for other, file in files_by_seed(folder).items():
        there = read_facts(file)
        differing = [key for key in SHARED if there[key] != known[key]]
        if there["corpus"].get("fingerprint") != known["corpus"].get("fingerprint"):
            differing.append("corpus")
        if differing and other != seed:
            raise ValueError(
                f"the run differs from seed {other} ({file}) in {', '.join(differing)}: "
                "choose another name, or pretrain both alike"
            )
    return seed


def describe(config: Config, meta: dict) -> dict:
    """What the file says of itself, as plain data."""
    backbone = {
        key: value
        for key, value in config.model.backbone.items()
        if key not in ("output", "weights")
    }
    corpus = dict(meta.get("dataset_meta") or {})
    images = config.train_dataloader.batch_size * config.get("world_size", 1) * meta["iter"]
    return dict(
        schema=SCHEMA,
        architecture=architecture(backbone),
        method=config.model.type,
        corpus=corpus,
        config=backbone,
        **widths(backbone),
        mean=list(IMAGENET_MEAN),
        std=list(IMAGENET_STD),
        steps=meta["iter"],
        epochs=meta["epoch"],
        images_seen=images,
        seed=config.randomness.seed,
        git_revision=config.get("git_revision"),
        training=config.pretty_text,
    )


def architecture(backbone: dict) -> str:
    """In the field's words, such as ResNet-50."""
    if backbone["type"] == "BackboneResNet":
        width = backbone.get("base_channels", 64) / 64
        return f"ResNet-{backbone['depth']}" + (f", width {width:g}" if width != 1 else "")
    if backbone["type"] == "BackboneTIMM":
        return backbone["model_name"]
    arch = backbone.get("arch", "base")
    return "SAM ViT" + (f"-{arch[0].upper()}/16" if isinstance(arch, str) else "")


def widths(backbone: dict) -> dict:
    """Channels of the four maps and length of the vector, from a pass over a blank image."""
    size = dict(img_size=64) if backbone["type"] == "BackboneViTSAM" else {}
    found = {}
    for key, output in (("channels", "maps"), ("vector_channels", "vector")):
        model = MODELS.build(backbone | size | dict(output=output)).eval()
        with torch.no_grad():
            found[key] = [features.shape[1] for features in model(torch.zeros(1, 3, 64, 64))]
    return dict(channels=found["channels"], vector_channels=found["vector_channels"][0])
