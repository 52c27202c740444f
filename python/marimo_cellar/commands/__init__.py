"""What `python -m marimo_cellar` can do, a module a command."""
