"""What a cached function, block or cell saved serves it once its method is another one.

With real kernels.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import zlib
from pathlib import Path

import pytest

from marimo_cellar.lookups import reasons
from marimo_cellar.values.checksums import seal
from tests.conftest import Write, ran
from tests.kernels import change, export, query
from tests.test_other_kinds import SIGNED, Trap


@pytest.fixture
def unsigned_env(env: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """An environment in which marimo has nothing to sign or verify with."""
    folder = tmp_path / "without"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import sys\nsys.modules['cryptography'] = None\n"
    )
    return env | {"PYTHONPATH": f"{folder}{os.pathsep}{env['PYTHONPATH']}"}


def notebook(write: Write, method: str) -> Path:
    return write(
        "methods.py",
        cached=False,
        twice=f"""
            @mo.persistent_cache(method="{method}")
            def twice(x):
                ran("twice")
                return x * 2
        """,
        state="""
            get, put = mo.state(5)
            slider = mo.ui.slider(1, 10)
        """,
        block=f"""
            with mo.persistent_cache("block", method="{method}"):
                ran("block")
                four = [4, 4.5, "four", get(), slider.value]
        """,
        calls="shown = str((twice(2), four)); shown",
    )


@pytest.mark.parametrize(
    ("old", "new", "signing", "computed"),
    [
        ("lazy", "pickle", True, []),
        ("json", "lazy", False, []),
        ("json", "lazy", True, ["block", "twice"]),
        ("json", "pickle", True, []),
        ("pickle", "lazy", False, []),
        ("pickle", "lazy", True, ["block", "twice"]),
        ("pickle", "json", True, ["block", "twice"]),
        # A list is a pickle to `lazy`, a number is not.
        ("lazy", "json", True, ["block"]),
    ],
)
def test_a_changed_method_loads_what_the_old_one_saved(
    old: str,
    new: str,
    signing: bool,
    computed: list[str],
    write: Write,
    env: dict[str, str],
    unsigned_env: dict[str, str],
) -> None:
    if signing:
        pytest.importorskip("cryptography")
    used = env if signing else unsigned_env
    first = export(notebook(write, old), used)
    assert sorted(ran(notebook(write, old))) == ["block", "twice"]
    changed = notebook(write, new)
    second = export(changed, used)
    assert sorted(ran(changed)) == computed
    assert second.outputs == first.outputs
    found = query(changed, "SELECT cache_name, loader, hits FROM entries")
    kept = {(name, kind): hits for name, kind, hits in found}
    for name in ("block", "twice"):
        assert kept[name, old] == (0 if name in computed else 1)
        assert ((name, new) in kept) == (name in computed)
    missed = query(changed, "SELECT why FROM lookups WHERE outcome = 'miss'")
    assert [why is not None for (why,) in missed[2:]] == [True] * len(computed)
    # What was computed again is there in the new way now.
    third = export(changed, used)
    assert ran(changed) == []
    assert third.outputs == first.outputs


@pytest.mark.parametrize(("old", "new"), [("lazy", "pickle"), ("pickle", "lazy")])
def test_controls_functions_and_modules_come_back_as_from_an_own_entry(
    old: str, new: str, write: Write, unsigned_env: dict[str, str]
) -> None:
    def notebook(method: str) -> Path:
        return write(
            "block.py",
            cached=False,
            block=f"""
                with mo.persistent_cache("block", method="{method}"):
                    ran("block")
                    import math
                    knob = mo.ui.slider(1, 9, value=4)
                    def area(r):
                        return math.floor(math.pi * r * r)
            """,
            use="str((knob.value, type(knob).__name__, area(knob.value)))",
        )

    first = export(notebook(old), unsigned_env)
    assert ran(notebook(old)) == ["block"]
    second = export(notebook(new), unsigned_env)
    assert ran(notebook(new)) == []
    assert second.outputs == first.outputs and "slider" in str(first.outputs)


def test_a_planted_pickle_is_not_loaded_by_a_cached_cell(
    write: Write, env: dict[str, str], unsigned_env: dict[str, str], tmp_path: Path
) -> None:
    pytest.importorskip("cryptography")
    cell = write("cell.py", victim='ran("victim"); x = [1]; str(x)')
    good = export(cell, env)
    ran(cell)
    mark = tmp_path / "mark"
    content = pickle.dumps(Trap(mark))
    digest = hashlib.sha256(content).digest()
    ((hash, letter),) = query(
        cell,
        "SELECT hash, cache_type FROM entries JOIN cells USING (cell_id)"
        " WHERE name = 'victim'",
    )
    key = f"cell_cache/{letter}_{hash}.pickle"
    change(cell, "DELETE FROM items WHERE format <> 'manifest'")
    change(
        cell,
        "INSERT INTO blobs (digest, size, crc32, content) VALUES (?, ?, ?, ?)",
        *(digest, len(content), zlib.crc32(content), content),
    )
    change(
        cell,
        "UPDATE items SET key = ?, name = 'x', format = 'pickle', digest = ?, seal = ?",
        *(key, digest, seal(key, digest, len(content))),
    )
    change(cell, "UPDATE entries SET loader = 'pickle'")
    run = export(cell, env)
    assert ran(cell) == ["victim"]
    assert run.outputs == good.outputs
    assert not mark.exists()
    told = reasons.sentence([{"kind": "refused", "text": SIGNED}])
    assert (told,) in query(cell, "SELECT why FROM lookups")
    # Where marimo itself verifies nothing, it is a pickle as any other: the trap works.
    change(cell, "DELETE FROM entries WHERE loader = 'lazy'")
    export(cell, unsigned_env)
    assert mark.exists()
