/** Where a page's parts are, as its web view may fetch them. */
export interface PageParts {
  readonly script: string;
  readonly styles: readonly string[];
  /** VS Code's name for where those may come from. */
  readonly cspSource: string;
  /** A fresh random text: only a script that bears it runs. */
  readonly nonce: string;
}

/**
 * A page of ours. It holds nothing from a cache: that comes by message, once the page has said
 * that it is ready. Styles may be written inline because the toolkit does so; scripts may not.
 */
export function html({ script, styles, cspSource, nonce }: PageParts): string {
  const policy = [
    `default-src 'none'`,
    `style-src ${cspSource} 'unsafe-inline'`,
    `font-src ${cspSource}`,
    // What a cell plotted comes by message, too, and is fetched from nowhere.
    `img-src data:`,
    `script-src 'nonce-${nonce}'`,
  ].join('; ');
  const links = styles.map((style) => `<link rel="stylesheet" href="${style}">`);
  return `<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="UTF-8">
    <meta name="viewport" content="width=device-width, initial-scale=1.0">
    <meta http-equiv="Content-Security-Policy" content="${policy}">
    ${links.join('\n    ')}
    <title>Cellar</title>
  </head>
  <body>
    <script nonce="${nonce}" src="${script}"></script>
  </body>
</html>
`;
}
