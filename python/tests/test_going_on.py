"""What a cell leaves to those below it, besides its values, is there where it is served."""

from __future__ import annotations

from pathlib import Path

import pytest

from marimo_cellar.notebook.process_settings import seeds, settings_in
from tests.conftest import Write, ran
from tests.kernels import export


def _drawing(write: Write, factor: str, seeded: str = "") -> Path:
    seeding = "np.random.seed(1)\nrandom.seed(1)"
    return write(
        "drawing.py",
        imports=f"import random\nimport numpy as np\n{'' if seeded else seeding}",
        sample=f"""
            ran('sample')
            {seeded}
            sample = [*np.random.rand(3).tolist(), random.gauss(0, 1)]
        """,
        noise=f"""
            sample
            noise = [np.random.rand() * {factor}, random.gauss(0, 1)]
        """,
        seen="s = mo.ui.switch()\nran(f'{sample} {noise}')",
    )


@pytest.mark.parametrize("seeded", ["", "np.random.seed(2); random.seed(2)"])
def test_random_numbers_go_on_after_a_served_cell(
    write: Write, env: dict[str, str], seeded: str
) -> None:
    """Else the noise would be the sample once more."""
    notebook = _drawing(write, "1", seeded)
    export(notebook, env)
    first = ran(notebook)
    assert first[0] == "sample"
    _drawing(write, "1.0", seeded)
    export(notebook, env)
    assert ran(notebook) == first[1:]


@pytest.mark.parametrize(
    "seeding",
    ["np.random.seed(seed)\nrandom.seed(seed)", "seed_all(seed)"],
)
def test_what_was_drawn_after_another_seed_is_drawn_anew(
    seeding: str, write: Write, env: dict[str, str]
) -> None:
    def notebook(seed: int) -> Path:
        return write(
            "seeded.py",
            imports="import random\nimport numpy as np",
            function="""
                def seed_all(number):
                    random.seed(number)
                    np.random.seed(number)
            """,
            seed=f"seed = {seed}",
            seeding=seeding,
            drawn="ran('drawn')\ndrawn = [np.random.rand(), random.random()]",
            undrawn="ran('undrawn')\nundrawn = 1",
            seen="s = mo.ui.switch()\nran(f'{drawn} {undrawn}')",
        )

    path = notebook(1)
    export(path, env)
    *names, first = ran(path)
    assert names == ["drawn", "undrawn"]
    export(path, env)
    assert ran(path) == [first]
    notebook(2)
    export(path, env)
    name, second = ran(path)
    assert name == "drawn"
    assert second != first
    export(path, env)
    assert ran(path) == [second]


@pytest.mark.parametrize(
    "made",
    [
        "np.random.default_rng(1)",
        "np.random.Generator(np.random.MT19937(1))",
        "np.random.Generator(np.random.Philox(1))",
        "np.random.RandomState(1)",
        "random.Random(1)",
        "np.random.default_rng()",
    ],
)
def test_a_generator_of_another_cell_goes_on_after_a_served_one(
    made: str, write: Write, env: dict[str, str]
) -> None:
    def notebook(sample: str, noise: str) -> Path:
        return write(
            "shared.py",
            imports="import random\nimport numpy as np",
            generator=f"big = [[one] for one in range(100_000)]\nrng = {made}",
            draws="def draw():\n    return rng.normal()"
            if "np." in made
            else "def draw():\n    return rng.gauss(0, 1)",
            sample=f"ran('sample')\nsample = [draw() for _ in range({sample})]",
            noise=f"sample\nran('noise')\nnoise = draw() * {noise}",
            between="noise\nran('between')\nbetween = draw()",
            last="between\ns = mo.ui.switch()\nran(f'{sample} {noise} {draw()}')",
        )

    path = notebook("2", "1")
    export(path, env)
    *names, first = ran(path)
    assert names == ["sample", "noise", "between"]
    export(path, env)
    assert ran(path) == [first]
    # The same numbers, of another code.
    export(notebook("2", "1.0"), env)
    assert ran(path) == ["noise", first]
    # The others find the generator in another state.
    export(notebook("3", "1"), env)
    *names, more = ran(path)
    assert names == ["sample", "noise", "between"]
    assert more.split()[:2] == [first.split()[0], first.split()[1].replace("]", ",")]
    export(path, env)
    assert ran(path) == [more]


