# DeepCluster-v2 with the paper's values: two large views and six small ones.
model = dict(
    type="DeepClusterV2",
    backbone=dict(type="Backbone", model_name="resnet50", output="last"),
    neck=dict(
        type="NonLinearNeck",
        in_channels=2048,
        hid_channels=2048,
        out_channels=128,
        with_last_bn=False,
        with_last_bias=True,
        norm_cfg=dict(type="BN1d"),
    ),
    channels=128,
    clusters=(3000, 3000, 3000),
    temperature=0.1,
)
