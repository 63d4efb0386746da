"""A file of weights that somebody else made, as a backbone of the catalogue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from lvmmed_backbones import catalogue
from lvmmed_backbones.catalogue import architectures
from lvmmed_backbones.catalogue.architectures import NAMED, named, on_meta, outline
from lvmmed_backbones.catalogue.entry import IMAGENET_MEAN, IMAGENET_STD
from lvmmed_backbones.catalogue.exported import Facts, files_by_seed, sound, write
from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.models import from_config
from lvmmed_backbones.weights.checksums import file_sha256
from lvmmed_backbones.weights.layouts import LAYOUTS
from lvmmed_backbones.weights.loading import check_values, fill
from lvmmed_backbones.weights.networks import (
    Network,
    chosen,
    flat,
    heads,
    needed,
    networks,
    some,
    why_not,
)
from lvmmed_backbones.weights.reading import read

NAME_IT = (
    "Name its --architecture: resnet50, sam_vit_b, or timm:NAME with a name of timm.list_models()"
)
IMAGES, SIDE = 8, 224  # the reference images


@dataclass(frozen=True)
class Features:
    """What a network makes of the reference images.

    Attributes
    ----------
    mean : float
        Of all values.
    spread : float
        Standard deviation over the images, mean over the channels: 0 where all images look the same to it.
    """

    mean: float
    spread: float


@dataclass(frozen=True)
class Added:
    """What `add` made of a file.

    Attributes
    ----------
    file : Path
        That was written.
    architecture : str
        In the field's words.
    network : Network
        Which of the tensors it took.
    there : list of str
        Prefixes of all networks of this architecture in the file.
    features, random : Features
        Of its network, and of one with random weights.
    """

    file: Path
    architecture: str
    network: Network
    there: list[str]
    features: Features
    random: Features


def add(
    file: str | Path,
    name: str,
    out: str | Path | None = None,
    *,
    architecture: str | None = None,
    layout: str = "auto",
    wrapper: str | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    method: str = "unknown",
    corpus: str = "unknown",
    licence: str = "unknown",
) -> Added:
    """Write a file of weights that somebody else made as a backbone of the catalogue.

    Parameters
    ----------
    file : str or Path
        A safetensors file, or one that `torch.save` wrote.
    name : str
        Of the backbone.
    out : str, Path, optional
        Folder to write to; None: the last of `catalogue.folders()`.
    architecture : str, optional
        As `architectures.named` takes it; None: told by the tensors' names and shapes.
    layout : str
        A key of `LAYOUTS`; 'auto': the first that fits.
    wrapper : str, optional
        Which of several networks, by a part of the names before it, such as teacher.
    mean, std : sequence of float, optional
        That images in RGB, 0 to 255, are normalised with; None: timm's of the model, or ImageNet's.
    method, corpus, licence : str
        In words, for the tables.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        Naming the file, and what it has instead of a network of this architecture; or if the name is taken.
    """
    file = Path(file)
    target = free_place(name, Path(out or catalogue.folders()[-1]))
    layouts = list(LAYOUTS) if layout == "auto" else [layout]
    content = read(file)
    tensors = flat(content, file)
    if architecture is None:
        config, module, found = recognised(content, tensors, layouts, file)
    else:
        config = named(architecture)
        module, found = looked_for(config, tensors, layouts, file)
    if not found:
        raise Refused(file, why_not(tensors, module, layouts, file), NAME_IT)  # type: ignore[arg-type]
    network = chosen(found, wrapper, file)
    check_values(network.tensors, needed(module), file)  # type: ignore[arg-type]
    ours = timm_statistics(config)
    told = dict(
        architecture=architectures.architecture(config),
        method=plain(method),
        config=config,
        **outline(config, file),
        mean=mean or ours[0],
        std=std or ours[1],
        corpus=dict(name=plain(corpus)),
        licence=plain(licence),
        source=f"{plain(file.name)}, sha256 {file_sha256(file)[:12]}",
    )
    facts = sound(told, file)
    random, features = look(config, network.tensors, facts, file)
    write(target, network.tensors, facts)
    return Added(
        target, facts.architecture, network, [one.prefix for one in found], features, random
    )


def free_place(name: str, out: Path) -> Path:
    """The file of a new backbone. Raises ValueError if the name is taken or no name of a backbone."""
    if not catalogue.NAME.fullmatch(name):
        raise ValueError(f"{plain(name)} is no name of a backbone: use letters, digits, _, - and .")
    target = out / f"{name}.safetensors"
    if name in catalogue.modules() or target.exists() or files_by_seed(out / name):
        raise ValueError(f"{name} is in the catalogue: choose another name, or remove {target}")
    return target


def looked_for(
    config: Mapping[str, Any], tensors: Mapping[str, Tensor], layouts: Sequence[str], file: Path
) -> tuple[nn.Module, list[Network]]:
    """An architecture on the meta device, and its networks in a file. Raises Refused as `networks`.

    It is whole, as for a vector, so that one set of weights serves every output.
    """
    module = on_meta({**config, **native(config, tensors), "output": "vector"}, file)
    return module, networks(tensors, module, layouts, file)  # type: ignore[arg-type]


def recognised(
    content: Mapping, tensors: Mapping[str, Tensor], layouts: Sequence[str], file: Path
) -> tuple[dict[str, Any], nn.Module, list[Network]]:
    """The config of the architecture whose network is in a file, that architecture, and its networks there.

    Raises
    ------
    Refused
        If the file has a network of none that we know without being told.
    """
    names = list(NAMED)
    if isinstance(told := content.get("arch"), str) and timm.is_model(told):
        names.insert(0, f"timm:{told}")
    for name in names:
        config = named(name)
        try:
            module, found = looked_for(config, tensors, layouts, file)
        except Refused:  # of a larger architecture
            continue
        if found:
            return config, module, found
    raise Refused(
        file,
        f"has no ResNet and no image encoder of SAM in it: its prefixes are {some(heads(tensors))}, "
        f"such keys as {some(list(tensors))}",
        NAME_IT,
    )


def native(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> dict[str, int]:
    """The image size that a file's positions are for, so that they are stored as they are."""
    if not config["model_name"].startswith("sam_vit_"):
        size = timm.get_pretrained_cfg(config["model_name"])
        return dict(img_size=size.input_size[-1]) if size else {}
    absolute = [v.shape[1] for n, v in tensors.items() if n.endswith("pos_embed") and v.ndim == 4]
    relative = [
        (v.shape[0] + 1) // 2 for n, v in tensors.items() if n.endswith("rel_pos_h") and v.ndim == 2
    ]
    return dict(img_size=16 * min(max([*absolute, *relative, 4]), 256))


