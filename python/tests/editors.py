"""The kernel of marimo's VS Code extension, with a client that its editor would be."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from marimo._ast.app import InternalApp
from marimo._ast.load import load_app
from marimo._config.manager import get_default_config_manager
from marimo._ipc import KernelArgs, QueueManager
from marimo._messaging.notification import CompletedRunNotification
from marimo._messaging.serde import deserialize_kernel_message
from marimo._runtime.commands import (
    AppMetadata,
    CreateNotebookCommand,
    ExecuteCellCommand,
    ExecuteCellsCommand,
    StopKernelCommand,
    UpdateUIElementCommand,
)

_PATIENCE = 90.0


@dataclass
class Editor:
    """A notebook that is open in an editor. `arguments` are what the kernel is given on
    its standard input."""

    app: InternalApp
    queues: QueueManager
    arguments: bytes

    def run_all(self) -> None:
        """Runs all cells, and waits for them."""
        cells = self.app.cell_manager
        requests = zip(cells.cell_ids(), cells.codes(), strict=True)
        self.queues.control_queue.put(
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
        self._wait()

    def run_all_again(self) -> None:
        """Runs all cells as an editor does that takes the kernel for one that it has run
        cells in before, and waits for them."""
        cells = self.app.cell_manager
        self.queues.control_queue.put(
            ExecuteCellsCommand(
                cell_ids=list(cells.cell_ids()), codes=list(cells.codes())
            )
        )
        self._wait()

    def _wait(self) -> None:
        while not isinstance(
            deserialize_kernel_message(self.queues.stream_queue.get(timeout=_PATIENCE)),
            CompletedRunNotification,
        ):
            pass

    def stop(self) -> None:
        """Has the kernel end; it is not waited for."""
        self.queues.control_queue.put(StopKernelCommand())


def opened(notebook: Path, log_level: int) -> Editor:
    """A notebook in an editor that is yet to start its kernel."""
    loaded = load_app(str(notebook))
    assert loaded is not None, f"{notebook} holds no notebook"
    app = InternalApp(loaded)
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
        log_level=log_level,
        profile_path=None,
        connection_info=connection,
    )
    return Editor(app, queues, arguments.encode_json())


@contextlib.contextmanager
def editor(notebook: Path, env: dict[str, str]) -> Iterator[Editor]:
    """`python -m marimo._ipc.launch_kernel` in an environment, as the editor does it.

    marimo-lsp, the extension's server, is its client in the field.
    """
    editor = opened(notebook, logging.WARNING)
    kernel = subprocess.Popen(
        [sys.executable, "-m", "marimo._ipc.launch_kernel"],
        env=env,
        cwd=notebook.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert kernel.stdin is not None and kernel.stdout is not None
        with kernel.stdin:
            kernel.stdin.write(editor.arguments)
        assert kernel.stdout.readline().strip() == b"KERNEL_READY"
        yield editor
        editor.stop()
        kernel.wait(_PATIENCE)
        assert kernel.stderr is not None
        complaints = kernel.stderr.read().decode()
        assert complaints == ""
    finally:
        kernel.kill()
        kernel.wait()
        for pipe in (kernel.stdout, kernel.stderr):
            if pipe is not None:
                pipe.close()
        editor.queues.close_queues()
