"""Comments in JSON bodies, where a document's own example has them (OPER)."""

import json

import pytest

from sliproad.foundation.web.bodies import without_comments


@pytest.mark.parametrize(
    ("body", "meant"),
    [
        ('{"a": 1, // Optional\n"b": true // Whether\n}', {"a": 1, "b": True}),
        ('{"url": "wss://host//path", "q": "\\"// no \\\\"} // yes', {"url": "wss://host//path", "q": '"// no \\'}),
        ("// sample\n[]", []),
        ('{"plain": "1/2"}', {"plain": "1/2"}),
    ],
)
def test_comments_go_and_texts_stay(body: str, meant: object) -> None:
    assert json.loads(without_comments(body.encode())) == meant


def test_a_text_without_an_end_costs_no_more_than_its_length() -> None:
    body = b"//\n" + b'"\\' * 500_000
    assert without_comments(body) == body[2:]