def timm_statistics(config: Mapping[str, Any]) -> tuple[Sequence[float], Sequence[float]]:
    """Mean and standard deviation (RGB, 0 to 255) that the architecture's project uses."""
    told = timm.get_pretrained_cfg(config.get("model_name", "")) if "model_name" in config else None
    if told is None:
        return IMAGENET_MEAN, IMAGENET_STD
    return [255 * v for v in told.mean], [255 * v for v in told.std]


def look(
    config: Mapping[str, Any], tensors: Mapping[str, Tensor], facts: Facts, file: Path
) -> tuple[Features, Features]:
    """Features of the reference images, with random weights and with a file's.

    Raises
    ------
    Refused
        If the file's are no numbers.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = from_config({**config, "img_size": SIDE, "output": "vector"})
    images = (reference_images() - column(facts.mean)) / column(facts.std)
    random = features(module, images)
    fill(module, module.resampled(tensors))
    found = features(module, images)
    if not found.mean == found.mean:
        raise Refused(file, "gives features that are no numbers", "Its weights are of no use")
    return random, found


@torch.no_grad()
def features(module: nn.Module, images: Tensor) -> Features:
    """Mean and spread of the vectors of images."""
    (vectors,) = module.eval()(images)
    return Features(float(vectors.mean()), float(vectors.std(dim=0).mean()))


def reference_images() -> Tensor:
    """(8, 3, 224, 224), 0 to 255: soft random fields of four scales, the same everywhere; half of them grey."""
    generator = torch.Generator().manual_seed(0)
    fields = torch.zeros(IMAGES, 3, SIDE, SIDE)
    for cells in (4, 8, 16, 32):
        coarse = torch.randn(IMAGES, 3, cells, cells, generator=generator)
        fields += interpolate(coarse, SIDE, mode="bilinear", align_corners=False)
    fields[::2] = fields[::2, :1]
    return (127.5 + 40 * fields).clamp(0, 255)


def column(values: Sequence[float]) -> Tensor:
    """(3,) as (3, 1, 1)."""
    return torch.tensor(values, dtype=torch.float32).view(3, 1, 1)


def report(added: Added) -> list[str]:
    """What became of a file, line by line."""
    network = added.network
    several = f", of {len(added.there)}: {', '.join(added.there)}" if len(added.there) > 1 else ""
    dropped = Counter(group(name, network.prefix) for name in network.unused)
    created = Counter(name.rpartition(".")[2] for name in network.created)
    return [
        f"wrote {added.file}",
        f"architecture: {added.architecture}",
        f"used: {len(network.tensors)} tensors below {network.prefix or '(no prefix)'}{several}; "
        f"layout {network.layout}",
        f"dropped: {counted(dropped)}",
        f"created: {counted(created)}",
        f"features of {IMAGES} reference images: mean {added.features.mean:.4g}, spread {added.features.spread:.4g} "
        f"(with random weights: {added.random.mean:.4g}, {added.random.spread:.4g})",
    ]


def group(name: str, prefix: str) -> str:
    """What a name is part of: its first part that the network's prefix does not share, and those before it."""
    parts, shared = name.split("."), prefix.split(".")
    depth = 0
    while depth < len(parts) - 1 and parts[depth] == shared[depth]:
        depth += 1
    return ".".join(parts[: depth + 1])


def counted(groups: Counter[str]) -> str:
    """Groups with their numbers, the largest first."""
    if not groups:
        return "nothing"
    first = ", ".join(f"{name} ({count})" for name, count in groups.most_common(8))
    return first + (f" and {len(groups) - 8} more groups" if len(groups) > 8 else "")
