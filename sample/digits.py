# /// script
# requires-python = ">=3.10"
# dependencies = ["marimo", "matplotlib", "numpy", "scikit-learn"]
#
# [tool.marimo.runtime]
# cache_cells = true
# ///

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium")


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    # A map of handwritten digits

    1,797 pictures of 8 by 8 pixels as numpy arrays, laid out on a plane so that pictures that look
    alike lie close together. Arrays are kept as `.npy`; Cellar shows their shape, their type and
    their first values.
    """)
    return


@app.cell
def _():
    import threading

    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np
    from sklearn.datasets import load_digits
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier, PCA, TSNE, load_digits, mo, np, plt, threading


@app.cell
def load_pictures(load_digits):
    # Copies, since scikit-learn hands out views of one array: marimo recognises an input by its
    # bytes in memory, and a view that was saved and read back lies there in another order.
    _digits = load_digits()
    pictures = _digits.images.copy()
    pixels = _digits.data.copy()
    labels = _digits.target.copy()
    return labels, pictures, pixels


@app.cell
def average_digit(labels, np, pictures):
    averages = np.stack([pictures[labels == digit].mean(axis=0) for digit in range(10)])
    averages.shape
    return (averages,)


@app.cell
def _(averages, mo, plt):
    _fig, _axes = plt.subplots(1, 10, figsize=(8, 1), layout="constrained")
    for _ax, _picture in zip(_axes, averages, strict=True):
        _ax.imshow(_picture, cmap="gray_r")
        _ax.axis("off")
    mo.as_html(_fig)
    return


@app.cell
def project(PCA, pixels):
    # Twenty numbers instead of 64 describe a picture nearly as well.
    components = PCA(n_components=20, random_state=0).fit_transform(pixels)
    return (components,)


@app.cell
def define_layout(TSNE, mo):
    # A cached function: one entry for each set of arguments, whoever calls it.
    @mo.persistent_cache
    def layout(points, perplexity):
        return TSNE(perplexity=perplexity, random_state=0).fit_transform(points)

    return (layout,)


@app.cell
def lay_out(components, layout):
    # A few seconds the first time. Every third picture is enough to see the shapes.
    plane = layout(components[::3], perplexity=30)
    return (plane,)


@app.cell
def plot_map(labels, mo, plane, plt):
    _fig, _ax = plt.subplots(figsize=(6, 5), layout="constrained")
    _points = _ax.scatter(*plane.T, c=labels[::3], cmap="tab10", s=8)
    _fig.colorbar(_points, ax=_ax, label="digit")
    mo.as_html(_fig)
    return


@app.cell
def guess(KNeighborsClassifier, components, labels, mo):
    # A cached block inside a cell: everything it defines is kept under its own name.
    with mo.persistent_cache("neighbours"):
        _model = KNeighborsClassifier(5).fit(components[:1200], labels[:1200])
        guesses = _model.predict(components[1200:])
        hit_rate = float((guesses == labels[1200:]).mean())
    return guesses, hit_rate


@app.cell
def _(hit_rate, mo):
    mo.md(f"""
    Five neighbours vote on each of the last 597 pictures: **{hit_rate:.1%}** are right.
    """)
    return


@app.cell
def hold_lock(threading):
    # This value cannot be cached: a lock belongs to the running process and cannot be written to
    # disk. marimo notes that it is missing, and runs this cell when another one needs the lock.
    lock = threading.Lock()
    return (lock,)


@app.cell
def find_darkest(lock, np, pictures):
    # What is computed under the lock is cached all the same.
    with lock:
        darkest = int(np.argmax(pictures.sum(axis=(1, 2))))
    f"Picture {darkest} has the most ink."
    return (darkest,)


@app.cell
def ask(mo):
    # A control is never served from the cache: marimo runs its cell in every session, to connect it
    # to the browser.
    show = mo.ui.run_button(label="Show the darkest picture")
    show
    return (show,)


@app.cell
def show_darkest(darkest, mo, pictures, plt, show):
    # This cell is not cached until the button is pressed: a cell that stops, or fails, has no
    # result to keep.
    mo.stop(not show.value)
    _fig, _ax = plt.subplots(figsize=(2, 2))
    _ax.imshow(pictures[darkest], cmap="gray_r")
    mo.as_html(_fig)
    return


if __name__ == "__main__":
    app.run()
