"""Downloads from the Hugging Face hub: from the local cache if possible, else over the network in up to three attempts.

No other module accesses the hub.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from pathlib import Path

from inst.errors import ModelError

MAX_ATTEMPTS = 3
TIMEOUT = 10.0
"""Timeout in seconds of the request for a repository's list of files."""
INITIAL_WAIT = 0.5
"""Seconds to wait before the second attempt; the wait doubles before the third."""

FileSelector = Callable[[Collection[str]], list[str]]
"""Selects the needed files from the names of all files in a repository.

Raises ModelError if a needed file is not among them.
"""


def fetch(repository: str, choose: FileSelector, *, markers: Collection[str], hint: str = "") -> Path:
    """The local folder with the needed files of a hub repository, downloaded if the cache does not have all of them.

    Args:
        repository: ``owner/name``.
        choose: selects the needed files.
        markers: file names of which every such repository has at least one. They locate the repository in the cache.
        hint: appended to the error message if the download fails, such as a repository to use instead.

    Raises:
        ModelError: the files are neither in the cache nor can they be downloaded. The message names the repository, the
            cause and what to do.
    """
    folder = cached_folder(repository, *markers)
    if folder is not None and _is_complete(folder, choose):
        return folder
    return _download(repository, choose, hint)


def cached_folder(repository: str, *markers: str) -> Path | None:
    """The cached snapshot folder of a repository's main revision, or None if none is cached. Does not use the network.

    Args:
        repository: ``owner/name``.
        markers: file names to look up; the first one in the cache locates the folder.

    Raises:
        ModelError: ``repository`` is not a valid repository id.
    """
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    for marker in markers:
        try:
            cached = try_to_load_from_cache(repository, marker)
        except HFValidationError:
            raise ModelError(f"{repository} is neither a folder that exists nor a hub id (owner/name)") from None
        if isinstance(cached, str):
            return Path(cached.removesuffix(marker))
    return None


def files_in(folder: Path) -> list[str]:
    """Paths of all files below ``folder``, relative to it, with forward slashes, sorted."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _is_complete(folder: Path, choose: FileSelector) -> bool:
    try:
        choose(files_in(folder))
    except ModelError:
        return False
    return True


def _download(repository: str, choose: FileSelector, hint: str) -> Path:
    from huggingface_hub import HfApi, snapshot_download

    wait = INITIAL_WAIT
    for attempt in range(1, MAX_ATTEMPTS + 1):
        try:
            # list_repo_files would retry for 24 s without a network and log every attempt.
            siblings = HfApi().model_info(repository, timeout=TIMEOUT).siblings or []
            needed = choose([sibling.rfilename for sibling in siblings])
            return Path(snapshot_download(repository, allow_patterns=needed))
        except ModelError as error:
            raise ModelError(f"{repository} on the hub: {error}") from None
        except Exception as error:
            cause, is_transient = _cause(error)
            if attempt == MAX_ATTEMPTS or not is_transient:
                raise ModelError(f"{repository} cannot be downloaded: {cause}{hint}") from error
        time.sleep(wait)
        wait *= 2
    raise AssertionError("the last attempt returns or raises")


def _cause(error: Exception) -> tuple[str, bool]:
    """A description of what went wrong, and whether another attempt may succeed."""
    from huggingface_hub import errors

    match error:
        case errors.OfflineModeIsEnabled():
            return (
                "HF_HUB_OFFLINE is set and the repository is not in the cache: "
                "unset HF_HUB_OFFLINE, or give a local folder or file",
                False,
            )
        case errors.GatedRepoError():
            return "accept its licence on its page on the hub, then log in with: hf auth login", False
        case errors.RepositoryNotFoundError():
            return "the hub has no such repository, or it is private (hf auth login) or renamed", False
        case errors.HfHubHTTPError() if error.response is not None and error.response.status_code < 500:
            return f"the hub answered {error.response.status_code}", error.response.status_code == 429
        case OSError() if error.errno == 28:
            return "the disk is full", False
        case _:
            first_line = (str(error).splitlines() or [type(error).__name__])[0]
            return f"the hub cannot be reached ({first_line}); a local folder or file works without a network", True
