"""Kvasir-SEG: polyps in colonoscopy (LVM-Med, table 2), on the published split.

Profile paper: UperNet, 256 x 256, batch 8, Adam 1e-4, 50 epochs, gradients clipped at norm 1.
Released: U-Net, 224 x 224, batch 64, Adam 1e-3, 35 epochs.
Published: Dice 86.76 +- 0.94 with LVM-Med ResNet-50, 62.85 +- 1.32 with a random one.
Run: python -m benchmarks run --tasks kvasir --backbones lvmmed_resnet50 --profile paper --data DOWNLOADS
"""

_base_ = [
    '_base_/upernet.py', '_base_/segmentation_256px.py', '_base_/adam_1e-4_50_epochs.py', '_base_/runtime.py']

task = dict(name='kvasir', version=1, dataset='kvasir', kind='segmentation', protocol='finetune', headline='dice')

classes = ('background', 'polyp')
data = dict(data_root='kvasir', img_suffix='.jpg', metainfo=dict(classes=classes))

model = dict(decode_head=dict(num_classes=2), auxiliary_head=dict(num_classes=2))
train_dataloader = dict(batch_size=8, dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
