"""Pneumonia in chest X-rays of children, 3,166 images at 28 px (a part of PneumoniaMNIST); linear evaluation.

Profile paper: frozen backbone, one linear layer, enlarged to 224 x 224, batch 64, Adam 5e-4, 30 epochs.
Split: as in PneumoniaMNIST, but for three valid images that training has, too: 2431 train, 267 valid, 468 test; half
of each have pneumonia.
Published: nothing by LVM-Med: an open task. Figures of MedMNIST are on all 5,856 images.
Run: python -m benchmarks run --tasks pneumonia_linear --backbones imagenet_efficientnet_lite0 --profile small
"""

_base_ = [
    '../_base_/linear_classifier.py', '../_base_/classification_224px.py', '../_base_/adam_5e-4_30_epochs.py',
    '../_base_/runtime.py']

task = dict(
    name='pneumonia_linear', version=1, dataset='pneumonia', kind='classification', protocol='linear',
    headline='accuracy')

classes = ('normal', 'pneumonia')
data = dict(data_root='pneumonia', metainfo=dict(classes=classes))

model = dict(head=dict(num_classes=2))
train_dataloader = dict(batch_size=64, dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
