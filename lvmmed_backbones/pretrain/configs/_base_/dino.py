# DINO with the paper's values for ResNet-50: two large views and, as for its peers here, six small ones.
model = dict(
    type="DINO",
    backbone=dict(type="Backbone", model_name="resnet50", output="last"),
    neck=dict(
        type="DINOHead", in_channels=2048, hid_channels=2048, bottleneck=256, prototypes=60000
    ),
    momentum=0.004,
    student_temperature=0.1,
    first_temperature=0.04,
    teacher_temperature=0.07,
    warm_up=20000,  # steps: 50 of the 100 epochs
)
