# SwAV as mmpretrain has it: two large views and six small ones. A step of 3200 images needs no queue.
model = dict(
    type="SwAV",
    backbone=dict(type="Backbone", model_name="resnet50", output="last"),
    neck=dict(
        type="SwAVDirectionNeck",
        in_channels=2048,
        hid_channels=2048,
        out_channels=128,
        norm_cfg=dict(type="BN1d"),
    ),
    head=dict(
        type="SwAVHead",
        loss=dict(type="SwAVLoss", feat_dim=128, epsilon=0.05, temperature=0.1, num_crops=[2, 6]),
    ),
)
