"""Real images at a size that 2 cores can bear: a few hundred steps, three seeds, the checkpoint that is best on valid.

For comparing backbones at home. Its figures are not the paper's: images and heads are smaller and training is shorter.
"""

from benchmarks.profiles import Budget, Profile
from benchmarks.profiles.mini import NARROW_FASTER_RCNN, NARROW_UPERNET

ADAMW = dict(type="AdamW", lr=3e-4, weight_decay=0.01)

PROFILE = Profile(
    name="small",
    backbones=("random_resnet50", "imagenet_efficientnet_lite0", "random_vit_tiny"),
    seeds=(0, 1, 2),
    budgets={
        "segmentation": Budget(128, 8, 150, ADAMW, 1, NARROW_UPERNET, 180),
        "volumes": Budget(128, 8, 150, ADAMW, 1, NARROW_UPERNET, 180),
        "detection": Budget(160, 4, 300, ADAMW, 1, NARROW_FASTER_RCNN, 240),
        "linear": Budget(128, 32, 200, dict(type="Adam", lr=2e-3), 2, {}, 240),
        "finetune": Budget(128, 16, 200, ADAMW, 2, {}, 300),
    },
    workers=0,
)
