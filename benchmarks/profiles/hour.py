"""An hour of 2 cores for the release's U-Net on real images, at its own 256 px: docs/reproduction.md.

Far fewer steps than the paper's experiments, so the figures are not the paper's.
"""

from benchmarks.profiles import Budget, Profile

SEEDS = (0,)

PROFILE = Profile(
    name="hour",
    backbones=("imagenet_efficientnet_lite0",),
    seeds=SEEDS,
    tasks=dict.fromkeys(("kvasir", "buid", "isic2018", "drive"), SEEDS),
    budgets={
        "segmentation": Budget(
            image_size=256,
            batch_size=8,
            iterations=120,
            optimizer=dict(type="Adam", lr=1e-3),
            validations=2,
            seconds=600,
        )
    },
    workers=0,
    threads=1,
)
