"""Which call a function's result is of: kept with it in words, for lists."""

from __future__ import annotations

import datetime
import decimal
import enum
import json
import pathlib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from marimo_cellar.entries.arguments import written
from tests import kernels
from tests.conftest import Write, ran


def said(**arguments: object) -> dict[str, str]:
    text = written(arguments)
    assert text is not None
    found: dict[str, str] = json.loads(text)
    return found


class Colour(enum.Enum):
    RED = 1


class Loud:
    """Whoever asks it anything runs the user's code."""

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":
            return Loud
        raise AssertionError(f"{name} was asked for")

    def __repr__(self) -> str:
        raise AssertionError("repr was asked for")


class Text(str):
    def __repr__(self) -> str:
        raise AssertionError("repr was asked for")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("Why is the sky blue?", "'Why is the sky blue?'"),
        (3, "3"),
        (2.5, "2.5"),
        (None, "None"),
        (datetime.date(2026, 2, 28), "datetime.date(2026, 2, 28)"),
        (decimal.Decimal("1.10"), "Decimal('1.10')"),
        (pathlib.PurePosixPath("a/b"), "PurePosixPath('a/b')"),
        ([1, [2, [3, [4, [5]]]]], "[1, [2, [3, [4, [...]]]]]"),
        (list(range(100)), "[0, 1, 2, 3, 4, 5, 6, 7, ...]"),
        (
            [{"role": "user", "content": "Hello"}],
            "[{'role': 'user', 'content': 'Hello'}]",
        ),
        (b"\0" * 1000, "bytes(1000)"),
        (np.zeros((3, 4)), "ndarray(3 \N{MULTIPLICATION SIGN} 4)"),
        (np.float64(1.5), "1.5"),
        (pl.DataFrame({"a": [1, 2]}), "DataFrame(2 \N{MULTIPLICATION SIGN} 1)"),
        (pl.LazyFrame({"a": [1, 2]}), "LazyFrame"),
        (len, "len"),
        (Path, "Path"),
        (Colour.RED, "Colour"),
        (Loud(), "Loud"),
        (Text("text"), "Text"),
        ({Loud(): [Loud()]}, "{Loud: [Loud]}"),
        (10**5000, "int"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_is_named_as_python_writes_it_and_runs_nothing(
    value: object, words: str
) -> None:
    assert said(value=value) == {"value": words}


def test_of_a_long_text_both_ends_are_told() -> None:
    words = said(prompt=f"Begin {'x' * 1_000_000} end?")["prompt"]
    assert words.startswith("'Begin xxx") and words.endswith("xxx end?'")
    assert len(words) <= 400
    deep = [[["y" * 200] * 9] * 9] * 9
    assert len(said(deep=deep)["deep"]) == 400


def test_a_secret_is_not_written_down() -> None:
    assert said(
        api_key="sk-1",
        OPENAI_API_KEY="sk-2",
        token="ghp",
        max_tokens=100,
        tokenizer="words",
        key="of a row",
        headers={"Authorization": "Bearer", "accept": "json"},
    ) == {
        "api_key": "***",
        "OPENAI_API_KEY": "***",
        "token": "***",
        "max_tokens": "100",
        "tokenizer": "'words'",
        "key": "'of a row'",
        "headers": "{'Authorization': ***, 'accept': 'json'}",
    }


def test_what_is_no_text_in_a_database_is_written_all_the_same() -> None:
    assert said(text="\ud800 é 日本") == {"text": r"'\ud800 é 日本'"}
    assert written({}) is None
    assert len(said(**{f"a{i}": i for i in range(100)})) == 20


# In a notebook

FUNCTIONS = """
@mo.persistent_cache
def ask(prompt, *more, model="small", **options):
    ran(prompt)
    return prompt.upper()

class Asker:
    @mo.persistent_cache
    def asked(self, prompt):
        return prompt.lower()

@mo.persistent_cache(method="lazy")
def table(rows):
    return [ask("inside")] * rows

@mo.persistent_cache
def drain(left):
    left.clear()

@mo.persistent_cache
async def later(prompt):
    return prompt[::-1]
"""
CALLS = """
answers = [ask("one"), ask("two", 1, 2, model="large", seed=3), ask(prompt="three")]
asker = Asker()
answers += [asker.asked("FOUR"), table(2), await later("five"), drain([1, 2])]
with mo.persistent_cache("block"):
    nothing = 1
"""


def calls_of(notebook: Path) -> list[tuple[str, dict[str, str]]]:
    rows = kernels.query(
        notebook,
        "SELECT cache_name, arguments FROM entries LEFT JOIN calls USING (entry_id)"
        " WHERE cache_name <> 'cell_cache' ORDER BY cache_name, arguments",
    )
    return [(name, json.loads(text or "{}")) for name, text in rows]


def test_a_function_s_results_say_what_it_was_called_with(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write("asked.py", functions=FUNCTIONS, calls=CALLS)
    run = kernels.export(notebook, env)
    assert ran(notebook) == ["one", "two", "three", "inside"], run.printed
    usual = {"more": "()", "model": "'small'"}
    asks = [{"prompt": f"'{prompt}'", **usual} for prompt in ("inside", "one", "three")]
    asks.append({"prompt": "'two'", "model": "'large'", "more": "(1, 2)", "seed": "3"})
    found = calls_of(notebook)
    assert [one for name, one in found if name == "ask"] == asks
    assert [(name, one) for name, one in found if name != "ask"] == [
        ("asked", {"prompt": "'FOUR'"}),
        ("block", {}),
        ("drain", {"left": "[1, 2]"}),
        ("later", {"prompt": "'five'"}),
        ("table", {"rows": "2"}),
    ]
