# SimCLR as mmpretrain has it.
model = dict(
    type="SimCLR",
    backbone=dict(type="Backbone", model_name="resnet50", output="last"),
    neck=dict(
        type="DirectionNeck",
        in_channels=2048,
        hid_channels=2048,
        out_channels=128,
        norm_cfg=dict(type="BN1d"),
    ),
    head=dict(type="ContrastiveHead", loss=dict(type="CrossEntropyLoss"), temperature=0.1),
)
