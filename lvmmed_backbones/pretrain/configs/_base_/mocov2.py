# MoCo v2 as mmpretrain has it.
model = dict(
    type="MoCo",
    queue_len=64000,  # a multiple of 3200, the images of a step
    feat_dim=128,
    momentum=0.001,
    backbone=dict(type="Backbone", model_name="resnet50", output="last"),
    neck=dict(type="MoCoV2DirectionNeck", in_channels=2048, hid_channels=2048, out_channels=128),
    head=dict(type="ContrastiveHead", loss=dict(type="CrossEntropyLoss"), temperature=0.2),
)
