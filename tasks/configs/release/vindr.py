"""VinDr-CXR: 14 findings in chest X-rays (LVM-Med, figure 4 and appendix ablation), as released.

Released (object_detection/base_config_track.py, command.sh): Faster R-CNN with FPN on ResNet-50, stem and first stage
frozen, statistics fixed, neck and heads without init_weights(); random crops around the findings at 512 px, tests at
800 px; batch 16, Adam 1e-4, 40 epochs, the last one tested; images in the order of the table, boxes of several readers
fused, class-balanced sampling at 0.4, a share of the labels from the end.
Not as released: mmdetection 2.25 fills the last batch of an epoch with images drawn again, version 3 leaves it small.
Published: only the mean mAP50 of VinDr and Kvasir, 57.1 with LVM-Med ResNet-50.
Run: python -m benchmarks run --recipe release --tasks vindr --backbones lvmmed_resnet50 --profile paper --data DIR
"""

_base_ = '../vindr.py'

custom_imports = dict(
    imports=['lvmmed_backbones.openmmlab', 'tasks.registration', 'tasks.release.crops', 'tasks.release.detection'])
task = dict(recipe='release', image_size=512, label_share='last')

# Head, losses, anchors and thresholds of mmdetection 3 are those of 2.25; mean and deviation are ImageNet's.
model = dict(type='ReleasedFasterRCNN')
fit = dict(
    backbone=dict(frozen_stages=1, norm_eval=True),
    places={'_delete_': True, 'model.neck.in_channels': 'maps'})

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='Resize', scale=(512, 512), keep_ratio=True),
    dict(type='Pad', size_divisor=32),
    dict(type='RandomFlip', prob=0.5),
    dict(type='BoxSafeCrop', scale=(512, 512), erosion=0.2),
    dict(type='PackDetInputs')]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(1333, 800), keep_ratio=True),
    dict(type='PackDetInputs',
         meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'))]
train_dataloader = dict(
    batch_size=16,
    dataset=dict(dataset=dict(ann_file='splits/release_train.json', pipeline=train_pipeline)))
val_dataloader = dict(dataset=dict(ann_file='splits/release_valid.json', pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(ann_file='splits/release_test.json', pipeline=test_pipeline))

optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='Adam', lr=1e-4, weight_decay=1e-4), clip_grad=dict(max_norm=1))
param_scheduler = []
# The last epoch is kept and tested, so nothing loads the best.
default_hooks = dict(checkpoint=dict(type='LastEpochHook'))
custom_hooks = [dict(type='EpochSeedHook'), dict(type='DeterministicHook'), dict(type='NonFiniteHook')]

# The release has a ResNet-50 alone, and a transformer no stage to freeze: all of it is trained.
vit = {'fit.backbone.frozen_stages': -1}
narrow = {
    'model.neck.out_channels': 64,
    'model.rpn_head.in_channels': 64,
    'model.rpn_head.feat_channels': 64,
    'model.roi_head.bbox_roi_extractor.out_channels': 64,
    'model.roi_head.bbox_head.in_channels': 64,
    'model.roi_head.bbox_head.fc_out_channels': 128,
    'model.train_cfg.rpn_proposal.max_per_img': 200,
    'model.train_cfg.rcnn.sampler.num': 64,
    'model.test_cfg.rpn.max_per_img': 200}
