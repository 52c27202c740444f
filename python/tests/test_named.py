"""Which files code names, by what is known of its variables; and what patterns stand for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from marimo_cellar.entries.named import named_by
from marimo_cellar.entries.patterns import matching
from marimo_cellar.notebook.notebook import Cell, Graph, KernelCell

FOLDER = os.path.join(os.sep, "notebooks")
KNOWN: dict[str, Any] = {
    "DATA": Path("data"),
    "name": "one.csv",
    "number": 7,
    "weight": 0.5,
    "query": "SELECT * FROM 'in_query.csv'",
    "files": {"a": "a.csv", "b": [Path("b.csv")]},
    "load": lambda: None,
    "helper": lambda: None,
    "Loader": Cell,
    "__file__": os.path.join(FOLDER, "nb.py"),
}


def named(
    code: str,
    *others: KernelCell,
    function: str | None = None,
    arguments: Mapping[str, object] | None = None,
) -> list[str]:
    cell = KernelCell("own", code, frozenset(), frozenset())
    own = Cell("own", None, 0, code, (), (), Graph([cell, *others]))

    def values(_: str, names: Iterable[str]) -> dict[str, Any]:
        return {name: KNOWN[name] for name in names if name in KNOWN}

    found = named_by(own, function, arguments or {}, values, FOLDER)
    return [text.replace(os.sep, "/") for text in found]


@pytest.mark.parametrize(
    ("code", "paths"),
    [
        ("read('one.csv')", ["one.csv"]),
        ("ask('What is **that**, a file.md')", []),
        ("read('one', 'https://host/a.csv', 'a\\nb.csv')", []),
        ("read(DATA / 'x.csv')", ["data/x.csv"]),
        ("read(DATA / name)", ["data/one.csv"]),
        ("read(DATA / missing / 'x.csv')", ["x.csv"]),
        ("read(str(DATA) + '/x.csv')", ["data/x.csv"]),
        ("read(os.path.join(DATA, 'deep', name))", ["data/deep/one.csv"]),
        ("read(DATA.joinpath('deep', name).resolve())", ["data/deep/one.csv"]),
        ("read(Path('a', 'b') / 'c.csv')", ["a/b/c.csv"]),
        ("read(f'{DATA}/{name}')", ["data/one.csv"]),
        ("read(f'{number}.csv')", ["7.csv"]),
        ("read(f'{weight}.csv')", []),
        ("read(f'{number:03}.csv')", []),
        ("read(mo.notebook_dir() / name)", ["/notebooks/one.csv"]),
        ("read(Path(__file__).parent / name)", ["/notebooks/one.csv"]),
        (
            "read(files['a'], files['b'][0], files['b'][9], files['c'])",
            ["a.csv", "b.csv"],
        ),
        ("mo.sql(f'SELECT * FROM \\'d/*.csv\\' WHERE a > {weight}')", ["d/*.csv"]),
        (
            'mo.sql("""SELECT *\nFROM \'one.csv\', "two.csv"\n""")',
            ["one.csv", "two.csv"],
        ),
        ("mo.sql(query)", ["in_query.csv"]),
        ("f'{read(name)} and {read(DATA / name)}'", ["one.csv", "data/one.csv"]),
        # Who uses the variable names the file.
        ("path = 'one.csv'; other: Path = DATA / name", []),
        ("path = DATA / name\nread(path, name)", ["data/one.csv", "one.csv"]),
        ("frame = read('one.csv')", ["one.csv"]),
        # What is written is a result.
        ("read('in.csv').write_csv('out.csv'); frame.to_csv(DATA / name)", ["in.csv"]),
        # Not before it is called.
        ("def load(path='usual.csv'):\n    return read('one.csv')", ["usual.csv"]),
        ("def load():\n    return read('one.csv')\nload()", []),
        ("this is not 'python.csv", []),
    ],
)
def test_expressions_come_to_paths(code: str, paths: list[str]) -> None:
    assert named(code) == paths


