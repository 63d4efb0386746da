"""VinDr-CXR: 14 findings in chest X-rays (LVM-Med, figure 4 and appendix ablation).

Profile paper: Faster R-CNN with FPN, 512 px, batch 6, SGD 0.0025, 40 epochs, class-balanced sampling at 0.4.
Released: the same sampling and epochs; batch 16, Adam 1e-4, random crops, boxes of several readers fused: by
--recipe release (release/vindr.py).
Published: only the mean mAP50 of VinDr and Kvasir, 57.1 with LVM-Med ResNet-50.
Run: python -m benchmarks run --tasks vindr --backbones lvmmed_resnet50 --profile paper --data DOWNLOADS
"""

_base_ = [
    '_base_/faster_rcnn.py', '_base_/detection_512px.py', '_base_/sgd_40_epochs.py',
    '_base_/runtime.py']

task = dict(
    name='vindr', version=1, dataset='vindr', kind='detection', protocol='finetune', headline='map50')

classes = (
    'Aortic enlargement', 'Atelectasis', 'Calcification', 'Cardiomegaly', 'Consolidation', 'ILD',
    'Infiltration', 'Lung Opacity', 'Nodule/Mass', 'Other lesion', 'Pleural effusion',
    'Pleural thickening', 'Pneumothorax', 'Pulmonary fibrosis')
data = dict(data_root='vindr', metainfo=dict(classes=classes))

model = dict(roi_head=dict(bbox_head=dict(num_classes=14)))
# Every image of a finding in fewer than 40 % of the images is drawn more often (LVIS, arXiv 1908.03195).
train_dataloader = dict(
    batch_size=6,
    dataset=dict(
        _delete_=True,
        type='ClassBalancedDataset',
        oversample_thr=0.4,
        dataset=dict(
            type='CocoDataset',
            ann_file='splits/train.json',
            data_prefix=dict(img='images/'),
            filter_cfg=dict(filter_empty_gt=True),
            pipeline={{_base_.train_pipeline}},
            **data)))
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
