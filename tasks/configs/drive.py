"""DRIVE: retinal vessels in fundus photographs (LVM-Med, table 2).

Profile paper: UperNet, 256 x 256, batch 8, Adam 1e-4, 50 epochs, gradients clipped at norm 1.
Released: no config for training a network end to end, and no split.
Published: Dice 66.97 +- 0.27 with LVM-Med ResNet-50, 59.82 +- 2.00 with a random one.
Smaller profiles train on crops of the enlarged photograph and test on tiles of it: docs/tasks.md.
Run: python -m benchmarks run --tasks drive --backbones lvmmed_resnet50 --profile paper --data DOWNLOADS
"""

_base_ = [
    '_base_/upernet.py', '_base_/segmentation_256px.py', '_base_/adam_1e-4_50_epochs.py', '_base_/runtime.py']

task = dict(name='drive', version=2, dataset='drive', kind='segmentation', protocol='finetune', headline='dice')

classes = ('background', 'vessel')
data = dict(data_root='drive', img_suffix='.png', metainfo=dict(classes=classes))

model = dict(decode_head=dict(num_classes=2), auxiliary_head=dict(num_classes=2))
train_dataloader = dict(batch_size=8, dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
