"""UperNet (arXiv 1807.10221) as mmsegmentation has it, on any backbone of the catalogue.

The heads use BatchNorm in place of SyncBN, which does not run on a CPU; a distributed run converts it back.
The released code has a U-Net in its place.
"""

_base_ = 'mmseg::_base_/models/upernet_r50.py'

default_scope = 'mmseg'
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    data_preprocessor=dict(size_divisor=32),
    pretrained=None,
    backbone=dict(_delete_=True, type='Backbone', model_name='resnet50', output='maps'),
    decode_head=dict(norm_cfg=norm_cfg),
    auxiliary_head=dict(norm_cfg=norm_cfg))
# What the backbone of the catalogue is given, and where its facts go: see `benchmarks.config.fit_backbone`.
fit = dict(
    backbone=dict(output='maps'),
    places={
        'model.data_preprocessor.mean': 'mean',
        'model.data_preprocessor.std': 'std',
        'model.decode_head.in_channels': 'maps',
        'model.auxiliary_head.in_channels': 'map_16'})
sync_bn = 'torch'
