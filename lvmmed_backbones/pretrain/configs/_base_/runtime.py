# What every pretraining needs for resumption, monitors and logs. One process, which loads the images itself.
custom_imports = dict(imports=["lvmmed_backbones.pretrain.registration"])
default_scope = "mmpretrain"
data_preprocessor = dict(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375), to_rgb=True)
train_dataloader = dict(
    num_workers=0,
    drop_last=True,
    sampler=dict(type="ResumableSampler"),
    collate_fn=dict(type="default_collate"),
    worker_init_fn=dict(type="end_with_run"),
    dataset=dict(type="CorpusDataset"),
)
train_cfg = dict(type="ResumableEpochLoop")
optim_wrapper = dict(type="OptimWrapper")
randomness = dict(seed=0)
env_cfg = dict(cudnn_benchmark=False, mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0))
log_level = "INFO"
# Curves for TensorBoard. MLflow and Weights & Biases: MLflowVisBackend, WandbVisBackend.
visualizer = dict(
    type="mmengine.Visualizer",
    vis_backends=[dict(type="mmengine.LocalVisBackend"), dict(type="mmengine.TensorboardVisBackend")],
)
default_hooks = dict(  # intervals in steps
    logger=dict(type="LoggerHook", interval=10),
    checkpoint=dict(type="AtomicCheckpointHook", interval=100, keep=2),
)
custom_hooks = [
    dict(type="StepSeedHook"),
    dict(type="NonFiniteHook"),
    dict(type="CollapseHook"),
    dict(type="GradientHook"),
]
# For the configs to use:
distortions = [dict(type="ColorJitter", brightness=0.4, contrast=0.4, saturation=0.2)]
warm_up_and_cosine = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=True, end=1, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", by_epoch=True, begin=1, end=10, convert_to_iter_based=True),
]
