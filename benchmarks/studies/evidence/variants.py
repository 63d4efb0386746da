"""What the study pretrains: the methods, and each with one thing changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

RATE = "optim_wrapper.optimizer.lr"
RUNTIME = [
    dict(type="StepSeedHook"),
    dict(type="NonFiniteHook"),
    dict(type="CollapseHook"),
    dict(type="BFloat16EncoderHook"),
]


@dataclass(frozen=True)
class _Variant:
    """One row of the study.

    Attributes
    ----------
    question : str
        The question of the study that it belongs to.
    config : str or None
        One of lvmmed_backbones/pretrain/configs; None: an untrained network.
    changes : mapping
        Entries of the config, by dotted name.
    """

    question: str
    config: str | None
    changes: Mapping[str, Any] = field(default_factory=dict)


def _method(name: str, **head: Any) -> _Variant:
    """Return a method as its small config has it, with other values of its head."""
    return _Variant("methods", f"{name}_resnet18_small", _of_head(head))


def _of_head(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values of a head as entries of the config."""
    return {f"model.head.{name}": value for name, value in values.items()}


def _rate(variant: _Variant, lr: float) -> _Variant:
    """Return a variant at another learning rate."""
    return _Variant("search", variant.config, {**variant.changes, RATE: lr})


def _changed(question: str, variant: _Variant, lr: float = 1e-3, **head: Any) -> _Variant:
    """Return a variant with other values of its head, at 1e-3 or at the rate that the search found."""
    return _Variant(question, variant.config, {**variant.changes, RATE: lr, **_of_head(head)})


def _half(begin: float, end: float) -> _Variant:
    """Return LVM-Med with weak edges whose second order counts in a part of the run only."""
    hook = dict(type="SecondOrderHook", begin=begin, end=end)
    changes = {RATE: 1e-3, "custom_hooks": [*RUNTIME, hook]}
    return _Variant("halves", WEAK_EDGES.config, {**WEAK_EDGES.changes, **changes})


SIMCLR = _method("simclr")
BARLOW = _method("barlowtwins")
LVMMED = _method("lvmmed")
WEAK_EDGES = _method("lvmmed", message_passing=0, edge_weight=0.1)
NO_EDGES = _method("lvmmed", message_passing=0, edge_weight=0)

VARIANTS = {
    "random": _Variant("methods", None),
    "simclr": SIMCLR,
    "barlowtwins": BARLOW,
    "lvmmed": LVMMED,
    **{
        f"{name}, rate {lr}": _rate(variant, float(lr))
        for name, variant, rates in (
            ("simclr", SIMCLR, ("1e-3", "1e-2")),
            ("barlowtwins", BARLOW, ("1e-3", "1e-2")),
            ("lvmmed", LVMMED, ("1e-3", "3e-3")),
            ("weak_edges", WEAK_EDGES, ("1e-3", "3e-3", "1e-2")),
            ("no_edges", NO_EDGES, ("1e-3", "3e-3", "1e-2")),
        )
        for lr in rates
    },
    "simclr, temperature 0.03, rate 1e-3": _changed("search", SIMCLR, temperature=0.03),
    "simclr, temperature 0.3, rate 1e-3": _changed("search", SIMCLR, temperature=0.3),
    "simclr, temperature 1, rate 1e-3": _changed("search", SIMCLR, temperature=1.0),
    "barlowtwins, lambda 0.02, rate 1e-3": _changed("search", BARLOW, **{"loss.lambd": 0.02}),
    **{
        f"{name}, rate {lr}": _changed(question, variant, float(lr), **head)
        for lr in ("1e-3", "1e-2")
        for name, question, variant, head in (
            ("lvmmed, the paper's noise", "parts", LVMMED, dict(noise=1.0, samples=1)),
            ("lvmmed, no second order", "parts", LVMMED, dict(edge_weight=0)),
            ("lvmmed, no message passing", "parts", LVMMED, dict(message_passing=0)),
            ("lvmmed, no noise", "parts", LVMMED, dict(noise=0, samples=1)),
            ("lvmmed, no local", "parts", LVMMED, dict(alpha=1.0)),
            ("no_edges, no noise", "parts", NO_EDGES, dict(noise=0, samples=1)),
            ("no_edges, no local", "parts", NO_EDGES, dict(alpha=1.0)),
            ("no_edges, noise 0.03", "noise", NO_EDGES, dict(noise=0.03)),
            ("no_edges, noise 0.3", "noise", NO_EDGES, dict(noise=0.3)),
            ("no_edges, noise 1", "noise", NO_EDGES, dict(noise=1.0)),
            ("no_edges, 1 sample", "samples", NO_EDGES, dict(samples=1)),
            ("no_edges, 4 samples", "samples", NO_EDGES, dict(samples=4)),
            ("no_edges, 64 samples", "samples", NO_EDGES, dict(samples=64)),
        )
    },
    **{
        f"{name}, rate 1e-3": _changed(question, variant, **head)
        for name, question, variant, head in (
            ("weak_edges, 1 sample", "samples", WEAK_EDGES, dict(samples=1)),
            ("weak_edges, 4 samples", "samples", WEAK_EDGES, dict(samples=4)),
            ("weak_edges, 64 samples", "samples", WEAK_EDGES, dict(samples=64)),
            ("no_edges, lambda 8", "lambda", NO_EDGES, dict(lambda_=8.0)),
            ("no_edges, lambda 0.8", "lambda", NO_EDGES, dict(lambda_=0.8)),
            ("no_edges, lambda 0.08", "lambda", NO_EDGES, dict(lambda_=0.08)),
            (
                "lvmmed, no message passing, default",
                "solver",
                LVMMED,
                dict(message_passing=0, budget="default"),
            ),
            (
                "lvmmed, no message passing, best",
                "solver",
                LVMMED,
                dict(message_passing=0, budget="best"),
            ),
        )
    },
    "weak_edges, edges in the first half, rate 1e-3": _half(0, 0.5),
    "weak_edges, edges in the second half, rate 1e-3": _half(0.5, 1),
}
