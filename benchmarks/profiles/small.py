"""Real images at a size that 2 cores can bear: a few hundred steps, three seeds, the checkpoint that is best on valid.

This profile compares backbones at home. Its figures are not the paper's: images and heads are smaller, and training is
shorter. drive is trained on crops and tested on tiles, as in `mini`.
"""

from dataclasses import replace

from benchmarks.profiles import Budget, ProbeBudget, Profile
from benchmarks.profiles.mini import HIPPOCAMPUS, NARROW_FASTER_RCNN, NARROW_UPERNET

DENSE = dict(type="AdamW", lr=1e-3, weight_decay=0.01)
# Less than a tenth of a photograph is vessel: unweighted, none reaches a probability of 0.5 in so few steps.
VESSELS = {**NARROW_UPERNET, "model.decode_head.loss_decode.class_weight": [1.0, 5.0]}
SEGMENTATION = Budget(
    image_size=96,
    batch_size=8,
    iterations=150,
    optimizer=DENSE,
    validations=2,
    overrides=NARROW_UPERNET,
    seconds=250,
)
BUDGETS: dict[str, Budget | ProbeBudget] = {
    "segmentation": SEGMENTATION,
    "volumes": SEGMENTATION,
    "hippocampus": replace(SEGMENTATION, overrides=HIPPOCAMPUS),
    "drive": replace(SEGMENTATION, overrides=VESSELS, seconds=210, resize=768),
    "detection": Budget(
        image_size=128,
        batch_size=4,
        iterations=300,
        optimizer=DENSE,
        validations=2,
        overrides=NARROW_FASTER_RCNN,
        seconds=250,
    ),
    "knn": ProbeBudget(image_size=128, seconds=15),
    "linear": ProbeBudget(image_size=128, seconds=15),
    "dense": ProbeBudget(image_size=128, seconds=60),
    "finetune": Budget(
        image_size=128,
        batch_size=16,
        iterations=200,
        optimizer=dict(type="AdamW", lr=3e-4),
        validations=2,
        seconds=300,
    ),
}

PROFILE = Profile(
    name="small",
    backbones=("random_resnet50", "imagenet_efficientnet_lite0", "random_vit_tiny"),
    seeds=(0, 1, 2),
    budgets=BUDGETS,
    workers=0,
    threads=1,
)
