"""BCCD: red cells, white cells and platelets in blood smears, 364 images that come with the suite.

Profile paper: Faster R-CNN with FPN, 512 px, batch 6, SGD 0.0025, 40 epochs.
Split: the authors', with the fields that were photographed twice in training: 255 train, 53 valid, 56 test.
Published: nothing by LVM-Med: an open task.
Run: python -m benchmarks run --tasks bccd --backbones imagenet_efficientnet_lite0 --profile small
"""

_base_ = [
    '../_base_/faster_rcnn.py', '../_base_/detection_512px.py', '../_base_/sgd_40_epochs.py',
    '../_base_/runtime.py']

task = dict(
    name='bccd', version=1, dataset='bccd', kind='detection', protocol='finetune', headline='map50')

classes = ('RBC', 'WBC', 'Platelets')
data = dict(data_root='bccd', metainfo=dict(classes=classes))

model = dict(roi_head=dict(bbox_head=dict(num_classes=3)))
train_dataloader = dict(batch_size=6, dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
