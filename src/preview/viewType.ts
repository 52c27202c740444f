/** What VS Code knows our panels by, also in `onWebviewPanel:` of package.json. */
export const viewType = 'cellar.preview';
