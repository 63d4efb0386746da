"""The tasks of docs/evidence.md: real images at the 64 px that its backbones were pretrained with, else as `small`.

Segmentation has 96 px, drive 384: UperNet predicts on a grid of a quarter of that, and a vessel narrower than a cell of
it never gets the probability of 0.5 that makes it one. Not the paper's sizes, so not its figures.
"""

from benchmarks.profiles import Budget, Profile, small
from benchmarks.profiles.mini import NARROW_UPERNET

PROFILE = Profile(
    name="evidence",
    backbones=("random_resnet18_half", "imagenet_efficientnet_lite0"),
    seeds=(0, 1, 2),
    budgets={
        **small.BUDGETS,
        "segmentation": Budget(96, 8, 150, small.DENSE, 2, NARROW_UPERNET, 40),
        "drive": Budget(384, 2, 200, small.DENSE, 1, NARROW_UPERNET, 120),
        "linear": Budget(64, 64, 400, dict(type="Adam", lr=5e-3), 4, {}, 25),
        "finetune": Budget(64, 32, 200, dict(type="AdamW", lr=3e-4), 4, {}, 30),
    },
    workers=0,
)
