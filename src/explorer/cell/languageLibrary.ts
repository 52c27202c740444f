/**
 * What we use of the library that talks to the language server, in a file of its own: loaded later, a
 * CommonJS package would come without its names.
 */
export {
  CloseAction,
  ErrorAction,
  LanguageClient,
  RevealOutputChannelOn,
  TransportKind,
} from 'vscode-languageclient/node';
