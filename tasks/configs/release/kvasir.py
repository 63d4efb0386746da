"""Kvasir-SEG: polyps in colonoscopy (LVM-Med, table 2), on the published split, as released.

Released (kvasir_endtoend_R50.yml): U-Net, 224 x 224, batch 64, Adam 1e-3, 35 epochs.
A plain transformer (kvasir_endtoend_SAM_VIT.yml, deleted later): TransUNet, batch 32, Adam 1e-4, 20 epochs.
Published: Dice 86.76 +- 0.94 with LVM-Med ResNet-50, 62.85 +- 1.32 with a random one.
Run: python -m benchmarks run --recipe release --tasks kvasir --backbones lvmmed_resnet50 --profile paper --data DIR
"""

_base_ = '_base_/unet_224px.py'

task = dict(
    name='kvasir', recipe='release', version=1, dataset='kvasir', kind='segmentation', protocol='finetune',
    headline='dice')

classes = ('background', 'polyp')
data = dict(data_root='kvasir', img_suffix='.jpg', metainfo=dict(classes=classes))

train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)

optim_wrapper = dict(optimizer=dict(lr=1e-3))
train_cfg = dict(max_epochs=35)
