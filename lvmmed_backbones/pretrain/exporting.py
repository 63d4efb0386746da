"""Export a pretrained backbone as one file of the catalogue, with its weights and the facts of its pretraining."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from lvmmed_backbones import catalogue
from lvmmed_backbones.catalogue import architectures
from lvmmed_backbones.catalogue.exported import (
    Facts,
    checked_facts,
    files_by_seed,
    read_facts,
    write_backbone,
)
from lvmmed_backbones.files.outside import Refused, regular
from lvmmed_backbones.openmmlab.resumption import check_sums
from lvmmed_backbones.pretrain.hooks import newest_checkpoint
from lvmmed_backbones.pretrain.origin import Origin, read_origin
from lvmmed_backbones.weights.loading import check_values
from lvmmed_backbones.weights.networks import required_tensors
from lvmmed_backbones.weights.reading import read

# Facts that the files of one backbone with several seeds must share.
SHARED = ("architecture", "method", "config", "mean", "std", "steps", "images_seen")
BACKBONE = "backbone."


def export(
    run: str | Path, name: str, out: str | Path | None = None, *, by_seed: bool = False
) -> Path:
    """Write the backbone of a pretraining run into the catalogue: `python -m lvmmed_backbones export`.

    Parameters
    ----------
    run : str or Path
        A checkpoint, or the folder of a run, whose newest checkpoint is taken.
    name : str
        Name of the backbone in the catalogue: letters, digits and _.
    out : str, Path, optional
        Folder to write to; None: the last of `catalogue.folders()`.
    by_seed : bool
        Write NAME/SEED.safetensors with the seed of the run, for a backbone with several seeds; else NAME.safetensors.

    Returns
    -------
    Path
        The file. It appears only when it is complete.

    Raises
    ------
    FileNotFoundError
        If there is no checkpoint.
    ValueError
        If the name has other characters or is that of a backbone of ours, if the checkpoint is not of a pretraining
        run, if the name would mean both one file and several seeds, or if the run differs from the other seeds' runs in
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
    config = architectures.checked_config(origin.backbone, checkpoint)
    tensors = _backbone_tensors(config, content.get("state_dict"), checkpoint)
    facts = checked_facts(_facts_of(origin, meta, config, checkpoint), checkpoint)
    if by_seed:
        file = folder / f"{_seed_among_others(folder, facts)}.safetensors"
    write_backbone(file, tensors, facts)
    return file


def _backbone_tensors(config: dict, state: object, file: Path) -> dict[str, torch.Tensor]:
    """Return the backbone's weights in a run's state, by the architecture's own names.

    Raises
    ------
    Refused
        If a tensor is missing, has another shape, or has values that are no numbers.
    """
    module = architectures.build_on_meta({**config, "output": "last"}, file)
    tensors, wanted = {}, required_tensors(module)  # type: ignore[arg-type]
    for name, own in module.own_names().items():  # type: ignore[operator]
        value = state.get(BACKBONE + name) if isinstance(state, Mapping) else None
        if not isinstance(value, torch.Tensor) or value.shape != wanted[own].shape:
            reason = f"lacks the backbone's {name}: it is not a checkpoint of a pretraining run"
            raise Refused(file, reason, "Is it of this version?")
        tensors[own] = value
    check_values(tensors, wanted, file)
    return tensors


def _seed_among_others(folder: Path, facts: Facts) -> int:
    """Return the seed of a run that joins the other seeds of its backbone.

    Raises
    ------
    ValueError
        If the run has no seed, or differs from the other runs in more than its seed.
    """
    if facts.seed is None:
        raise ValueError("the run has no seed: pretrain with --seed 0, or export it as one file")
    for other, file in files_by_seed(folder).items():
        other_facts = read_facts(file)
        differing = [key for key in SHARED if getattr(other_facts, key) != getattr(facts, key)]
        if other_facts.corpus.get("fingerprint") != facts.corpus.get("fingerprint"):
            differing.append("corpus")
        if differing and other != facts.seed:
            raise ValueError(
                f"the run differs from seed {other} ({file}) in {', '.join(differing)}: "
                "choose another name, or pretrain both alike"
            )
    return facts.seed


def _facts_of(origin: Origin, meta: dict, config: dict, file: Path) -> dict:
    """Return the fields of `Facts` for a checkpoint.

    Raises
    ------
    Refused
        If the checkpoint has no count of steps and epochs, or if its images were not in RGB as the catalogue's are.
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
        architecture=architectures.architecture_name(config),
        method=origin.method,
        corpus={k: v for k, v in data.items() if k in ("name", "images", "fingerprint")},
        data_sets=data.get("data_sets"),
        started_from=origin.started_from,
        config=config,
        **architectures.output_channels(config, file),
        mean=origin.mean or (0.0, 0.0, 0.0),
        std=origin.std or (1.0, 1.0, 1.0),
        steps=steps,
        epochs=epochs,
        images_seen=origin.progress.images_seen,
        seed=origin.seed,
        git_revision=origin.git_revision,
        training=origin.training,
    )
