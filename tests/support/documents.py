"""What README, the pages of docs/ and the notebooks contain (blocks, commands, cells), and how it is run quickly."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import inst
from inst.assets import mini_folder
from inst.models.settings import with_overrides
from inst.pipelines.session import default_session

ROOT = Path(__file__).parents[2]
PAGES = [
    path
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if "_build" not in path.parts
]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
_BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^>]+) -->\n+)?```(?P<language>[a-z]*)\n(?P<text>.*?)^```$", re.M | re.S
)

_STEPS = re.compile(r"\b(max_train_steps|num_inference_steps|num_steps|invert_steps|steps)=[\d_]+")
_STABLE_DIFFUSION = '"stable-diffusion-v1-5/stable-diffusion-v1-5"'
QUICK = {"resolution": 64, "crop": 64, "num_steps": 3, "train_steps": 2, "batch_size": 2}
"""The miniature's defaults while examples run: what is tested is that they do, not what comes of it."""


@pytest.fixture(scope="module")
def quick_model():
    """One session for a module's tests, with defaults that take seconds; other tests' default session is left alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("inst.models.load.with_overrides", lambda d, o, n: with_overrides(d, {**o, **QUICK}, n))
        default_session.cache_clear()
        patch.setattr(inst, "load_model", lambda model="mini", **_: default_session())
        yield
    default_session.cache_clear()


def shortened(code: str) -> str:
    """The code with few steps, small pictures, and the miniature in place of Stable Diffusion."""
    code = _STEPS.sub(r"\1=2", code).replace("(512, 512)", "(64, 64)")
    return code.replace(_STABLE_DIFFUSION, repr(str(mini_folder())))


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        line: of the page, that of the first line of the text.
        reason: why it is not run, from the comment ``<!-- not run: … -->`` before it.
    """

    language: str
    text: str
    line: int
    reason: str | None


def blocks(page: Path, language: str) -> list[Block]:
    """The page's fenced blocks in a language."""
    source = page.read_text(encoding="utf-8")
    found = [
        Block(match["language"], match["text"], source.count("\n", 0, match.start("text")) + 1, match["reason"])
        for match in _BLOCK.finditer(source)
    ]
    return [block for block in found if block.language == language]


def commands(page: Path) -> Iterator[str]:
    """Every command of the page: a line of a block ``bash``, or a code span that begins with ``inst ``."""
    for block in blocks(page, "bash"):
        yield from (line for line in block.text.replace("\\\n", " ").splitlines() if line.strip())
    prose = _BLOCK.sub("", page.read_text(encoding="utf-8"))
    yield from re.findall(r"`((?:inst|python|make|accelerate|torchrun) [^`]+)`", prose)


def code_cells(notebook: Path) -> list[str]:
    """The sources of a notebook's code cells."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
