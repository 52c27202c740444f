/** What `DecodingWorker` and its thread say to each other. All of it is plain data. */
import type { Page, PageRequest } from '../protocol/pages';
import type { DecodeErrorKind } from './DecodeError';

/** Where a value's bytes are. A file is opened without following a link in its last name. */
export type ValueSource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array };

/** The store's formats; anything else is shown as bytes. */
export type ValueFormat = 'arrow' | 'json' | 'manifest' | 'npy' | 'pickle' | 'pt' | 'bin';

export type ToThread =
  | {
      readonly kind: 'open';
      readonly id: number;
      readonly source: ValueSource;
      readonly format: ValueFormat;
    }
  | { readonly kind: 'page'; readonly id: number; readonly request: PageRequest }
  /** The answer to `id` is no longer wanted. It still settles, with an error, when it stops. */
  | { readonly kind: 'cancel'; readonly id: number };

export type FromThread =
  | { readonly kind: 'opened'; readonly id: number }
  | { readonly kind: 'page'; readonly id: number; readonly page: Page }
  | { readonly kind: 'cancelled'; readonly id: number }
  | {
      readonly kind: 'error';
      readonly id: number;
      readonly error: { readonly kind: DecodeErrorKind; readonly message: string };
    };
