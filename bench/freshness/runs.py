"""Runs notebooks from start to end, each in a kernel of its own, as marimo's VS Code
extension starts them (`marimo._ipc`).

Each line of standard input is the path of a notebook; when it has run, a line with
what came of it is printed. The kernels are forks of this process, which has imported
the modules that are named as arguments: what takes most of a run's time happens once.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import traceback
from pathlib import Path
from types import SimpleNamespace

from marimo._ast.app import InternalApp
from marimo._ast.load import load_app
from marimo._config.manager import get_default_config_manager
from marimo._ipc import KernelArgs, QueueManager
from marimo._ipc import launch_kernel as kernel
from marimo._messaging.notification import CompletedRunNotification
from marimo._messaging.serde import deserialize_kernel_message
from marimo._runtime.commands import (
    AppMetadata,
    CreateNotebookCommand,
    ExecuteCellCommand,
    StopKernelCommand,
    UpdateUIElementCommand,
)

_PATIENCE = 90.0


def run(notebook: Path) -> None:
    """Runs all cells, in a kernel that ends with them; cells may fail."""
    os.chdir(notebook.parent)
    reading, writing = os.pipe()
    # Before there are any queues: what they hold is not to be shared by a fork.
    pid = os.fork()
    if pid == 0:
        os.close(writing)
        _be_kernel(reading)
    os.close(reading)
    app = InternalApp(_loaded(notebook))
    queues, connection = QueueManager.create()
    arguments = KernelArgs(
        configs=app.cell_manager.config_map(),
        app_metadata=AppMetadata(
            query_params={},
            cli_args={},
            app_config=app.config,
            filename=str(notebook),
        ),
        user_config=get_default_config_manager(current_path=str(notebook)).get_config(),
        log_level=logging.ERROR,
        profile_path=None,
        connection_info=connection,
    )
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(arguments.encode_json())
    cells = app.cell_manager
    requests = zip(cells.cell_ids(), cells.codes(), strict=True)
    queues.control_queue.put(
        CreateNotebookCommand(
            execution_requests=tuple(
                ExecuteCellCommand(cell_id=cell_id, code=code)
                for cell_id, code in requests
            ),
            cell_ids=tuple(cells.cell_ids()),
            set_ui_element_value_request=UpdateUIElementCommand(
                object_ids=[], values=[]
            ),
            auto_run=True,
        )
    )
    while not isinstance(
        deserialize_kernel_message(queues.stream_queue.get(timeout=_PATIENCE)),
        CompletedRunNotification,
    ):
        pass
    queues.control_queue.put(StopKernelCommand())
    os.waitpid(pid, 0)


def _loaded(notebook: Path) -> object:
    loaded = load_app(str(notebook))
    assert loaded is not None, f"{notebook} holds no notebook"
    return loaded


def _be_kernel(arguments: int) -> None:
    """Never returns."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, sys.stdout.fileno())
    sys.stdin = SimpleNamespace(buffer=os.fdopen(arguments, "rb"))  # type: ignore[assignment]
    kernel.main()
    # Up to the end of this process, where what waits for that is done.
    sys.exit()


def main(modules: list[str]) -> None:
    for module in modules:
        importlib.import_module(module)
    for line in sys.stdin:
        # A fork of its own for the queues, too: this process stays as it is.
        pid = os.fork()
        if pid == 0:
            try:
                run(Path(line.strip()))
            except Exception:
                traceback.print_exc()
                sys.stderr.flush()
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
