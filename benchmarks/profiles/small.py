"""Real images at a size that 2 cores can bear: a few hundred steps, three seeds, the checkpoint that is best on valid.

For comparing backbones at home. Its figures are not the paper's: images and heads are smaller and training is shorter.
drive sees crops and tiles, as in `mini`.
"""

from benchmarks.profiles import Budget, Profile
from benchmarks.profiles.mini import NARROW_FASTER_RCNN, NARROW_UPERNET

DENSE = dict(type="AdamW", lr=1e-3, weight_decay=0.01)
# Less than a tenth of a photograph is vessel: unweighted, none reaches a probability of 0.5 in so few steps.
VESSELS = {**NARROW_UPERNET, "model.decode_head.loss_decode.class_weight": [1.0, 5.0]}
BUDGETS = {
    "segmentation": Budget(96, 8, 150, DENSE, 2, NARROW_UPERNET, 250),
    "drive": Budget(96, 8, 150, DENSE, 2, VESSELS, 210, resize=768),
    "volumes": Budget(96, 8, 150, DENSE, 2, NARROW_UPERNET, 250),
    "detection": Budget(128, 4, 300, DENSE, 2, NARROW_FASTER_RCNN, 250),
    "linear": Budget(128, 32, 200, dict(type="Adam", lr=2e-3), 2, {}, 230),
    "finetune": Budget(128, 16, 200, dict(type="AdamW", lr=3e-4), 2, {}, 300),
}

PROFILE = Profile(
    name="small",
    backbones=("random_resnet50", "imagenet_efficientnet_lite0", "random_vit_tiny"),
    seeds=(0, 1, 2),
    budgets=BUDGETS,
    workers=0,
    threads=1,
)
