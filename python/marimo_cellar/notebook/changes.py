"""What a cell's code may change that other cells made, or modules have, told without
running it.

marimo knows what a cell defines, and gives that back. `df["b"] = 1`, `model.fit(X)` or
`sys.path.append("lib")` define nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache

from msgspec import Struct

from marimo_cellar.notebook.parsing import name_of, tree_of

# What changes an object, by the module that its class is of, or "" of containers. What
# ends in "_" begins so.
METHODS = {
    "": frozenset(
        {"append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse"}
        | {"update", "setdefault", "popitem", "add", "discard", "subtract", "rotate"}
        | {"difference_update", "intersection_update", "symmetric_difference_update"}
        | {"appendleft", "popleft", "extendleft", "move_to_end"}
    ),
    "numpy": frozenset({"fill", "put", "partition", "sort", "resize", "setflags"}),
    "pandas": frozenset({"insert", "pop", "update"}),
    "polars": frozenset({"insert_column", "replace_column", "extend"}),
    "networkx": frozenset({"add_", "remove_", "clear", "update"}),
    "plotly": frozenset({"add_", "update_", "for_each_"}),
    "matplotlib": frozenset(
        {"set_", "add_", "plot", "scatter", "bar", "barh", "hist", "imshow", "fill"}
        | {"fill_between", "axhline", "axvline", "axhspan", "axvspan", "text"}
        | {"annotate", "legend", "grid", "tick_params", "errorbar", "contour"}
        | {"contourf", "pcolormesh", "boxplot", "violinplot", "pie", "step", "stem"}
        | {"suptitle", "tight_layout", "subplots_adjust", "colorbar", "clear", "cla"}
        | {"clf", "remove", "margins", "axis", "invert_xaxis", "invert_yaxis"}
    ),
    "torch": frozenset({"step", "train", "eval", "zero_grad", "load_state_dict"}),
    "keras": frozenset({"fit", "compile", "load_weights", "train_on_batch", "add"}),
    # What is fitted has parameters in scikit-learn, XGBoost, LightGBM and others.
    "get_params": frozenset(
        {"fit", "partial_fit", "fit_transform", "fit_predict", "fit_resample"}
        | {"set_params"}
    ),
    # Connections: by what they are told.
    "sql": frozenset({"execute", "executemany", "executescript", "sql", "query"}),
}
_ASKING = re.compile(
    r"[\s(]*(select|with|from|show|desc|describe|explain|values|summarize|pivot|unpivot"
    r"|table)\b",
    re.I,
)
# What of SQL is no word of a statement.
_NO_STATEMENT = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)
# Functions that change what they are given first.
_CHANGING_FIRST = frozenset(
    {"shuffle", "copyto", "putmask", "fill_diagonal", "heapify", "heappush"}
    | {"heappop", "insort", "setattr", "delattr"}
    | {"set_node_attributes", "set_edge_attributes"}
)
# Functions that give what there is one of in a process.
_THE_ONE = frozenset({"getLogger", "getcontext"})
_IN_PLACE = frozenset({"inplace", "in_place"})
# What a module is told by, besides what begins as below.
_SETTING = frozenset(
    {"append", "extend", "insert", "update", "setdefault", "use", "seed", "chdir"}
    | {"manual_seed", "filterwarnings", "simplefilter", "basicConfig", "putenv"}
    | {"load_dotenv", "addsitedir", "apply", "activate", "extension", "rc", "theme"}
    | {"login", "autolog", "install", "initialize", "Initialize", "initjs"}
    | {"addHandler", "removeHandler", "addFilter", "addLevelName", "DisableLog"}
    | {"defaults"}
    | {"ion", "ioff", "tzset"}
    # Which gives frames `progress_apply`, of tqdm's.
    | {"pandas"}
)
# What begins so and makes a set, or changes what it is given.
_NO_SETTING = frozenset({"setdiff1d", "setxor1d", "setp"})
_SETTING_BEGINNINGS = (
    *("set", "enable", "disable", "configure", "register", "init_", "patch_", "use_"),
    *("reset_", "prefer_", "require_"),
)
# Calls that compute nothing worth keeping: paths, and what the environment says.
_PLAIN_CALLS = frozenset(
    {"Path", "str", "notebook_dir", "notebook_location", "resolve", "absolute"}
    | {"expanduser", "joinpath", "join", "dirname", "abspath", "cwd", "getcwd"}
    | {"getenv", "get", "items"}
)
_PLAIN = (
    *(ast.Constant, ast.Name, ast.Attribute, ast.Subscript, ast.BinOp, ast.JoinedStr),
    *(ast.FormattedValue, ast.List, ast.Tuple, ast.Dict, ast.keyword, ast.UnaryOp),
    *(ast.expr_context, ast.operator, ast.unaryop, ast.Slice),
)
# Without one of these there is no change, and a cell need not be parsed: what is put into
# something, a line that only calls a method, and what may change something anywhere.
_PUTTING = re.compile(
    r"(?:\.\s*\w+|\])\s*(?:[-+*/%@&|^]|//|\*\*|<<|>>)?=(?!=)"
    r"|^[ \t]*\w[\w.\[\]'\"]*\.\w+\(|\bdel\b|\b(?:in_?place|out)\s*=",
    re.M,
)
_CALLED = re.compile(r"(\w+)\s*\(")
_TELLING = {*_SETTING, *_CHANGING_FIRST}.union(*METHODS.values())
_BEGINNINGS = tuple(one for one in _TELLING if one[-1] == "_")
_OWN_SCOPE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


class Change(Struct, frozen=True):
    """`of` is what may be changed, `("sys", "path")` of `sys.path`. `method` is what of it
    is called, with `text` where that is its first argument; None where something is put
    into it, or a method is told to change it."""

    of: tuple[str, ...]
    method: str | None = None
    text: str | None = None


class Changes(Struct, frozen=True):
    """`values` may be changed by the cell as it runs. Where it does nothing but set things
    up, which takes no time, `set_up` is what it does to modules, and `imports` are the
    modules that it imports itself."""

    values: tuple[Change, ...] = ()
    set_up: tuple[Change, ...] = ()
    imports: frozenset[str] = frozenset()


def is_changing(kind: str, change: Change) -> bool:
    """Whether a method changes what it is called of: see `METHODS`."""
    method, methods = change.method or "", METHODS[kind]
    if kind == "sql":
        # Which it is told by a variable, nobody knows.
        return method in methods and not _only_asks(change.text or "")
    return method in methods or any(
        one[-1] == "_" and method.startswith(one) for one in methods
    )


def _only_asks(text: str) -> bool:
    """Whether all that is told in SQL leaves what there is as it is."""
    statements = _NO_STATEMENT.sub(" ", text).split(";")
    return all(_ASKING.match(one) for one in statements if one.strip())


@lru_cache(maxsize=2048)
def changes_in(code: str) -> Changes:
    """What the code of a cell may change as it runs: what functions do that it only
    defines, or calls, nobody knows."""
    tree = tree_of(code) if _may_change(code) else None
    if tree is None:
        return Changes()
    values = tuple(changes_of(tree.body))
    set_up = tuple(one for one in values if may_set(one))
    if not set_up or not all(map(sets_up, tree.body)):
        return Changes(values)
    return Changes(values, set_up, imports_in(tree))


def imports_in(tree: ast.Module) -> frozenset[str]:
    """The names that its imports bind."""
    return frozenset(
        (alias.asname or alias.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    )


def _may_change(code: str) -> bool:
    return _PUTTING.search(code) is not None or any(
        name in _TELLING or name.startswith((*_SETTING_BEGINNINGS, *_BEGINNINGS))
        for name in _CALLED.findall(code)
    )


def changes_of(body: list[ast.stmt]) -> Iterator[Change]:
    """What statements may change as they run, in their order."""
    nodes: list[ast.AST] = [*reversed(body)]
    while nodes:
        node = nodes.pop()
        yield from _changes_by(node)
        if not isinstance(node, _OWN_SCOPE):
            nodes += ast.iter_child_nodes(node)


def _changes_by(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Attribute | ast.Subscript):
        if not isinstance(node.ctx, ast.Load) and (of := _parts(node.value)):
            yield Change(of)
    elif isinstance(node, ast.Call):
        yield from _changes_by_call(node)


def _changes_by_call(node: ast.Call) -> Iterator[Change]:
    called, first = node.func, node.args[0] if node.args else None
    name = called.attr if isinstance(called, ast.Attribute) else None
    if isinstance(called, ast.Attribute) and (of := _parts(called.value)):
        is_told = any(
            one.arg in _IN_PLACE
            and isinstance(one.value, ast.Constant)
            and one.value.value is True
            for one in node.keywords
        )
        yield Change(of, None if is_told else name, _text_of(first))
    elif isinstance(called, ast.Name):
        name = called.id
        yield Change((), name)
    if name in _CHANGING_FIRST and first is not None and (of := _parts(first)):
        yield Change(of)
    for one in node.keywords:
        if one.arg == "out" and (of := _parts(one.value)):
            yield Change(of)


def _text_of(node: ast.expr | None) -> str | None:
    """The text of a constant, or of what is known of a formatted one."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=[ast.Constant(), *_] as parts):
            return " ".join(
                str(one.value) for one in parts if isinstance(one, ast.Constant)
            )
    return None


