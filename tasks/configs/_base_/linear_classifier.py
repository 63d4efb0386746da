"""One linear layer on the pooled vector of a frozen backbone (LVM-Med, table 5, 'linear evaluation').

The frozen backbone is in evaluation mode. In the released code it stays in training mode: BatchNorm uses the statistics
of each batch.
"""

default_scope = 'mmpretrain'
model = dict(
    type='ImageClassifier',
    data_preprocessor=dict(
        type='ClsDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True),
    backbone=dict(type='Backbone', model_name='resnet50', output='vector', frozen=True),
    head=dict(type='LinearClsHead', in_channels=2048, topk=(1,)))
fit = dict(
    backbone=dict(output='vector'),
    places={
        'model.data_preprocessor.mean': 'mean',
        'model.data_preprocessor.std': 'std',
        'model.head.in_channels': 'vector'})
