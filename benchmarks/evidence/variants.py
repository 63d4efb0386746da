"""What the study pretrains: the methods, and each with one thing changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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


def lvmmed(question: str, **head: Any) -> Variant:
    """LVM-Med as the small config has it, with other values of its head."""
    return Variant(
        question,
        "lvmmed_resnet18_small",
        {f"model.head.{name}": value for name, value in head.items()},
    )


def linear(question: str, **head: Any) -> Variant:
    """LVM-Med by linear assignment alone."""
    return lvmmed(question, second_order=0, **head)


def full(question: str, **head: Any) -> Variant:
    """LVM-Med with all the paper's parts at the paper's weights."""
    return lvmmed(question, **(dict(second_order=1.0, message_passing=1) | head))


def half(question: str, begin: float, end: float) -> Variant:
    """LVM-Med whose second order counts in a part of the run only."""
    hook = dict(type="SecondOrderHook", begin=begin, end=end)
    return Variant(question, "lvmmed_resnet18_small", {"custom_hooks": [*RUNTIME, hook]})


def rate(config: str, lr: float) -> Variant:
    """A method at another learning rate."""
    return Variant("search", config, {"optim_wrapper.optimizer.lr": lr})


def temperature(value: float) -> Variant:
    """SimCLR at another temperature."""
    return Variant("search", "simclr_resnet18_small", {"model.head.temperature": value})


def redundancy(value: float) -> Variant:
    """Barlow Twins with another weight of what is off the diagonal."""
    return Variant("search", "barlowtwins_resnet18_small", {"model.head.loss.lambd": value})


VARIANTS = {
    "random": Variant("methods", None),
    "simclr": Variant("methods", "simclr_resnet18_small"),
    "barlowtwins": Variant("methods", "barlowtwins_resnet18_small"),
    "lvmmed": lvmmed("methods"),
    "linear": linear("methods"),
    "full": full("parts"),
    "full, the paper's noise": full("parts", noise=1.0, samples=1),
    "full, no second order": full("parts", second_order=0),
    "full, no message passing": full("parts", message_passing=0),
    "full, no noise": full("parts", noise=0, samples=1),
    "full, no local": full("parts", alpha=1.0),
    "linear, no noise": linear("parts", noise=0, samples=1),
    "linear, no local": linear("parts", alpha=1.0),
    "linear, noise 0.03": linear("noise", noise=0.03),
    "linear, noise 0.3": linear("noise", noise=0.3),
    "linear, noise 1": linear("noise", noise=1.0),
    "linear, 1 sample": linear("samples", samples=1),
    "linear, 4 samples": linear("samples", samples=4),
    "linear, 64 samples": linear("samples", samples=64),
    "lvmmed, 1 sample": lvmmed("samples", samples=1),
    "lvmmed, 4 samples": lvmmed("samples", samples=4),
    "lvmmed, 64 samples": lvmmed("samples", samples=64),
    "simclr, temperature 0.03": temperature(0.03),
    "simclr, temperature 0.3": temperature(0.3),
    "simclr, temperature 1": temperature(1.0),
    "barlowtwins, lambda 0.02": redundancy(0.02),
    "lvmmed, rate 3e-3": rate("lvmmed_resnet18_small", 3e-3),
    "simclr, rate 3e-3": rate("simclr_resnet18_small", 3e-3),
    "barlowtwins, rate 3e-3": rate("barlowtwins_resnet18_small", 3e-3),
    "linear, lambda 8": linear("lambda", strength=8.0),
    "linear, lambda 0.8": linear("lambda", strength=0.8),
    "linear, lambda 0.08": linear("lambda", strength=0.08),
    "second order in the first half": half("halves", 0, 0.5),
    "second order in the second half": half("halves", 0.5, 1),
    "full, no message passing, default": full("solver", message_passing=0, budget="default"),
    "full, no message passing, best": full("solver", message_passing=0, budget="best"),
}
