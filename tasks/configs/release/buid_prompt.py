"""BUID (BUSI): breast lesions in ultrasound; one box prompts SAM (LVM-Med, table 2).

As released: SAM ViT-B at 1024 x 1024, mask decoder trained, batch 20, Adam with amsgrad 1e-4, 20 epochs, gradients
clipped at norm 1; Dice alone; noise on the boxes in testing, too.
The release has Adam 1e-4, 20 epochs, and the split.
Published: Dice 89.69 +- 0.61 with LVM-Med's encoder, 87.63 +- 0.67 with SAM's.
Run: python -m benchmarks run --tasks buid_prompt --recipe release --backbones lvmmed_vit_b --profile paper
"""

_base_ = '_base_/prompted_images.py'

task = dict(
    name='buid_prompt', version=1, dataset='buid', kind='segmentation',
    protocol='prompt', headline='dice', recipe='release')

classes = ('background', 'lesion')
data = dict(data_root='buid', img_suffix='.png', metainfo=dict(classes=classes))

train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
optim_wrapper = dict(optimizer=dict(lr=1e-4))
train_cfg = dict(max_epochs=20)
