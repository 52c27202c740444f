"""How much room a cache may take."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from marimo_cellar.settings.place import System
from marimo_cellar.settings.settings import (
    Setting,
    budget_in,
    find_settings,
    parse_size,
)

BUDGETS = json.loads(
    Path(__file__).parents[2].joinpath("test/fixtures/budgets.json").read_text("utf-8")
)


@pytest.mark.parametrize(("text", "size"), BUDGETS["sizes"])
def test_sizes(text: object, size: int | None) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "case", BUDGETS["budgets"], ids=[case["name"] for case in BUDGETS["budgets"]]
)
def test_budgets_as_both_languages_know_them(
    case: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in case.get("files", {}).items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.setattr("marimo_cellar.settings.settings._free", lambda _: case["free"])
    folder = tmp_path / "p"
    found = find_settings(folder, System({}, "linux", tmp_path / "home"))
    size = budget_in(folder / "__marimo__" / "cache", case["used"], found.budget)
    assert size == case["size"]
    refused = [str(Path(one.about).relative_to(tmp_path)) for one in found.refusals]
    assert refused == case.get("refused", [])


def test_a_project_can_only_make_the_budget_smaller(tmp_path: Path) -> None:
    usual = budget_in(tmp_path, 0, None)
    assert usual is not None
    project, user = tmp_path / "pyproject.toml", tmp_path / "config.toml"
    assert budget_in(tmp_path, 0, Setting(1000, project)) == 1000
    # The disk's free room changes while others work.
    theirs = budget_in(tmp_path, 0, Setting(10**18, project))
    assert theirs is not None and theirs < 2 * usual
    assert budget_in(tmp_path, 0, Setting(10**18, user)) == 10**18


@pytest.mark.parametrize("answer", [OSError(5, "no answer"), (0, 0, 0)])
def test_where_the_disk_does_not_tell_only_a_setting_limits(
    answer: OSError | tuple[int, int, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def disk_usage(_: Path) -> Any:
        if isinstance(answer, OSError):
            raise answer
        total, used, free = answer
        return SimpleNamespace(total=total, used=used, free=free)

    monkeypatch.setattr("shutil.disk_usage", disk_usage)
    assert budget_in(tmp_path, 10**11, None) is None
    for file in ("pyproject.toml", "config.toml"):
        assert budget_in(tmp_path, 0, Setting(1000, tmp_path / file)) == 1000
