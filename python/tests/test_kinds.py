"""Values come back as what they were, where marimo's own formats take them for less."""

from __future__ import annotations

from tests.conftest import Write, ran
from tests.kernels import export

TOLD = {
    "masked": "np.ma.array([1, 2, 3], mask=[0, 1, 0])",
    "matrix": "np.matrix([[1, 2], [3, 4]])",
    "records": "np.rec.array([(1, 2.5)], dtype=[('a', int), ('b', float)])",
    "member": "http.HTTPStatus.NOT_FOUND",
    "text": "np.str_('text')",
    "real": "np.float64(0.5)",
    "plain": "[True, 1, 0.5, 'text', None]",
    "array": "np.arange(3)",
}


def test_what_derives_from_a_class_that_is_saved(
    write: Write, env: dict[str, str]
) -> None:
    notebook = write(
        "kinds.py",
        _="import http\nimport numpy as np",
        **{
            f"make_{name}": f"ran('{name}')\n{name} = {code}"
            for name, code in TOLD.items()
        },
        # Not cached, since it raises: it tells what it was given in each run.
        **{
            f"tell_{name}": f"raise ValueError(f'{{type({name})}} {{{name}!r}}')"
            for name in TOLD
        },
    )
    first = export(notebook, env)
    assert "MaskedArray" in str(first.outputs) and "HTTPStatus" in str(first.outputs)
    assert sorted(ran(notebook)) == sorted(TOLD)
    assert export(notebook, env).outputs == first.outputs
    assert ran(notebook) == []
