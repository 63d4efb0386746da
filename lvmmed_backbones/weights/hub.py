"""Files of a model hub in Hugging Face's layout, fetched and cached by huggingface_hub.

Its settings hold: HF_HOME and HF_HUB_CACHE (where files lie), HF_HUB_OFFLINE, HF_ENDPOINT (another server), HF_TOKEN.
A download that breaks off goes on where it stopped.
"""

from __future__ import annotations

import re
from pathlib import Path

# As the hub allows them. A name with other characters could lead out of the cache's folder.
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
REVISION = re.compile(r"[A-Za-z0-9][\w./-]*", re.ASCII)


def fetch(repository: str, file: str, revision: str | None = None) -> Path:
    """Return the path of a repository's file, in the snapshot of its commit, after it was fetched if need be.

    Parameters
    ----------
    repository : str
        ORG/REPO.
    revision : str, optional
        A commit, a tag or a branch; None: the main branch.

    Raises
    ------
    FileNotFoundError
        If the repository has no such file.
    ConnectionError
        If the hub can't be reached and the file is not on this machine, or if the hub asks for an agreement first.
    ValueError
        If there is no such repository or revision.
    """
    from huggingface_hub import errors, hf_hub_download

    check_name(repository, revision)
    at = f"{repository}@{revision or 'main'}"
    try:
        return Path(hf_hub_download(repository, file, revision=revision))
    except errors.GatedRepoError:
        raise ConnectionError(
            f"{at}: its owner asks for an agreement first. Agree on {page(repository)}, and set HF_TOKEN to your token"
        ) from None
    except errors.RepositoryNotFoundError:
        raise ValueError(
            f"{at}: the hub has no such repository, or it is private. See {page(repository)}; for a private one set "
            "HF_TOKEN"
        ) from None
    except errors.RevisionNotFoundError:
        raise ValueError(
            f"{at}: the repository has no such revision. Name a commit, a tag or a branch of {page(repository)}"
        ) from None
    except errors.LocalEntryNotFoundError as error:
        raise ConnectionError(
            f"{file} of {at} is not on this machine, and the hub cannot be asked ({_first_line(error)}). Fetch it "
            f"where there is a network, by the same command, and copy it to {folder(repository)}"
        ) from None
    except errors.EntryNotFoundError:
        raise FileNotFoundError(f"{at} has no file {file}. See {page(repository)}") from None
    except OSError as error:  # HTTP errors are among these
        raise ConnectionError(
            f"{file} of {at} cannot be fetched ({_first_line(error)}). Try again: "
            f"what came stays in {folder(repository)}"
        ) from None


def check_name(repository: str, revision: str | None = None) -> None:
    """Raise ValueError for what is no ORG/REPO, or no revision."""
    if not REPOSITORY.fullmatch(repository) or ".." in repository:
        raise ValueError(
            f"{repository!r} is no name of a repository: write ORG/REPO or ORG/REPO@REVISION"
        )
    if revision is not None and (not REVISION.fullmatch(revision) or ".." in revision):
        raise ValueError(f"{revision!r} is no revision: write a commit, a tag or a branch")


def folder(repository: str) -> Path:
    """Where the files of a repository lie, or will lie."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"


def cached(repository: str, file: str, revision: str | None = None) -> Path | None:
    """The path of a file that is on this machine; None if it is not. The hub is not asked."""
    from huggingface_hub import constants, try_to_load_from_cache

    found = try_to_load_from_cache(
        repository, file, cache_dir=constants.HF_HUB_CACHE, revision=revision
    )
    return Path(found) if isinstance(found, str) else None


def page(repository: str) -> str:
    """The repository's page."""
    from huggingface_hub import constants

    return f"{constants.ENDPOINT}/{repository}"


def commit_of(path: Path) -> str:
    """The commit that a fetched file is of: huggingface_hub keeps files as snapshots/COMMIT/FILE."""
    parts = path.parts
    return parts[len(parts) - 1 - parts[::-1].index("snapshots") + 1]


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
