"""SwAV, ResNet-50, at the size of LVM-Med's run: 224 px, 3200 images a step, 100 epochs.

Caron et al., NeurIPS 2020, as mmpretrain has it: two large views and six small ones.

    torchrun --nproc-per-node 8 --nnodes 2 -m lvmmed_backbones pretrain swav_resnet50_paper \
        --corpus CORPUS --launcher pytorch
"""

_base_ = ["_base_/swav.py", "_base_/paper.py", "_base_/runtime.py"]

optim_wrapper = dict(paramwise_cfg=dict(bypass_duplicate=True))  # SwAVNeck names its norm twice
custom_hooks = [
    *_base_.custom_hooks,
    # The prototypes rest for the first steps.
    dict(
        type="SwAVHook",
        priority="VERY_HIGH",
        batch_size=200,
        frozen_layers_cfg=dict(prototypes=406),
    ),
]
train_dataloader = dict(dataset=dict(pipeline=[_base_.multi_crop]))
