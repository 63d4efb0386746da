"""From the names in a planned run to what they name: the task config, the profile, the backbone and its weights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config
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
