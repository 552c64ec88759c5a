"""The one door to the Hugging Face hub: the cache first, then the network, at most three tries."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from pathlib import Path

from inst.errors import ModelError

MAX_TRIES = 3
TIMEOUT = 10.0
"""Seconds for the list of files."""
FIRST_WAIT = 0.5
"""Seconds before the second try; doubled before the third."""

Choice = Callable[[Collection[str]], list[str]]
"""Which of a repository's files are wanted; raises ModelError when they do not make up what is looked for."""


def fetch(repository: str, choose: Choice, *, markers: Collection[str], hint: str = "") -> Path:
    """The folder that holds the files `choose` picks from a hub repository.

    Args:
        repository: ``owner/name``.
        choose: picks from the names that are there.
        markers: files of which every such repository has one; its place in the cache is the folder's.
        hint: closes the sentence of a failure, such as a repository to use instead.

    Raises:
        ModelError: neither the cache nor the hub has it: its id, the cause and what to do.
    """
    folder = cached_folder(repository, *markers)
    if folder is not None and _is_complete(folder, choose):
        return folder
    return _download(repository, choose, hint)


def cached_folder(repository: str, *markers: str) -> Path | None:
    """Where the cache keeps the repository's newest known state, or None. Reaches no network.

    Raises:
        ModelError: `repository` cannot be an id.
    """
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    for marker in markers:
        try:
            place = try_to_load_from_cache(repository, marker)
        except HFValidationError:
            raise ModelError(f"{repository} is neither a folder that exists nor a hub id (owner/name)") from None
        if isinstance(place, str):
            return Path(place.removesuffix(marker))
    return None


def files_in(folder: Path) -> list[str]:
    """Names of all files below `folder`, with forward slashes."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _is_complete(folder: Path, choose: Choice) -> bool:
    try:
        choose(files_in(folder))
    except ModelError:
        return False
    return True


def _download(repository: str, choose: Choice, hint: str) -> Path:
    from huggingface_hub import HfApi, snapshot_download

    wait = FIRST_WAIT
    for attempt in range(1, MAX_TRIES + 1):
        try:
            # not list_repo_files: that one waits 24 s for a network that is not there, and logs every try
            siblings = HfApi().model_info(repository, timeout=TIMEOUT).siblings or []
            wanted = choose([sibling.rfilename for sibling in siblings])
            return Path(snapshot_download(repository, allow_patterns=wanted))
        except ModelError as error:
            raise ModelError(f"{repository} on the hub: {error}") from None
        except Exception as error:
            cause, may_pass = _cause(error)
            if attempt == MAX_TRIES or not may_pass:
                raise ModelError(f"{repository} cannot be fetched: {cause}{hint}") from error
        time.sleep(wait)
        wait *= 2
    raise AssertionError("the last try returns or raises")


def _cause(error: Exception) -> tuple[str, bool]:
    """What went wrong in words, and whether another try may help."""
    from huggingface_hub import errors

    match error:
        case errors.OfflineModeIsEnabled():
            return (
                "HF_HUB_OFFLINE is set and it is not in the cache: unset it, or give a local folder or file",
                False,
            )
        case errors.GatedRepoError():
            return "its licence must be accepted on its page on the hub, then: hf auth login", False
        case errors.RepositoryNotFoundError():
            return "the hub has no such repository, or it is private (hf auth login) or renamed", False
        case errors.HfHubHTTPError() if error.response is not None and error.response.status_code < 500:
            return f"the hub answered {error.response.status_code}", error.response.status_code == 429
        case OSError() if error.errno == 28:
            return "the disk is full", False
        case _:
            first_line = (str(error).splitlines() or [type(error).__name__])[0]
            return f"the hub is not reachable ({first_line}); a local folder or file needs no network", True
