"""The kinds of cells that made-up notebooks have."""

from __future__ import annotations

from tests.resilience.function_kinds import FUNCTION_KINDS
from tests.resilience.kind import Kind, made_by, of
from tests.resilience.library_kinds import LIBRARY_KINDS


def _persistent(method: str) -> Kind:
    return made_by(f"""
        @mo.persistent_cache(method="{method}")
        def {{v}}(x):
            ran("{{v}} called")
            return [x, {{n}}, (x, {{n}})]
    """)


def _block(method: str) -> Kind:
    return Kind(f"""
        with mo.persistent_cache("block {{v}}", method="{method}"):
            ran("{{v}} in its block")
            {{v}} = [{{n}}, str({{dep}})]
    """)


KINDS = {
    "number": Kind("{v} = {n} + len(repr({dep}))"),
    "text": Kind("{v} = 'é\\u2028' * ({n} % 4) + repr({dep})"),
    "list": Kind("{v} = [{n}, {dep}, None]"),
    "dictionary": Kind("{v} = {{'a': {n}, 'b': {dep}, 3: float('inf')}}"),
    "set": Kind("{v} = {{{n}, (1, {n})}}", "sorted(map(repr, {v}))", handed_on=False),
    "several": Kind("{v}, {v}_b, *{v}_c = {n}, 'b', {dep}, 1", "{v}, {v}_b, {v}_c"),
    "filled": Kind("{v} = []\nfor _i in range({n} % 5):\n    {v}.append((_i, {dep}))"),
    "array": Kind("{v} = np.arange({n} % 9 + 1) * {n}"),
    "frame": Kind("{v} = pd.DataFrame({{'a': [{n}, 2], 'b': ['x', '{n}']}})"),
    "series": Kind("{v} = pd.Series([[{n}], None])"),
    "named tuple": Kind(
        "{v}_of = collections.namedtuple('{v}_of', 'p q')\n{v} = {v}_of({n}, {dep})"
    ),
    "counter": Kind("{v} = collections.Counter(repr({dep}) + '{n}')"),
    "alias": Kind("{v} = {dep}"),
    "itself": Kind("{v} = [{n}]\n{v}.append({v})"),
    "own names": Kind("_p = {n}\ndef _q():\n    return _p, {dep}\n{v} = _q()"),
    "of a module": Kind("{v} = helper.value({n})"),
    "awaited": Kind("await asyncio.sleep(0)\n{v} = {n}, {dep}"),
    "stopped": Kind("mo.stop({n} % 3 == 0)\n{v} = {n}, {dep}"),
    "failing": Kind("{v} = {n} // ({n} % 3)"),
    "function": made_by("def {v}(x, y={n}):\n    return x, y, {n}"),
    "closure": made_by("""
        def _make(n):
            def made(x):
                return x, n
            return made
        {v} = _make({n})
    """),
    "lambda": made_by("{v} = lambda x: (x, {n})"),
    "partial": made_by("{v} = functools.partial(max, {n})"),
    "decorated": made_by("""
        def _twice(function):
            @functools.wraps(function)
            def twice(x):
                return function(x), function(x)
            return twice

        @_twice
        def {v}(x):
            return x, {n}
    """),
    "remembering": made_by("""
        @functools.lru_cache
        def {v}(x):
            return x + {n}
    """),
    "called": Kind("{v} = {of}({n}), {dep}", needs="function"),
    "closure called": Kind("{v} = {of}({n}), {dep}", needs="closure"),
    "decorated called": Kind("{v} = {of}({n}), {dep}", needs="decorated"),
    "class": made_by(
        """
        @dataclasses.dataclass
        class {v}:
            a: object = {n}

            def total(self):
                return self.a, {n}
        """,
        "{v}(1), {v}().total(), {v}(1) == {v}(1)",
    ),
    "instance": Kind("{v} = {of}({dep})", "{v}, {v}.total()", needs="class"),
    "enum": made_by("class {v}(enum.Enum):\n    A = {n}\n    B = 'b'", "list({v})"),
    "members": Kind("{v} = [{of}.A, {{{of}.B: {n}}}]", needs="enum"),
    "lock": made_by("{v} = threading.Lock()\n{v}_n = {n}", "type({v}).__name__, {v}_n"),
    "locked": Kind("with {of}:\n    {v} = {of}_n, {n}", needs="lock"),
    "generator": made_by("{v} = (x for x in range({n} % 5))", "type({v}).__name__"),
    "slider": made_by("{v} = mo.ui.slider(0, 1000, value={n})", "{v}.value"),
    "slid": Kind("{v} = {of}.value, {n}", needs="slider"),
    "state": made_by("{v}, {v}_set = mo.state({n})", "{v}()"),
    "cached pickle": _persistent("pickle"),
    "cached lazy": _persistent("lazy"),
    "pickle called": Kind("{v} = [{of}({n} % 3), {of}('t')]", needs="cached pickle"),
    "lazy called": Kind("{v} = [{of}({n} % 3), {of}('t')]", needs="cached lazy"),
    "block pickle": _block("pickle"),
    "block json": _block("json"),
    "block lazy": _block("lazy"),
    "printed": Kind("print('hello', {n}, {dep})", ""),
    "written": Kind("mo.md(f'{n} {{{dep}}}')", ""),
    "stacked": Kind("mo.hstack([mo.md('a'), {n}])", ""),
    # What the standard library makes.
    "moments": Kind(
        "{v} = [datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc),"
        " datetime.date(2020, 1, 2), datetime.timedelta({n}), datetime.time(1, {n} % 60),"
        " datetime.datetime(2021, 7, 1, tzinfo=zoneinfo.ZoneInfo('Europe/Paris'))]",
        imports=("datetime", "zoneinfo"),
    ),
    "numbers": Kind(
        "{v} = (decimal.Decimal('{n}.10'), fractions.Fraction({n}, 7), 1j * {n},"
        " 2**70 + {n}, -0.0, float('nan'), True, b'\\0{n}', bytearray([1]))",
        imports=("decimal", "fractions"),
    ),
    "names": Kind(
        "{v} = [uuid.UUID(int={n}), pathlib.Path('a') / '{n}',"
        " pathlib.PurePosixPath('/b'), re.compile('a{n}+', re.I), range({n}),"
        " slice(1, {n}), Ellipsis, int, frozenset([{n}]), types.SimpleNamespace(a={n})]",
        imports=("uuid", "pathlib", "re", "types"),
    ),
    "containers": Kind(
        "{v} = [collections.deque([{n}], maxlen=3), collections.OrderedDict(b={n}, a=1),"
        " collections.defaultdict(list, {{{n}: [1]}}), collections.ChainMap({{'a': {n}}})]",
        "{v}, {v}[0].maxlen, {v}[2].default_factory, list({v}[1])",
    ),
    "shared": Kind(
        "_one = [{n}]\n{v}, {v}_b = [_one, _one], {{'one': _one}}",
        "{v}, {v}[0] is {v}[1], {v}_b",
    ),
    # What a notebook defines.
    "typed tuple": Kind(
        "class {v}_of(typing.NamedTuple):\n    p: object\n    q: int = {n}\n"
        "{v} = {v}_of({dep})",
        "{v}, {v}.q, isinstance({v}, {v}_of), {v}_of._field_defaults",
        imports=("typing",),
    ),
    "frozen": Kind(
        "@dataclasses.dataclass(frozen=True, slots=True, order=True)\n"
        "class {v}_of:\n    p: int\n    q: list = dataclasses.field("
        "default_factory=lambda: [{n}])\n"
        "{v} = sorted([{v}_of({n}), {v}_of(1, [2])])",
        "{v}, isinstance({v}[0], {v}_of), {v}_of(3)",
    ),
    "flags": Kind(
        "class {v}_of(enum.Flag):\n    A = enum.auto()\n    B = enum.auto()\n"
        "{v} = {{{v}_of.A | {v}_of.B: {n}}}",
        "{v}, {v}[{v}_of.A | {v}_of.B]",
    ),
    "heir": Kind(
        "class {v}_of({of}):\n    def total(self):\n"
        "        return 'heir', super().total(), {n}\n{v} = {v}_of({dep})",
        "{v}.total(), isinstance({v}, {of})",
        "class",
        False,
    ),
    "property": made_by(
        """
        class {v}:
            made = []

            def __init__(self, x):
                self.x = x
                self.made.append(x)

            @property
            def twice(self):
                return [self.x, {n}] * 2

            @classmethod
            def default(cls):
                return cls({n})

            def __getstate__(self):
                return {{'x': self.x}}
        """,
        "{v}.default().twice, len({v}(2).made) > 0",
    ),
    "property made": Kind("{v} = {of}({n}).twice, {of}.default().x", needs="property"),
    "abstract": made_by(
        """
        class {v}_base(abc.ABC):
            @abc.abstractmethod
            def name(self): ...

        class {v}({v}_base):
            def name(self, x=1):
                return 'n{n}', x
        """,
        "{v}().name(), isinstance({v}(), {v}_base)",
        "",
        "abc",
    ),
    "generic": made_by(
        """
        {v}_t = typing.TypeVar("{v}_t")

        class {v}(typing.Generic[{v}_t]):
            def __init__(self, x: {v}_t):
                self.x = x, {n}
        """,
        "{v}(1).x, {v}[int](2).x",
        "",
        "typing",
    ),
    "top function": made_by(
        "def {v}(x, *, y={n}):\n    return [x, y, {n}]", on_top=True
    ),
    "top class": made_by(
        "class {v}:\n    def __init__(self, x):\n        self.x = [x, {n}]",
        "{v}(1).x",
        on_top=True,
    ),
    "top called": Kind("{v} = {of}({n}), {dep}", needs="top function"),
    "top made": Kind("{v} = {of}({dep})", "{v}.x", "top class", False),
    "counting": made_by("""
        def _count():
            seen = 0
            def made(x):
                nonlocal seen
                seen += 1
                return x, {n}
            return made
        {v} = _count()
    """),
    "generating": made_by(
        "def {v}(x):\n    for i in range({n} % 4):\n        yield i, x", "list({v}(1))"
    ),
    "generated": Kind("{v} = list({of}({n}))", needs="generating"),
    "consumed": Kind("{v} = [{n}, *{of}]", "len({v}) > 0", "generator", False),
    "iterator": made_by("{v} = iter([{n}, 2])", "type({v}).__name__"),
    "async function": made_by(
        "async def {v}(x):\n    await asyncio.sleep(0)\n    return x, {n}",
        "asyncio.iscoroutinefunction({v})",
    ),
    "gathered": Kind(
        "{v} = await asyncio.gather({of}(1), {of}({n}))", needs="async function"
    ),
    "async with": Kind(
        """
        @contextlib.asynccontextmanager
        async def _within():
            yield {n}
        async with _within() as _got:
            {v} = _got, {dep}
    """,
        imports=("contextlib",),
    ),
    # What marimo makes.
    "cache function": made_by("@mo.cache\ndef {v}(x):\n    return [x, {n}]"),
    "lru function": made_by("@mo.lru_cache(maxsize=2)\ndef {v}(x):\n    return x, {n}"),
    "cache called": Kind("{v} = {of}({n}), {of}(1)", needs="cache function"),
    "lru called": Kind("{v} = [{of}(_i) for _i in range(4)]", needs="lru function"),
    "method": made_by("""
        class {v}_of:
            def __init__(self, y):
                self.y = y

            @mo.persistent_cache
            def made(self, x):
                return x, self.y
        def {v}(x):
            return {v}_of({n}).made(x)
    """),
    "state got": Kind("{v} = {of}(), {n}", needs="state"),
    "texts": Kind(
        "{v} = mo.md(f'**{n}** {{{dep}}}')\n{v}", "{v}.text", handed_on=False
    ),
    "tabs": Kind(
        "{v} = mo.vstack([mo.md('{n}'), mo.accordion({{'a': '{n}'}})])",
        "{v}.text",
        handed_on=False,
    ),
    "array of controls": made_by(
        "{v} = mo.ui.array([mo.ui.slider(0, 100, value={n}), mo.ui.text('{n}')])",
        "{v}.value",
    ),
    "controls read": Kind("{v} = {of}.value, {n}", needs="array of controls"),
    "caching itself": made_by("""
        @mo.persistent_cache
        def {v}(x):
            ran("{v} called")
            return {n} if x < 2 else {v}(x - 1) + {v}(x - 2)
    """),
    "itself called": Kind("{v} = {of}({n} % 7)", needs="caching itself"),
    "caching an error": made_by(
        """
        @mo.persistent_cache
        def {v}(x):
            if x:
                raise ValueError(x, {n})
            return [x, {n}]
        """,
        "{v}(0)",
    ),
    "error called": Kind(
        """
        {v} = []
        for _x in (1, 0, 1):
            try:
                {v}.append({of}(_x))
            except ValueError as _error:
                {v}.append(str(_error))
    """,
        needs="caching an error",
    ),
    "caching a coroutine": made_by(
        """
        @mo.persistent_cache
        async def {v}(x):
            await asyncio.sleep(0)
            return [x, {n}]
        """,
        "type({v}).__name__",
    ),
    "coroutines gathered": Kind(
        "{v} = await asyncio.gather(*({of}(_i % 3) for _i in range(6)))",
        needs="caching a coroutine",
    ),
    # Each another call: of equal ones at once, nobody knows how many are computed.
    "threads": Kind(
        "with futures.ThreadPoolExecutor(3) as _pool:\n"
        "    {v} = list(_pool.map({of}, [{n} % 3, 3, 4, 5, 6]))",
        needs="cached pickle",
        imports=("concurrent.futures as futures",),
    ),
    "block in a block": Kind("""
        with mo.persistent_cache("outer {v}"):
            {v} = [{n}]
            with mo.persistent_cache("inner {v}"):
                {v}_b = [{dep}]
    """),
    "progress": Kind(
        "{v} = [_i for _i in mo.status.progress_bar(range({n} % 4))], {dep}"
    ),
    "shown by a call": Kind("mo.output.append({n})\n{v} = {n}, {dep}"),
    "raising": Kind("{v} = {n}\nif {n} % 2:\n    raise ValueError({n})"),
    "caught": Kind("""
        try:
            {v} = {n} // ({n} % 2)
        except ZeroDivisionError as _error:
            {v} = str(_error), {dep}
    """),
    "error kept": Kind("{v} = ValueError('no', {n})", "{v}, {v}.args"),
    "changed": Kind("{v} = [{dep}]\n{v} += [{n}]\n{v}.sort(key=repr)"),
    "matched": Kind("""
        match {n} % 3, {dep}:
            case 0, _other:
                {v} = 'none', _other
            case _number, _:
                {v} = _number
    """),
    "walrus": Kind("{v} = [_x for _i in range(4) if (_x := _i * {n}) % 2 == 0]"),
    "random": Kind(
        "{v} = random.Random({n}).sample(range(100), 3)", imports=("random",)
    ),
    "generator of numbers": of(
        "{v} = np.random.default_rng({n})", "type({v}).__name__"
    ),
    **FUNCTION_KINDS,
    **LIBRARY_KINDS,
}
