# The size that 2 cores can bear: 64 px, 64 images a step, 10 epochs, AdamW.
# Distortions are milder than the paper's: hue and saturation tell little of images that are mostly grey.
distortions = [dict(type="ColorJitter", brightness=0.4, contrast=0.4, saturation=0.2)]
two_views = dict(
    type="RandomViews",
    crops=[dict(number=2, size=64, scale=(0.3, 1.0))],
    transforms=distortions,
)
multi_crop = dict(
    type="RandomViews",
    crops=[
        dict(number=2, size=64, scale=(0.3, 1.0)),
        dict(number=2, size=32, scale=(0.1, 0.3)),
    ],
    transforms=distortions,
)
train_dataloader = dict(
    batch_size=64,
    num_workers=0,
    drop_last=True,
    sampler=dict(type="ResumableSampler"),
    collate_fn=dict(type="default_collate"),
    worker_init_fn=dict(type="end_with_run"),
    dataset=dict(type="CorpusDataset", pipeline=[two_views]),
)
train_cfg = dict(type="ResumableEpochLoop", max_epochs=10)
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=1e-3, weight_decay=0.01),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=True, end=1, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", by_epoch=True, begin=1, end=10, convert_to_iter_based=True),
]
default_hooks = dict(
    logger=dict(type="LoggerHook", interval=10),
    checkpoint=dict(type="AtomicCheckpointHook", interval=100, keep=2),
)
