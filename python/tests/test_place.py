"""Where the cache lives: the table both languages share, real kernels, the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from marimo_cellar import _marimo, notices
from marimo_cellar.settings import place
from marimo_cellar.settings.place import System, find_place
from tests import kernels
from tests.conftest import Write, ran

TABLE = Path(__file__).parents[2] / "test" / "fixtures" / "places.json"
CASES: list[dict[str, Any]] = json.loads(TABLE.read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_table(
    case: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(os.path.realpath(tmp_path))

    def filled(text: str) -> str:
        return text.replace("{root}", str(root))

    for name, text in case.get("files", {}).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(filled(text), "utf-8")
    for name in case.get("folders", []):
        (root / name).mkdir(parents=True)
    for name, target in case.get("links", {}).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(target)
    notebook = root / case["notebook"]
    notebook.parent.mkdir(parents=True, exist_ok=True)
    env = {name: filled(value) for name, value in case.get("env", {}).items()}
    monkeypatch.setattr(sys, "pycache_prefix", env.get("PYTHONPYCACHEPREFIX"))

    found = find_place(
        notebook.parent,
        _marimo.cache_folder(notebook),
        System(env, case.get("platform", "linux"), root / "home"),
    )

    expected = case["expect"]
    file = expected.get("file")
    assert found.folder == Path(f"{root}/{filled(expected['folder'])}")
    assert found.source == expected["source"]
    assert found.file == (root / file if file else None)
    assert [(one.fault, one.about) for one in found.refusals] == [
        (one["fault"], filled(one["about"])) for one in expected.get("refused", [])
    ]
    for one in found.refusals:
        assert one.about in one.message


@pytest.mark.parametrize(
    "text", [b"name = '\xff'", b"a = " + b"[" * 5000], ids=["no text", "too deep"]
)
def test_a_file_that_no_reader_takes_is_broken(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(text)
    found = find_place(tmp_path, tmp_path / "c", System({}, "linux", tmp_path))
    assert [one.fault for one in found.refusals] == ["broken"]


def test_a_user_without_a_name_has_a_home_too(monkeypatch: pytest.MonkeyPatch) -> None:
    pwd = pytest.importorskip("pwd")

    def nobody(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert place.this_system().home == Path("/")


def test_a_warning_comes_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CELLAR_PATH", "relative")
    monkeypatch.setattr(notices, "_said", set())
    monkeypatch.setattr(notices.logger, "propagate", True)
    notebook = tmp_path / "nb.py"
    with caplog.at_level("WARNING"):
        for _ in range(2):
            assert place.folder_of(notebook) == _marimo.cache_folder(notebook)
    assert len([one for one in caplog.messages if "CELLAR_PATH" in one]) == 1


CELLS = {"a": "ran('a')\nx = 41", "b": "ran('b')\ny = x + 1"}


def test_a_kernel_keeps_its_cache_in_the_projects_place(
    write: Write, env: dict[str, str], tmp_path: Path
) -> None:
    first = write("nb.py", folder=tmp_path / "project" / "one", **CELLS)
    second = write("nb.py", folder=tmp_path / "project" / "two", **CELLS)
    (tmp_path / "project" / "pyproject.toml").write_text(
        "[tool.cellar]\npath = 'caches/cellar'\n"
    )
    place = tmp_path / "project" / "caches" / "cellar"
    for notebook in (first, second):
        kernels.export(notebook, env)
        # What another folder's notebook computed is not this one's: equal code
        # reads other files there.
        assert ran(notebook) == ["a", "b"]
        assert not kernels.cache_of(notebook).exists()
    for notebook in (first, second):
        kernels.export(notebook, env)
        assert ran(notebook) == []
    assert kernels.rows_in(place, "SELECT path FROM apps ORDER BY path") == [
        ("../../one/nb.py",),
        ("../../two/nb.py",),
    ]
    assert (place / ".gitignore").exists()


def test_a_kernel_keeps_its_cache_where_the_environment_says(
    write: Write, env: dict[str, str], tmp_path: Path
) -> None:
    notebook = write("nb.py", **CELLS)
    place = tmp_path / "elsewhere"
    place.mkdir()
    (place / "a file of the user's").write_text("")
    env = env | {"CELLAR_PATH": str(place)}
    kernels.export(notebook, env)
    assert ran(notebook) == ["a", "b"]
    kernels.export(notebook, env)
    assert ran(notebook) == []
    assert not kernels.cache_of(notebook).exists()
    assert kernels.rows_in(place, "SELECT path FROM apps") == [("../notebooks/nb.py",)]
    # A folder that holds other things is not made to be ignored as a whole.
    assert not (place / ".gitignore").exists()
    assert not (place / "CACHEDIR.TAG").exists()


def test_a_kernel_goes_on_where_a_setting_is_refused(
    write: Write, env: dict[str, str], tmp_path: Path
) -> None:
    notebook = write("nb.py", **CELLS)
    project = notebook.parent / "pyproject.toml"
    project.write_text("[tool.cellar]\npath = '../outside'\n")
    run = kernels.export(notebook, env)
    (said,) = run.warned
    assert "[tool.cellar] path in" in said and str(project) in said
    assert kernels.query(notebook, "SELECT count(*) FROM entries") != [(0,)]
    assert not (tmp_path / "outside").exists()


def config(
    *arguments: str, env: dict[str, str], cwd: Path
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "marimo_cellar", "config", *arguments],
        env=env,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_command_says_what_is_set_and_where(
    env: dict[str, str], home: Path, tmp_path: Path
) -> None:
    root = Path(os.path.realpath(tmp_path))
    notebook = root / "nb.py"
    notebook.write_text("")
    said = config("nb.py", env=env, cwd=root)
    assert said.stdout.startswith(f"path = {root / '__marimo__' / 'cache'}\n")
    assert "config.toml" in said.stdout

    project = root / "pyproject.toml"
    project.write_text("[tool.cellar]\npath = 'here'\n")
    said = config(env=env, cwd=root)
    path, budget = said.stdout.split("budget = ")
    assert path == f"path = {root / 'here'}\n  from [tool.cellar] in {project}\n"
    assert "\n  from no setting" in budget
    assert said.stderr == ""

    project.write_text("[tool.cellar]\nbudget = '9000 TB'\n")
    said = config(env=env, cwd=root)
    _, budget = said.stdout.split("budget = ")
    assert (
        f"\n  from no setting: a tenth of what is free without the cache, or 2 GB; {project}"
        in budget
    )
    project.write_text("[tool.cellar]\nbudget = 1000\n")
    said = config(env=env, cwd=root)
    assert f"budget = 1.0 kB\n  from {project}\n" in said.stdout
    project.write_text("[tool.cellar]\npath = 'here'\n")

    said = config("--json", str(root), env=env | {"CELLAR_PATH": "~/x"}, cwd=home)
    told = json.loads(said.stdout)
    assert told["path"] == {
        "value": str(home / "x"),
        "source": "environment",
        "file": None,
    }
    assert told["warnings"] == []

    project.write_text("[tool.cellar")
    said = config("nb.py", env=env, cwd=root)
    assert said.returncode == 0
    assert said.stderr.startswith(f"warning: {project} cannot be read")

    said = config("gone.py", env=env, cwd=root)
    assert said.returncode == 1
    assert said.stderr.endswith("There is no gone.py\n")
