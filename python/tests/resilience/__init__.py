"""What it takes to break a cache: kills, crowds, faults of the disk, made-up bytes.

Each suite has a short form among the tests and a long one in `soak.py`.
"""
