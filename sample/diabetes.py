# /// script
# requires-python = ">=3.10"
# dependencies = ["marimo", "matplotlib", "numpy", "polars", "scikit-learn"]
#
# [tool.marimo.runtime]
# cache_cells = true
# ///

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium")

with app.setup:
    import os

    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np
    import polars as pl
    from sklearn.datasets import load_diabetes
    from sklearn.ensemble import GradientBoostingRegressor
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import cross_val_score


@app.cell(hide_code=True)
def _():
    mo.md("""
    # How does diabetes progress?

    442 patients, ten measurements, and the progress of the disease a year later. The tables are
    polars data frames; the bootstrap below draws 20,000 models and is the cell worth caching.
    """)
    return


@app.cell
def load_patients():
    _data = load_diabetes(scaled=False)
    patients = pl.DataFrame(_data.data, schema=_data.feature_names).with_columns(
        sex=pl.col("sex").cast(pl.Int8).replace_strict({1: "female", 2: "male"}),
        progress=pl.Series(_data.target),
    )
    patients
    return (patients,)


@app.cell
def by_age(patients):
    decades = (
        patients.group_by((pl.col("age") // 10 * 10).cast(pl.Int32).alias("decade"), "sex")
        .agg(
            pl.len().alias("patients"),
            pl.col("bmi").mean().round(1),
            pl.col("progress").mean().round(1),
        )
        .sort("decade", "sex")
    )
    decades
    return (decades,)


@app.cell
def _(decades):
    _fig, _ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
    for (_sex,), _part in decades.partition_by("sex", as_dict=True).items():
        _ax.plot(_part["decade"], _part["progress"], marker="o", label=_sex)
    _ax.set(xlabel="age", ylabel="progress after a year")
    _ax.legend()
    mo.as_html(_fig)
    return


@app.cell
def to_arrays(patients):
    names = [name for name in patients.columns if name not in ("sex", "progress")]
    X = patients.select((pl.col(names) - pl.col(names).mean()) / pl.col(names).std()).to_numpy()
    y = patients["progress"].to_numpy()
    return X, names, y


@app.cell
def bootstrap(X, names, y):
    # How certain is each measurement's weight? Fit the model to 20,000 random redraws of the
    # patients. This takes seconds and makes the largest table of the samples.
    _rng = np.random.default_rng(0)
    _weights = np.empty((20_000, len(names)))
    for _i in range(len(_weights)):
        _rows = _rng.integers(len(y), size=len(y))
        _A, _b = X[_rows], y[_rows] - y[_rows].mean()
        _weights[_i] = np.linalg.solve(_A.T @ _A + np.eye(len(names)), _A.T @ _b)
    weights = pl.DataFrame(_weights, schema=names).with_row_index("draw")
    weights.head(10)
    return (weights,)


@app.cell
def intervals(names, weights):
    certainty = (
        weights.select(names)
        .unpivot(variable_name="measurement")
        .group_by("measurement")
        .agg(
            pl.col("value").quantile(0.05).round(1).alias("from"),
            pl.col("value").median().round(1).alias("median"),
            pl.col("value").quantile(0.95).round(1).alias("to"),
        )
        .sort("median", descending=True)
    )
    certainty
    return (certainty,)


@app.cell
def compare_models(X, y):
    # A cached block kept as JSON, which any program can read, instead of Python's pickle.
    with mo.persistent_cache("model_scores", method="json"):
        scores = {
            type(_model).__name__: cross_val_score(_model, X, y, cv=5).round(3).tolist()
            for _model in [RidgeCV(), GradientBoostingRegressor(random_state=0)]
        }
        _means = {name: sum(values) / len(values) for name, values in scores.items()}
        best_model = max(_means, key=_means.get)
        best_score = _means[best_model]
    scores
    return best_model, best_score, scores


@app.cell
def verdict(best_model, best_score):
    f"{best_model} explains {best_score:.0%} of the progress."
    return


@app.cell
def who_ran_it():
    # A caution rather than a feature: a cell that asks the world outside (the clock, the process,
    # a web page) is cached like any other, and keeps giving the first answer. Cache such a cell
    # only if that is what you want.
    process = os.getpid()
    f"Computed by process {process}"
    return (process,)


if __name__ == "__main__":
    app.run()
