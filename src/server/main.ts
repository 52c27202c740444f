/**
 * The language server's program. It speaks the Language Server Protocol over what the command line
 * names: `--stdio` for any editor, `--node-ipc` for VS Code.
 */

import { createConnection, ProposedFeatures } from 'vscode-languageserver/node';
import { CellarServer } from './CellarServer';

new CellarServer(createConnection(ProposedFeatures.all)).listen();
