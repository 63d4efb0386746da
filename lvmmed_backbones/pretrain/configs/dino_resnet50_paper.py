"""DINO, ResNet-50, at the size of LVM-Med's run: 224 px, 3200 images a step, 100 epochs.

Caron et al., ICCV 2021.

    torchrun --nproc-per-node 8 --nnodes 2 -m lvmmed_backbones pretrain dino_resnet50_paper \
        --corpus CORPUS --launcher pytorch
"""

_base_ = ["_base_/dino.py", "_base_/paper.py", "_base_/runtime.py"]

train_dataloader = dict(dataset=dict(pipeline=[_base_.multi_crop]))
