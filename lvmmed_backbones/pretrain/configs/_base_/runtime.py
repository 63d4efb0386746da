custom_imports = dict(imports=["lvmmed_backbones.pretrain.registration"])
default_scope = "mmpretrain"
data_preprocessor = dict(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375), to_rgb=True)
randomness = dict(seed=0)
env_cfg = dict(cudnn_benchmark=False, mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0))
log_level = "INFO"
# Curves for TensorBoard. MLflow and Weights & Biases: MLflowVisBackend, WandbVisBackend.
visualizer = dict(
    type="mmengine.Visualizer",
    vis_backends=[
        dict(type="mmengine.LocalVisBackend"),
        dict(type="mmengine.TensorboardVisBackend"),
    ],
)
custom_hooks = [
    dict(type="StepSeedHook"),
    dict(type="NonFiniteHook"),
    dict(type="CollapseHook"),
    dict(type="GradientHook"),
]
