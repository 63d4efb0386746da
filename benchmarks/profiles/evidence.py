"""The tasks of docs/evidence.md: real images at the 64 px that its backbones were pretrained with, else as `small`.

The sizes are not the paper's, so the figures are not either.
"""

from benchmarks.profiles import Budget, ProbeBudget, Profile, small

PROFILE = Profile(
    name="evidence",
    backbones=("random_resnet18_half", "imagenet_efficientnet_lite0"),
    seeds=(0, 1, 2),
    budgets={
        **small.BUDGETS,
        "knn": ProbeBudget(image_size=64, seconds=8),
        "linear": ProbeBudget(image_size=64, seconds=8),
        "dense": ProbeBudget(image_size=64, seconds=20),
        "finetune": Budget(
            image_size=64,
            batch_size=32,
            iterations=200,
            optimizer=dict(type="AdamW", lr=3e-4),
            validations=4,
            seconds=50,
        ),
    },
    workers=0,
    threads=1,
)
