"""LVM-Med, ResNet-50, at the size of the paper's run (MH Nguyen et al., NeurIPS 2023, section 4.1).

Projector, views and optimiser are ours: docs/pretraining.md.

224 px, 3200 images a step over 16 GPUs (A100, 80 GB), 100 epochs of 1.3 million images.

    torchrun --nproc-per-node 8 --nnodes 2 -m lvmmed_backbones pretrain lvmmed_resnet50_paper \
        --corpus CORPUS --launcher pytorch
"""

_base_ = ["_base_/lvmmed.py", "_base_/paper.py", "_base_/runtime.py"]
