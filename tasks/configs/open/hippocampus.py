"""MSD hippocampus: anterior and posterior part in MRI, 60 volumes that come with the suite.

Profile paper: UperNet slice by slice, 224 x 224 (slices of 36 x 50 voxels, enlarged), batch 64, Adam 1e-3, 20 epochs,
gradients clipped at norm 1.
Split: by volume, 30 train, 10 valid, 20 test; both hippocampi of a person may be on two sides.
Published: nothing by LVM-Med: an open task.
Run: python -m benchmarks run --tasks hippocampus --backbones imagenet_efficientnet_lite0 --profile small
"""

_base_ = [
    '../_base_/upernet.py', '../_base_/volumes_224px.py', '../_base_/adam_1e-3_20_epochs.py', '../_base_/runtime.py']

task = dict(
    name='hippocampus', version=1, dataset='hippocampus', kind='volumes', protocol='finetune', headline='iou',
    patient='folder')

classes = ('background', 'anterior', 'posterior')
data = dict(data_root='hippocampus', img_suffix='.png', metainfo=dict(classes=classes))

model = dict(decode_head=dict(num_classes=3), auxiliary_head=dict(num_classes=3))
train_dataloader = dict(batch_size=64, dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
