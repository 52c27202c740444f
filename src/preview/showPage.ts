import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { html } from './html';

/**
 * Gives a panel our icon, and one of our pages: a script and styles of `dist`, and nothing else that it could
 * load.
 * @param name of the page's bundle there
 */
export function showPage(
  panel: vscode.WebviewPanel,
  extensionUri: vscode.Uri,
  name: 'webview' | 'overview',
): void {
  const { webview } = panel;
  const media = vscode.Uri.joinPath(extensionUri, 'media');
  panel.iconPath = {
    light: vscode.Uri.joinPath(media, 'preview-light.svg'),
    dark: vscode.Uri.joinPath(media, 'preview-dark.svg'),
  };
  const dist = vscode.Uri.joinPath(extensionUri, 'dist');
  const part = (file: string) => webview.asWebviewUri(vscode.Uri.joinPath(dist, file)).toString();
  webview.options = { enableScripts: true, localResourceRoots: [dist] };
  webview.html = html({
    script: part(`${name}.js`),
    styles: [part('codicon.css'), part(`${name}.css`)],
    cspSource: webview.cspSource,
    nonce: randomBytes(16).toString('base64'),
  });
}
