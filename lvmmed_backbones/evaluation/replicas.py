"""An encoder at work: its devices with a replica on each, its precision, and batches through them."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future
from copy import deepcopy
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lvmmed_backbones.evaluation.cores import shared_cores
from lvmmed_backbones.evaluation.encoders import Encoder
from lvmmed_backbones.evaluation.loading import finished

Output = Literal["vector", "maps"]
Precision = Literal["auto", "float32", "bfloat16"]
MOST_CORES = 8  # replicas of a CPU; where there are more cores, a replica has several
AHEAD = 2  # batches for each replica that are encoded or wait: one is written meanwhile


def devices_of(device: str | Sequence[str] | None) -> list[torch.device]:
    """The devices that somebody names; None: all GPUs that can be seen, or the CPU.

    Raises
    ------
    ValueError
        If there is no such device.
    """
    if device is None:
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        device = [f"cuda:{number}" for number in range(count)] or "cpu"
    names = [device] if isinstance(device, str) else list(device)
    found = []
    for name in names:
        try:
            torch.empty(0, device=name)
            found.append(torch.device(name))
        except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts
            reason = str(error).partition("\n")[0]
            raise ValueError(
                f"device {name!r}: {reason}. Name one of this machine, such as cpu"
            ) from None
    if not found:
        raise ValueError("no devices: name at least one, or None for all GPUs")
    return found


def precision_of(precision: Precision, devices: Sequence[torch.device]) -> Precision:
    """What "auto" means: bfloat16 on GPUs that compute with it, float32 elsewhere.

    Raises
    ------
    ValueError
        If there is no such precision.
    """
    if precision not in ("auto", "float32", "bfloat16"):
        raise ValueError(f"precision {precision!r}: choose auto, float32 or bfloat16")
    if precision != "auto":
        return precision
    gpus = all(device.type == "cuda" for device in devices)
    return "bfloat16" if gpus and torch.cuda.is_bf16_supported(False) else "float32"


@dataclass(frozen=True)
class Replica:
    """An encoder on a device.

    Attributes
    ----------
    encoder : Encoder
        Its module is on the device.
    device : device
        Of the module.
    output : {"vector", "maps"}
        What it gives.
    precision : {"float32", "bfloat16"}
        Of products and convolutions.
    channels_last : bool
        The order of images in memory; convolutions are faster with it.
    """

    encoder: Encoder
    device: torch.device
    output: Output
    precision: Precision
    channels_last: bool = True

    def __call__(self, batch: Tensor) -> NDArray[np.float32]:
        """Encode what `loading.batches` yields: (B, D), or maps (B, C, h, w).

        Raises
        ------
        ValueError
            If the module raises an error, or returns something else.
        """
        order = torch.channels_last if self.channels_last else torch.contiguous_format
        name = self.encoder.name
        with (
            torch.inference_mode(),
            torch.autocast(self.device.type, torch.bfloat16, self.precision == "bfloat16"),
        ):
            images = finished(self.encoder.transform, batch.to(self.device, non_blocking=True))
            images = images.contiguous(memory_format=order)
            try:
                encode = self.encoder.encode if self.output == "vector" else self.encoder.maps
                return encode(images).float().cpu().numpy()
            except (ValueError, MemoryError):
                raise
            except Exception as error:  # a module of somebody else can raise anything
                raise ValueError(
                    f"{name} raised {type(error).__name__} for images {tuple(images.shape)}: "
                    f"{str(error).partition('.')[0]}. See its transform; if memory ran out, give a smaller batch_size"
                ) from error


def replicas_of(
    encoder: Encoder,
    devices: Sequence[torch.device],
    output: Output,
    precision: Precision,
    example: Tensor,
) -> list[Replica]:
    """A replica on each device, of which the first has the encoder's own module.

    A CPU has several, one for each core, which share a module: they need not wait for each other after each layer, as
    the threads within one batch must.

    Parameters
    ----------
    encoder, devices, output, precision
        See `Replica`.
    example : Tensor
        A batch: if the module cannot take it with its channels last, as modules with `view` can't, no batch is so.
    """
    encoder.module.to(devices[0], memory_format=torch.channels_last)
    replicas = _on_cores(Replica(encoder, devices[0], output, precision))
    try:
        next(encoded(replicas, [example]))
    except ValueError:
        encoder.module.to(memory_format=torch.contiguous_format)
        replicas = [replace(replica, channels_last=False) for replica in replicas]
        next(encoded(replicas, [example]))  # raises what is not the order's fault
    for device in devices[1:]:
        copy = replace(encoder, module=deepcopy(encoder.module).to(device))
        replicas += _on_cores(replace(replicas[0], encoder=copy, device=device))
    return replicas


def _on_cores(replica: Replica) -> list[Replica]:
    """The replica itself, for each core if it is on the CPU."""
    cores = min(MOST_CORES, torch.get_num_threads()) if replica.device.type == "cpu" else 1
    return [replica] * cores


def encoded(
    replicas: Sequence[Replica], loader: Iterable[Tensor]
) -> Generator[NDArray[np.float32], None, None]:
    """The features of each batch, in order; each batch goes to the first replica that is free.

    Loading, encoding, and what the caller does with the features overlap. The cores are shared out to the replicas.
    """
    free: SimpleQueue[Replica] = SimpleQueue()
    for replica in replicas:
        free.put(replica)

    def encode(batch: Tensor) -> NDArray[np.float32]:
        replica = free.get()
        try:
            return replica(batch)
        finally:
            free.put(replica)

    pending: deque[Future[NDArray[np.float32]]] = deque()
    failure: Exception | None = None
    batches = iter(loader)
    with shared_cores(len(replicas)) as executor:
        while True:
            try:
                batch = next(batches, None)
            except Exception as error:  # raised when what went before is done
                batch, failure = None, error
            if batch is None:
                break
            pending.append(executor.submit(encode, batch))
            if len(pending) >= AHEAD * len(replicas):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
        if failure:
            raise failure
