"""The pages hold together without building the site: links lead somewhere, every public name has its place."""

import re

import pytest
from support.documents import ROOT

import inst

MARKDOWN = [
    path
    for folder in ("", "docs", "benchmarks", "miniature", "inst", "style_images")
    for path in sorted((ROOT / folder).glob("*.md" if not folder else "**/*.md"))
    if "_build" not in path.parts and path.name != "avatars_card.md"  # a part of the model card of the avatars
]
_LINK = re.compile(r"\]\(([^()\s#:]+)(?:#[^()\s]*)?\)")


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_of_a_page_lead_to_files(page):
    missing = [link for link in _LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / link).exists()]
    assert not missing


def test_every_public_name_is_in_the_reference():
    reference = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\.\. (?:auto\w+|py:data):: inst\.([\w.]+)", reference, re.M))
    assert set(inst.__all__) - {"diffusers"} <= documented

