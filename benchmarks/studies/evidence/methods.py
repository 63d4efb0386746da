"""What the study pretrains: methods, each with a search over its learning rate and its own two main settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from scipy.stats import qmc

TRIED = 16  # settings of each method, a power of 2
EPOCHS = (1, 4, 12)  # of the rungs of a search: 252, 1,008 and 3,024 steps over 16,128 images
KEPT = (16, 4, 2)  # settings in each rung
SEARCH_SEED, SEEDS = 0, (1, 2, 3)

RATE = "optim_wrapper.optimizer.lr"
COMMON = {"optim_wrapper.optimizer.fused": True}  # a step of AdamW takes 3 ms in place of 18
Setting = dict[str, Any]
Choose = Callable[[float], Any]  # from [0, 1) to a value


def _between(low: float, high: float) -> Choose:
    """Values between two, their logarithms evenly distributed, with three digits."""
    return lambda share: float(f"{low * (high / low) ** share:.3g}")


def _one_of(*values: Any) -> Choose:
    return lambda share: values[int(share * len(values))]


@dataclass(frozen=True)
class Method:
    """A method, and what its search tries.

    Attributes
    ----------
    config : str or None
        One of lvmmed_backbones/pretrain/configs; None: an untrained network.
    tried : mapping of str to callable
        The values of each setting, by dotted name, from a number in [0, 1). Names that are joined by a space get one
        value.
    fixed : mapping
        Further entries of the config, by dotted name, which all settings have.
    """

    config: str | None
    tried: Mapping[str, Choose] = field(default_factory=dict)
    fixed: Setting = field(default_factory=dict)

    def settings(self) -> list[Setting]:
        """Return all that the search tries: points of a scrambled Sobol sequence, which fills the space evenly."""
        if not self.tried:
            return [{}]
        points = qmc.Sobol(len(self.tried), scramble=True, rng=0).random(TRIED)
        return [
            {
                name: choose(share)
                for (names, choose), share in zip(self.tried.items(), point, strict=True)
                for name in names.split()
            }
            for point in points
        ]


RATES = _between(1e-3, 2e-2)
HEAD = "model.head"
GRAPHS = {
    RATE: RATES,
    f"{HEAD}.graph_size": _one_of(8, 16, 32, 64),
    f"{HEAD}.noise": _between(0.03, 1),
}

SIXTEENS = {f"{HEAD}.graph_size": 16, f"{HEAD}.partitions": 4}
IDEAS = ("soft", "curriculum", "both")  # ideas.py

METHODS = {
    "untrained": Method(None),
    "simclr": Method(
        "simclr_resnet18_small",
        {
            RATE: RATES,
            f"{HEAD}.temperature": _between(0.05, 0.5),
            "model.neck.out_channels": _one_of(64, 128, 256, 512),
        },
    ),
    "barlowtwins": Method(
        "barlowtwins_resnet18_small",
        {
            RATE: RATES,
            f"{HEAD}.loss.lambd": _between(0.002, 0.1),
            f"model.neck.out_channels {HEAD}.in_channels": _one_of(256, 512, 1024, 2048),
        },
    ),
    "dino": Method(
        "dino_resnet18_small",
        {
            RATE: RATES,
            "model.momentum": _between(0.001, 0.03),
            "model.first_temperature model.teacher_temperature": _between(0.02, 0.08),
        },
    ),
    "lvmmed": Method("lvmmed_resnet18_small", GRAPHS, {f"{HEAD}.partitions": 4}),
    "first_order": Method(
        "lvmmed_resnet18_small", GRAPHS, {f"{HEAD}.partitions": 4, f"{HEAD}.edge_weight": 0}
    ),
    "soft": Method(
        "lvmmed_resnet18_small",
        {
            RATE: RATES,
            f"{HEAD}.epsilon": _between(0.02, 0.5),
            f"{HEAD}.structure": _one_of(0.0, 0.25, 0.5, 0.75),
        },
        {f"{HEAD}.type": "SoftMatchingHead"},
    ),
    "curriculum": Method(
        "lvmmed_resnet18_small",
        {
            RATE: RATES,
            f"{HEAD}.first_noise": _between(0.1, 1),
            f"{HEAD}.last_noise": _between(0.02, 0.3),
        },
        {**SIXTEENS, f"{HEAD}.type": "CurriculumHead"},
    ),
    "both": Method(
        "lvmmed_resnet18_small",
        {
            RATE: RATES,
            f"{HEAD}.contrast": _between(0.1, 10),
            f"{HEAD}.temperature": _between(0.05, 0.5),
        },
        {**SIXTEENS, f"{HEAD}.type": "ContrastAndMatchingHead"},
    ),
}

# Other graphs for LVM-Med's final row of the first rung, which has graphs of 32 in four partitions: they have its rate
# and its noise, and no search.
ROW = {RATE: 0.00845, f"{HEAD}.noise": 0.281}


def _graphs(size: int, partitions: int, shared: str = "none") -> Method:
    graphs = dict(graph_size=size, partitions=partitions, shared_edges=shared)
    return Method(
        "lvmmed_resnet18_small",
        fixed={**ROW, **{f"{HEAD}.{name}": value for name, value in graphs.items()}},
    )


VARIANTS = {
    **{
        f"graphs_{size}x{partitions}": _graphs(size, partitions)
        for size, partitions in ((8, 1), (8, 4), (16, 1), (16, 4), (32, 1), (64, 1))
    },
    **{f"shared_{shared}": _graphs(32, 4, shared) for shared in ("first", "mutual", "union")},
}
ALL = METHODS | VARIANTS

# The comparisons that were planned before the runs.
PAIRS = [
    *(("lvmmed", other) for other in ("simclr", "barlowtwins", "dino", "first_order")),
    *((idea, other) for idea in IDEAS for other in ("lvmmed", "simclr")),
]
PAIRS_OF_VARIANTS = [(variant, "lvmmed") for variant in VARIANTS]
