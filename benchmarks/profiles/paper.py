"""The paper's experiment to the letter: every task config as it stands, three seeds."""

from benchmarks.profiles import Profile

PROFILE = Profile(
    name="paper",
    backbones=("random_resnet50", "imagenet_resnet50", "lvmmed_resnet50"),
    seeds=(0, 1, 2),
    budgets=None,
    workers=None,
    threads=4,
)
