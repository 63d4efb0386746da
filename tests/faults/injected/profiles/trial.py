"""A run of a second, with two validations, so that a checkpoint is the best one."""

from dataclasses import replace

from benchmarks.profiles import Profile, mini

PROFILE = Profile(
    name="trial",
    backbones=("random_resnet18_half", "imagenet_efficientnet_lite0"),
    seeds=(0,),
    budgets={
        kind: replace(budget, iterations=12, validations=2, seconds=2)
        for kind, budget in mini.PROFILE.budgets.items()
    },
    workers=0,
    threads=1,
)
