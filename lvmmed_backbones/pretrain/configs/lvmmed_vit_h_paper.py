"""LVM-Med, ViT-H: as ViT-B, with 32 layers of 1280 channels; gradients of 8 batches of 25 images add up.

Not among the paper's results.

    torchrun --nproc-per-node 8 --nnodes 2 -m lvmmed_backbones pretrain lvmmed_vit_h_paper \
        --corpus CORPUS --launcher pytorch
"""

_base_ = "lvmmed_vit_b_paper.py"

model = dict(backbone=dict(model_name="sam_vit_h"), neck=dict(in_channels=1280))
train_dataloader = dict(batch_size=25)
optim_wrapper = dict(accumulative_counts=8)
