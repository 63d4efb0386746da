"""A run of a second, with two validations, so that a checkpoint is the best one; probes are as short as they are."""

from dataclasses import replace

from benchmarks.profiles import Budget, Profile, mini

PROFILE = Profile(
    name="trial",
    backbones=("random_resnet18_half", "imagenet_efficientnet_lite0"),
    seeds=(0,),
    budgets={
        kind: replace(budget, iterations=12, validations=2, seconds=2)
        if isinstance(budget, Budget)
        else budget
        for kind, budget in mini.PROFILE.budgets.items()
    },
    workers=0,
    threads=1,
)
