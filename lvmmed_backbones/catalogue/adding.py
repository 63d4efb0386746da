"""Add a file of weights from another project to the catalogue."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from lvmmed_backbones import catalogue
from lvmmed_backbones.catalogue import architectures
from lvmmed_backbones.catalogue.entry import IMAGENET_MEAN, IMAGENET_STD
from lvmmed_backbones.catalogue.exported import Facts, checked_facts, files_by_seed, write_backbone
from lvmmed_backbones.data_sets import PRIVATE, find, similar
from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.models import from_config
from lvmmed_backbones.weights import networks
from lvmmed_backbones.weights.checksums import file_sha256
from lvmmed_backbones.weights.layouts import LAYOUTS
from lvmmed_backbones.weights.loading import check_values, fill
from lvmmed_backbones.weights.reading import read

NAME_IT = (
    "Name its --architecture: resnet50, sam_vit_b, or timm:NAME with a name of timm.list_models()"
)
IMAGES, SIDE = 8, 224  # number and side in pixels of the reference images


@dataclass(frozen=True)
class Features:
    """Statistics of the vectors that a network gives for the reference images.

    Attributes
    ----------
    mean : float
        Mean of all values.
    spread : float
        Standard deviation over the images, mean over the channels: 0 if all images look the same to the network.
    """

    mean: float
    spread: float


@dataclass(frozen=True)
class Added:
    """What `add` made of a file.

    Attributes
    ----------
    file : Path
        The file that `add` wrote.
    architecture : str
        The architecture in the field's words.
    network : networks.Network
        The tensors that `add` took.
    prefixes : list of str
        Prefixes of all networks of this architecture in the file.
    features, random : Features
        Features of this network, and of the same architecture with random weights.
    notes : list of str
        What is wanting in its declared pretraining, a sentence for each name.
    """

    file: Path
    architecture: str
    network: networks.Network
    prefixes: list[str]
    features: Features
    random: Features
    notes: list[str]


@dataclass(frozen=True)
class Recognised:
    """The network that a file of weights holds.

    Attributes
    ----------
    config : mapping
        Registered type of its architecture, and its arguments.
    network : networks.Network
        Its tensors, checked.
    prefixes : list of str
        Prefixes of all networks of this architecture in the file.
    mean, std : sequence of float
        The usual normalisation of images, RGB, 0 to 255.
    """

    config: Mapping[str, Any]
    network: networks.Network
    prefixes: list[str]
    mean: Sequence[float]
    std: Sequence[float]


def recognise(
    file: Path,
    *,
    architecture: str | None = None,
    layout: str = "auto",
    wrapper: str | None = None,
) -> Recognised:
    """Find the network in a file of weights. Parameters and errors as of `add`."""
    layouts = list(LAYOUTS) if layout == "auto" else [layout]
    content = read(file)
    tensors = networks.flatten(content, file)
    if architecture is None:
        architecture, module, candidates = _search(content, tensors, layouts, file)
    else:
        module, candidates = _look_for(architecture, tensors, layouts, file)
    if not candidates:
        raise Refused(file, networks.explain_misfit(tensors, module, layouts, file), NAME_IT)  # type: ignore[arg-type]
    network = networks.choose_network(candidates, wrapper, file)
    check_values(network.tensors, networks.required_tensors(module), file)  # type: ignore[arg-type]
    mean, std = _normalisation(architecture, network)
    config = architectures.config_by_name(architecture)
    return Recognised(config, network, [c.prefix for c in candidates], mean, std)


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
    data_sets: Sequence[str] | None = None,
    started_from: str | None = None,
) -> Added:
    """Write a file of weights from another project as a backbone of the catalogue.

    Parameters
    ----------
    file : str or Path
        A safetensors file, or one that `torch.save` wrote.
    name : str
        Name of the new backbone.
    out : str, Path, optional
        Folder to write to; None: the last of `catalogue.folders()`.
    architecture : str, optional
        A name that `architectures.config_by_name` takes; None: names and shapes of the tensors tell it.
    layout : str
        A key of `LAYOUTS`; 'auto': the first that fits.
    wrapper : str, optional
        Which of several networks: a part of the names before it, such as teacher.
    mean, std : sequence of float, optional
        Normalisation of images in RGB, 0 to 255; None: timm's for the model, or ImageNet's.
    method, corpus, licence : str
        Descriptions for the tables.
    data_sets : sequence of str, optional
        The data sets that its own pretraining saw: names of `lvmmed_backbones.data_sets`, others, which cannot be
        compared with a task's, or private:NAME for images that no public data set has. Empty: it saw none. None:
        unknown.
    started_from : str, optional
        The backbone of the catalogue that its pretraining began with, or another name, of which nothing is known then;
        None: random weights.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the name is taken, if the file has no network of this architecture (the message names the file and what it
        has instead), or if the backbone would have been started from itself.
    """
    file = Path(file)
    target = _unused_file(name, Path(out or catalogue.folders()[-1]))
    _refuse_circle(name, started_from)
    found = recognise(file, architecture=architecture, layout=layout, wrapper=wrapper)
    config, network = found.config, found.network
    facts = checked_facts(
        dict(
            architecture=architectures.architecture_name(config),
            method=plain(method),
            config=config,
            **architectures.output_channels(config, file),
            mean=mean or found.mean,
            std=std or found.std,
            corpus=dict(name=plain(corpus)),
            licence=plain(licence),
            data_sets=data_sets if data_sets is None else list(dict.fromkeys(data_sets)),
            started_from=started_from,
            source=f"{plain(file.name)}, sha256 {file_sha256(file)[:12]}",
        ),
        file,
    )
    random, features = _compare_features(config, network.tensors, facts, file)
    write_backbone(target, network.tensors, facts)
    notes = _about_pretraining(facts)
    return Added(target, facts.architecture, network, found.prefixes, features, random, notes)


def _about_pretraining(facts: Facts) -> list[str]:
    """Return a sentence for each declared name that tells nothing."""
    notes = []
    for name in facts.data_sets or ():
        if find(name) is None and not name.startswith(PRIVATE):
            near = " or ".join(similar(name))
            hint = f"did you mean {near}? " if near else ""
            notes.append(
                f"{name} is no data set of our list, so it cannot be compared with a task's: {hint}"
                f"{PRIVATE}NAME is for images that no public data set has"
            )
    if facts.data_sets is None:
        notes.append("nothing is declared of its pretraining: --data-sets names what it saw")
    if (start := facts.started_from) and start not in catalogue.names():
        near = " or ".join(difflib.get_close_matches(start, catalogue.names()))
        hint = f": did you mean {near}?" if near else ""
        notes.append(
            f"{start} is no backbone of the catalogue, so what it was started from saw is unknown{hint}"
        )
    return notes


def _unused_file(name: str, out: Path) -> Path:
    """Return the file of a new backbone. Raise ValueError if the name is taken or cannot be a name."""
    if not catalogue.NAME.fullmatch(name):
        raise ValueError(f"{plain(name)} is no name of a backbone: use letters, digits, _, - and .")
    target = out / f"{name}.safetensors"
    if name in catalogue.modules() or target.exists() or files_by_seed(out / name):
        raise ValueError(f"{name} is in the catalogue: choose another name, or remove {target}")
    return target


def _refuse_circle(name: str, started_from: str | None) -> None:
    """Raise ValueError if a new backbone was started from itself, by way of others."""
    passed: list[str] = []
    while started_from is not None and started_from not in passed:
        passed.append(started_from)
        if started_from == name:
            raise ValueError(
                f"--started-from {passed[0]}: {name} would have been started from itself. Name another"
            )
        known = started_from in catalogue.names()
        started_from = catalogue.describe(started_from)["started_from"] if known else None


def _look_for(
    architecture: str, tensors: Mapping[str, Tensor], layouts: Sequence[str], file: Path
) -> tuple[nn.Module, list[networks.Network]]:
    """Return an architecture on the meta device, and its networks in a file. Raise Refused as `find_networks`.

    The architecture is whole, as for a vector, so that one set of weights serves every output.
    """
    config = architectures.config_by_name(architecture)
    size = _native_image_size(config, tensors)
    module = architectures.build_on_meta({**config, **size, "output": "vector"}, file)
    return module, networks.find_networks(tensors, module, layouts, file)  # type: ignore[arg-type]


def _search(
    content: Mapping, tensors: Mapping[str, Tensor], layouts: Sequence[str], file: Path
) -> tuple[str, nn.Module, list[networks.Network]]:
    """Return the name of the architecture that a file has a network of, the architecture, and these networks.

    Raises
    ------
    Refused
        If the file has no network of an architecture that we recognise.
    """
    signs = architectures.SIGNS
    names = [
        name
        for name in architectures.NAMED
        if name not in signs or any(signs[name] in tensor for tensor in tensors)
    ]
    if isinstance(arch := content.get("arch"), str) and timm.is_model(arch):
        names.insert(0, f"timm:{arch}")
    for name in names:
        try:
            module, candidates = _look_for(name, tensors, layouts, file)
        except Refused:  # of a larger architecture
            continue
        if candidates:
            return name, module, candidates
    raise Refused(
        file,
        "has no ResNet, ViT, SAM, CLIP or ALIGN in it: its prefixes are "
        f"{networks.first_few(networks.distinct_beginnings(tensors))}, such keys as "
        f"{networks.first_few(list(tensors))}",
        NAME_IT,
    )


def _native_image_size(config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> dict[str, int]:
    """Return the image size that a file's positions are for, so that they are stored as they are."""
    if not config["model_name"].startswith("sam_vit_"):
        known = timm.get_pretrained_cfg(config["model_name"])
        return dict(img_size=known.input_size[-1]) if known else {}
    absolute = [v.shape[1] for n, v in tensors.items() if n.endswith("pos_embed") and v.ndim == 4]
    relative = [
        (v.shape[0] + 1) // 2 for n, v in tensors.items() if n.endswith("rel_pos_h") and v.ndim == 2
    ]
    return dict(img_size=16 * min(max([*absolute, *relative, 4]), 256))


