"""Cellar's store beside marimo's files, diskcache and joblib: one file a workload."""
