"""Links from page to page that work both in a checkout and on the site.

Pages link to files of the repository as a reader of the checkout expects, relative to the file that the link stands
in. Some of those files are pages of the site, included from where they belong; links to them are pointed at the page.
Any other file of the repository becomes a download. A link to a file that does not exist stays as it is, and fails the
build.
"""

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parent
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks": "measuring.md",
    "benchmarks/README.md": "measuring.md",
    "benchmarks/on-a-gpu.md": "results/on-a-gpu.md",
    "miniature": "models/recipe.md",
    "miniature/README.md": "models/recipe.md",
    "inst/assets/mini/MODEL_CARD.md": "models/miniature.md",
    "inst/assets/avatars/MODEL_CARD.md": "models/avatars.md",
}
PAGES |= {f"benchmarks/results/{page.name}": f"results/{page.name}" for page in (DOCS / "results").glob("*.md")}
"""Files and folders of the repository, and the pages of the site that show them."""
_LINK = re.compile(r"\]\((?P<path>[^()\s#]+)(?P<anchor>#[^()\s]*)?\)")


def point_to_pages(text: str, file: Path) -> str:
    """The Markdown text of a file with every relative link made absolute from the folder of the site's sources."""

    def absolute(link: re.Match[str]) -> str:
        path = link["path"]
        if ":" in path or path.startswith("/"):
            return link[0]
        target = (file.parent / path).resolve()
        if not target.is_relative_to(ROOT) or not target.exists():
            return link[0]
        page = PAGES.get(str(target.relative_to(ROOT)))
        if page is None and target.is_relative_to(DOCS):
            page = str(target.relative_to(DOCS))
        return f"](/{page or Path('..') / target.relative_to(ROOT)}{link['anchor'] or ''})"

    return _LINK.sub(absolute, text)


def _page(app: Sphinx, docname: str, source: list[str]) -> None:
    path = Path(app.env.doc2path(docname))
    if path.suffix == ".md":
        source[0] = point_to_pages(source[0], path)


def _included(app: Sphinx, path: Path, parent: str, content: list[str]) -> None:
    content[0] = point_to_pages(content[0], (Path(app.srcdir) / path).resolve())


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("source-read", _page)
    app.connect("include-read", _included)
    return {"parallel_read_safe": True}
