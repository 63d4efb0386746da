"""JSRT: lungs and heart in chest X-rays; one box prompts SAM (LVM-Med, table 2).

As released for BUID: SAM ViT-B at 1024 x 1024, mask decoder trained, batch 20, Adam with amsgrad 1e-4, 20 epochs,
gradients clipped at norm 1; Dice alone; noise on the boxes in testing, too.
The release has the network, the loss and the loader, but no config for this data set, at no time, and no split.
One box for lungs and heart, whose union is scored.
Published: Dice 93.74 +- 4.06 with LVM-Med's encoder, 92.89 +- 5.24 with SAM's.
Run: python -m benchmarks run --tasks jsrt_prompt --recipe release --backbones lvmmed_vit_b --profile paper
"""

_base_ = '_base_/prompted_images.py'

task = dict(
    name='jsrt_prompt', version=1, dataset='jsrt', kind='segmentation',
    protocol='prompt', headline='dice', recipe='release')

classes = ('background', 'lung', 'heart')
data = dict(data_root='jsrt', img_suffix='.png', metainfo=dict(classes=classes))

train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
optim_wrapper = dict(optimizer=dict(lr=1e-4))
train_cfg = dict(max_epochs=20)
