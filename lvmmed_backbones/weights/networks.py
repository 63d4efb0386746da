"""Find a network among the tensors of a checkpoint, whatever trainers, wrappers and compilers put around it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from lvmmed_backbones.files.outside import Refused, refusing
from lvmmed_backbones.weights.layouts import converted

# Parts of a name that torch.compile and FSDP put anywhere in it.
COMPILERS = {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
DEPTH, MOST = 12, 200_000  # mappings within mappings, tensors: of a file that is a checkpoint
SHOWN = 5  # names in a message


class Architecture(Protocol):
    """What is asked of a module whose weights are looked for: see `lvmmed_backbones.models.Backbone`."""

    own_parts: tuple[str, ...]

    def state_dict(self) -> Mapping[str, Tensor]: ...
    def own_names(self) -> Mapping[str, str]: ...
    def resampled(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]: ...


@dataclass(frozen=True)
class Network:
    """The weights of an architecture within a checkpoint.

    Attributes
    ----------
    prefix : str
        What stands before their names, with its last dot; empty if nothing does.
    layout : str
        How the checkpoint names them.
    tensors : dict of str to Tensor
        All that the architecture needs, by its own names.
    created : list of str
        What the file does not have and the framework makes: integer buffers.
    unused : list of str
        The checkpoint's names of everything else.
    """

    prefix: str
    layout: str
    tensors: dict[str, Tensor]
    created: list[str] = field(repr=False)
    unused: list[str] = field(repr=False)


def flat(content: Mapping, path: Path) -> dict[str, Tensor]:
    """The tensors of nested mappings, by dotted names without the parts that compilers add.

    Raises
    ------
    Refused
        If there are none, or mappings lie in each other without end.
    """
    found: dict[str, Tensor] = {}
    waiting: list[tuple[str, Any, int]] = [("", content, 0)]
    while waiting:
        name, value, depth = waiting.pop()
        if isinstance(value, Tensor):
            found[".".join(part for part in name.split(".") if part not in COMPILERS)] = value
        elif isinstance(value, Mapping):
            if depth > DEPTH or len(found) > MOST:
                raise Refused(
                    path,
                    f"nests more than {DEPTH} mappings or {MOST:,} tensors",
                    "Save a state_dict",
                )
            inner = [
                (f"{name}.{key}" if name else str(key), v, depth + 1) for key, v in value.items()
            ]
            waiting += reversed(inner)
    if not found:
        keys = ", ".join(map(str, list(content)[:SHOWN])) or "nothing"
        raise Refused(path, f"holds no tensor; its keys are {keys}", "Save a state_dict")
    return found


def needed(module: Architecture) -> dict[str, Tensor]:
    """What fills an architecture, by its own names: parameters and buffers, without what comes with a task."""
    state = module.state_dict()
    return {own: state[name] for name, own in module.own_names().items()}


def optional(value: Tensor) -> bool:
    """Whether a file may lack a buffer: integers (num_batches_tracked) are made by the framework itself."""
    return not value.is_floating_point()


def networks(
    tensors: Mapping[str, Tensor], module: Architecture, layouts: Sequence[str], path: Path
) -> list[Network]:
    """Every whole network of this architecture among the tensors of a checkpoint.

    Raises
    ------
    Refused
        If one is there with more in it than the architecture has: it is of another one.
    """
    wanted = needed(module)
    required = {name: value.shape for name, value in wanted.items() if not optional(value)}
    found = []
    for prefix in prefixes(tensors, len(required)):
        inner = {n.removeprefix(prefix): v for n, v in tensors.items() if n.startswith(prefix)}
        for layout in layouts:
            known = fitted(inner, module, layout, path)
            if any(n not in known or known[n].shape != shape for n, shape in required.items()):
                continue
            refuse_larger(known, wanted, module, path)
            # A counter of another shape, as torch 0.4 wrote them, is no reason to refuse a network.
            used = {
                n: known[n] for n, v in wanted.items() if n in known and known[n].shape == v.shape
            }
            created = [name for name in wanted if name not in used]
            same = {id(value) for value in used.values()}
            unused = [
                name
                for name, value in tensors.items()
                if id(value) not in same and name.removeprefix(prefix) not in wanted
            ]
            found.append(Network(prefix, layout, used, created, unused))
            break
    return found


def fitted(
    inner: Mapping[str, Tensor], module: Architecture, layout: str, path: Path
) -> Mapping[str, Tensor]:
    """Tensors by the architecture's own names, positions interpolated to its image size."""
    with refusing(path, "Name its --architecture", "has tensors that are not as their names say"):
        return module.resampled(converted(inner, layout))


