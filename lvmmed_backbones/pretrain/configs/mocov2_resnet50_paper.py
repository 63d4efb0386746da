"""MoCo v2, ResNet-50, at the size of LVM-Med's run: 224 px, 3200 images a step, 100 epochs.

Chen et al., arXiv 2003.04297, as mmpretrain has it; SGD as there.

    torchrun --nproc-per-node 8 --nnodes 2 -m lvmmed_backbones pretrain mocov2_resnet50_paper \
        --corpus CORPUS --launcher pytorch
"""

_base_ = ["_base_/mocov2.py", "_base_/paper.py", "_base_/runtime.py"]

optim_wrapper = dict(
    optimizer=dict(_delete_=True, type="SGD", lr=0.375, momentum=0.9, weight_decay=1e-4),
    paramwise_cfg=dict(_delete_=True),
)
