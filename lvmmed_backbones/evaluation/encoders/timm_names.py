"""Encoders of timm, with the weights that timm publishes, by timm's names."""

from __future__ import annotations

from lvmmed_backbones.evaluation.encoders.encoder import (
    Encoder,
    Transform,
    checksum,
    frozen,
    resize_of_timm,
)
from lvmmed_backbones.evaluation.encoders.timm_tags import pretraining_of_tag
from lvmmed_backbones.weights import hub


def of_timm(name: str, model: str, transform: Transform | None, size: int | None) -> Encoder:
    """A model of timm by NAME, NAME.TAG or NAME@TAG.

    Raises
    ------
    ValueError
        If timm has no such model, or no weights of it.
    ConnectionError
        If its weights are neither on this machine nor to be fetched.
    """
    import timm

    model = model.replace("@", ".")
    sizes = {} if size is None else {"img_size": size}
    try:
        try:
            module = timm.create_model(model, pretrained=True, num_classes=0, **sizes)
        except TypeError:  # a convolutional network takes any size, and has no such argument
            module = timm.create_model(model, pretrained=True, num_classes=0)
    except RuntimeError as error:
        raise ValueError(
            f"{name}: timm says {error}. timm.list_pretrained() has the names"
        ) from None
    except OSError as error:
        raise ConnectionError(
            f"{name}: its weights are not on this machine, and cannot be fetched ({error}). Fetch them where there "
            "is a network, and copy the folder that HF_HOME names"
        ) from None
    config = module.pretrained_cfg
    return Encoder(
        name=name,
        module=frozen(module),
        transform=transform or resize_of_timm(config, size),
        architecture=config["architecture"],
        method=config.get("tag") or "unknown",
        weights=checksum(module),
        pretraining=pretraining_of_tag(config["architecture"], config.get("tag")),
        revision=_commit(config.get("hf_hub_id")),
    )


def _commit(repository: str | None) -> str | None:
    """The commit of the weights that timm has just taken from the hub's cache."""
    path = repository and hub.cached(repository, "model.safetensors")
    return hub.commit_of(path) if path else None
