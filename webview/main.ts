import './base.css';
import './style.css';
import { Connection } from './Connection';
import type { VsCode } from './Connection';
import { copyFocused } from './copying';
import { Language } from './Language';
import { Preview } from './Preview';

declare function acquireVsCodeApi(): VsCode;

let preview: Preview | undefined;

copyFocused(document);

const connection = new Connection(acquireVsCodeApi(), (message) => {
  switch (message.type) {
    case 'begin': {
      const language = new Language(message.locale, message.strings);
      preview = new Preview(document.body, connection, language);
      break;
    }
    case 'entry':
      preview?.update(message.entry);
      break;
    case 'select':
      // One that VS Code kept for a page that has yet to begin is sent once more.
      if (preview === undefined) break;
      preview.select(message.key);
      connection.selected(message.key);
      break;
    case 'unavailable':
      preview?.unavailable(message.problem);
      break;
    default:
      message satisfies never;
  }
});
