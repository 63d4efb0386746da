"""One 1 x 1 convolution on the maps of a frozen backbone, brought to the size of its largest map and concatenated.

The linear evaluation of DINOv2 (arXiv 2304.07193, section 7.4) on maps, in mmsegmentation's terms: a fully
convolutional head without convolutions but its classifier. The feature pyramid that the suite puts on a plain
transformer is trained with it, so there it is more than linear.
"""

_base_ = 'upernet.py'

model = dict(
    backbone=dict(frozen=True),
    decode_head=dict(
        _delete_=True,
        type='FCNHead',
        in_channels=[256, 512, 1024, 2048],
        in_index=[0, 1, 2, 3],
        channels=3840,
        input_transform='resize_concat',
        num_convs=0,
        concat_input=False,
        dropout_ratio=0,
        num_classes=2,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0)),
    auxiliary_head=None)
fit = dict(
    places=dict(
        _delete_=True,
        **{
            'model.data_preprocessor.mean': 'mean',
            'model.data_preprocessor.std': 'std',
            'model.decode_head.in_channels': 'maps',
            'model.decode_head.channels': 'all_maps'}))
