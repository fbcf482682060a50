import type { Mapping } from '../mapping.js';
import { itemsOf } from './user-document.js';
import type { Section } from './user-entry.js';

/** A named entry that is put into a file: in the place of another one, or, without an `index`, behind the last. */
export interface DraftChange {
  readonly section: Section;
  readonly index?: number;
  readonly item: Mapping;
}

/** What a kubeconfig file is going to say. */
export class Draft {
  readonly #content: Mapping;
  readonly #changed: { [section in Section]?: unknown[] } & { 'current-context'?: string } = {};

  /** @param content what the file says now */
  constructor(content: Mapping) {
    this.#content = content;
  }

  put({ section, index, item }: DraftChange): void {
    const items = (this.#changed[section] ??= [...itemsOf(this.#content, section)]);
    if (index === undefined) items.push(item);
    else items[index] = item;
  }

  setCurrentContext(name: string): void {
    this.#changed['current-context'] = name;
  }

  /** What the file says then, or undefined if that is what it says now. */
  changedContent(): Mapping | undefined {
    if (Object.keys(this.#changed).length === 0) return undefined;
    const isEmpty = Object.keys(this.#content).length === 0;
    return { ...(isEmpty ? emptyKubeconfig : this.#content), ...this.#changed };
  }
}

/** What kubectl, too, writes into a new file besides its lists. */
const emptyKubeconfig = { apiVersion: 'v1', kind: 'Config', preferences: {} } as const;
