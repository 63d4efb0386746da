"""Read a checkpoint safely and load it strictly."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from zipfile import BadZipFile

import torch
from mmengine.logging import MMLogger
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from lvmmed_backbones.weights.layouts import convert

SHOWN = 5  # names in a message


def load_strictly(
    module: nn.Module,
    file: str,
    layout: str = "native",
    sha256: str | None = None,
    fresh: Sequence[str] = (),
) -> None:
    """Fill a backbone from a checkpoint, every parameter and buffer of it.

    Args:
        module: the backbone.
        file: a .safetensors file, or one that `torch.save` wrote.
        layout: how the checkpoint names things, see `lvmmed_backbones.weights.layouts`.
        sha256: checksum of the file, or its first digits; None: not checked.
        fresh: prefixes of parameters that no checkpoint holds.

    Raises:
        FileNotFoundError: if the file does not exist.
        ValueError: naming the file and what is wrong with it: its checksum, that it is no checkpoint or would run
            code, the parameters that it does not fill, or fills with another shape.
    """
    path = Path(file)
    if sha256 is not None:
        check_sha256(path, sha256)
    found = convert(unwrap(read(path)), layout, str(path))
    needed = {
        name: value
        for name, value in module.state_dict().items()
        if not name.startswith(tuple(fresh))
    }
    missing = sorted(set(needed) - set(found))
    if missing:
        raise ValueError(
            f"{path} does not fill {len(missing)} of {len(needed)} parameters of {type(module).__name__}, such as "
            f"{', '.join(missing[:SHOWN])}. Is it of this architecture, and its layout {layout!r}?"
        )
    left = sorted(set(found) - set(needed))
    try:
        module.load_state_dict({name: found[name] for name in needed}, strict=False)
    except (
        RuntimeError
    ) as error:  # torch lists each parameter of another shape on a line of its own
        lines = str(error).splitlines()[1:]
        raise ValueError(
            f"{path} holds {len(lines)} parameters of another shape than {type(module).__name__} has:\n"
            + "\n".join(lines[:SHOWN])
        ) from error
    if left:
        MMLogger.get_current_instance().info(
            f"{path}: {len(left)} entries are not the backbone's and were not used, such as {', '.join(left[:SHOWN])}"
        )


def read(path: Path) -> Mapping:
    """The content of a checkpoint file; no code of the file's choosing runs.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it cannot be read without running code, or not at all.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of weights")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path} is refused: reading it would run code that it names ({first_line(error)}). Ask its "
            "authors for a .safetensors file, or, if you trust them, load it elsewhere and save its "
            "tensors with safetensors."
        ) from error
    except (SafetensorError, RuntimeError, OSError, EOFError, BadZipFile, ValueError) as error:
        raise ValueError(
            f"{path} cannot be read ({first_line(error)}). Is the download complete? Remove it and fetch it again."
        ) from error
    if not isinstance(content, Mapping):
        raise ValueError(
            f"{path} holds a {type(content).__name__}, not a mapping of names to tensors"
        )
    return content


def unwrap(content: Mapping) -> dict[str, Tensor]:
    """The tensors of a checkpoint, out of the wrappers that training code puts around them."""
    for wrapper in ("state_dict", "model", "classy_state_dict", "base_model", "trunk"):
        if isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    return {name: value for name, value in content.items() if isinstance(value, Tensor)}


def check_sha256(path: Path, expected: str) -> None:
    """Compare the checksum of a file with all digits, or the first, of the expected one.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if they differ.
    """
    found = file_sha256(path)
    if not found.startswith(expected):
        raise ValueError(
            f"{path} has sha256 {found}, expected {expected}: it is damaged or another file. "
            "Remove it and fetch it again."
        )


def file_sha256(path: Path) -> str:
    """Checksum of a file, 64 hex digits."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of weights")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
