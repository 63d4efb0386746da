"""Graph matching as LVM-Med's group released it later, ResNet-50.

Source: A of docs/pretraining.md: Exgra-Med's exgra_med/llava/utils_graph/run_vic.py, which does not say that it is
LVM-Med's, and does not run as released.
Size: 224 px, 800 images a step, here on 8 GPUs, 100 epochs; here in bfloat16 (there float16).
Differs from A: its two further views of 96 px are left out, since distances of maps need equal sizes; global and local
part are one cost (there the code of the former is never called); 20 cells of both views (there 20 and 4); decay for all
parameters (there unknown); seed 0 (there 31). As there, the rate rises anew in each epoch to a tenth of the base rate.
Score: not measured. Time: 0.16 s a step of 100 images on an H200 (docs/evidence.md).

    torchrun --nproc-per-node 8 -m lvmmed_backbones pretrain lvmmed_resnet50_release --corpus CORPUS --launcher pytorch
"""

_base_ = "_base_/gpus.py"

projector = dict(type="NonLinearNeck", num_layers=3, with_last_bn=False, norm_cfg=dict(type="BN1d"))
model = dict(
    type="LVMMed",
    backbone=dict(type="Backbone", model_name="resnet50", output="last"),
    neck=dict(**projector, in_channels=2048, hid_channels=1024, out_channels=1024),
    map_neck=dict(**projector, in_channels=2048, hid_channels=512, out_channels=512, with_avg_pool=False),
    head=dict(
        type="GraphMatchingHead", channels=1024,
        graph_size=10, neighbours=5, message_passing=2, aggregation="sum", dropout=0.5,  # the graphs
        affinity="softplus", local="distance", pairs=20,  # vertices
        edges="after", edge_weight=0.5,  # of the embeddings after message passing
        margin=1.0, noise=0.0, lambda_=80.0, budget="fast",  # gradient and solver
    ),
)
data_preprocessor = dict(std=(58.14, 57.12, 57.375))
grey = dict(type="torchvision/Grayscale", num_output_channels=3)
colours = dict(type="torchvision/ColorJitter", brightness=0.8, contrast=0.8, saturation=0.8, hue=0.2)
to_pil, _, _, to_array, sometimes_blurred = _base_.distortions
distortions = [to_pil, dict(type="RandomApply", prob=0.8, transforms=[colours]), grey, to_array, sometimes_blurred]
views = dict(type="RandomViews", crops=[dict(number=2, size=224, scale=(0.4, 1.0))], transforms=distortions)
train_dataloader = dict(batch_size=100, dataset=dict(pipeline=[views]))
optim_wrapper = dict(
    optimizer=dict(type="AdamW", lr=0.1 * 5e-4 * 800 / 256, weight_decay=0.05),
    paramwise_cfg=dict(custom_keys=dict(map_neck=dict(lr_mult=0.1))),
)
train_cfg = dict(max_epochs=100)
rise = dict(type="LinearLR", start_factor=1e-4, by_epoch=True, convert_to_iter_based=True)
param_scheduler = [dict(**rise, begin=epoch, end=epoch + 1) for epoch in range(100)]
