"""One box for all structures of an image: tight around the mask; in training its sides move outwards by 0 to 19 of 256.

Images are resized to 1024 x 1024. Masks are compared in training at SAM's 256 x 256, in testing at their own size. An
image without a structure has no prompt: it is neither trained on nor scored.
"""

_base_ = 'prompted_sam.py'

packed = dict(type='PackSegInputs', meta_keys=('img_path', 'ori_shape', 'box', 'drawn'))
train_pipeline = [
    dict(type='LoadAnnotations'),
    dict(type='PromptByBox', scale=(1024, 1024), noise=20, tight_at='mask', empty='skip', compare_at='low'),
    packed]
test_pipeline = [
    dict(type='LoadAnnotations'),
    dict(type='PromptByBox', scale=(1024, 1024), noise=0, tight_at='mask', empty='skip', compare_at='mask'),
    packed]

dataset = dict(
    type='PromptedImages',
    data_prefix=dict(img_path='images', seg_map_path='masks'))
train_dataloader = dict(
    batch_size=20,
    dataset=dict(ann_file='splits/train.txt', pipeline=train_pipeline, **dataset))
val_dataloader = dict(
    batch_size=8,
    dataset=dict(ann_file='splits/valid.txt', pipeline=test_pipeline, test_mode=True, **dataset))
test_dataloader = dict(
    batch_size=8,
    dataset=dict(ann_file='splits/test.txt', pipeline=test_pipeline, test_mode=True, **dataset))
val_evaluator = dict(type='PromptedScores', case='image', headline='dice', unprompted='skip')
test_evaluator = val_evaluator
