"""The audit hook: what it notes, for whom, and that nobody is ever hurt by it."""

from __future__ import annotations

import importlib.machinery
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from marimo_cellar.entries import opens, reads
from marimo_cellar.entries.opens import Watch
from marimo_cellar.entries.workspace import Workspace, reads_of


@pytest.fixture(autouse=True)
def hook(monkeypatch: pytest.MonkeyPatch) -> None:
    opens.install()
    # What other tests of this process began to compute, they never ended.
    monkeypatch.setattr(opens, "_watched", {})
    monkeypatch.setattr(opens, "_own", threading.local())


def names(opened: list[Any], folder: Path, *named: str) -> list[tuple[str, str]]:
    """The files in `folder`, of a notebook that lies there."""
    notebook = folder / "nb.py"
    found = reads_of(opened, named, notebook, Workspace(notebook, [folder / "cache"]))
    return [(one.path, one.how) for one in found]


def on_a_thread(do: Callable[[], object]) -> None:
    thread = threading.Thread(target=do)
    thread.start()
    thread.join()


def test_what_is_read_is_noted_and_what_is_written_is_not(tmp_path: Path) -> None:
    for name in ("one.csv", "two.csv", "both.txt", "module.py"):
        (tmp_path / name).write_text(name)
    before = open(tmp_path / "two.csv")  # noqa: SIM115
    watch = Watch()
    before.read()
    (tmp_path / "one.csv").read_text()
    os.close(os.open(str(tmp_path / "both.txt"), os.O_RDONLY))
    with open(tmp_path / "both.txt", "a") as file:
        file.write("more")
    (tmp_path / "module.py").read_text()
    opened = watch.end()
    (tmp_path / "two.csv").read_text()
    before.close()
    assert names(opened, tmp_path) == [("one.csv", "opened")]
    assert watch.end() == []


def test_folders_are_noted_that_are_looked_into(tmp_path: Path) -> None:
    for name in ("data", "data/deep", "other", "globbed", ".venv", "__pycache__"):
        (tmp_path / name).mkdir()
    (tmp_path / "module_beside.py").write_text("x = 1")
    watch = Watch()
    os.listdir(tmp_path / "data")
    sorted((tmp_path / "globbed").glob("*.csv"))
    with os.scandir(tmp_path / "data" / "deep"):
        pass
    # What Python does for a module, a tool's folders, and the notebook's own, in which
    # too much comes and goes.
    sys.path_importer_cache.clear()
    importlib.machinery.FileFinder(str(tmp_path / "other")).find_spec("nothing")
    for name in (".", ".venv", "__pycache__"):
        os.listdir(tmp_path / name)
    opened = watch.end()
    os.listdir(tmp_path / "other")
    assert sorted(names(opened, tmp_path)) == [
        ("data/*", "named"),
        ("data/deep/*", "named"),
        ("globbed/*", "named"),
    ]


