"""CLIP's tokenizer, from a folder or from the merge list that open_clip includes."""

from __future__ import annotations

import gzip
import importlib.util
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from inst.errors import ModelError

if TYPE_CHECKING:
    from transformers import CLIPTokenizer

MERGES_FILE = "bpe_simple_vocab_16e6.txt.gz"
NUM_MERGES = 49152 - 256 - 2
START, END = "<|startoftext|>", "<|endoftext|>"
VOCABULARY_SIZE = 49408


def tokenizer_from_folder(folder: Path) -> CLIPTokenizer:
    """Load the tokenizer of a diffusers folder.

    Raises:
        ModelError: the tokenizer cannot be loaded from the folder's files.
    """
    from transformers.models.clip.tokenization_clip import CLIPTokenizer

    try:
        return CLIPTokenizer.from_pretrained(str(folder), local_files_only=True)
    except Exception as error:
        raise ModelError(f"the tokenizer in {folder.name}/ cannot be read: {str(error).splitlines()[0]}") from error


def clip_tokenizer(*, pad_token: str = END, max_length: int = 77) -> CLIPTokenizer:
    """The tokenizer that all CLIP text encoders share, built without any file of the model.

    Args:
        pad_token: ``<|endoftext|>`` for SD 1.x, ``!`` (id 0) for SD 2.x.
        max_length: maximum number of tokens of the text encoder.

    Raises:
        ModelError: open_clip, whose merge list is used, is not installed.

    >>> clip_tokenizer()("a painting").input_ids
    [49406, 320, 3086, 49407]
    """
    from transformers.models.clip.tokenization_clip import CLIPTokenizer

    merges = _merges()
    return CLIPTokenizer(
        vocab={token: index for index, token in enumerate(_vocabulary(merges))},
        merges=merges,  # pyright: ignore[reportArgumentType]
        pad_token=pad_token,
        model_max_length=max_length,
    )


@cache
def _merges() -> list[tuple[str, str]]:
    spec = importlib.util.find_spec("open_clip")
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(
            f"loading a single weight file needs {MERGES_FILE} of the package open_clip: pip install open_clip_torch"
        )
    # The package is only located, because importing open_clip takes a second.
    packed = Path(spec.submodule_search_locations[0]) / MERGES_FILE
    lines = gzip.decompress(packed.read_bytes()).decode("utf-8").split("\n")[1 : NUM_MERGES + 1]
    pairs = [line.split() for line in lines]
    return [(first, second) for first, second in pairs]


def _vocabulary(merges: list[tuple[str, str]]) -> list[str]:
    """All tokens in the order of their ids: bytes, bytes at the end of a word, merges, and the two special tokens."""
    letters = _byte_letters()
    return [*letters, *(letter + "</w>" for letter in letters), *(a + b for a, b in merges), START, END]


def _byte_letters() -> list[str]:
    """A printable character for each byte, in GPT-2's order: first the printable bytes, then the rest from U+0100."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    num_unprintable = 256 - len(printable)
    return [chr(byte) for byte in printable] + [chr(256 + index) for index in range(num_unprintable)]
