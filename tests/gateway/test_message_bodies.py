"""Test how the image of a message is separated from its JSON, wherever the document is cut."""

from __future__ import annotations

import base64
import json
import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException

from qctl.gateway.message_bodies import MAX_TEXTS, ImageExtractor
from qctl.gateway.middleware import MAX_BODY_BYTES

MAX_IMAGE = 1 << 20


def extract(document: bytes, cuts: list[int], max_bytes: int = MAX_IMAGE) -> tuple[Any, bytes]:
    """The rest of a document as JSON, and its image."""
    image = bytearray()
    extractor = ImageExtractor(max_bytes, image.extend)
    places = sorted({0, *(cut % (len(document) + 1) for cut in cuts), len(document)})
    for begin, end in pairwise(places):
        extractor.feed(document[begin:end])
    return json.loads(extractor.rest), bytes(image)


TEXTS = st.text(st.sampled_from('"\\/{}[]:, ü🐍\n') | st.characters(codec="utf-8"), max_size=30)
CUTS = st.lists(st.integers(0, 10_000), max_size=12)


@given(st.dictionaries(TEXTS.filter(lambda name: name != "image"), TEXTS, max_size=4), st.binary(max_size=60), CUTS)
def test_an_image_is_separated_wherever_the_document_is_cut(
    others: dict[str, str], image: bytes, cuts: list[int]
) -> None:
    url = f"data:image/png;base64,{base64.b64encode(image).decode()}"
    for before, after in ((others, {}), ({}, others)):
        document = json.dumps({**before, "image": url, **after}, ensure_ascii=False)
        for text in (document, document.replace("/", "\\/") if "\\" not in document else document):
            assert extract(text.encode(), cuts) == ({**others, "image": "data:"}, image)


@given(
    st.recursive(st.none() | TEXTS | st.integers(), lambda values: st.dictionaries(TEXTS, values) | st.lists(values)),
    CUTS,
)
def test_other_documents_stay_as_they_are(content: Any, cuts: list[int]) -> None:
    assert extract(json.dumps(content).encode(), cuts) == (content, b"")


@pytest.mark.parametrize(
    "document",
    [
        {"a": {"image": "data:image/png;base64,AAAA"}},
        [{"image": "data:image/png;base64,AAAA"}],
        {'a"image': "data:image/png;base64,AAAA"},
        {"text": '"image": "data:image/png;base64,AAAA'},
        {"image": "https://a.example/x.png"},
        {"image": "data:image/png,AAAA"},
        {"image": None},
    ],
)
def test_only_the_top_level_image_is_separated(document: Any) -> None:
    for cut in range(40):
        assert extract(json.dumps(document).encode(), [cut]) == (document, b"")


@pytest.mark.parametrize(
    ("encoded", "status"),
    [
        ("AAA", 400),
        ("A===", 400),
        ("AA==AAAA", 400),
        ("AA A", 400),
        ("!!!!", 400),
        ("AAAA\\u0041", 400),
        ("AAAA" * 400_000, 413),
    ],
)
def test_a_wrong_or_large_image_is_refused(encoded: str, status: int) -> None:
    document = f'{{"image": "data:image/png;base64,{encoded}"}}'.encode()
    for cuts in ([], [35], [40, 41, 42, 43]):
        with pytest.raises(HTTPException) as refusal:
            extract(document, cuts)
        assert refusal.value.status_code == status


def test_a_second_image_is_refused() -> None:
    with pytest.raises(HTTPException):
        extract(b'{"image": "data:image/png;base64,AAAA", "image": "data:image/png;base64,BBBB"}', [])


@pytest.mark.parametrize(
    ("document", "status"),
    [
        (b'{"text": "' + b"x" * MAX_BODY_BYTES + b'"}', 413),
        (b'{"text": "' + b"\\\\" * (MAX_BODY_BYTES // 2) + b'"}', 413),
        (b"[" * (MAX_BODY_BYTES + 1), 413),
        (b'{"a": [' + b'"",' * (MAX_TEXTS + 1) + b'""]}', 400),
    ],
    ids=["text", "escapes", "brackets", "values"],
)
def test_what_is_no_image_is_limited_and_costs_little(document: bytes, status: int) -> None:
    begin = time.process_time()
    with pytest.raises(HTTPException) as refusal:
        extract(document, list(range(0, len(document), 65_536)))
    assert refusal.value.status_code == status
    assert time.process_time() - begin < 1.0
