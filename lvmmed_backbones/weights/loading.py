"""Load a checkpoint strictly: it fills every parameter, and only with finite numbers."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.weights import networks
from lvmmed_backbones.weights.checksums import check_sha256
from lvmmed_backbones.weights.reading import read


def load_strictly(
    module: nn.Module,
    file: str,
    layout: str = "own",
    sha256: str | None = None,
    wrapper: str | None = None,
    only: str = "",
) -> None:
    """Fill every parameter and running statistic of a backbone from a checkpoint.

    Parameters
    ----------
    module : Backbone
        The backbone.
    file : str
        A safetensors file, or one that `torch.save` wrote.
    layout : str
        How the checkpoint names the tensors: a key of `lvmmed_backbones.weights.layouts.LAYOUTS`.
    sha256 : str, optional
        Checksum of the file, or its first digits; None: not checked.
    wrapper : str, optional
        Which of several networks: a part of the names before it.
    only : str
        With what the own names begin of the parameters that are filled: the others stay as they are, though the file
        must have them. Empty: all.

    Raises
    ------
    ValueError
        If no parameter's name begins with `only`.
    FileNotFoundError
        If the file does not exist.
    Refused
        If the checksum differs, if the file is no checkpoint or would run code, or if it does not fill a parameter,
        or fills one with another shape, with integers or with values that are no numbers. The message names the file
        and the parameters.
    """
    path = Path(file)
    if sha256 is not None:
        check_sha256(path, sha256)
    network = find(module, path, [layout], wrapper)
    taken = {name: value for name, value in network.tensors.items() if name.startswith(only)}
    if not taken:
        raise ValueError(f"only={only!r}: no parameter of {path} begins so. Leave it out")
    fill(module, taken)
    if network.unused:
        logging.getLogger(__name__).info(
            f"{path}: {len(network.unused)} entries are not the backbone's and were not used, such as "
            f"{networks.first_few(network.unused)}"
        )


def fill(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Load tensors that have the architecture's own names; ignore those that the module does not need."""
    names = module.own_names().items()  # type: ignore[operator]
    module.load_state_dict({n: tensors[own] for n, own in names if own in tensors}, strict=False)


def find(
    module: nn.Module, path: Path, layouts: Sequence[str], wrapper: str | None = None
) -> networks.Network:
    """Return the checked weights of a module in a file.

    Parameters
    ----------
    module : Backbone
        It may lie on the meta device.
    layouts : sequence of str
        The layouts to try, in this order.

    Raises
    ------
    FileNotFoundError, Refused
        As `load_strictly`.
    """
    tensors = networks.flatten(read(path), path)
    candidates = networks.find_networks(tensors, module, layouts, path)  # type: ignore[arg-type]
    if not candidates:
        reason = networks.explain_misfit(tensors, module, layouts, path)  # type: ignore[arg-type]
        raise Refused(path, reason, "Is it of this architecture?")
    network = networks.choose_network(candidates, wrapper, path)
    check_values(network.tensors, networks.required_tensors(module), path)  # type: ignore[arg-type]
    return network


def check_values(tensors: dict[str, Tensor], wanted: dict[str, Tensor], path: Path) -> None:
    """Raise Refused, with the parameter's name, for a tensor that is not dense or not of finite numbers."""
    for name, value in tensors.items():
        if not wanted[name].is_floating_point():
            continue
        if value.layout != torch.strided or value.is_quantized or value.device.type != "cpu":
            raise Refused(path, f"holds {name} without plain values", "Save a state_dict")
        if not value.is_floating_point():
            reason = f"holds {name} as {value.dtype}, not as floats"
            raise Refused(path, reason, "Save unquantised weights")
        if not torch.isfinite(value.to(wanted[name].dtype)).all():
            reason = f"holds {name} with values that are no numbers"
            raise Refused(path, reason, "Its training diverged")
