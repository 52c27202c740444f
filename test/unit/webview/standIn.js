// Runs in the page before its own script, in the place of VS Code. `given` is what the test gave. It is
// plain JavaScript in a file of its own: what tsx compiles refers to helpers that a page does not have.
/* global given */
{
  const copy = (value) => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));
  globalThis.keptState = given.state;
  globalThis.acquireVsCodeApi = () => ({
    // VS Code's messages are JSON on their way: what is not must not pass here either.
    postMessage: (message) => void globalThis.hear(copy(message)),
    getState: () => globalThis.keptState,
    setState: (state) => {
      globalThis.keptState = copy(state);
    },
  });
  document.addEventListener('DOMContentLoaded', () => {
    for (const [name, value] of Object.entries(given.variables)) {
      document.documentElement.style.setProperty(`--vscode-${name}`, value);
    }
    document.body.classList.add(given.kind);
    document.body.dataset.vscodeThemeKind = given.kind;
    document.body.style.background = 'var(--vscode-editor-background)';
  });
}
