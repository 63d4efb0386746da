"""ISIC 2018 task 1: skin lesions in dermoscopy; one box prompts SAM (LVM-Med, table 2).

As released: SAM ViT-B at 1024 x 1024, mask decoder trained, batch 20, AdamW without decay 3e-4, 50 epochs, gradients
clipped at norm 1; Dice alone; noise on the boxes in testing, too.
The release has AdamW 3e-4, 50 epochs, from a config that was deleted later; no split.
Published: Dice 92.48 +- 0.07 with LVM-Med's encoder, 92.42 +- 0.12 with SAM's.
Run: python -m benchmarks run --tasks isic2018_prompt --recipe release --backbones lvmmed_vit_b --profile paper
"""

_base_ = '_base_/prompted_images.py'

task = dict(
    name='isic2018_prompt', version=1, dataset='isic2018', kind='segmentation',
    protocol='prompt', headline='dice', recipe='release')

classes = ('background', 'lesion')
data = dict(data_root='isic2018', img_suffix='.jpg', metainfo=dict(classes=classes))

train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
optim_wrapper = dict(optimizer=dict(_delete_=True, type='AdamW', lr=3e-4, weight_decay=0))
train_cfg = dict(max_epochs=50)
