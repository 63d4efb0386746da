"""What every format of `convert` has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from torch import Tensor, nn

from lvmmed_backbones.catalogue import Entry
from lvmmed_backbones.models import Backbone

# From images (B, 3, H, W) to the output of the network: a vector (B, C), or four maps.
Network = Callable[[Tensor], tuple[Tensor, ...]]


class Unfit(ValueError):
    """A backbone that a format cannot hold; the message has the remedy."""


class Format(ABC):
    """A format: `write`, and `load` by the library that it is for.

    Attributes
    ----------
    library : str
        The library that loads it.
    extra : str or None
        The extra of pyproject.toml that brings it; None: it is always there.
    holds_graph : bool
        Whether the files hold the computation, too, and so one output for one size of images.
    """

    library: str
    extra: str | None = None
    holds_graph = False

    @abstractmethod
    def write(self, backbone: Backbone, entry: Entry, side: int, folder: Path) -> None:
        """Write a backbone that is in evaluation mode.

        Parameters
        ----------
        side : int
            Of the images, in pixels.
        folder : Path
            Empty.

        Raises
        ------
        Unfit
            If the library has no such architecture.
        """

    @abstractmethod
    def load(self, folder: Path, entry: Entry, side: int) -> Network:
        """Load what `write` wrote as a user of the library does."""

    @abstractmethod
    def usage(self, name: str, entry: Entry, side: int) -> str:
        """Return the Python that loads the files from `name`, their folder, and encodes `images`."""


def trunk(backbone: Backbone) -> nn.Module:
    """Return timm's model inside a backbone of output 'vector'."""
    return backbone.network


def only_of_timm(backbone: Backbone, remedy: str) -> None:
    """Refuse an architecture that a stranger's timm does not have.

    Raises
    ------
    Unfit
        Naming it and the remedy.
    """
    from timm.models import model_entrypoint

    name = backbone.model_name
    if not model_entrypoint(name).__module__.startswith("timm."):
        raise Unfit(f"timm itself has no {name}, which is an architecture of ours. {remedy}")
