"""What timm's models take and give. The meta device shows names, shapes and strides without computing values."""

from __future__ import annotations

import difflib
import inspect
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

import timm
import torch
from timm.models import group_parameters, model_entrypoint
from torch import Tensor, nn

from lvmmed_backbones.models import align, sam, scaled_resnet  # noqa: F401  timm lists their models, too
from lvmmed_backbones.models.pyramid import STRIDES

REMEDY = "take output='vector', or a model such as resnet50, convnext_tiny or swin_tiny_patch4_window7_224"

# Arguments that would fetch weights, and arguments that `output` decides.
FETCHING = {"pretrained", "pretrained_cfg", "pretrained_cfg_overlay"}
FETCHING |= {"checkpoint_path", "cache_dir", "init_cfg"}
DECIDED = {"features_only", "out_indices", "feature_cls", "feature_cfg", "num_classes"}

# What a model of timm raises for arguments or images that it does not take.
TIMM_ERRORS = (AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
# Names of the function in timm's modules that converts published weights for a model.
CONVERTERS = ("checkpoint_filter_fn", "_filter_fn", "_filter_torchvision_pretrained")
# Prefixes that timm's feature extractors put before the names of the model inside them.
WRAPPERS = ("", "model.", "body.", "graph_module.")


def check_request(name: str, arguments: Mapping[str, Any]) -> None:
    """Raise ValueError for a name that timm does not list, and for arguments that a caller must not set."""
    known = timm.list_models()
    if name not in known:
        bare = name.rpartition("/")[2].partition(".")[0]
        close = ", ".join(difflib.get_close_matches(bare, known)) or "timm.list_models()"
        raise ValueError(
            f"timm has no model {name!r}: choose from {close}; weights come by weights=dict(file=...)"
        )
    for argument in sorted((FETCHING | DECIDED) & arguments.keys()):
        decides = "output='maps', 'last' or 'vector' decides it"
        reason = decides if argument in DECIDED else "weights come by weights=dict(file=...)"
        raise ValueError(f"{name}: {argument}={arguments[argument]!r} is refused: {reason}")


def create(name: str, arguments: Mapping[str, Any]) -> nn.Module:
    """Build a model of timm with random weights.

    Raises
    ------
    ValueError
        If timm cannot build it. The message has the model and timm's message.
    """
    try:
        return timm.create_model(name, pretrained=False, **arguments)
    except TIMM_ERRORS as error:
        raise ValueError(
            f"timm cannot build {name} with {dict(arguments)}: {_first_line(error)}"
        ) from error


def with_image_size(
    name: str, size: tuple[int, int], arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments of a model, with those that let it take images of `size` and of other sizes."""
    flexible = dict(
        img_size=size, dynamic_img_size=True, dynamic_img_pad=True, strict_img_size=False
    )
    known = _constructor_arguments(name)
    return {key: value for key, value in flexible.items() if key in known} | dict(arguments)


@cache
def _constructor_arguments(name: str) -> frozenset[str]:
    """Return the arguments of a model's constructor and of its base classes' constructors."""
    with torch.device("meta"):
        classes = type(create(name, dict(num_classes=0))).__mro__
    return frozenset(p for cls in classes for p in inspect.signature(cls).parameters)


def patch_of(plain: nn.Module) -> int | None:
    """Return the pixels between two cells of a plain transformer, its only stride; None for any other model."""
    strides = {level["reduction"] for level in getattr(plain, "feature_info", None) or ()}  # type: ignore[union-attr]
    return strides.pop() if len(strides) == 1 else None


def feature_levels(name: str, arguments: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the indices of the deepest maps at strides 4, 8, 16 and 32 among a model's feature levels.

    Raises
    ------
    ValueError
        If the model lacks one of these strides. The message names the strides that it has.
    """
    try:
        with torch.device("meta"):
            info: Any = create(name, dict(arguments, features_only=True)).feature_info
    except ValueError as error:
        raise ValueError(f"{name} has no maps: {REMEDY} ({error})") from error
    strides = [level["reduction"] for level in getattr(info, "info", info)]
    if not set(STRIDES) <= set(strides):
        known = ", ".join(map(str, sorted(set(strides))))
        raise ValueError(f"{name} has maps at stride {known}, not at 4, 8, 16 and 32: {REMEDY}")
    return tuple(max(i for i, s in enumerate(strides) if s == stride) for stride in STRIDES)


def check_outputs(
    name: str, arguments: Mapping[str, Any], output: str, size: tuple[int, int]
) -> list[tuple[int, ...]]:
    """Return the shapes of a model's output for an image of `size`.

    Raises
    ------
    ValueError
        If the model does not give what `output` promises. The message names the model.
    """
    images = f"images of {size[0]} x {size[1]} px"
    try:
        with torch.device("meta"), torch.no_grad():
            network = create(name, arguments).eval()
            outputs = compute_outputs(
                network, output, torch.empty(1, arguments.get("in_chans", 3), *size)
            )
        shapes = [tuple(x.shape) for x in outputs]
    except TIMM_ERRORS as error:
        advice = _suggest_remedy(name, arguments, output, size)
        raise ValueError(
            f"{name} gives no {output} for {images} ({_first_line(error)}): {advice}"
        ) from error
    dimensions = 2 if output == "vector" else 4
    promised = [tuple(-(-side // stride) for side in size) for stride in STRIDES]
    if any(len(shape) != dimensions for shape in shapes) or (
        output == "maps" and [shape[2:] for shape in shapes] != promised
    ):
        advice = _suggest_remedy(name, arguments, output, size)
        raise ValueError(f"{name} gives no {output} for {images}, but {shapes}: {advice}")
    return shapes


def _suggest_remedy(
    name: str, arguments: Mapping[str, Any], output: str, size: tuple[int, int]
) -> str:
    """Return what to do if a model does not give an output for images of `size`."""
    built_for = arguments.get("img_size", size)
    if built_for != size:
        return f"give it images of {built_for}, or build it with img_size={size}"
    config = timm.get_pretrained_cfg(name, allow_unregistered=True)
    own = tuple(config.input_size[-2:]) if config else size
    other = f"take another output than {output!r}, or another model"
    return other if own == size else f"try img_size={own}, which timm made it for, or {other}"


def compute_outputs(network: Any, output: str, images: Tensor) -> tuple[Tensor, ...]:
    """Compute the maps (B, C, h, w) or the vector (B, C) of images, by a model that was built for this output."""
    if output == "vector":
        return (network(images),)
    if output == "maps":
        return tuple(_channels_first(network, features) for features in network(images))
    features = network.forward_features(images)
    if isinstance(features, Tensor) and features.ndim == 4:
        return (_channels_first(network, features),)
    # The features are tokens. timm knows how many precede the grid, and how wide the grid is.
    grids = network.forward_intermediates(
        images, indices=1, norm=True, output_fmt="NCHW", intermediates_only=True
    )
    return tuple(grids[-1:])


def _channels_first(network: nn.Module, features: Tensor) -> Tensor:
    """Return features as (B, C, h, w), also for a network that has the channels last."""
    last = str(getattr(network, "output_fmt", "")).endswith("NHWC")
    return features.permute(0, 3, 1, 2).contiguous() if last else features


def plain_names(network: nn.Module, plain: nn.Module) -> dict[str, str]:
    """Return the name in the plain model of each entry of a feature extractor's `state_dict()`, one to one.

    timm's extractors put a prefix before the names, or join their first parts by an underscore.

    Raises
    ------
    ValueError
        If an entry has no counterpart of the same shape. The message names such entries.
    """
    inside, known = network.state_dict(), plain.state_dict()
    joined = {name.replace(".", "_"): name for name in known}
    for prefix in WRAPPERS:
        names = {n: joined.get(n.removeprefix(prefix).replace(".", "_"), "") for n in inside}
        lost = [n for n, own in names.items() if own == "" or known[own].shape != inside[n].shape]
        if not lost and len(joined) == len(known) and len({*names.values()}) == len(names):
            return names
    raise ValueError(
        f"{type(network).__name__}: timm's plain model has no counterpart of {lost[:5]}"
    )


def converted_weights(
    name: str, tensors: Mapping[str, Tensor], plain: nn.Module
) -> Mapping[str, Tensor]:
    """Return published weights of a model by timm's names and in the plain model's shapes; the image size may differ.

    The weights stay as they are if timm has no converter for the model, or the converter fails, or if they are for
    patches of another size, which timm would resample: the strict check then names what is missing.
    """
    module = sys.modules[model_entrypoint(name).__module__]
    convert = next((getattr(module, n) for n in CONVERTERS if hasattr(module, n)), None)
    if convert is None or not _has_patches_of(plain, tensors):
        return tensors
    takes_model = len(inspect.signature(convert).parameters) > 1
    try:
        return convert(dict(tensors), plain) if takes_model else convert(dict(tensors))
    except Exception:  # a file of another architecture can make it raise anything
        return tensors


def _has_patches_of(plain: nn.Module, tensors: Mapping[str, Tensor]) -> bool:
    """Whether a file may hold a plain transformer's projection of patches; for other models always."""
    projection = getattr(getattr(plain, "patch_embed", None), "proj", None)
    if not isinstance(projection, nn.Conv2d):
        return True
    shape = projection.weight.shape
    # segment_anything's, timm's and DINOv2's names have patch_embed in them, CLIP's are conv1 and patch_embedding.
    found = [v.shape for v in tensors.values() if v.ndim == 4 and v.shape[:2] == shape[:2]]
    return not found or shape in found


def classifier_names(name: str, arguments: Mapping[str, Any], plain: nn.Module) -> set[str]:
    """Return the names that a model has only with a classifier. No backbone has a classifier."""
    try:
        with torch.device("meta"):
            whole = create(name, dict(arguments, num_classes=2))
    except ValueError:  # some encoders cannot have one
        return set()
    return whole.state_dict().keys() - plain.state_dict().keys()


def stages_of_parameters(name: str, plain: nn.Module) -> dict[str, int]:
    """Return the stage of each parameter of a model: 0 for the stem, then 1, 2, ... as timm groups them.

    The stages are a ResNet's four stages or a transformer's blocks, and then the rest.

    Raises
    ------
    ValueError
        If timm does not group the model's parameters. The message names the model.
    """
    try:
        matcher = plain.group_matcher(coarse=True)  # type: ignore[operator]
    except TIMM_ERRORS as error:
        raise ValueError(f"{name} has no stages to freeze: leave frozen_stages=-1") from error
    return group_parameters(plain, matcher, reverse=True)


def set_checkpointing(name: str, network: nn.Module) -> None:
    """Let a model keep fewer activations and compute them again in the backward pass.

    Raises
    ------
    ValueError
        If the model cannot do this. The message names it.
    """
    inner: Any = network if hasattr(network, "set_grad_checkpointing") else network.model
    try:
        inner.set_grad_checkpointing()
    except TIMM_ERRORS as error:
        raise ValueError(f"{name} has no gradient checkpointing: leave with_cp=False") from error


def _first_line(error: Exception) -> str:
    """Return the first line of an error's message, or the error's type."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
