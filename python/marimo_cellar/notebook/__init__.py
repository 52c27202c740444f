"""Cells of a notebook: what their code means, and which stored cell is which.

As `src/notebook` in TypeScript. Data in, data out: no database, no marimo.
"""
