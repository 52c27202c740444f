"""The shared table of normalised code, and what digests and nodes depend on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marimo_cellar.notebook.code import digest_of_normalised, node_digest, normalise

TABLE = Path(__file__).parents[2] / "test" / "fixtures" / "normalise.json"
CASES: list[dict[str, Any]] = json.loads(TABLE.read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_the_shared_table(case: dict[str, Any]) -> None:
    assert normalise(case["code"]) == case["normalised"]


PIECES = st.sampled_from(
    [
        *("'", '"', "'''", '"""', "f'", 'rf"', "b'", "{", "}", "{{", "\\", "#"),
        *("\n", "\r\n", "\r", "\f", "\t", " ", "    ", "\\\n", "(", ")", "[", "]"),
        *("x", "if a:", "1", ";", ":", "!r", "é", "\u2028", ",", "=", "\\{"),
    ]
)


@given(st.lists(PIECES, max_size=40).map("".join))
def test_any_text_has_a_normal_form(text: str) -> None:
    # Half-typed code must not stop anything; and a digest must be had of it.
    assert len(digest_of_normalised(normalise(text))) == 32


@given(st.lists(st.sampled_from(["x = 1", "if x:", "    y = (1,\n 2)", "z = 'a # b'"])))
def test_comments_and_blank_lines_do_not_count(lines: list[str]) -> None:
    plain = "\n".join(lines)
    commented = "\n\n# about it\n".join(lines) + "   # the end"
    assert normalise(commented) == normalise(plain)


def test_a_node_changes_with_any_ancestor_and_with_nothing_else() -> None:
    own, left, right = (
        digest_of_normalised("a"),
        digest_of_normalised("b"),
        digest_of_normalised("c"),
    )
    node = node_digest(own, [left, right])
    assert node == node_digest(own, [right, left, right])
    assert node != node_digest(own, [left])
    assert node != node_digest(left, [own, right])
