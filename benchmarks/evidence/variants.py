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
class Variant:
    """One row of the study.

    Attributes:
        question: which of the study's questions it belongs to.
        config: one of lvmmed_backbones/pretrain/configs; None: a network that was not trained.
        changes: entries of the config, by dotted name.
    """

    question: str
    config: str | None
    changes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def learning_rate(self) -> float | None:
        """Where it is not the config's."""
        return self.changes.get(RATE)


def method(name: str, question: str = "methods", **changes: Any) -> Variant:
    """A method as its small config has it, but for changes by dotted name, `__` for a dot."""
    found = {key.replace("__", "."): value for key, value in changes.items()}
    return Variant(question, f"{name}_resnet18_small", found)


def rate(variant: Variant, lr: float) -> Variant:
    """A variant at another learning rate."""
    return Variant("search", variant.config, {**variant.changes, RATE: lr})


def changed(question: str, variant: Variant, lr: float = 1e-3, **head: Any) -> Variant:
    """A variant with other values of its head; first tried at 1e-3, what mattered again at the rate of the search."""
    values = {f"model.head.{name.replace('__', '.')}": value for name, value in head.items()}
    return Variant(question, variant.config, {**variant.changes, RATE: lr, **values})


def half(begin: float, end: float) -> Variant:
    """LVM-Med whose second order counts in a part of the run only."""
    hook = dict(type="SecondOrderHook", begin=begin, end=end)
    changes = {RATE: 1e-3, "custom_hooks": [*RUNTIME, hook]}
    return Variant("halves", LVMMED.config, {**LVMMED.changes, **changes})


SIMCLR = method("simclr")
BARLOW = method("barlowtwins")
LVMMED = method("lvmmed", model__head__second_order=0.1)
LINEAR = method("lvmmed", model__head__second_order=0)
FULL = method("lvmmed", model__head__second_order=1.0, model__head__message_passing=1)

VARIANTS = {
    "random": Variant("methods", None),
    "simclr": SIMCLR,
    "barlowtwins": BARLOW,
    "lvmmed": LVMMED,
    "linear": LINEAR,
    "full": FULL,
    **{
        f"{name}, rate {lr}": rate(variant, float(lr))
        for lr in ("1e-3", "1e-2")
        for name, variant in (
            ("simclr", SIMCLR),
            ("barlowtwins", BARLOW),
            ("lvmmed", LVMMED),
            ("linear", LINEAR),
            ("full", FULL),
        )
    },
    "simclr, temperature 0.03": changed("search", SIMCLR, temperature=0.03),
    "simclr, temperature 0.3": changed("search", SIMCLR, temperature=0.3),
    "simclr, temperature 1": changed("search", SIMCLR, temperature=1.0),
    "barlowtwins, lambda 0.02": changed("search", BARLOW, loss__lambd=0.02),
    **{
        name + suffix: changed(question, variant, lr, **head)
        for suffix, lr in (("", 1e-3), (", rate 1e-2", 1e-2))
        for name, question, variant, head in (
            ("full, the paper's noise", "parts", FULL, dict(noise=1.0, samples=1)),
            ("full, no second order", "parts", FULL, dict(second_order=0)),
            ("full, no message passing", "parts", FULL, dict(message_passing=0)),
            ("full, no noise", "parts", FULL, dict(noise=0, samples=1)),
            ("full, no local", "parts", FULL, dict(alpha=1.0)),
            ("linear, no noise", "parts", LINEAR, dict(noise=0, samples=1)),
            ("linear, no local", "parts", LINEAR, dict(alpha=1.0)),
            ("linear, noise 0.03", "noise", LINEAR, dict(noise=0.03)),
            ("linear, noise 0.3", "noise", LINEAR, dict(noise=0.3)),
            ("linear, noise 1", "noise", LINEAR, dict(noise=1.0)),
            ("linear, 1 sample", "samples", LINEAR, dict(samples=1)),
            ("linear, 4 samples", "samples", LINEAR, dict(samples=4)),
            ("linear, 64 samples", "samples", LINEAR, dict(samples=64)),
        )
    },
    "lvmmed, 1 sample": changed("samples", LVMMED, samples=1),
    "lvmmed, 4 samples": changed("samples", LVMMED, samples=4),
    "lvmmed, 64 samples": changed("samples", LVMMED, samples=64),
    "linear, lambda 8": changed("lambda", LINEAR, strength=8.0),
    "linear, lambda 0.8": changed("lambda", LINEAR, strength=0.8),
    "linear, lambda 0.08": changed("lambda", LINEAR, strength=0.08),
    "second order in the first half": half(0, 0.5),
    "second order in the second half": half(0.5, 1),
    "full, no message passing, default": changed(
        "solver", FULL, message_passing=0, budget="default"
    ),
    "full, no message passing, best": changed("solver", FULL, message_passing=0, budget="best"),
}
