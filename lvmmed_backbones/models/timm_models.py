"""What timm's models take and give, found out on the meta device: names, shapes and strides, no values."""

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

from lvmmed_backbones.models import sam, scaled_resnet  # noqa: F401  timm lists their models, too
from lvmmed_backbones.models.pyramid import STRIDES

REMEDY = "take output='vector', or a model such as resnet50, convnext_tiny or swin_tiny_patch4_window7_224"

# Arguments that would fetch weights, and those that `output` decides.
FETCHING = {
    "pretrained",
    "pretrained_cfg",
    "pretrained_cfg_overlay",
    "checkpoint_path",
    "cache_dir",
    "init_cfg",
}
DECIDED = {"features_only", "out_indices", "feature_cls", "feature_cfg", "num_classes"}

# What a model of timm raises for what it does not take.
TIMM_ERRORS = (
    AssertionError,
    AttributeError,
    IndexError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
)
# Pixels. timm's converters build a matrix of a file's patch by the model's: a larger one could fill the memory.
LARGEST_PATCH = 64
# How timm's modules call their converter of published weights to the model at hand.
CONVERTERS = ("checkpoint_filter_fn", "_filter_fn", "_filter_torchvision_pretrained")
# What timm's feature extractors put before the names of the model inside them.
WRAPPERS = ("", "model.", "body.", "graph_module.")


def check_request(name: str, arguments: Mapping[str, Any]) -> None:
    """Raises ValueError for a name that timm does not list, and for arguments that are not the caller's to choose."""
    known = timm.list_models()
    if name not in known:
        bare = name.rpartition("/")[2].partition(".")[0]
        close = ", ".join(difflib.get_close_matches(bare, known)) or "timm.list_models()"
        raise ValueError(
            f"timm has no model {name!r}: choose from {close}; weights come by weights=dict(file=...)"
        )
    for argument in sorted(FETCHING & arguments.keys()):
        raise ValueError(
            f"{name}: {argument}={arguments[argument]!r} is refused: weights come by weights=dict(file=...)"
        )
    for argument in sorted(DECIDED & arguments.keys()):
        raise ValueError(
            f"{name}: {argument}={arguments[argument]!r} is refused: output='maps', 'last' or 'vector' decides it"
        )


def create(name: str, arguments: Mapping[str, Any]) -> nn.Module:
    """A model of timm, initialised at random.

    Raises
    ------
    ValueError
        Naming the model and what timm says, if it cannot be built so.
    """
    try:
        return timm.create_model(name, pretrained=False, **arguments)
    except TIMM_ERRORS as error:
        raise ValueError(
            f"timm cannot build {name} with {dict(arguments)}: {said(error)}"
        ) from error


