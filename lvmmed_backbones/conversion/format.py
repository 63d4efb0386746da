"""What every format of `convert` has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from torch import Tensor

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
