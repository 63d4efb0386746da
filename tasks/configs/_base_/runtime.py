"""What every run shares: registrations, seeded randomness, checkpoints (the last, and the best on the valid split)."""

custom_imports = dict(imports=['lvmmed_backbones.openmmlab', 'tasks.registration'], allow_failed_imports=False)
default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=10),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='SelectionHook'),
    sampler_seed=dict(type='DistSamplerSeedHook'))
# The model that is tested is the one that was best on the valid split.
custom_hooks = [
    dict(type='EpochSeedHook'), dict(type='DeterministicHook'), dict(type='NonFiniteHook'), dict(type='LoadBestHook')]
env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'))
randomness = dict(seed=0)
log_processor = dict(by_epoch=True)
log_level = 'INFO'
load_from = None
resume = False
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
