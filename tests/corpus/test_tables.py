"""The pages about readings and sheets list the whole corpus, as its files are now."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus.corpus import cases
from corpus.tables import PAGES, render

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", PAGES)
def test_page_lists_the_corpus(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    assert text == render(page, text), "run `PYTHONPATH=tests python -m corpus.tables docs`"


@pytest.mark.parametrize("page", PAGES)
def test_every_input_is_a_row(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    names = [name for domain in PAGES[page] for name in cases(domain)]
    assert names
    assert [name for name in names if f"| [{name.replace('-', ' ')}](https://" not in text] == []


@pytest.mark.parametrize("domain", ["readings", "posted", "sheets", "messages"])
def test_every_input_names_its_source(domain: str) -> None:
    assert [name for name, case in cases(domain).items() if not str(case.get("source", "")).startswith("http")] == []
