"""Everything on phantoms, on 2 cores, within minutes: shows that the suite runs, says nothing about medicine.

Images are small, training takes a few dozen steps of AdamW, heads are 64 channels wide, and the weights of the last
step are tested. drive is trained on crops of enlarged images and tested on tiles: in a small image a vessel is thinner
than a cell of UperNet's output.
"""

from dataclasses import replace

from benchmarks.profiles import Budget, ProbeBudget, Profile

NARROW_UPERNET = {
    "model.decode_head.channels": 64,
    "model.auxiliary_head.channels": 64,
}
NARROW_FASTER_RCNN = {
    "model.neck.out_channels": 64,
    "model.rpn_head.in_channels": 64,
    "model.rpn_head.feat_channels": 64,
    "model.roi_head.bbox_roi_extractor.out_channels": 64,
    "model.roi_head.bbox_head.in_channels": 64,
    "model.roi_head.bbox_head.fc_out_channels": 128,
    "model.train_cfg.rpn_proposal.max_per_img": 200,
    "model.train_cfg.rcnn.sampler.num": 64,
    "model.test_cfg.rpn.max_per_img": 200,
}
SEGMENTATION = Budget(
    image_size=64,
    batch_size=4,
    iterations=70,
    optimizer=dict(type="AdamW", lr=3e-3, weight_decay=0.01),
    validations=0,
    overrides=NARROW_UPERNET,
    seconds=24,
)

DETECTION = Budget(
    image_size=96,
    batch_size=4,
    iterations=50,
    optimizer=dict(type="AdamW", lr=1e-3),
    validations=0,
    overrides=NARROW_FASTER_RCNN,
    seconds=30,
)
# A twentieth of a slice is hippocampus: unweighted, none reaches a probability of 0.5 in a few hundred steps.
HIPPOCAMPUS = {
    **NARROW_UPERNET,
    "model.decode_head.loss_decode.class_weight": [1.0, 5.0, 5.0],
}

BUDGETS: dict[str, Budget | ProbeBudget] = {
    "segmentation": SEGMENTATION,
    "volumes": SEGMENTATION,
    "hippocampus": replace(SEGMENTATION, overrides=HIPPOCAMPUS),
    "drive": replace(
        SEGMENTATION,
        optimizer=dict(SEGMENTATION.optimizer, lr=1e-3),
        seconds=32,
        resize=256,
    ),
    "detection": DETECTION,
    "knn": ProbeBudget(image_size=64, seconds=3),
    "linear": ProbeBudget(image_size=64, seconds=3),
    "dense": ProbeBudget(image_size=64, seconds=6),
    "prompt": Budget(
        image_size=256,
        batch_size=2,
        iterations=30,
        optimizer=dict(type="AdamW", lr=1e-3),
        validations=0,
        seconds=7,
    ),
    "finetune": Budget(
        image_size=64,
        batch_size=16,
        iterations=40,
        optimizer=dict(type="AdamW", lr=5e-4),
        validations=0,
        seconds=21,
    ),
}

PROFILE = Profile(
    name="mini",
    backbones=(
        "random_resnet50",
        "imagenet_efficientnet_lite0",
        "random_vit_tiny",
    ),
    seeds=(0,),
    budgets=BUDGETS,
    workers=0,
    threads=1,
)
