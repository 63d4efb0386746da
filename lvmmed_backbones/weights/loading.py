"""Load a checkpoint strictly: every parameter is filled, with numbers."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.weights.checksums import check_sha256
from lvmmed_backbones.weights.networks import Network, chosen, flat, needed, networks, some, why_not
from lvmmed_backbones.weights.reading import read


def load_strictly(
    module: nn.Module,
    file: str,
    layout: str = "own",
    sha256: str | None = None,
    wrapper: str | None = None,
) -> None:
    """Fill a backbone from a checkpoint, every parameter and running statistic of it.

    Parameters
    ----------
    module : Module
        The backbone, a `Backbone`.
    file : str
        A safetensors file, or one that `torch.save` wrote.
    layout : str
        How the checkpoint names things, see `lvmmed_backbones.weights.layouts`.
    sha256 : str, optional
        Checksum of the file, or its first digits; None: not checked.
    wrapper : str, optional
        Which of several networks, by a part of the names before it.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    Refused
        Naming the file and what is wrong with it: its checksum, that it is no checkpoint or would run code, the
        parameters that it does not fill, or fills with another shape, integers or what is no number.
    """
    path = Path(file)
    if sha256 is not None:
        check_sha256(path, sha256)
    network = find(module, path, [layout], wrapper)
    fill(module, network.tensors)
    if network.unused:
        logging.getLogger(__name__).info(
            f"{path}: {len(network.unused)} entries are not the backbone's and were not used, such as "
            f"{some(network.unused)}"
        )


def fill(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Load tensors, by the architecture's own names; what a module does not need is left."""
    state = {
        name: tensors[own]
        for name, own in module.own_names().items()  # type: ignore[operator]
        if own in tensors
    }
    module.load_state_dict(state, strict=False)


def find(
    module: nn.Module, path: Path, layouts: Sequence[str], wrapper: str | None = None
) -> Network:
    """The weights of a module in a file, checked.

    Parameters
    ----------
    module : Module
        A `Backbone`; it may lie on the meta device.
    layouts : sequence of str
        Those that are tried, in this order.

    Raises
    ------
    FileNotFoundError, Refused
        As `load_strictly`.
    """
    tensors = flat(read(path), path)
    found = networks(tensors, module, layouts, path)  # type: ignore[arg-type]
    if not found:
        reason = why_not(tensors, module, layouts, path)  # type: ignore[arg-type]
        raise Refused(path, reason, "Is it of this architecture?")
    network = chosen(found, wrapper, path)
    check_values(network.tensors, needed(module), path)  # type: ignore[arg-type]
    return network


def check_values(tensors: dict[str, Tensor], wanted: dict[str, Tensor], path: Path) -> None:
    """Raises Refused, naming the parameter, for what is no dense tensor of finite numbers."""
    for name, value in tensors.items():
        if not wanted[name].is_floating_point():
            continue
        if value.layout != torch.strided or value.is_quantized or value.device.type != "cpu":
            raise Refused(path, f"holds {name} without plain values", "Save a state_dict")
        if not value.is_floating_point():
            raise Refused(
                path, f"holds {name} as {value.dtype}, not as floats", "Save unquantised weights"
            )
        if not torch.isfinite(value.to(wanted[name].dtype)).all():
            raise Refused(
                path, f"holds {name} with values that are no numbers", "Its training diverged"
            )
