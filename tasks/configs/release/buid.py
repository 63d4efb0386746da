"""BUID (BUSI): breast lesions in ultrasound (LVM-Med, table 2), on the published split, as released.

Released (buid_endtoend_R50.yml): U-Net, 256 x 256, batch 8, Adam 1e-4, 50 epochs.
A plain transformer (buid_endtoend_SAM_VIT.yml, deleted later): TransUNet, batch 32, Adam 1e-4, 20 epochs.
Published: Dice 78.65 +- 0.72 with LVM-Med ResNet-50.
Run: python -m benchmarks run --recipe release --tasks buid --backbones lvmmed_resnet50 --profile paper --data DIR
"""

_base_ = '_base_/unet_2d.py'

task = dict(
    name='buid', recipe='release', version=1, dataset='buid', kind='segmentation', protocol='finetune',
    headline='dice')

classes = ('background', 'lesion')
data = dict(data_root='buid', img_suffix='.png', metainfo=dict(classes=classes))

train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
