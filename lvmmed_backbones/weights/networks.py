"""Find a network among the tensors of a checkpoint, whatever trainers, wrappers and compilers put around it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from lvmmed_backbones.files.outside import Refused, refusing
from lvmmed_backbones.weights.layouts import converted

# torch.compile and FSDP put these parts anywhere into a name.
COMPILERS = {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
DEPTH, MOST = 12, 200_000  # limits of a checkpoint: mappings within mappings, tensors
SHOWN = 5  # names in a message


class Architecture(Protocol):
    """What a module must have so that its weights can be found: see `lvmmed_backbones.models.Backbone`."""

    own_parts: tuple[str, ...]

    def state_dict(self) -> Mapping[str, Tensor]: ...
    def own_names(self) -> Mapping[str, str]: ...
    def resampled(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]: ...


@dataclass(frozen=True)
class Network:
    """The weights of an architecture in a checkpoint.

    Attributes
    ----------
    prefix : str
        What stands before the names of its tensors, with the last dot; empty if nothing does.
    layout : str
        How the checkpoint names the tensors.
    tensors : dict of str to Tensor
        All that the architecture needs, by its own names.
    created : list of str
        Integer buffers that the file lacks; the framework makes them.
    unused : list of str
        The checkpoint's names of all other tensors.
    """

    prefix: str
    layout: str
    tensors: dict[str, Tensor]
    created: list[str] = field(repr=False)
    unused: list[str] = field(repr=False)


def flatten(content: Mapping, path: Path) -> dict[str, Tensor]:
    """Return the tensors of nested mappings by dotted names, without the parts that compilers add.

    Raises
    ------
    Refused
        If there is no tensor, or if there are too many tensors or mappings within mappings.
    """
    tensors: dict[str, Tensor] = {}
    waiting: list[tuple[str, Any, int]] = [("", content, 0)]
    while waiting:
        name, value, depth = waiting.pop()
        if isinstance(value, Tensor):
            tensors[".".join(part for part in name.split(".") if part not in COMPILERS)] = value
        elif isinstance(value, Mapping):
            if depth > DEPTH or len(tensors) > MOST:
                reason = f"nests more than {DEPTH} mappings or {MOST:,} tensors"
                raise Refused(path, reason, "Save a state_dict")
            inner = [(f"{name}.{k}" if name else str(k), v, depth + 1) for k, v in value.items()]
            waiting += reversed(inner)
    if not tensors:
        keys = ", ".join(map(str, list(content)[:SHOWN])) or "nothing"
        raise Refused(path, f"holds no tensor; its keys are {keys}", "Save a state_dict")
    return tensors


def required_tensors(module: Architecture) -> dict[str, Tensor]:
    """Return an architecture's parameters and buffers by its own names, without those that come with a task."""
    state = module.state_dict()
    return {own: state[name] for name, own in module.own_names().items()}


