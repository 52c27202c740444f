"""What marimo's purge of one loader removes: rows, blobs and marimo's old files."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from marimo_cellar.database.database import Database
from marimo_cellar.entries import blobs, clearing, keys
from marimo_cellar.session.stock import StockFiles


class Purge(Struct, frozen=True):
    """The entries of one cache name of one app, and of no other.

    marimo's old files count too, of this name and kind of loader, as in marimo's own:
    whose they are, nobody knows, and they would bring it all back.
    """

    database: Database
    stock: StockFiles
    cache_name: str
    loader: str
    app: str

    def clear(self) -> None:
        """Removes it all. Raises `sqlite3.Error`, OSError or `Unavailable`."""
        for entry in self.stock.entries(self.cache_name, self.loader):
            self.stock.remove(keys.key_of(entry))
        clearing.clear(self.database, self.cache_name, self.app)

    def files(self) -> list[Path]:
        """The files that `clear` removes; small values lie in rows instead."""
        return [
            path
            for digest, _, file in self._blobs()
            if file is not None
            and (path := blobs.path_of(self.database, digest, file)) is not None
        ] + self._old_files()

    def size(self) -> int:
        """The bytes that `clear` frees."""
        sizes = [size for _, size, _ in self._blobs()]
        for path in self._old_files():
            with suppress(OSError):
                sizes.append(path.lstat().st_size)
        return sum(sizes)

    def _blobs(self) -> list[tuple[bytes, int, str | None]]:
        return clearing.clearable(self.database, self.cache_name, self.app)

    def _old_files(self) -> list[Path]:
        return [
            file
            for entry in self.stock.entries(self.cache_name, self.loader)
            for file in self.stock.files(entry)
        ]
