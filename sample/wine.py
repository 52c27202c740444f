# /// script
# requires-python = ">=3.10"
# dependencies = ["marimo", "matplotlib", "pandas", "pyarrow", "scikit-learn"]
#
# [tool.marimo.runtime]
# cache_cells = true
# ///

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium")

with app.setup:
    # The setup cell runs before all others. What the cache keeps of an import is its name: the
    # import itself has to happen again in every process.
    import marimo as mo
    import matplotlib.pyplot as plt
    import pandas as pd
    from sklearn.datasets import load_wine
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import ConfusionMatrixDisplay, classification_report
    from sklearn.model_selection import GridSearchCV, train_test_split


@app.cell(hide_code=True)
def _():
    mo.md("""
    # Which vineyard did this wine come from?

    178 Italian wines, 13 chemical measurements each, three growers. The search for a good model
    below takes a few seconds the first time. Run the notebook again, or close and reopen it: the
    search is not repeated, because its result is in the cache.
    """)
    return


@app.cell
def load_table():
    wine = load_wine(as_frame=True).frame.rename(columns={"target": "grower"})
    wine
    return (wine,)


@app.cell
def summarise(wine):
    # A small frame made from a larger one. Both are kept as Arrow, which Cellar shows as tables.
    typical = (
        wine.groupby("grower").median().round(2).T.rename(columns=lambda number: "ABC"[number])
    )
    typical
    return (typical,)


@app.cell
def split(wine):
    # Arrays rather than slices of a data frame: marimo recognises an input by its bytes, and those
    # of a slice change when it is saved and read back. The cells below would miss once more.
    features = wine.columns.drop("grower").to_list()
    X_train, X_test, y_train, y_test = train_test_split(
        wine[features].to_numpy(copy=True),
        wine["grower"].to_numpy(copy=True),
        test_size=0.3,
        random_state=0,
    )
    return X_test, X_train, features, y_test, y_train


@app.cell
def search_model(X_train, y_train):
    # Worth caching: 18 candidates, five fits each.
    search = GridSearchCV(
        RandomForestClassifier(random_state=0),
        {"n_estimators": [50, 100], "max_depth": [2, 4, None], "max_features": [2, 4, 8]},
        cv=5,
    ).fit(X_train, y_train)
    return (search,)


@app.cell
def _(search):
    candidates = pd.DataFrame(search.cv_results_)[
        ["param_n_estimators", "param_max_depth", "param_max_features", "mean_test_score"]
    ].sort_values("mean_test_score", ascending=False, ignore_index=True)
    candidates
    return (candidates,)


@app.cell
def report(X_test, search, y_test):
    # A text result.
    scores = classification_report(y_test, search.predict(X_test))
    mo.plain_text(scores)
    return (scores,)


@app.cell
def plot_importance(features, search):
    _fig, _ax = plt.subplots(figsize=(7, 4), layout="constrained")
    _importance = pd.Series(search.best_estimator_.feature_importances_, features)
    _importance.sort_values().plot.barh(ax=_ax, color="#7b2d43")
    _ax.set_xlabel("importance")
    # Drawn at once: the cache then keeps a picture, which needs no matplotlib to be shown again.
    mo.as_html(_fig)
    return


@app.cell
def pick_grower():
    # A control is never served from the cache: it has to be connected to this browser, so marimo
    # runs its cell every time. What is computed from its value is cached, once for each value.
    grower = mo.ui.dropdown({"A": 0, "B": 1, "C": 2}, value="A", label="Grower")
    grower
    return (grower,)


@app.cell
def _(grower, wine):
    wine[wine["grower"] == grower.value].describe().round(2)
    return


@app.cell
def plot_confusion(X_test, search, y_test):
    _display = ConfusionMatrixDisplay.from_predictions(y_test, search.predict(X_test), cmap="Reds")
    mo.as_html(_display.figure_)
    return


if __name__ == "__main__":
    app.run()