def _shapes(wanted: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Return the shapes that a file must have; it may lack integer buffers (num_batches_tracked)."""
    return {name: tuple(v.shape) for name, v in wanted.items() if v.is_floating_point()}


def find_networks(
    tensors: Mapping[str, Tensor], module: Architecture, layouts: Sequence[str], path: Path
) -> list[Network]:
    """Return every whole network of an architecture among the tensors of a checkpoint.

    Raises
    ------
    Refused
        If a network has more than the architecture has: then it is of another architecture.
    """
    wanted = required_tensors(module)
    required = _shapes(wanted)
    networks: list[Network] = []
    for prefix, inner in _inner_tensors(tensors, len(required)):
        for layout in layouts:
            known = _fit(inner, module, layout, path)
            if any(n not in known or known[n].shape != shape for n, shape in required.items()):
                continue
            _refuse_larger(known, wanted, module, path)
            # torch 0.4 wrote a counter in another shape: the network is good without the counter.
            used = {
                n: known[n] for n, v in wanted.items() if n in known and known[n].shape == v.shape
            }
            if any(prefix.startswith(n.prefix) and _same(used, n.tensors) for n in networks):
                break  # timm's converters know some prefixes, too
            created = [name for name in wanted if name not in used]
            taken = {_place(value) for value in used.values()} | _merged(inner, layout)
            unused = [
                name
                for name, value in tensors.items()
                if _place(value) not in taken and name.removeprefix(prefix) not in wanted
            ]
            networks.append(Network(prefix, layout, used, created, unused))
            break
    return networks


def _same(tensors: Mapping[str, Tensor], others: Mapping[str, Tensor]) -> bool:
    """Whether two networks are one; positions may have been fitted twice."""
    shared = sum(_place(value) == _place(others[name]) for name, value in tensors.items())
    return 2 * shared > len(tensors)


def _place(value: Tensor) -> int:
    """What a tensor and its views have in common: where their values lie."""
    plain = value.layout == torch.strided and value.device.type == "cpu" and value.numel()
    return value.data_ptr() if plain else id(value)


def _merged(inner: Mapping[str, Tensor], layout: str) -> set[int]:
    """The tensors that a layout has put together into others, such as queries, keys and values."""
    after = {_place(value) for value in converted(inner, layout).values()}
    return {_place(value) for value in inner.values()} - after


def _fit(
    inner: Mapping[str, Tensor], module: Architecture, layout: str, path: Path
) -> Mapping[str, Tensor]:
    """Return tensors by the architecture's own names, with positions interpolated to its image size."""
    with refusing(path, "Name its --architecture", "has tensors that are not as their names say"):
        return module.resampled(converted(inner, layout))


def _refuse_larger(
    known: Mapping[str, Tensor], wanted: Mapping[str, Tensor], module: Architecture, path: Path
) -> None:
    """Raise Refused if a file has more in the architecture's parts than it needs, as ResNet-101 for ResNet-50."""
    own_parts = {*module.own_parts, *(name.partition(".")[0] for name in wanted if "." in name)}
    more = [
        name
        for name, value in known.items()
        if name not in wanted and name.partition(".")[0] in own_parts and value.is_floating_point()
    ]
    if more:
        raise Refused(
            path,
            f"has {len(more)} tensors that {_name_of(module)} does not have, such as {first_few(more)}",
            "It is of another architecture: name it (add: --architecture)",
        )


def _inner_tensors(
    tensors: Mapping[str, Tensor], least: int
) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Yield each prefix of at least so many names, the outermost first, and the tensors behind it."""
    counts: Counter[str] = Counter()
    for name in tensors:
        parts = name.split(".")
        counts.update(".".join(parts[:n]) + "." if n else "" for n in range(len(parts)))
    frequent = [prefix for prefix, count in counts.items() if count >= least]
    for prefix in sorted(frequent, key=lambda prefix: (prefix.count("."), prefix)):
        inner = {n.removeprefix(prefix): v for n, v in tensors.items() if n.startswith(prefix)}
        yield prefix, inner


def choose_network(networks: Sequence[Network], wrapper: str | None, path: Path) -> Network:
    """Return the network that is asked for, out of at least one.

    Parameters
    ----------
    wrapper : str or None
        A part of the network's prefix, such as teacher or state_dict_ema; None: there must be only one network.

    Raises
    ------
    Refused
        If there are several such networks or none. The message names the networks of the file.
    """
    listed = ", ".join(network.prefix.rstrip(".") or "(no prefix)" for network in networks)
    matches = [n for n in networks if wrapper is None or wrapper in n.prefix.split(".")]
    if len(matches) == 1:
        return matches[0]
    if wrapper is None:
        reason = f"holds {len(networks)} networks: {listed}"
        remedy = "Choose by --wrapper NAME, a part of one"
    elif not matches:
        reason = f"has no network below {wrapper!r}; there are: {listed}"
        remedy = "Choose one of these"
    else:
        reason = f"has {len(matches)} networks below {wrapper!r}: {listed}"
        remedy = "Choose a part that only one has"
    raise Refused(path, reason, remedy)


def explain_misfit(
    tensors: Mapping[str, Tensor], module: Architecture, layouts: Sequence[str], path: Path
) -> str:
    """Return why a checkpoint has no network of an architecture: what the nearest one lacks, or what is there."""
    required = _shapes(required_tensors(module))
    nearest: Mapping[str, Tensor] = {}
    for _, inner in [*_inner_tensors(tensors, 1)][:100]:
        for layout in layouts:
            try:
                known = _fit(inner, module, layout, path)
            except Refused:
                known = converted(inner, layout)
            nearest = max(nearest, known, key=lambda t: sum(name in t for name in required))
    name = _name_of(module)
    missing = [n for n in required if n not in nearest]
    if missing:
        reason = f"does not fill {len(missing)} of {len(required)} parameters of {name}, such as {first_few(missing)}"
        if 2 * len(missing) <= len(required):
            return reason
        return (
            f"{reason}; it has the prefixes {first_few(distinct_beginnings(tensors))}, and such keys as "
            f"{first_few(list(tensors))}"
        )
    misshapen = [
        f"{n} {tuple(nearest[n].shape)} instead of {shape}"
        for n, shape in required.items()
        if nearest[n].shape != shape
    ]
    return f"holds {len(misshapen)} parameters of another shape than {name} has: {first_few(misshapen)}"


def distinct_beginnings(names: Iterable[str]) -> list[str]:
    """Return the shortest beginnings that tell names apart, the most frequent first."""
    parts = [name.split(".") for name in names]
    depth = 1
    while depth < DEPTH and len({tuple(p[:depth]) for p in parts}) == 1:
        depth += 1
    return [beginning for beginning, _ in Counter(".".join(p[:depth]) for p in parts).most_common()]


def first_few(names: Sequence[str]) -> str:
    """Return the first names in one line, for a message."""
    return ", ".join(names[:SHOWN])


def _name_of(module: Architecture) -> str:
    """Return the name of an architecture for a message."""
    return getattr(module, "display_name", type(module).__name__)
