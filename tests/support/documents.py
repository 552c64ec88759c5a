"""What README, the pages of docs/ and the notebooks hold: fenced blocks, commands, cells."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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
