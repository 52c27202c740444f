"""Sessions of one app in one process share a cache, and not their classes.

They take turns at being Python's `__main__`, which is where a pickle looks for what a
notebook defines.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests import kernels
from tests.conftest import Write, ran
from tests.servers import Client, serve

CELLS = {
    "control": "n = mo.ui.slider(1, 9, value=1)\nn",
    "define": """
        class Point:
            def __init__(self, x):
                self.x = x
    """,
    "make": """
        ran(f"make {n.value}")
        points = [Point(n.value), bytes(2_000_000)]
    """,
    "use": """
        ran(f"use {n.value}")
        told = f"{points[0].x} is {type(points[0]) is Point}"
        told
    """,
}


def shown(client: Client) -> str:
    """What cells show until a run is completed."""
    return json.dumps(client.wait_for("completed-run"))


def test_two_at_once_one_of_which_changes_a_control(
    write: Write, env: dict[str, str], tmp_path: Path
) -> None:
    notebook = write("app.py", **CELLS)
    with (
        serve("run", notebook, env=env, log=tmp_path / "log") as server,
        server.client(notebook, "one") as one,
    ):
        first = shown(one)
        assert "1 is True" in first
        with server.client(notebook, "two") as two:
            assert "1 is True" in shown(two)
            # The other one is `__main__` by now.
            (element, *_) = re.findall(r"object-id='([^']+)'", first)
            for number in (4, 5):
                values = {"objectIds": [element], "values": [number]}
                one.post("kernel/set_ui_element_value", values)
                assert f"{number} is True" in shown(one)
    assert ran(notebook)[-4:] == ["make 4", "use 4", "make 5", "use 5"]
    formats = kernels.query(notebook, "SELECT format FROM items WHERE name = 'points'")
    assert formats == [("pickle",)] * 3
