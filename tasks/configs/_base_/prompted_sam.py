"""Segment Anything, prompted by one box for each image: image and prompt encoder frozen, the mask decoder trained.

What is frozen is computed once: `embeddings` says how many GB of the disk a run's embeddings may take; an embedding at
1024 x 1024 has 2.1 MB. Beyond that an image is encoded each time it is seen.
"""

_base_ = ['loaders.py', 'runtime.py']

default_scope = 'mmseg'
model = dict(
    type='PromptedSAM',
    data_preprocessor=dict(type='BaseDataPreprocessor'),
    backbone=dict(type='Backbone', model_name='sam_vit_b', output='last', img_size=1024, neck_chans=256, frozen=True),
    image_input='rgb',
    loss=dict(targets='binary', cross_entropy=1.0))
# The decoder is that of the SAM of the encoder's size; random for an encoder with random weights.
fit = dict(
    backbone=dict(output='last', neck_chans=256, frozen=True),
    places={'model.mean': 'mean', 'model.std': 'std', 'model.sam_decoder': 'sam_decoder'})
embeddings = dict(limit=20.0)
custom_hooks = [*_base_.custom_hooks, dict(type='EmbeddingHook')]

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=1e-4, amsgrad=True),
    clip_grad=dict(max_norm=1, norm_type=2))
param_scheduler = []
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=20, val_interval=1)
