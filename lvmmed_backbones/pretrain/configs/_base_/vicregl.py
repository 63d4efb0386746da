# VICRegL with the paper's values for ResNet-50.
model = dict(
    type="VICRegL",
    backbone=dict(type="Backbone", model_name="resnet50", output="last"),
    neck=dict(
        type="NonLinearNeck",
        in_channels=2048,
        hid_channels=8192,
        out_channels=8192,
        num_layers=3,
        with_last_bn=False,
        with_last_bias=True,
        norm_cfg=dict(type="BN1d"),
    ),
    in_channels=2048,
    local_channels=512,
    alpha=0.75,
    pairs=20,
)
