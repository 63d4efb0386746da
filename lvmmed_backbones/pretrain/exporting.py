"""A pretrained backbone as one file of the catalogue: its weights, and inside them how they came to be."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from lvmmed_backbones import catalogue
from lvmmed_backbones.catalogue.architectures import architecture, checked, on_meta, outline
from lvmmed_backbones.catalogue.exported import Facts, files_by_seed, read_facts, sound, write
from lvmmed_backbones.files.outside import Refused, regular
from lvmmed_backbones.openmmlab.resumption import check_sums
from lvmmed_backbones.pretrain.hooks import newest_checkpoint
from lvmmed_backbones.pretrain.origin import Origin, read_origin
from lvmmed_backbones.weights.loading import check_values
from lvmmed_backbones.weights.networks import needed
from lvmmed_backbones.weights.reading import read

# What the files of one backbone have in common, whatever the seed.
SHARED = ("architecture", "method", "config", "mean", "std", "steps", "images_seen")
BACKBONE = "backbone."


def export(
    run: str | Path, name: str, out: str | Path | None = None, *, by_seed: bool = False
) -> Path:
    """Write the backbone of a pretraining run for the catalogue: `python -m lvmmed_backbones export`.

    Parameters
    ----------
    run : str or Path
        The run's folder, of which the newest checkpoint is taken, or a checkpoint.
    name : str
        Of the backbone in the catalogue, of letters, digits and _.
    out : str, Path, optional
        Folder to write to; None: the last of `catalogue.folders()`.
    by_seed : bool
        The backbone is pretrained with several seeds: write NAME/SEED.safetensors instead of NAME.safetensors, SEED
        that of the run.

    Returns
    -------
    Path
        The file, which appears at once when it is whole.

    Raises
    ------
    FileNotFoundError
        If there is no checkpoint.
    ValueError
        If the name is not of such characters, or that of a backbone of ours; if the checkpoint is not of a pretraining
        run; if the name would mean both one file and several seeds, or the run differs from those of the other seeds in
        more than its seed.
    """
    run, folder = Path(run), Path(out or catalogue.folders()[-1]) / name
    if not name.isidentifier():
        raise ValueError(f"{name!r} is no name of a backbone: use letters, digits and _")
    if name in catalogue.modules():
        raise ValueError(f"{name} is the name of a backbone of ours: choose another")
    file = folder.with_name(f"{name}.safetensors")
    if file.exists() if by_seed else files_by_seed(folder):
        raise ValueError(
            f"{file if by_seed else folder} is there, and {name} cannot be both one file and several seeds: "
            "choose another name, or remove it"
        )
    checkpoint = regular(newest_checkpoint(run), within=run) if run.is_dir() else run
    check_sums(checkpoint)
    content = read(checkpoint)
    meta: Any = content.get("meta")  # `read_origin` sees that it is a dict
    origin = read_origin(meta, checkpoint)
    config = checked(origin.backbone, checkpoint)
    tensors = own_tensors(config, content.get("state_dict"), checkpoint)
    facts = sound(describe(origin, meta, config, checkpoint), checkpoint)
    if by_seed:
        file = folder / f"{seed_among(folder, facts)}.safetensors"
    write(file, tensors, facts)
    return file


def own_tensors(config: dict, state: object, file: Path) -> dict[str, torch.Tensor]:
    """The backbone's weights in a run's state, by the architecture's own names.

    Raises
    ------
    Refused
        If one is missing, of another shape, or holds no numbers.
    """
    module = on_meta({**config, "output": "last"}, file)
    tensors, wanted = {}, needed(module)  # type: ignore[arg-type]
    for name, own in module.own_names().items():  # type: ignore[operator]
        value = state.get(BACKBONE + name) if isinstance(state, Mapping) else None
        if not isinstance(value, torch.Tensor) or value.shape != wanted[own].shape:
            raise Refused(
                file,
                f"lacks the backbone's {name}: it is not a checkpoint of a pretraining run",
                "Is it of this version?",
            )
        tensors[own] = value
    check_values(tensors, wanted, file)
    return tensors


def seed_among(folder: Path, facts: Facts) -> int:
    """The seed of a run that joins those of the other seeds of its backbone.

    Raises
    ------
    ValueError
        If it has none, or differs from the others in more than that.
    """
    if facts.seed is None:
        raise ValueError("the run has no seed: pretrain with --seed 0, or export it as one file")
    for other, file in files_by_seed(folder).items():
        there = read_facts(file)
        differing = [key for key in SHARED if getattr(there, key) != getattr(facts, key)]
        if there.corpus.get("fingerprint") != facts.corpus.get("fingerprint"):
            differing.append("corpus")
        if differing and other != facts.seed:
            raise ValueError(
                f"the run differs from seed {other} ({file}) in {', '.join(differing)}: "
                "choose another name, or pretrain both alike"
            )
    return facts.seed


def describe(origin: Origin, meta: dict, config: dict, file: Path) -> dict:
    """What the file says of itself: fields of `Facts`.

    Raises
    ------
    Refused
        If the checkpoint counts no steps, or its images were not as the catalogue's are.
    """
    steps, epochs = (meta.get(key) for key in ("iter", "epoch"))
    if type(steps) is not int or type(epochs) is not int:
        raise Refused(file, f"counts {steps!r} steps and {epochs!r} epochs", "Is it of a run?")
    if not origin.red_first:
        raise Refused(
            file,
            "was trained on images with blue first, the catalogue's backbones take red first",
            "Pretrain with data_preprocessor.to_rgb=True",
        )
    data = meta.get("dataset_meta")
    data = data if isinstance(data, dict) else {}
    return dict(
        architecture=architecture(config),
        method=origin.method,
        corpus={k: v for k, v in data.items() if k in ("name", "images", "fingerprint")},
        config=config,
        **outline(config, file),
        mean=origin.mean or (0.0, 0.0, 0.0),
        std=origin.std or (1.0, 1.0, 1.0),
        steps=steps,
        epochs=epochs,
        images_seen=origin.progress.images_seen,
        seed=origin.seed,
        git_revision=origin.git_revision,
        training=origin.training,
    )
