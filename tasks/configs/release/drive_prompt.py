"""DRIVE: retinal vessels in fundus photographs; one box prompts SAM (LVM-Med, table 2).

As released: SAM ViT-B at 1024 x 1024, mask decoder trained, batch 20, Adam with amsgrad 3e-4, 2 epochs, gradients
clipped at norm 1; Dice alone; noise on the boxes in testing, too.
The release has Adam 3e-4, 2 epochs, from a config that was deleted later; no split.
The box holds nearly the whole photograph, so it tells little.
Published: Dice 63.01 +- 0.02 with LVM-Med's encoder, 59.74 +- 0.63 with SAM's.
Run: python -m benchmarks run --tasks drive_prompt --recipe release --backbones lvmmed_vit_b --profile paper
"""

_base_ = '_base_/prompted_images.py'

task = dict(
    name='drive_prompt', version=1, dataset='drive', kind='segmentation',
    protocol='prompt', headline='dice', recipe='release')

classes = ('background', 'vessel')
data = dict(data_root='drive', img_suffix='.png', metainfo=dict(classes=classes))

train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
optim_wrapper = dict(optimizer=dict(lr=3e-4))
train_cfg = dict(max_epochs=2)
