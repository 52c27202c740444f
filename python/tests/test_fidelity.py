"""What comes from the cache in a second process is what the first one made.

Each value is made in a cell and compared, in a cell that is never cached, with what the
same code makes anew: in the run that saves it and in one that is served.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests import kernels
from tests.conftest import ran, write_notebook

SETUP = """
import array, collections, datetime, decimal, enum, fractions, functools, http, pathlib
import random, re, types, uuid
import numpy as np, pandas as pd, polars as pl
from numpy._core._rational_tests import rational
from sklearn.linear_model import LinearRegression

DAYS = pd.date_range("2020-01-01", periods=3)
"""
# In the notebook's folder, as a project's own module.
MODULE = '''
import collections, enum
from dataclasses import dataclass
from typing import NamedTuple

Point = collections.namedtuple("Point", "x y")

class Typed(NamedTuple):
    x: object
    y: object = None

class Dict(dict):
    """Which says no to what marimo fills one by."""
    def update(self, *_, **__): raise TypeError
    def clear(self): raise TypeError

class List(list): pass
class Set(set): pass
class Frozen(frozenset): pass
class Text(str): pass
class Word(str, enum.Enum):
    ONE = "one"
    TWO = "two"
class Number(int): pass

class Pair(tuple):
    def __new__(cls, a, b): return super().__new__(cls, (a, b))
    def __getnewargs__(self): return tuple(self)

@dataclass
class Plain:
    x: object

def same(a, b):
    """Whether two values are of the same types and equal, all the way down."""
    import numpy as np, pandas as pd, polars as pl
    if type(a) is not type(b):
        return f"{type(a)} is not {type(b)}"
    if a is b:
        return None
    if isinstance(a, pd.DataFrame):
        pd.testing.assert_frame_equal(a, b, check_column_type="exact",
            check_index_type="exact", check_exact=True, check_flags=True)
        if a.attrs != b.attrs: return f"{a.attrs}"
        cells = zip(a.to_numpy().flat, b.to_numpy().flat)
        return next(filter(None, (same(*pair) for pair in cells)), None)
    if isinstance(a, pd.Series):
        pd.testing.assert_series_equal(a, b, check_index_type="exact", check_exact=True)
        return next(filter(None, (same(*pair) for pair in zip(a, b))), None)
    if isinstance(a, pd.Index):
        pd.testing.assert_index_equal(a, b, exact=True)
        return None
    if isinstance(a, (pl.DataFrame, pl.Series)):
        if getattr(a, "schema", None) != getattr(b, "schema", None): return "schema"
        if getattr(a, "dtype", None) != getattr(b, "dtype", None): return "dtype"
        return None if a.equals(b) else f"{a} {b}"
    if isinstance(a, np.ndarray):
        np.testing.assert_array_equal(a, b)
        kinds = [
            (one.dtype, one.dtype.metadata, one.dtype.fields, one.dtype.isalignedstruct)
            for one in (a, b)
        ]
        return None if kinds[0] == kinds[1] else f"{kinds}"
    if isinstance(a, dict):
        if list(a) != list(b): return f"{list(a)} {list(b)}"
        if getattr(a, "default_factory", 0) is not getattr(b, "default_factory", 0):
            return "default_factory"
        return next(filter(None, (same(a[key], b[key]) for key in a)), None)
    if isinstance(a, (list, tuple)):
        if len(a) != len(b): return "length"
        return next(filter(None, map(same, a, b)), None)
    if callable(a) and hasattr(a, "__code__"):
        return None if a.__code__.co_code == b.__code__.co_code else "code"
    if hasattr(a, "coef_"):
        return same(vars(a), vars(b))
    if hasattr(a, "pattern") or a == b or (a != a and b != b):
        return None if repr(a) == repr(b) else f"{a!r} {b!r}"
    return f"{a!r} is not {b!r}"
'''
VALUES = {
    "ordered": "collections.OrderedDict(b=1, a=2)",
    "counter": "collections.Counter('hello')",
    "defaulting": "collections.defaultdict(list, a=[1])",
    "chained": "collections.ChainMap({'a': 1}, {'b': 2})",
    "queue": "collections.deque([1, 2], maxlen=3)",
    "point": "kinds.Point(1, 2)",
    "typed": "kinds.Typed(1)",
    "stubborn": "kinds.Dict(a=1)",
    "own_list": "kinds.List([1, 2])",
    "own_set": "kinds.Set([1, 2])",
    "own_frozen": "kinds.Frozen([1, 2])",
    "own_tuple": "kinds.Pair(1, 2)",
    "own_text": "kinds.Text('text')",
    "own_number": "kinds.Number(1)",
    "nested": "{'a': [kinds.Point(1, collections.Counter('aab'))], 'b': ({3}, kinds.List())}",
    "within": "kinds.Point([kinds.Point(1, (2,))], collections.OrderedDict(a={'b': (1,)}))",
    "modules": "collections.OrderedDict(re=re, more=[np])",
    "point_of_modules": "kinds.Point(re, kinds.Pair(np, 1))",
    "set_of_points": "{kinds.Point(1, 2)}",
    "keyed": "{kinds.Point(1, 2): 3, (1, 2): 4}",
    "numbers": "list(range(1000))",
    "shared": "(lambda one: [one, {'again': one}, (one,)])([1, re])",
    "frozen": "frozenset({1, 2})",
    "empty": "[{}, [], (), set(), '']",
    "whole": "7",
    "huge": "2 ** 100",
    "below": "-(2 ** 63) - 1",
    "real": "0.1",
    "minus_zero": "-0.0",
    "infinite": "float('-inf')",
    "nan": "float('nan')",
    "imaginary": "1j",
    "truth": "True",
    "nothing": "None",
    "ellipsis": "...",
    "text": "'täxt \\U0001f600'",
    "surrogate": "chr(0xD800)",
    "bytes": "b'\\x00\\xff'",
    "bytearray": "bytearray(b'abc')",
    "array": "array.array('d', [1, 2])",
    "range": "range(1, 9, 2)",
    "slice": "slice(1, 2)",
    "decimal": "decimal.Decimal('1.10')",
    "fraction": "fractions.Fraction(1, 3)",
    "path": "pathlib.PurePosixPath('a/b')",
    "pattern": "re.compile('a+', re.I)",
    "uuid": "uuid.UUID(int=1)",
    "time": "datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)",
    "delta": "datetime.timedelta(1, 2)",
    "member": "http.HTTPStatus.NOT_FOUND",
    "flag": "re.I | re.M",
    "namespace": "types.SimpleNamespace(a=1)",
    "partial_of": "[functools.partial(int, base=2)('10')]",
    "plain": "kinds.Plain([1, (2, 3)])",
    "a_class": "collections.OrderedDict",
    "a_function": "re.compile",
    "model": "LinearRegression().fit([[0], [1]], [0, 1])",
    "np_array": "np.arange(6).reshape(2, 3)",
    "np_fortran": "np.asfortranarray(np.ones((2, 3)))",
    "np_records": "np.array([(1, 2.5)], dtype=[('a', '<i4'), ('b', '>f8')])",
    "np_aligned": "np.array([(1, 2)], dtype=np.dtype([('a', 'i1'), ('b', 'i8')],"
    " align=True))",
    "np_placed": "np.array([(1, 2)], dtype={'names': ['a', 'b'],"
    " 'formats': ['i1', 'i2'], 'offsets': [4, 0], 'itemsize': 8})",
    "np_titled": "np.array([(1,)], dtype=[(('Title', 'a'), 'i4')])",
    "np_annotated": "np.zeros(2, dtype=np.dtype('f8', metadata={'unit': 'm'}))",
    "np_objects": "np.array([1, 'a', None], dtype=object)",
    "np_times": "np.array(['2020-01-01'], dtype='M8[s]')",
    "np_masked": "np.ma.array([1, 2, 3], mask=[0, 1, 0]).filled(9)",
    "np_float": "np.float64(0.5)",
    "np_scalar": "np.array(5)",
    "np_strings": "np.array(['a', 'bc'], dtype=np.dtypes.StringDType())",
    # A type that is not NumPy's, as `bfloat16` is.
    "np_fractions": "np.array([1, 2]) * rational(1, 3)",
    "pd_frame": "pd.DataFrame({'a': [1, 2], 'b': ['x', None]})",
    "pd_numbered": "pd.DataFrame(np.zeros((2, 2)))",
    "pd_numbered_named": "pd.DataFrame(np.zeros((2, 2))).rename_axis(columns='q')",
    "pd_column_name": "pd.DataFrame({'a': [1]}).rename_axis(columns='q')",
    "pd_attrs": "(lambda f: (f.attrs.update(x=(1, 2)), f)[1])(pd.DataFrame({'a': [1]}))",
    "pd_freq": "pd.DataFrame({'a': [1, 2, 3]}, index=DAYS)",
    "pd_own_freq": "pd.Series([1], index=pd.date_range('2020-01-02', periods=1,"
    " freq=pd.offsets.CustomBusinessDay(holidays=['2020-01-03'])))",
    "pd_range": "pd.DataFrame({'a': [1, 2]}, index=pd.RangeIndex(3, 7, 2, name='r'))",
    "pd_multi": "pd.DataFrame({'a': [1, 2]}, index=pd.MultiIndex.from_tuples("
    "[('x', 1), ('y', 2)], names=['k', None]))",
    "pd_multi_columns": "pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples("
    "[('x', 1), ('y', 2)]))",
    "pd_ordered": "pd.DataFrame({'a': pd.Categorical(['x', 'y'],"
    " categories=['z', 'y', 'x'], ordered=True)})",
    "pd_lists": "pd.DataFrame({'a': [[1], [2, 3]]})",
    "pd_dicts": "pd.DataFrame({'a': [{'x': 1}, {'y': 2}]})",
    "pd_mixed": "pd.DataFrame({'a': [1, 'x']})",
    "pd_objects": "pd.DataFrame({'a': ['x', None]}, dtype=object)",
    "pd_objects_nan": "pd.DataFrame({'a': ['x', float('nan')]}, dtype=object)",
    "pd_objects_all": "pd.DataFrame({'a': ['x', 'y'], 'b': [1, 2], 'c': ['z', None]},"
    " dtype=object)[['a', 'c']]",
    "pd_objects_both": "pd.DataFrame({'a': ['x', None, float('nan')]}, dtype=object)",
    "pd_objects_series": "pd.Series(['x', float('nan')], dtype=object, name='q')",
    "pd_words": "pd.Series([kinds.Word.ONE, kinds.Word.TWO], dtype=object)",
    "pd_own_text": "pd.DataFrame({'a': [kinds.Text('x'), None]}, dtype=object)",
    "pd_np_text": "pd.Series([np.str_('x'), np.str_('y')], dtype=object)",
    "pd_np_bytes": "pd.Series([np.bytes_(b'x')], dtype=object)",
    "pd_word_categories": "pd.Series([kinds.Word.ONE], dtype=object).astype('category')",
    "pd_moments": "pd.Series([datetime.datetime(2020, 1, 1)], dtype=object)",
    "pd_days": "pd.Series([datetime.date(2020, 1, 1), None], dtype=object)",
    "pd_objects_unnamed": "pd.Series([None, 'x'], dtype=object)",
    "pd_beside": "pd.DataFrame({'a': [1], 'b': ['x'], 'c': [[1]]})",
    "pd_named_range": "pd.DataFrame({'a': [1, 2]}).rename_axis('i')",
    "pd_text_index": "pd.DataFrame({'a': [1, 2]}, index=['x', 'y'])",
    "pd_no_columns": "pd.DataFrame(index=[3, 4])",
    "pd_no_rows": "pd.DataFrame({'a': [], 'b': pd.Series([], dtype=object)})",
    "pd_half": "pd.DataFrame({'a': np.array([1, 2], dtype='f2')})",
    "pd_seconds": "pd.DataFrame({'a': np.array(['2020-01-01'], dtype='M8[s]')})",
    "pd_text": "pd.DataFrame({'a': pd.array(['x', None], dtype='string')})",
    "pd_late_object": "pd.DataFrame({'a': [None] * 20 + ['x']}, dtype=object)",
    "pd_decimals": "pd.DataFrame({'a': [decimal.Decimal('1.0'), decimal.Decimal('2')]})",
    "pd_complex": "pd.DataFrame({'a': [1j]})",
    "pd_sparse": "pd.DataFrame({'a': pd.arrays.SparseArray([0, 1])})",
    "pd_period": "pd.DataFrame({'a': pd.period_range('2020', periods=2, freq='M')})",
    "pd_interval": "pd.DataFrame({'a': pd.interval_range(0, 2)})",
    "pd_nullable": "pd.DataFrame({'a': pd.array([1, None], dtype='Int64')}).dropna()",
    "pd_twice": "pd.DataFrame([[1, 2]], columns=['a', 'a'])",
    "pd_mixed_columns": "pd.DataFrame([[1, 2]], columns=['a', 1])",
    "pd_flags": "pd.DataFrame({'a': [1]}).set_flags(allows_duplicate_labels=False)",
    "pd_empty": "pd.DataFrame()",
    "pd_zone": "pd.DataFrame({'a': pd.date_range('2020', periods=2, tz='Europe/Berlin')})",
    "pd_series": "pd.Series([1, 2])",
    "pd_zero": "pd.Series([1, 2], name=0)",
    "pd_tuple": "pd.Series([1, 2], name=('a', 1))",
    "pd_long": "pd.Series(range(100_000), index=pd.date_range('2020', periods=100_000,"
    " freq='h'))",
    "pd_index": "pd.Index([1, 2], name='i')",
    "pl_frame": "pl.DataFrame({'a': [1, None], 'b': ['x', 'y']})",
    "pl_enum": "pl.DataFrame({'a': pl.Series(['x'], dtype=pl.Enum(['y', 'x']))})",
    "pl_categorical": "pl.DataFrame({'a': pl.Series(['x', 'y'], dtype=pl.Categorical)})",
    "pl_nested": "pl.DataFrame({'a': [[1], [2, 3]], 'b': [{'x': 1}, {'x': 2}]})",
    "pl_array": "pl.Series('a', [[1, 2]], dtype=pl.Array(pl.Int8, 2))",
    "pl_unnamed": "pl.Series([1, 2])",
}
# Here Arrow suffices, so that the preview can show them. (Not for a series of polars
# without a name, which marimo 0.24 gives one.)
IN_ARROW = {
    "pd_frame",
    "pd_numbered",
    "pd_freq",
    "pd_range",
    "pd_multi",
    "pd_multi_columns",
    "pd_ordered",
    "pd_zone",
    "pd_series",
    "pd_zero",
    "pd_tuple",
    "pd_long",
    "pl_frame",
    "pl_enum",
    "pl_categorical",
    "pl_nested",
}
# Code of several lines makes these, so that they are made anew in another way.
MADE = {
    "function": ("def {0}(x):\n    return x + 1", "{0}(1) == 2"),
    "dataclass": (
        "@dataclasses.dataclass\nclass {0}:\n    x: int\n"
        "    def twice(self):\n        return self.x * 2",
        "{0}(2).twice() == 4 and {0}(1) == {0}(1)",
    ),
    "fields": ("@dataclasses.dataclass\nclass {0}:\n    x: int", "{0}(1) == {0}(1)"),
    "tuple_class": (
        "class {0}(typing.NamedTuple):\n    x: int",
        "{0}(1).x == 1",
    ),
    "indented_class": (
        "if True:\n    class {0}:\n        text = '''a\n            b'''\n"
        "        none = None\n        many: list = []",
        "{0}.text == 'a\\n            b' and {0}.many == []",
    ),
    "indented_function": (
        "if True:\n    def {0}():\n        return '''a\n            b'''",
        "{0}() == 'a\\n            b'",
    ),
    "slotted": (
        "class {0}:\n    __slots__ = ('x', '__y')\n    _z = __w = 1\n"
        "    def w(self):\n        return self.__w",
        "{0}().w() == 1",
    ),
    "functions": (
        "def _f(x):\n    return x + 1\n{0} = collections.OrderedDict(f=_f)",
        "{0}['f'](1) == 2 and type({0}) is collections.OrderedDict",
    ),
}
# What nobody can save is computed again where it is used, and told.
UNSAVED = {
    "closure": (
        "def _make(n):\n    def add(x):\n        return x + n\n    return add\n"
        "{0} = _make(1)",
        "{0}(1) == 2",
    ),
    "default": (
        "def _make(n):\n    def add(x, n=n):\n        return x + n\n    return add\n"
        "{0} = _make(1)",
        "{0}(1) == 2",
    ),
    "attributed": ("def {0}(x):\n    return x\n{0}.seen = 1", "{0}.seen == 1"),
    "counting": (
        "class {0}:\n    made = 0\n"
        "    def __init__(self):\n        type(self).made += 1\n{0}()",
        "{0}.made == 1",
    ),
    "filled": ("class {0}:\n    all = []\n{0}.all.append(1)", "{0}.all == [1]"),
    "extended": (
        "class {0}:\n    pass\ndef _more(self):\n    return 2\n{0}.more = _more",
        "{0}().more() == 2",
    ),
    "anonymous": ("{0} = lambda x: x + 1", "{0}(1) == 2"),
    "generator": ("{0} = (x for x in [1])", "list({0}) == [1]"),
    "made_class": (
        "{0} = collections.namedtuple('{0}', 'x')",
        "{0}(1).x == 1",
    ),
}


def notebook_of(folder: Path) -> Path:
    cells: dict[str, Any] = {}
    tells: dict[str, Any] = {}
    for name, code in VALUES.items():
        # So that none is called as a module or a built-in function is.
        cells[f"make_{name}"] = f"ran('{name}')\nv_{name} = {code}\nhas_{name} = True"
        # marimo has no hash of some, and does not run a cell that refers to one.
        value = f"has_{name} and globals()['v_{name}']"
        tells[name] = f"tell('{name}', {value}, lambda: {code})"
    for name, (code, check) in (MADE | UNSAVED).items():
        cells[f"make_{name}"] = f"ran('{name}')\n" + code.format(f"v_{name}")
        tells[name] = f"tell('{name}', {check.format(f'v_{name}')}, lambda: True)"
    cells |= {
        f"tell_{name}": f"{code}\nraise ValueError" for name, code in tells.items()
    }
    tell = """
