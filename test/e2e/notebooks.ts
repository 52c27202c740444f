/** A notebook of one cell, which leaves caching to marimo's default: off. */
export const plainNotebook = `import marimo

app = marimo.App()


@app.cell
def answer():
    value = 6 * 7
    return (value,)
`;

/** The same with cell caching turned on in its script metadata. */
export const cachingNotebook = `# /// script
# [tool.marimo.runtime]
# cache_cells = true
# ///
${plainNotebook}`;
