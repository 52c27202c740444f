/** The notebook of `count` small cells, each on the one before, that the benchmarks look at. */
export function notebookOf(count: number): string {
  const cells = Array.from({ length: count }, (_, index) => {
    const before = index === 0 ? '' : `value_${index - 1}`;
    const code = `value_${index} = ${before || '0'} + 1`;
    return `@app.cell\ndef step_${index}(${before}):\n    ${code}\n    return (value_${index},)\n`;
  });
  return [
    '# /// script',
    '# [tool.marimo.runtime]',
    '# cache_cells = true',
    '# ///',
    'import marimo',
    '',
    'app = marimo.App()',
    '',
    ...cells.map((cell) => `\n${cell}`),
    '\nif __name__ == "__main__":\n    app.run()\n',
  ].join('\n');
}
