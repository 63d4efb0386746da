# Barlow Twins as mmpretrain has it.
model = dict(
    type="BarlowTwins",
    backbone=dict(type="Backbone", model_name="resnet50", output="last"),
    neck=dict(
        type="NonLinearNeck",
        in_channels=2048,
        hid_channels=8192,
        out_channels=8192,
        num_layers=3,
        with_last_bn=False,
        with_last_bn_affine=False,
        norm_cfg=dict(type="BN1d"),
    ),
    head=dict(
        type="LatentCrossCorrelationHead",
        in_channels=8192,
        loss=dict(type="CrossCorrelationLoss"),
    ),
)
