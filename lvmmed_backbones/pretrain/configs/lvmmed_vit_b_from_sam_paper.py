"""LVM-Med, ViT-B, from SAM's image encoder (MH Nguyen et al., NeurIPS 2023, section 4.1).

As from scratch, but begins with the weights of `sam_vit_b` of the catalogue, at a tenth of the learning rate.

    torchrun --nproc-per-node 8 --nnodes 2 -m lvmmed_backbones pretrain lvmmed_vit_b_from_sam_paper \
        --corpus CORPUS --launcher pytorch
"""

_base_ = "lvmmed_vit_b_paper.py"

model = dict(backbone=dict(weights="sam_vit_b"))
optim_wrapper = dict(optimizer=dict(lr=1.5e-4))
