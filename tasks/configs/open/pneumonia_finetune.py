"""Pneumonia in chest X-rays of children, 3,166 images at 28 px (a part of PneumoniaMNIST); fine-tuning.

Profile paper: one linear layer, enlarged to 224 x 224, batch 64, Adam 5e-4, 30 epochs.
Published: nothing by LVM-Med: an open task. Figures of MedMNIST are on all 5,856 images.
Run: python -m benchmarks run --tasks pneumonia_finetune --backbones imagenet_efficientnet_lite0 --profile small
"""

_base_ = 'pneumonia_linear.py'

task = dict(name='pneumonia_finetune', protocol='finetune')
model = dict(backbone=dict(frozen=False))
