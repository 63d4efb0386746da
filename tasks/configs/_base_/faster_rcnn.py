"""Faster R-CNN (arXiv 1506.01497) with a feature pyramid as mmdetection has it, on any backbone of the catalogue.

The whole backbone is trained. The released code freezes its first stage and the statistics of its BatchNorm, and
initialises nothing but the backbone: so does release/vindr.py.
"""

_base_ = 'mmdet::_base_/models/faster-rcnn_r50_fpn.py'

default_scope = 'mmdet'
model = dict(backbone=dict(_delete_=True, type='Backbone', model_name='resnet50', output='maps'))
fit = dict(
    backbone=dict(output='maps'),
    places={
        'model.data_preprocessor.mean': 'mean',
        'model.data_preprocessor.std': 'std',
        'model.neck.in_channels': 'maps'})
