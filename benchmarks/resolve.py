"""From the names in a planned run to what they name: the task config, the profile, the backbone and its weights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import MODELS
from mmengine.utils import import_modules_from_strings
from tqdm import tqdm

from benchmarks import profiles
from benchmarks.grid import RunSpec
from lvmmed_backbones import catalogue
from lvmmed_backbones.catalogue import Entry
from lvmmed_backbones.catalogue.architectures import build_on_meta
from lvmmed_backbones.weights.checksums import file_sha256
from lvmmed_backbones.weights.loading import find
from tasks import registry
from tasks.prompt import decoder

RELEASED = ("ReleasedUNet", "TransUNet")


@dataclass(frozen=True)
class Resolved:
    """A planned run whose names are looked up, once for all later steps.

    Attributes
    ----------
    spec : RunSpec
        The planned run.
    task : Config
        The task config, as its file has it; not to be changed.
    profile : profiles.Profile
        The size of the experiment.
    backbone : Entry
        The entry of the catalogue; of the run's seed if the backbone has several pretraining seeds.
    weights_sha256 : str or None
        Checksum of the file of weights, which is on this machine; None for random weights.
    """

    spec: RunSpec
    task: Config
    profile: profiles.Profile
    backbone: Entry
    weights_sha256: str | None


def resolve(spec: RunSpec) -> Resolved:
    """Look up everything that a planned run names, and fetch its weights.

    Raises
    ------
    ValueError
        If the task, its recipe, the profile or the backbone does not exist, or was not pretrained with the run's seed.
    FileNotFoundError
        If the weights are not on this machine and cannot be fetched.
    """
    profile = profiles.get(spec.profile)
    backbone = catalogue.get(spec.backbone, spec.seed)
    weights = backbone.weights
    return Resolved(
        spec=spec,
        task=registry.get(spec.task, spec.recipe),
        profile=profile,
        backbone=backbone,
        weights_sha256=file_sha256(weights.fetch()) if weights else None,
    )


def build_released(configs: Iterable[Config]) -> None:
    """Check that the released network of each config can be built around its backbone, before anything long.

    Raises
    ------
    ValueError
        Naming the backbone, as `tasks.release.unet.ReleasedUNet` and `tasks.release.transunet.TransUNet`.
    """
    networks = {}
    for config in configs:
        if config.model.get("type") in RELEASED:
            import_modules_from_strings(**config.custom_imports)
            model = {name: config.model[name] for name in ("type", "backbone", "classes")}
            model["backbone"] = {**model["backbone"], "weights": None}
            networks[str(model)] = model
    for model in networks.values():
        with torch.device("meta"):
            MODELS.build(model)


def open_weights(configs: Iterable[Config]) -> None:
    """Check that each file of weights fills its backbone, or its mask decoder, before anything long.

    Raises
    ------
    FileNotFoundError, ValueError
        Naming the file, as `lvmmed_backbones.weights.loading.load_strictly`.
    """
    configs = list(configs)
    backbones = {
        (backbone.weights.file, backbone.output): backbone
        for backbone in (config.model.backbone for config in configs)
        if backbone.get("weights")
    }
    for backbone in tqdm(backbones.values(), "opening weights", unit="file", leave=False):
        file, layout = Path(backbone.weights.file), backbone.weights.layout
        config = {key: value for key, value in backbone.items() if key != "weights"}
        find(build_on_meta(config, file), file, [layout])
    decoders = {
        config.model.sam_decoder.file: config.model
        for config in configs
        if config.model.get("sam_decoder")
    }
    for decoder_file, model in decoders.items():
        decoder.load(decoder.build(model.backbone.img_size), decoder_file)
