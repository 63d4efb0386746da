"""SimCLR, ResNet-50, at the size of LVM-Med's run: 224 px, 3200 images a step, 100 epochs.

Chen et al., ICML 2020, as mmpretrain has it.

    torchrun --nproc-per-node 8 --nnodes 2 -m lvmmed_backbones pretrain simclr_resnet50_paper \
        --corpus CORPUS --launcher pytorch
"""

_base_ = ["_base_/simclr.py", "_base_/paper.py", "_base_/runtime.py"]
