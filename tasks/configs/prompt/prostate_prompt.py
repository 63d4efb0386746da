"""Prostate in MRI, trained at one site and tested at four; one box prompts SAM (LVM-Med, table 4).

Profile paper: SAM ViT-B at 1024 x 1024, mask decoder trained, batch 20, Adam with amsgrad 1e-4, 20 epochs, gradients
clipped at norm 1; Dice and cross-entropy.
Released: nothing; the rates are BUID's.
The headline is the mean of the four sites' Dice, each over its slices.
Published: Dice 95.75 (BMC, in distribution), 90.40 (RUNMC), 92.03 (BIDMC), 92.75 (HK) with LVM-Med's encoder,
95.50, 90.39, 91.41, 91.82 with SAM's.
Run: python -m benchmarks run --tasks prostate_prompt --backbones lvmmed_vit_b --profile paper --data DOWNLOADS
"""

_base_ = '../_base_/prompted_images.py'

task = dict(
    name='prostate_prompt', version=1, dataset='prostate', kind='segmentation',
    protocol='prompt', headline='dice', patient='folder')

classes = ('background', 'prostate')
data = dict(data_root='prostate', img_suffix='.png', metainfo=dict(classes=classes))

train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=dict(ann_file='splits/test_all.txt', **data))
test_evaluator = dict(group='site')
optim_wrapper = dict(optimizer=dict(lr=1e-4))
train_cfg = dict(max_epochs=20)
