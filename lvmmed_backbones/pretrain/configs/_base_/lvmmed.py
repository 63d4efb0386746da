# LVM-Med with the paper's values (section 4.1 and appendix): the projector's sizes are ours, its release
# tells none. What the authors' later code does otherwise: docs/pretraining.md.
model = dict(
    type="LVMMed",
    backbone=dict(type="Backbone", model_name="resnet50", output="last"),
    neck=dict(
        type="NonLinearNeck",
        in_channels=2048,
        hid_channels=2048,
        out_channels=256,
        norm_cfg=dict(type="BN1d"),
    ),
    head=dict(
        type="GraphMatchingHead",
        channels=256,
        neighbours=5,
        message_passing=1,
        alpha=0.8,
        pairs=20,
        second_order=1.0,
        noise=1.0,
        samples=1,
        lambda_=80.0,
        budget="fast",
    ),
)
