const app = `import marimo

app = marimo.App()`;

const answer = `


@app.cell
def answer():
    value = 6 * 7
    return (value,)
`;

/** How a notebook begins whose script metadata turns cell caching on; its cells follow. */
export const cachingApp = `# /// script
# [tool.marimo.runtime]
# cache_cells = true
# ///
${app}`;

/** A notebook of one cell, which leaves caching to marimo's default: off. */
export const plainNotebook = app + answer;

/** The same with cell caching turned on in its script metadata. */
export const cachingNotebook = cachingApp + answer;

/** A notebook of one cell whose value is large enough for a file of its own. */
export const fileNotebook = `${cachingApp}


@app.cell
def many():
    many = bytes(range(256)) * 1000
    return (many,)
`;