def sized(name: str, size: tuple[int, int], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a model, and those that make it take images of `size` and of others, where it has them."""
    wanted = dict(img_size=size, dynamic_img_size=True, dynamic_img_pad=True, strict_img_size=False)
    taken = constructor_arguments(name)
    return {key: value for key, value in wanted.items() if key in taken} | dict(arguments)


@cache
def constructor_arguments(name: str) -> frozenset[str]:
    """What the class of a model takes, by its constructor and those of its bases."""
    with torch.device("meta"):
        kinds = type(create(name, dict(num_classes=0))).__mro__
    return frozenset(p for kind in kinds for p in inspect.signature(kind).parameters)


def patch_of(plain: nn.Module) -> int | None:
    """Pixels between two cells of a plain transformer, which has this one stride; None for any other model."""
    found = {level["reduction"] for level in getattr(plain, "feature_info", None) or ()}  # type: ignore[union-attr]
    return found.pop() if len(found) == 1 else None


def levels(name: str, arguments: Mapping[str, Any]) -> tuple[int, ...]:
    """Indices of the deepest maps at strides 4, 8, 16 and 32 among timm's feature levels of a model.

    Raises
    ------
    ValueError
        Naming the strides that it has, if these are not among them.
    """
    try:
        with torch.device("meta"):
            info: Any = create(name, dict(arguments, features_only=True)).feature_info
    except ValueError as error:
        raise ValueError(f"{name} has no maps: {REMEDY} ({error})") from error
    strides = [level["reduction"] for level in getattr(info, "info", info)]
    if not set(STRIDES) <= set(strides):
        there = ", ".join(map(str, sorted(set(strides))))
        raise ValueError(f"{name} has maps at stride {there}, not at 4, 8, 16 and 32: {REMEDY}")
    return tuple(max(i for i, s in enumerate(strides) if s == stride) for stride in STRIDES)


def check_outputs(
    name: str, arguments: Mapping[str, Any], output: str, size: tuple[int, int]
) -> list[tuple[int, ...]]:
    """The shapes of what a model gives for an image of `size`.

    Raises
    ------
    ValueError
        Naming the model, if it does not give what `output` promises.
    """
    images = f"images of {size[0]} x {size[1]} px"
    try:
        with torch.device("meta"), torch.no_grad():
            network = create(name, arguments).eval()
            found = outputs(network, output, torch.empty(1, arguments.get("in_chans", 3), *size))
        shapes = [tuple(part.shape) for part in found]
    except TIMM_ERRORS as error:
        advice = remedy(name, arguments, output, size)
        raise ValueError(
            f"{name} gives no {output} for {images} ({said(error)}): {advice}"
        ) from error
    dimensions = 2 if output == "vector" else 4
    promised = [tuple(-(-side // stride) for side in size) for stride in STRIDES]
    if any(len(shape) != dimensions for shape in shapes) or (
        output == "maps" and [shape[2:] for shape in shapes] != promised
    ):
        advice = remedy(name, arguments, output, size)
        raise ValueError(f"{name} gives no {output} for {images}, but {shapes}: {advice}")
    return shapes


def remedy(name: str, arguments: Mapping[str, Any], output: str, size: tuple[int, int]) -> str:
    """What to do if a model does not give an output for images of `size`."""
    built = arguments.get("img_size", size)
    if built != size:
        return f"give it images of {built}, or build it with img_size={size}"
    config = timm.get_pretrained_cfg(name, allow_unregistered=True)
    own = tuple(config.input_size[-2:]) if config else size
    other = f"take another output than {output!r}, or another model"
    return other if own == size else f"try img_size={own}, which timm made it for, or {other}"


def outputs(network: Any, output: str, images: Tensor) -> tuple[Tensor, ...]:
    """Maps (B, C, h, w), or a vector (B, C), of a model that was built for them."""
    if output == "vector":
        return (network(images),)
    if output == "maps":
        return tuple(channels_first(network, features) for features in network(images))
    features = network.forward_features(images)
    if isinstance(features, Tensor) and features.ndim == 4:
        return (channels_first(network, features),)
    # Tokens. timm knows how many come before the grid, and how wide it is.
    found = network.forward_intermediates(
        images, indices=1, norm=True, output_fmt="NCHW", intermediates_only=True
    )
    return tuple(found[-1:])


def channels_first(network: nn.Module, features: Tensor) -> Tensor:
    """(B, C, h, w), whether the network has the channels there or last."""
    last = str(getattr(network, "output_fmt", "")).endswith("NHWC")
    return features.permute(0, 3, 1, 2).contiguous() if last else features


def plain_names(network: nn.Module, plain: nn.Module) -> dict[str, str]:
    """The name in the plain model of each entry of the `state_dict()` of a feature extractor of timm, one to one.

    timm's extractors put a prefix before the names, or join their first parts by an underscore.

    Raises
    ------
    ValueError
        Naming the entries without a counterpart of the same shape.
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


def converted(name: str, tensors: Mapping[str, Tensor], plain: nn.Module) -> Mapping[str, Tensor]:
    """Published weights of a model, perhaps of another image size, by timm's names and in the plain model's shapes.

    As they are, if timm has no converter for this model, or it cannot read them: a strict check then names what is
    missing.
    """
    module = sys.modules[model_entrypoint(name).__module__]
    convert = next((getattr(module, n) for n in CONVERTERS if hasattr(module, n)), None)
    patches = [v.shape[2:] for n, v in tensors.items() if "patch_embed" in n and v.ndim == 4]
    if convert is None or any(max(patch) > LARGEST_PATCH for patch in patches):
        return tensors
    takes_model = len(inspect.signature(convert).parameters) > 1
    try:
        return convert(dict(tensors), plain) if takes_model else convert(dict(tensors))
    except Exception:  # whatever its arithmetic makes of a file that is of another architecture
        return tensors


def classifier_names(name: str, arguments: Mapping[str, Any], plain: nn.Module) -> set[str]:
    """Names that a model has only with a classifier, which no backbone has."""
    try:
        with torch.device("meta"):
            whole = create(name, dict(arguments, num_classes=2))
    except ValueError:  # some encoders cannot have one
        return set()
    return whole.state_dict().keys() - plain.state_dict().keys()


def stages(name: str, plain: nn.Module) -> dict[str, int]:
    """The stage of each parameter of a model: 0 for its stem, then 1, 2, ... as timm groups them.

    These are a ResNet's four stages and a transformer's blocks, and behind them whatever follows.

    Raises
    ------
    ValueError
        Naming the model, if timm does not group its parameters.
    """
    try:
        matcher = plain.group_matcher(coarse=True)  # type: ignore[operator]
    except TIMM_ERRORS as error:
        raise ValueError(f"{name} has no stages to freeze: leave frozen_stages=-1") from error
    return group_parameters(plain, matcher, reverse=True)


def checkpointing(name: str, network: nn.Module) -> None:
    """Have a model keep fewer activations and compute them again in the backward pass.

    Raises
    ------
    ValueError
        Naming the model, if it cannot.
    """
    inner: Any = network if hasattr(network, "set_grad_checkpointing") else network.model
    try:
        inner.set_grad_checkpointing()
    except TIMM_ERRORS as error:
        raise ValueError(f"{name} has no gradient checkpointing: leave with_cp=False") from error


def said(error: Exception) -> str:
    """The first line of an error's message, or its type."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
