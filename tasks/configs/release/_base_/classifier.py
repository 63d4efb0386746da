"""A classifier as LVM-Med's authors released it: one linear layer with torch's start; all that the folders hold.

train_R50_classification.py and train_SAMVIT_classification.py: ImageNet's mean and deviation in RGB whatever the
backbone, cross-entropy, Adam with a constant rate, nothing clipped. The checkpoint with the highest accuracy on the
valid images is tested; of equals the later one.

SAM's encoder, LVM-Med's too, has no absolute positions and no neck; the average of its last map is classified. Its
relative positions have the length of the file, and each pass interpolates them. Released was no wrapper of another
transformer, so each gives the vector that its catalogue's entry says.

Not as released: a file of weights must fill the whole network, where the release passes over what does not fit.
"""

_base_ = ['../../_base_/classification_224px.py', '../../_base_/runtime.py']

custom_imports = dict(imports=['lvmmed_backbones.openmmlab', 'tasks.registration', 'tasks.release.registration'])
default_scope = 'mmpretrain'

model = dict(
    type='ImageClassifier',
    data_preprocessor=dict(
        type='ClsDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True),
    backbone=dict(type='Backbone', model_name='resnet50', output='vector'),
    head=dict(type='LinearClsHead', in_channels=2048, init_cfg=None, topk=(1,)))
fit = dict(backbone=dict(output='vector'), places={'model.head.in_channels': 'vector'})
sam = {'fit.backbone': dict(ignore_abs_pos=True, img_size=1024)}  # the size of the files' relative positions

train_dataloader = dict(dataset=dict(ann_file='splits/release_train.txt'))
val_dataloader = dict(dataset=dict(ann_file='splits/release_valid.txt'))

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=5e-4))
param_scheduler = []
train_cfg = dict(type='EpochBasedTrainLoop', val_interval=1)
default_hooks = dict(checkpoint=dict(ties='later'))