def _normalisation(
    architecture: str, network: networks.Network
) -> tuple[Sequence[float], Sequence[float]]:
    """Return the mean and standard deviation (RGB, 0 to 255) that the architecture's project uses."""
    model = architectures.config_by_name(architecture)["model_name"]
    if "image_model" in network.prefix.split("."):  # FLAVA's, which is CLIP's
        model = architectures.NAMED["clip_vit_base"]["model_name"]
    elif architecture in architectures.PLAIN:
        return IMAGENET_MEAN, IMAGENET_STD
    known = timm.get_pretrained_cfg(model)
    if known is None:
        return IMAGENET_MEAN, IMAGENET_STD
    return [255 * v for v in known.mean], [255 * v for v in known.std]


def _compare_features(
    config: Mapping[str, Any], tensors: Mapping[str, Tensor], facts: Facts, file: Path
) -> tuple[Features, Features]:
    """Return the features of the reference images with random weights and with a file's.

    Raises
    ------
    Refused
        If the features with the file's weights are no numbers.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = from_config({**config, "img_size": SIDE, "output": "vector"})
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (facts.mean, facts.std))
    images = (reference_images() - mean) / std
    random = _features_of(module, images)
    fill(module, module.resampled(tensors))
    features = _features_of(module, images)
    if not features.mean == features.mean:
        raise Refused(file, "gives features that are no numbers", "Its weights are of no use")
    return random, features


@torch.no_grad()
def _features_of(module: nn.Module, images: Tensor) -> Features:
    """Return the statistics of the vectors of images."""
    (vectors,) = module.eval()(images)
    return Features(float(vectors.mean()), float(vectors.std(dim=0).mean()))


def reference_images() -> Tensor:
    """Draw soft random fields (8, 3, 224, 224), 0 to 255, half of them grey: the same on every machine."""
    generator = torch.Generator().manual_seed(0)
    fields = torch.zeros(IMAGES, 3, SIDE, SIDE)
    for cells in (4, 8, 16, 32):
        coarse = torch.randn(IMAGES, 3, cells, cells, generator=generator)
        fields += interpolate(coarse, SIDE, mode="bilinear", align_corners=False)
    fields[::2] = fields[::2, :1]
    return (127.5 + 40 * fields).clamp(0, 255)


def report(added: Added) -> list[str]:
    """Return what became of a file, line by line."""
    network, prefixes = added.network, added.prefixes
    several = f", of {len(prefixes)}: {', '.join(prefixes)}" if len(prefixes) > 1 else ""
    dropped = _count(_group_of(name, network.prefix) for name in network.unused)
    created = _count(name.rpartition(".")[2] for name in network.created)
    return [
        f"wrote {added.file}",
        f"architecture: {added.architecture}",
        f"used: {len(network.tensors)} tensors below {network.prefix or '(no prefix)'}{several}; "
        f"layout {network.layout}",
        f"dropped: {dropped}",
        f"created: {created}",
        f"features of {IMAGES} reference images: mean {added.features.mean:.4g}, spread {added.features.spread:.4g} "
        f"(with random weights: {added.random.mean:.4g}, {added.random.spread:.4g})",
        *(f"note: {note}" for note in added.notes),
    ]


def _group_of(name: str, prefix: str) -> str:
    """Return the part of a network that a name belongs to: all up to the first part that `prefix` does not have."""
    parts, shared = name.split("."), prefix.split(".")
    depth = 0
    while depth < len(parts) - 1 and parts[depth] == shared[depth]:
        depth += 1
    return ".".join(parts[: depth + 1])


def _count(groups: Iterable[str]) -> str:
    """Return groups with their numbers in one line, the largest first."""
    counts = Counter(groups)
    if not counts:
        return "nothing"
    largest = ", ".join(f"{name} ({count})" for name, count in counts.most_common(8))
    return largest + (f" and {len(counts) - 8} more groups" if len(counts) > 8 else "")
