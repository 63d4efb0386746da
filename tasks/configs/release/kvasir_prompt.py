"""Kvasir-SEG: polyps in colonoscopy; one box prompts SAM (LVM-Med, table 2).

As released: SAM ViT-B at 1024 x 1024, mask decoder trained, batch 20, Adam with amsgrad 3e-4, 20 epochs, gradients
clipped at norm 1; Dice alone; noise on the boxes in testing, too.
The release has Adam 3e-4, 20 epochs, and the split.
Published: Dice 90.09 +- 0.14 with LVM-Med's encoder, 89.37 +- 0.57 with SAM's.
Run: python -m benchmarks run --tasks kvasir_prompt --recipe release --backbones lvmmed_vit_b --profile paper
"""

_base_ = '_base_/prompted_images.py'

task = dict(
    name='kvasir_prompt', version=1, dataset='kvasir', kind='segmentation',
    protocol='prompt', headline='dice', recipe='release')

classes = ('background', 'polyp')
data = dict(data_root='kvasir', img_suffix='.jpg', metainfo=dict(classes=classes))

train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
optim_wrapper = dict(optimizer=dict(lr=3e-4))
train_cfg = dict(max_epochs=20)
