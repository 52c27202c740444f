"""Values that marimo fails to hash: without Cellar, a cached cell that reads one fails."""

from __future__ import annotations

import re
from pathlib import Path

from tests.conftest import Write, outcomes, ran
from tests.kernels import export

_VALUES = {
    "beyond_64_bits": "10**30",
    "beyond_64_bits_in_a_list": "[1, [-(10**30)]]",
    "complex_number": "3 + 1j",
    "decimal_number": "decimal.Decimal('1.5')",
    "fraction": "fractions.Fraction(1, 3)",
    "keys_of_several_types": "{1: 'one', 'two': 2, None: 3}",
    # As which marimo takes so many zeros.
    "whole_number_of_numpy": "np.int64(10**15)",
    "negative_number_of_numpy": "np.int64(-1)",
    "within_others": "[np.int64(10**15), {'a': (2**80,)}]",
    "nullable_column": "pd.Series([1, 2], dtype='Int64').to_frame('a')",
    "column_of_categories": "pd.Series(['a', 'b'], dtype='category')",
    "texts_of_numpy": "np.array(['a', 'bc'], dtype=np.dtypes.StringDType())",
    "counter": "collections.Counter([1, 'two', None, 1])",
    "categories": "pd.Categorical(['a', 'b', 'a'])",
    "half_a_pair_of_surrogates": "chr(0xD800) + 'a'",
}


def test_a_cell_that_reads_what_marimo_cannot_hash_runs_and_is_cached(
    write: Write, env: dict[str, str]
) -> None:
    def edited(number: int) -> Path:
        cells = {
            "imports": "import collections, decimal, fractions; import numpy as np, pandas as pd",
            "function": """
                @mo.persistent_cache
                def kind(x):
                    ran("called")
                    return type(x).__name__
            """,
        }
        for name, value in _VALUES.items():
            cells |= {
                f"make_{name}": f"ran('made'); {name} = {value}; _other = {number}",
                f"read_{name}": f"ran('read'); repr({name} == {value})",
                f"call_{name}": f"kind({name})",
            }
        return write("values.py", **cells)

    each = len(_VALUES)
    notebook = edited(1)
    first = export(notebook, env)
    assert sorted(ran(notebook)) == [
        name for name in ("called", "made", "read") for _ in range(each)
    ]
    assert "error" not in str(first.outputs), first
    assert export(notebook, env).outputs == first.outputs
    assert ran(notebook) == []
    assert set(outcomes(notebook).values()) == {"hit"}
    # It is known by the code that it comes from, so that a change there counts (of some
    # that came from the cache marimo has the bytes after all); as an argument it is known
    # by what it is.
    assert export(edited(2), env).outputs == first.outputs
    assert set(ran(notebook)) == {"made", "read"}
    assert first.warned == []


def test_a_set_of_several_types_is_read_and_given_to_a_function(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "sets.py",
        made="ran('made'); some = {1, 'two', None}",
        read="ran('read'); len(some)",
        function="""
            @mo.persistent_cache
            def size(x):
                return len(x)
        """,
        called="ran('called'); size(some)",
    )
    first = export(notebook, env)
    assert sorted(ran(notebook)) == ["called", "made", "read"]
    assert "error" not in str(first.outputs), first
    assert export(notebook, env).outputs == first.outputs
    assert ran(notebook) == []


def test_a_cell_without_a_key_runs_each_time(write: Write, env: dict[str, str]) -> None:
    notebook = write(
        "surrogate.py",
        lock="import threading; ran('lock'); lock = threading.Lock()",
        # marimo takes the text in the code for one that has bytes.
        lone="ran('lone'); lone = '\\ud800', lock.locked()",
        upon="ran('upon'); len(lone)",
        beside="ran('beside'); 1 + 1",
    )
    runs = [export(notebook, env)]
    assert sorted(ran(notebook)) == ["beside", "lock", "lone", "upon"]
    runs.append(export(notebook, env))
    # The lock has to be there for it, and cannot come from the cache.
    assert sorted(ran(notebook)) == ["lock", "lone", "upon"]
    assert runs[0].outputs == runs[1].outputs
    assert "error" not in str(runs[1].outputs)
    for run in runs:
        (warning,) = run.warned
        assert re.search("the cell that begins with \"ran\\('lone'\\)", warning), (
            warning
        )