def test_stretches_within_one_another_have_what_is_theirs(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv", "c.csv"):
        (tmp_path / name).write_text(name)
    outer = Watch()
    (tmp_path / "a.csv").read_text()
    inner = Watch()
    (tmp_path / "b.csv").read_text()
    assert names(inner.end(), tmp_path) == [("b.csv", "opened")]
    (tmp_path / "c.csv").read_text()
    read = names(outer.end(), tmp_path)
    assert read == [("a.csv", "opened"), ("b.csv", "opened"), ("c.csv", "opened")]


def test_each_kernels_thread_has_its_own_and_shares_it_with_those_it_starts(
    tmp_path: Path,
) -> None:
    """Two kernels run at once; each reads by itself, by a thread and by a pool."""
    found: dict[str, list[tuple[str, str]]] = {}
    together = threading.Barrier(2)

    def kernel(name: str) -> None:
        files = [tmp_path / f"{name}{number}.csv" for number in range(3)]
        for file in files:
            file.write_text(name)
        watch = Watch()
        together.wait()
        files[0].read_text()
        on_a_thread(lambda: on_a_thread(files[1].read_text))
        with ThreadPoolExecutor(1) as pool:
            pool.submit(files[2].read_text).result()
        together.wait()
        found[name] = names(watch.end(), tmp_path)

    kernels = [threading.Thread(target=kernel, args=(name,)) for name in "ab"]
    for one in kernels:
        one.start()
    for one in kernels:
        one.join()
    known = 3 if opens.SAYS_WHO_STARTS_THREADS else 1
    for name in "ab":
        expected = [(f"{name}{number}.csv", "opened") for number in range(known)]
        assert found[name] == expected


def test_a_thread_of_the_only_kernel_that_runs_reads_for_it(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("a,b")
    watch = Watch()
    on_a_thread((tmp_path / "data.csv").read_text)
    assert names(watch.end(), tmp_path) == [("data.csv", "opened")]


def test_a_pool_of_an_earlier_cell_reads_for_the_cell_that_runs(tmp_path: Path) -> None:
    file = tmp_path / "late.csv"
    file.write_text("late")
    watch = Watch()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        watch.end()
        # Between cells nobody watches.
        pool.submit(file.read_text).result()
        watch = Watch()
        pool.submit(file.read_text).result()
        assert names(watch.end(), tmp_path) == [("late.csv", "opened")]


def test_relative_paths_are_of_the_folder_of_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "data.csv").write_text(folder)
    monkeypatch.chdir(tmp_path / "first")
    watch = Watch()
    Path("data.csv").read_text()
    os.chdir(tmp_path / "second")
    Path("data.csv").read_text()
    os.chdir(tmp_path)
    assert names(watch.end(), tmp_path) == [
        ("first/data.csv", "opened"),
        ("second/data.csv", "opened"),
    ]


class Broken:
    """A path that fails however it is asked."""

    def __fspath__(self) -> str:
        raise RuntimeError("broken")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("broken")

    def __hash__(self) -> int:
        raise RuntimeError("broken")

    __bool__ = __len__ = __str__ = __repr__ = __fspath__


def test_whatever_is_opened_the_hook_and_its_reader_survive(tmp_path: Path) -> None:
    (tmp_path / "fine.csv").write_text("fine")
    watch = Watch()
    with pytest.raises(RuntimeError, match="broken"):
        Path(tmp_path, "x").joinpath(Broken())
    with pytest.raises(RuntimeError, match="broken"):
        os.open(Broken(), os.O_RDONLY)
    for path in (Broken(), None, 7, b"\xff\xfe", "a\0b", "x" * 100_000, [], object()):
        sys.audit("open", path, "r", 0)
    for args in ((), ("one",), ("one", Broken(), Broken())):
        sys.audit("open", *args)
    sys.audit("_thread.start_new_thread", Broken(), (), {})
    sys.audit("_thread.start_new_thread")
    with pytest.raises(FileNotFoundError):
        (tmp_path / "missing.csv").read_text()
    (tmp_path / "fine.csv").read_text()
    assert names(watch.end(), tmp_path) == [("fine.csv", "opened")]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_notes_nothing_and_leaves_its_parents_notes(
    tmp_path: Path,
) -> None:
    (tmp_path / "parent.csv").write_text("p")
    (tmp_path / "child.csv").write_text("c")
    watch = Watch()
    child = os.fork()
    if child == 0:
        (tmp_path / "child.csv").read_text()
        clean = not opens._watched and watch.end() == []
        os._exit(0 if clean else 1)
    assert os.waitpid(child, 0)[1] == 0
    (tmp_path / "parent.csv").read_text()
    assert names(watch.end(), tmp_path) == [("parent.csv", "opened")]


def test_of_very_many_files_the_first_ones_are_noted(tmp_path: Path) -> None:
    watch = Watch()
    for number in range(opens._MOST + 10):
        sys.audit("open", str(number), "r", 0)
    assert len(watch.end()) == opens._MOST


def test_only_data_of_the_workspace_is_noted(tmp_path: Path) -> None:
    project = tmp_path / "project"
    for path in (
        "pyproject.toml",
        "data/rows.csv",
        "notebooks/own.csv",
        "notebooks/nb.py",
        "notebooks/helper.py",
        "notebooks/__pycache__/helper.pyc",
        "notebooks/__marimo__/cache/blobs/x.arrow",
        "notebooks/cache/blobs/y.arrow",
        ".venv/lib/site-packages/pkg/table.csv",
        ".git/index",
        "../outside.csv",
    ):
        file = project / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path)
    folder = project / "notebooks"
    watch = Watch()
    for file in sorted(tmp_path.rglob("*.*")):
        if file.is_file():
            file.read_bytes()
    (project / ".git" / "index").read_bytes()
    assert sorted(names(watch.end(), folder)) == [
        ("../data/rows.csv", "opened"),
        ("../pyproject.toml", "opened"),
        ("own.csv", "opened"),
    ]


def test_paths_in_the_code_are_named_where_nothing_opened_them(tmp_path: Path) -> None:
    for name in ("seen.csv", "named.parquet", "made.csv", "plain"):
        (tmp_path / name).write_text(name)
    named = ("seen.csv", "named.parquet", "missing.csv", "made.csv", "/\0")
    watch = Watch()
    (tmp_path / "seen.csv").read_text()
    (tmp_path / "made.csv").write_text("anew")
    assert names(watch.end(), tmp_path, *named) == [
        ("seen.csv", "opened"),
        ("named.parquet", "named"),
    ]


def read_of(folder: Path, name: str = "data.csv", most: int = 1000) -> reads.Read:
    notebook = folder / "nb.py"
    workspace = Workspace(notebook, [])
    (read,) = reads_of([(str(folder / name), "r", 0)], (), notebook, workspace)
    (settled,) = reads.settled([read], folder, most)
    return settled


def test_a_file_has_changed_when_its_bytes_have(tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    file.write_text("a,b")
    read = read_of(tmp_path)
    assert reads.change_of(read, tmp_path) is None
    os.utime(file, (1, 1))
    assert reads.change_of(read, tmp_path) is None
    file.write_text("a,c")
    os.utime(file, (2, 2))
    assert reads.change_of(read, tmp_path) == reads.Change(read, "changed", 2)
    file.write_text("a,b,c")
    os.utime(file, (read.modified_at, read.modified_at))
    found = reads.change_of(read, tmp_path)
    assert found is not None and found.change == "changed"
    file.unlink()
    assert reads.change_of(read, tmp_path) == reads.Change(read, "gone")


def test_a_file_that_is_too_large_to_ask_is_told_by_its_time(tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    file.write_text("a,b")
    read = read_of(tmp_path, most=2)
    assert read.digest is None
    os.utime(file, (1, 1))
    found = reads.change_of(read, tmp_path)
    assert found is not None and found.change == "changed"


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="everything is readable"
)
def test_a_file_that_cannot_be_read_is_told_by_its_time(tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    file.write_text("a,b")
    file.chmod(0)
    assert read_of(tmp_path).digest is None


def test_a_file_that_changes_while_it_is_read_has_no_digest(tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    file.write_text("a,b")
    read = reads.Read("data.csv", "opened", 3, 1.0)
    assert reads.settled([read], tmp_path, 1000) == [read]
    # Nor has one that is gone, or is a folder by now.
    file.unlink()
    assert reads.settled([read], tmp_path, 1000) == [read]
    file.mkdir()
    assert reads.settled([read], tmp_path, 1000) == [read]
