import type { Store } from './store.js';

/** The store `none`: keeps nothing, and never fails. */
export const noStore: Store = {
  name: 'none',
  read: () => Promise.resolve(undefined),
  save: () => Promise.resolve('none'),
  delete: () => Promise.resolve(false),
};
