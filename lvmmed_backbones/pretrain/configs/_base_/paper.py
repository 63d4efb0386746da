# The size of the paper: 224 px, 3200 images a step on 16 GPUs, 100 epochs (section 4.1).
# Learning rate and augmentations are those of SimCLR's recipe for large batches, which the paper does not tell.
# Colours by torchvision: mmcv's own hue does not run with numpy 2.
distortions = [
    dict(type="NumpyToPIL", to_rgb=True),
    dict(
        type="RandomApply",
        prob=0.8,
        transforms=[
            dict(
                type="torchvision/ColorJitter",
                brightness=0.4,
                contrast=0.4,
                saturation=0.2,
                hue=0.1,
            ),
        ],
    ),
    dict(type="torchvision/RandomGrayscale", p=0.2),
    dict(
        type="RandomApply",
        prob=0.5,
        transforms=[dict(type="torchvision/GaussianBlur", kernel_size=23, sigma=(0.1, 2.0))],
    ),
    dict(type="PILToNumpy", to_bgr=True),
]
two_views = dict(
    type="RandomViews",
    crops=[dict(number=2, size=224, scale=(0.2, 1.0))],
    transforms=distortions,
)
multi_crop = dict(  # as SwAV has it
    type="RandomViews",
    crops=[
        dict(number=2, size=224, scale=(0.14, 1.0)),
        dict(number=6, size=96, scale=(0.05, 0.14)),
    ],
    transforms=distortions,
)
train_dataloader = dict(
    batch_size=200,
    num_workers=12,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type="ResumableSampler"),
    collate_fn=dict(type="default_collate"),
    worker_init_fn=dict(type="end_with_run"),
    dataset=dict(type="CorpusDataset", pipeline=[two_views]),
)
train_cfg = dict(type="ResumableEpochLoop", max_epochs=100)
optim_wrapper = dict(
    type="AmpOptimWrapper",
    dtype="bfloat16",
    optimizer=dict(type="LARS", lr=3.75, momentum=0.9, weight_decay=1e-6),
    paramwise_cfg=dict(
        custom_keys={key: dict(lars_exclude=True, decay_mult=0.0) for key in ("bn", "bias", "downsample.1")},
    ),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=1e-4, by_epoch=True, end=10, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", by_epoch=True, begin=10, end=100, convert_to_iter_based=True),
]
sync_bn = "torch"
default_hooks = dict(
    logger=dict(type="LoggerHook", interval=20),
    checkpoint=dict(type="AtomicCheckpointHook", interval=400, keep=2),
)
