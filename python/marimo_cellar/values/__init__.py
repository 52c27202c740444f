"""A result's values as bytes: written and hashed, checked, mapped, in marimo's formats."""
