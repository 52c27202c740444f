import '../base.css';
import './overview.css';
import {
  type FromOverview,
  type OverviewCommand,
  type OverviewView,
  parseToOverview,
} from '../../src/protocol/overview';
import { Overview } from '../components/Overview';

declare function acquireVsCodeApi(): { postMessage(message: FromOverview): void };

const vscode = acquireVsCodeApi();
const overview = new Overview(document.body, (command: OverviewCommand) => {
  vscode.postMessage({ type: 'command', command });
});

window.addEventListener('message', (event: MessageEvent<unknown>) => {
  const view: OverviewView = parseToOverview(event.data).view;
  overview.update(view);
});
vscode.postMessage({ type: 'ready' });
