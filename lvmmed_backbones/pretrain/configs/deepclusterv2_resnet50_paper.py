"""DeepCluster-v2, ResNet-50, at the size of LVM-Med's run: 224 px, 3200 images a step, 100 epochs.

Caron et al., NeurIPS 2020 (SwAV), appendix D.

    torchrun --nproc-per-node 8 --nnodes 2 -m lvmmed_backbones pretrain deepclusterv2_resnet50_paper \
        --corpus CORPUS --launcher pytorch
"""

_base_ = ["_base_/deepclusterv2.py", "_base_/paper.py", "_base_/runtime.py"]

custom_hooks = [*_base_.custom_hooks, dict(type="DeepClusterHook")]
train_dataloader = dict(dataset=dict(pipeline=[_base_.multi_crop]))