def refuse_larger(
    known: Mapping[str, Tensor], wanted: Mapping[str, Tensor], module: Architecture, path: Path
) -> None:
    """Raises Refused if a file has more in the architecture's own parts than it needs: ResNet-101 for ResNet-50."""
    parts = {*module.own_parts, *(name.partition(".")[0] for name in wanted if "." in name)}
    more = [n for n in known if n not in wanted and n.partition(".")[0] in parts]
    more = [name for name in more if known[name].is_floating_point()]
    if more:
        raise Refused(
            path,
            f"has {len(more)} tensors that {said(module)} does not have, such as {some(more)}",
            "It is of another architecture: name it (add: --architecture)",
        )


def prefixes(names: Iterable[str], least: int) -> list[str]:
    """What stands before at least so many names, from the outermost on; the empty one is the first."""
    counts: Counter[str] = Counter()
    for name in names:
        parts = name.split(".")
        counts.update(".".join(parts[:n]) + "." if n else "" for n in range(len(parts)))
    return sorted(
        (p for p, count in counts.items() if count >= least), key=lambda p: (p.count("."), p)
    )


def chosen(found: Sequence[Network], wrapper: str | None, path: Path) -> Network:
    """The network that was asked for, of at least one.

    Parameters
    ----------
    wrapper : str or None
        A part of its prefix, such as teacher or state_dict_ema; None: there must be only one.

    Raises
    ------
    Refused
        If there are several, or none called so, naming those that there are.
    """
    there = ", ".join(network.prefix.rstrip(".") or "(no prefix)" for network in found)
    named = [n for n in found if wrapper is None or wrapper in n.prefix.split(".")]
    if len(named) == 1:
        return named[0]
    if wrapper is None:
        raise Refused(
            path, f"holds {len(found)} networks: {there}", "Choose by --wrapper NAME, a part of one"
        )
    if not named:
        raise Refused(
            path, f"has no network below {wrapper!r}; there are: {there}", "Choose one of these"
        )
    raise Refused(
        path,
        f"has {len(named)} networks below {wrapper!r}: {there}",
        "Choose a part that only one has",
    )


def why_not(
    tensors: Mapping[str, Tensor], module: Architecture, layouts: Sequence[str], path: Path
) -> str:
    """Why no network of this architecture is in a checkpoint: what comes nearest lacks, or what there is."""
    wanted = {name: v for name, v in needed(module).items() if not optional(v)}
    best: Mapping[str, Tensor] = {}
    for prefix in prefixes(tensors, 1)[:100]:
        inner = {n.removeprefix(prefix): v for n, v in tensors.items() if n.startswith(prefix)}
        for layout in layouts:
            try:
                known = fitted(inner, module, layout, path)
            except Refused:
                known = converted(inner, layout)
            best = max(best, known, key=lambda t: sum(name in t for name in wanted))
    missing = [name for name in wanted if name not in best]
    misshapen = [
        f"{name} {tuple(best[name].shape)} instead of {tuple(value.shape)}"
        for name, value in wanted.items()
        if name in best and best[name].shape != value.shape
    ]
    if 2 * len(missing) > len(wanted):
        return (
            f"does not fill {len(missing)} of {len(wanted)} parameters of {said(module)}, such as {some(missing)}; "
            f"it has the prefixes {some(heads(tensors))}, and such keys as {some(list(tensors))}"
        )
    if missing:
        return f"does not fill {len(missing)} of {len(wanted)} parameters of {said(module)}, such as {some(missing)}"
    return f"holds {len(misshapen)} parameters of another shape than {said(module)} has: {some(misshapen)}"


def heads(names: Iterable[str]) -> list[str]:
    """The beginnings that tell names apart, the most frequent first."""
    parts = [name.split(".") for name in names]
    depth = 1
    while depth < DEPTH and len({tuple(p[:depth]) for p in parts}) == 1:
        depth += 1
    return [head for head, _ in Counter(".".join(p[:depth]) for p in parts).most_common()]


def some(names: Sequence[str]) -> str:
    """The first of them."""
    return ", ".join(names[:SHOWN])


def said(module: Architecture) -> str:
    """An architecture in a message."""
    return getattr(module, "said", type(module).__name__)