def _parts(node: ast.expr) -> tuple[str, ...]:
    """A variable and the attributes of it that are told by their names, up to an item;
    nothing of what is called, which may be anew, but for what there is one of."""
    parts: list[str] = []
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
        elif isinstance(node, ast.Subscript):
            parts.clear()
        elif isinstance(node, ast.Call) and name_of(node.func) in _THE_ONE:
            node = node.func
            continue
        else:
            return ()
        node = node.value
    return (node.id, *reversed(parts))


def may_set(change: Change) -> bool:
    """Whether it may be one of a module's settings."""
    method = change.method
    if method is None:
        return True
    if method.startswith(_SETTING_BEGINNINGS):
        return method not in _NO_SETTING
    # `sys.path.append` sets, and `np.append` makes an array.
    return method in _SETTING and (len(change.of) != 1 or method not in METHODS[""])


def sets_up(node: ast.stmt) -> bool:
    """Whether a statement imports, sets, defines, or names or shows something plain, and
    no more."""
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Pass():
            return True
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return True
        case ast.Expr(value=ast.Call() as call) if any(
            map(may_set, _changes_by_call(call))
        ):
            return True
        # What is shown may look as was set.
        case ast.Expr(value=value):
            return _is_plain(value)
        case ast.For(iter=value, body=body, orelse=[]):
            return _is_plain(value) and all(map(sets_up, body))
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call) if (
            name.startswith("_") and any(map(may_set, _changes_by_call(call)))
        ):
            return True
        case ast.Assign(value=value) | ast.AugAssign(value=value):
            return _is_plain(value)
        case ast.AnnAssign(value=value) if value is not None:
            return _is_plain(value)
        case ast.Delete():
            return True
        case ast.If(body=body, orelse=orelse):
            return all(map(sets_up, [*body, *orelse]))
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=last):
            handled = (one for handler in handlers for one in handler.body)
            return all(map(sets_up, [*body, *handled, *orelse, *last]))
    return False


def _is_plain(value: ast.expr) -> bool:
    return all(
        isinstance(node, _PLAIN)
        or (isinstance(node, ast.Call) and name_of(node.func) in _PLAIN_CALLS)
        for node in ast.walk(value)
    )
