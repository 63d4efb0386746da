# What a pretraining on many GPUs changes in runtime.py: bfloat16, BatchNorm over all GPUs, processes that load images.
_base_ = "runtime.py"

# Colours by torchvision: mmcv's own hue does not run with numpy 2.
distortions = [
    dict(type="NumpyToPIL", to_rgb=True),
    dict(
        type="RandomApply",
        prob=0.8,
        transforms=[
            dict(type="torchvision/ColorJitter", brightness=0.4, contrast=0.4, saturation=0.2, hue=0.1)
        ],
    ),
    dict(type="torchvision/RandomGrayscale", p=0.2),
    dict(type="PILToNumpy", to_bgr=True),
    dict(type="RandomApply", prob=0.5, transforms=[dict(type="Blur", side=23, sigma=(0.1, 2.0))]),
]
train_dataloader = dict(num_workers=12, persistent_workers=True)
optim_wrapper = dict(type="AmpOptimWrapper", dtype="bfloat16")
sync_bn = "torch"
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=400))
# For the configs to use, beside the distortions:
warm_up_and_cosine = [
    dict(type="LinearLR", start_factor=1e-4, by_epoch=True, end=10, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", by_epoch=True, begin=10, end=100, convert_to_iter_based=True),
]
decay_exclusions = dict(
    norm_decay_mult=0.0,
    bias_decay_mult=0.0,
    custom_keys=dict(pos_embed=dict(decay_mult=0.0), rel_pos=dict(decay_mult=0.0)),
)
lars_exclusions = dict(
    custom_keys={key: dict(lars_exclude=True, decay_mult=0.0) for key in ("bn", "bias", "downsample.1")},
)