def tell(name, value, make):
    import json
    try:
        found = kinds.same(value, make())
    except BaseException as error:
        found = repr(error)
    with open(kinds.__file__ + ".told", "a") as file:
        print(json.dumps([name, found]), file=file)
"""
    imports = SETUP + "import kinds, dataclasses, typing"
    notebook = write_notebook(
        folder, "fidelity.py", _setup=imports, _tell=tell.strip(), **cells
    )
    (folder / "kinds.py").write_text(MODULE)
    return notebook


def told(notebook: Path) -> dict[str, str | None]:
    file = notebook.parent / "kinds.py.told"
    found = dict(json.loads(line) for line in file.read_text("utf-8").splitlines())
    file.unlink()
    return found


class Runs:
    def __init__(self, notebook: Path, env: dict[str, str]) -> None:
        self.notebook = notebook
        self.first = kernels.export(notebook, env)
        self.told_first = told(notebook)
        ran(notebook)
        self.second = kernels.export(notebook, env)
        self.told_second = told(notebook)
        self.again = ran(notebook)


@pytest.fixture(scope="module")
def runs(shipped: Path, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    folder = tmp_path_factory.mktemp("fidelity")
    (home := folder / "home").mkdir()
    env = kernels.environment(shipped, home)
    return Runs(notebook_of(folder / "notebooks"), env)


@pytest.mark.parametrize("name", [*VALUES, *MADE, *UNSAVED])
def test_is_the_same_from_the_cache(name: str, runs: Runs) -> None:
    assert runs.told_first[name] is None
    assert runs.told_second[name] is None


@pytest.mark.parametrize("name", [*VALUES, *MADE])
def test_is_not_computed_again(name: str, runs: Runs) -> None:
    assert name not in runs.again


@pytest.mark.parametrize("name", UNSAVED)
def test_is_computed_again_and_told(name: str, runs: Runs) -> None:
    assert name in runs.again
    found = [
        reason
        for (text,) in kernels.query(
            runs.notebook,
            "SELECT reasons FROM lookups JOIN cells USING (cell_id)"
            " JOIN reasons USING (lookup_id) WHERE cells.name = ?",
            f"make_{name}",
        )
        for reason in json.loads(text)
    ]
    assert any(f"v_{name}" in reason.get("names", ()) for reason in found), found


@pytest.mark.parametrize("name", sorted(IN_ARROW))
def test_can_be_previewed(name: str, runs: Runs) -> None:
    assert kernels.query(
        runs.notebook, "SELECT DISTINCT format FROM items WHERE name = ?", f"v_{name}"
    ) == [("arrow",)]
