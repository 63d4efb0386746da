"""Prostate in MRI, trained at one site and tested at four; one box prompts SAM (LVM-Med, table 4).

As released for BUID: SAM ViT-B at 1024 x 1024, mask decoder trained, batch 20, Adam with amsgrad 1e-4, 20 epochs,
gradients clipped at norm 1; Dice alone; noise on the boxes in testing, too.
The release has the network, the loss and the loader, but nothing for this data set, at no time: no config, no
preparation, no split. Slices are images: one without a prostate has a random box, and scores 1 if nothing is found.
The headline is the mean of the four sites' Dice, each over its slices.
Published: Dice 95.75 (BMC, in distribution), 90.40 (RUNMC), 92.03 (BIDMC), 92.75 (HK) with LVM-Med's encoder,
95.50, 90.39, 91.41, 91.82 with SAM's.
Run: python -m benchmarks run --tasks prostate_prompt --recipe release --backbones lvmmed_vit_b --profile paper
"""

_base_ = '_base_/prompted_images.py'

task = dict(
    name='prostate_prompt', version=1, dataset='prostate', kind='segmentation',
    protocol='prompt', headline='dice', recipe='release', patient='folder')

classes = ('background', 'prostate')
data = dict(data_root='prostate', img_suffix='.png', metainfo=dict(classes=classes))

train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=dict(ann_file='splits/test_all.txt', **data))
test_evaluator = dict(group='site')
optim_wrapper = dict(optimizer=dict(lr=1e-4))
train_cfg = dict(max_epochs=20)
