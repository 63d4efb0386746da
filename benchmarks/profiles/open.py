"""The data sets that come with the suite, real and measured, on 2 cores within 12 minutes: the default.

Frozen features of 64 px images are probed with three seeds. Detection (128 px) and segmentation (64 px) are trained
once for each backbone, 150 and 200 steps of AdamW. Two small backbones are pretrained first, one network each, 444
steps on the training images of the same data sets. Other tasks are as in `mini`.
"""

from dataclasses import replace

from benchmarks.profiles import Pretraining, Profile, mini

SEEDS = (0, 1, 2)
ONE = (0,)

PROFILE = Profile(
    name="open",
    backbones=(
        "imagenet_efficientnet_lite0",
        "imagenet_efficientnet_lite1",
        "imagenet_efficientnet_lite2",
        "lvmmed_open_resnet18",
        "simclr_open_resnet18",
        "random_resnet18_half",
        "random_vit_tiny",
    ),
    seeds=ONE,
    tasks={
        "pneumonia_knn": SEEDS,
        "pneumonia_linear": SEEDS,
        "bccd_cells_knn": SEEDS,
        "bccd_cells_linear": SEEDS,
        "hippocampus_linear": SEEDS,
        "hippocampus": ONE,
        "bccd": ONE,
    },
    budgets={
        **mini.BUDGETS,
        "hippocampus": replace(
            mini.SEGMENTATION,
            overrides=mini.HIPPOCAMPUS,
            batch_size=8,
            iterations=200,
            optimizer=dict(type="AdamW", lr=1e-3, weight_decay=0.01),
            seconds=25,
        ),
        "bccd": replace(mini.DETECTION, image_size=128, iterations=150, seconds=25),
    },
    workers=0,
    threads=1,
    pretrained={
        "lvmmed_open_resnet18": Pretraining(config="lvmmed_resnet18_small", epochs=6, seconds=150),
        "simclr_open_resnet18": Pretraining(config="simclr_resnet18_small", epochs=6, seconds=150),
    },
)
