"""Cached results as rows: saved, found, remembered and removed, each with its cell."""
