import type { Page, PageRequest } from '../protocol/pages';

/**
 * Called every now and then by what takes long. It lets the thread read its messages.
 * @throws when the request has been cancelled
 */
export type Pause = () => Promise<void>;

/** A value that has been opened; its pages may be asked for one after the other. */
export interface Value {
  page(request: PageRequest, pause: Pause): Promise<Page>;
}

/** A value whose one page is all that is shown of it. */
export function whole(page: Page): Value {
  return { page: () => Promise.resolve(page) };
}
