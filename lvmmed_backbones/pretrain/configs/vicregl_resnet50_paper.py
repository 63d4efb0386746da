"""VICRegL, ResNet-50, at the size of LVM-Med's run: 224 px, 3200 images a step, 100 epochs.

Bardes et al., NeurIPS 2022.

    torchrun --nproc-per-node 8 --nnodes 2 -m lvmmed_backbones pretrain vicregl_resnet50_paper \
        --corpus CORPUS --launcher pytorch
"""

_base_ = ["_base_/vicregl.py", "_base_/paper.py", "_base_/runtime.py"]