def test_functions_and_classes_that_a_cell_uses_name_files_too() -> None:
    defining = KernelCell(
        "other",
        "def load():\n    return helper('load.csv')\n"
        "def helper(path):\n    return read(path, 'helper.csv')\n"
        "def unused():\n    return read('unused.csv')\n"
        "class Loader:\n    def load(self):\n        return read('class.csv')\n"
        "path = 'of the cell.csv'\n",
        frozenset({"load", "helper", "unused", "Loader", "path"}),
        frozenset(),
    )
    assert sorted(named("load()", defining)) == ["helper.csv", "load.csv"]
    assert named("Loader().load()", defining) == ["class.csv"]
    assert named("unused_of_all = 1", defining) == []


def test_a_function_s_own_variables_are_followed() -> None:
    code = (
        "def load():\n    path = DATA / 'x.csv'\n    other: str = 'y.csv'\n"
        "    return read(path), read(f'a/{other}'), read(later := 'z.csv')"
    )
    assert named(code, function="load") == ["data/x.csv", "a/y.csv", "z.csv"]


def test_what_is_nested_very_deeply_names_nothing() -> None:
    code = "read(" + " + ".join(["name"] * 900) + ")"
    assert named(code) == []
    code = "f(" * 90 + "name" + ")" * 90
    assert named(code) == ["one.csv"]


def test_a_cached_function_names_what_it_is_called_with() -> None:
    code = (
        "def load(name, more):\n    return read(DATA / f'{name}.csv'), read('own.csv')\n"
        "def other():\n    return read('other.csv')"
    )
    arguments = {"name": "called", "more": ["a.csv", PurePosixPath("b.csv"), 7, "word"]}
    assert named(code, function="load", arguments=arguments) == [
        "a.csv",
        "b.csv",
        "data/called.csv",
        "own.csv",
    ]
    # Such as a method: all that the cell has.
    assert named(code, function="elsewhere") == [
        "data/one.csv.csv",
        "own.csv",
        "other.csv",
    ]
    assert list(named_by(None, None, {"path": "a.csv"}, lambda *_: {}, FOLDER)) == [
        "a.csv"
    ]


def test_what_could_run_code_of_the_user_s_is_not_asked() -> None:
    class Text(str):
        def __str__(self) -> str:
            raise AssertionError

    class Loud:
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError

    KNOWN["loud"] = Loud()
    try:
        assert named("read(loud, loud.parent, loud['a'], f'{loud}.csv')") == []
    finally:
        del KNOWN["loud"]
    assert named("1", function="f", arguments={"a": Text("a.csv"), "b": Loud()}) == []


def test_patterns_stand_for_the_files_that_readers_find(tmp_path: Path) -> None:
    for name in (
        "a.csv",
        "b.csv",
        "c.txt",
        "deep/a.csv",
        "deep/er/a.csv",
        ".hidden.csv",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    def found(pattern: str) -> list[str]:
        paths = matching(os.path.join(str(tmp_path), *pattern.split("/")))
        return [os.path.relpath(path, tmp_path).replace(os.sep, "/") for path in paths]

    assert found("a.csv") == ["a.csv"]
    assert found("missing.csv") == ["missing.csv"]
    assert found("*.csv") == ["a.csv", "b.csv"]
    assert found("?.csv") == ["a.csv", "b.csv"]
    assert found("*/*.csv") == ["deep/a.csv"]
    assert found("deep/*/a.csv") == ["deep/er/a.csv"]
    assert found("**/a.csv") == ["a.csv", "deep/a.csv", "deep/er/a.csv"]
    assert found("none/*.csv") == []
    # Nothing of it is read as a pattern of another language.
    assert found("[a].c*") == []


def test_a_folder_of_very_many_files_is_not_looked_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from marimo_cellar.entries import patterns

    monkeypatch.setattr(patterns, "_MOST", 10)
    for number in range(30):
        (tmp_path / f"{number}.csv").touch()
    assert len(matching(str(tmp_path / "*.csv"))) == 10