def test_whoever_calls_a_cached_function_depends_on_it(
    write: Write, env: dict[str, str]
) -> None:
    def edited(word: str, number: int = 1) -> Path:
        return write(
            "callers.py",
            word=f"word = {word!r}",
            inner=f"""
                @mo.persistent_cache
                def inner(x):
                    ran("inner")
                    return [x, {number}]
            """,
            outer="""
                @mo.persistent_cache
                def outer(x):
                    ran("outer")
                    return [*inner(x), word]

                @mo.persistent_cache
                async def later(x):
                    ran("later")
                    return [x, word]

                @mo.cache
                def kept(x):
                    ran("kept")
                    return word
            """,
            calls="""
                found = [outer("a"), await later("b"), kept("c")]
                ran(repr(found))
            """,
            alone="ran('alone'); alone = 1",
        )

    def told(word: str, number: int) -> str:
        return repr([["a", number, word], ["b", word], word])

    notebook = edited("old")
    export(notebook, env)
    assert ran(notebook)[-2:] == [told("old", 1), "alone"]
    # What an edit has to do with, and nothing else; the answers that were paid for stay.
    edited("new")
    export(notebook, env)
    assert ran(notebook) == ["outer", "later", "kept", told("new", 1)]
    edited("new", 2)
    export(notebook, env)
    assert ran(notebook) == ["outer", "inner", "kept", told("new", 2)]
    for _ in range(2):
        export(notebook, env)
        assert ran(notebook) == []
    # Back to what was computed before.
    edited("old")
    export(notebook, env)
    assert ran(notebook) == []


def test_a_cached_function_depends_on_those_of_its_own_cell(
    write: Write, env: dict[str, str]
) -> None:
    def edited(number: int, factor: int = 1) -> Path:
        return write(
            "one_cell.py",
            cached=False,
            functions=f"""
                @mo.persistent_cache
                def inner(x):
                    ran("inner")
                    return x + {number}

                def plain(x):
                    return x * {factor}

                @mo.persistent_cache
                def outer(x):
                    ran("outer")
                    return inner(x) * 2 if x else plain(inner(1))

                @mo.persistent_cache
                def counted(n):
                    ran("counted")
                    return 0 if n == 0 else {number} + counted(n - 1)
            """,
            calls="ran(repr([outer(1), outer(0), counted(2)]))",
        )

    notebook = edited(1)
    export(notebook, env)
    assert ran(notebook)[-1] == "[4, 2, 2]"
    export(notebook, env)
    assert ran(notebook) == ["[4, 2, 2]"]
    edited(1, 3)
    export(notebook, env)
    assert ran(notebook) == ["outer", "outer", "[4, 6, 2]"]
    edited(5, 3)
    export(notebook, env)
    found = ran(notebook)
    assert (len(found), found[-1]) == (7, "[12, 18, 10]")
    export(notebook, env)
    assert ran(notebook) == ["[12, 18, 10]"]


def test_a_value_is_hashed_alike_that_was_made_and_that_was_restored(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "alike.py",
        libraries="import pandas as pd",
        frame="""
            words = ['ab', 'cd e', 'f'] * 3
            frame = pd.DataFrame({'word': words, 'n': range(9)})
            series = frame.word[frame.n > 3]
        """,
        note="""
            class Note:
                def __init__(self):
                    # Of which one is the same text as the attribute's name.
                    self.words, self.shown = 3, ["words", "more"]
            note = Note()
        """,
        table="table = mo.ui.dataframe(frame)",
        value="ran('value')\nrows = len(table.value)",
        function="""
            @mo.persistent_cache
            def count(one):
                ran('count')
                return len(one)
        """,
        calls="""
            s = mo.ui.switch()
            counts = count(frame), count(series)
            count([note, 2])
            ran(f'{counts} {rows}')
        """,
    )
    export(notebook, env)
    assert ran(notebook) == ["value", "count", "count", "count", "(9, 5) 9"]
    export(notebook, env)
    assert ran(notebook) == ["(9, 5) 9"]


def test_what_holds_a_set_is_hashed_alike_in_each_process(
    write: Write, env: dict[str, str]
) -> None:
    words = "set('a long line of words of which each is another one'.split())"
    notebook = write(
        "sets.py",
        cached=False,
        imports="import dataclasses",
        classes="""
            @dataclasses.dataclass
            class Query:
                words: set
                more: object = None
        """,
        asked="""
            @mo.persistent_cache
            def asked(query, words=frozenset()):
                ran("asked")
                return sorted(query.words)
        """,
        # As the settings are that a project reads.
        kept=f"kept = Query({words}); kept.words.discard('a')",
        of_kept="""
            @mo.persistent_cache
            def of_kept(name):
                ran("of_kept")
                return [name, *sorted(kept.words)]
        """,
        calls=f"""
            asked(Query({words}))
            asked(Query({{(one, 1) for one in {words}}}))
            asked(Query(set(), {{frozenset({{one, "x"}}) for one in {words}}}))
            asked(Query(set(), [{words}]), frozenset({words}))
            of_kept("a")
        """,
    )
    for _ in range(4):
        export(notebook, env)
    assert sorted(ran(notebook)) == [*["asked"] * 4, "of_kept"]