def test_a_cached_function_is_not_called_again_for_what_others_drew(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "cached_draw.py",
        imports="import random",
        generator="rng = random.Random(1)",
        draws="""
            @mo.persistent_cache
            def draw(scale):
                ran('draw')
                return rng.random() * scale
        """,
        seen="s = mo.ui.switch()\nran(str(draw(1) == draw(1) != rng.random()))",
    )
    export(notebook, env)
    assert ran(notebook) == ["draw", "True"]
    export(notebook, env)
    assert "draw" not in ran(notebook)


def test_random_numbers_that_begin_elsewhere_stay(
    write: Write, env: dict[str, str]
) -> None:
    def notebook(drawn: int) -> Path:
        return write(
            "elsewhere.py",
            imports="import random",
            seeding="random.seed(1)",
            drawn=f"drawn = [random.random() for _ in range({drawn})]",
            sample="ran('sample')\nsample = random.random()",
            seen="sample\ns = mo.ui.switch()\nran(str(random.random()))",
        )

    path = notebook(1)
    export(path, env)
    _, one = ran(path)
    export(path, env)
    assert ran(path) == [one]
    export(notebook(3), env)
    (two,) = ran(path)
    assert two != one


def test_what_a_served_cell_set_for_the_process_is_set(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "setting.py",
        imports="import decimal\nimport logging\nfrom decimal import setcontext",
        computes="""
            import os
            import sys
            import time
            ran('computes')
            _digits = 5
            logger = logging.getLogger('of_the_test')
            for _name in ('A_1', 'A_2'):
                os.environ[_name] = str(_digits)
            setcontext(decimal.Context(prec=_digits))
            logger.setLevel(logging.ERROR)
            logging.getLogger('of_others').setLevel(logging.ERROR)
            os.environ['TZ'] = 'XYZ-9'
            time.tzset()
            if 'beside_it' not in sys.path:
                sys.path.append('beside_it')
            own = []
            own.append(1)
            made = sum(range(9))
        """,
        seen="""
            s = mo.ui.switch()
            ran(' '.join(map(str, [
                made, own, os.environ.pop('A_1'), os.environ.pop('A_2'),
                logging.getLogger('of_the_test').level,
                logging.getLogger('of_others').level, sys.path.count('beside_it'),
                time.tzname[0],
            ])))
        """,
    )
    export(notebook, env)
    assert ran(notebook) == ["computes", "36 [1] 5 5 40 40 1 XYZ"]
    export(notebook, env)
    assert ran(notebook) == ["36 [1] 5 5 40 40 1 XYZ"]


def test_a_cell_that_cannot_set_what_it_did_runs(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "counting.py",
        computes="""
            import os
            import threading
            ran('computes')
            os.environ['A_COUNT'] = '1'
            os.environ['A_COUNT'] += '1'
            made = sum(range(9))
        """,
        # It has a name of its own for what cannot be saved.
        names="""
            from os import environ
            ran('names')
            environ['A_NAME'] = 'b'
            named = sum(range(9))
        """,
        seen="""
            s = mo.ui.switch()
            named
            ran(f'{made} {os.environ.pop("A_COUNT")} {os.environ.pop("A_NAME")}')
        """,
    )
    for _ in range(2):
        export(notebook, env)
        assert ran(notebook) == ["computes", "names", "36 11 b"]


@pytest.mark.parametrize(
    "code",
    [
        "x = np.append(a, b)",
        "x = np.setdiff1d(a, b)\nplt.setp(x, rotation=45)\nf(x)",
        "np.random.seed(1)\nx = np.random.rand(3)",
        "x = np.random.rand(3)\nx.sort()",
        "with warnings.catch_warnings():\n    warnings.simplefilter('ignore')\n    f()",
        "def f():\n    os.environ['A'] = '1'",
        "for x in range(3):\n    print(x)\n    os.environ['A'] = '1'",
    ],
)
def test_what_sets_nothing_that_stays(code: str) -> None:
    assert [one.names for one in settings_in(code).all] == []


@pytest.mark.parametrize(
    ("code", "does"),
    [
        ("np.random.seed(1)", True),
        ("lightning.seed_everything(42)", True),
        ("set_seed(1)", True),
        ("keras.utils.set_random_seed(1)", True),
        # It begins somewhere else in each run.
        ("random.seed()", False),
        # PyTorch has numbers of its own.
        ("torch.manual_seed(1)", False),
        ("reseed(1)", False),
    ],
)
def test_what_seeds_random_numbers(code: str, does: bool) -> None:
    assert seeds(code) is does
