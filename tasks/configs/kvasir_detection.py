"""Kvasir-SEG: polyp detection in colonoscopy (LVM-Med, figure 4 and appendix ablation), on the split of kvasir.

Profile paper: Faster R-CNN with FPN, 512 px, batch 6, SGD 0.0025, 40 epochs.
Released: no code and no split for this task.
Published: only the mean mAP50 of VinDr and Kvasir, 57.1 with LVM-Med ResNet-50.
Run: python -m benchmarks run --tasks kvasir_detection --backbones lvmmed_resnet50 --profile paper --data DOWNLOADS
"""

_base_ = [
    '_base_/faster_rcnn.py', '_base_/detection_512px.py', '_base_/sgd_40_epochs.py',
    '_base_/runtime.py']

task = dict(
    name='kvasir_detection', version=1, dataset='kvasir', kind='detection', protocol='finetune',
    headline='map50')

classes = ('polyp',)
data = dict(data_root='kvasir', metainfo=dict(classes=classes))

model = dict(roi_head=dict(bbox_head=dict(num_classes=1)))
train_dataloader = dict(batch_size=6, dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
