import { entriesOf } from './user-document.js';
import type { KubeconfigFile, NamedEntry } from './user-document.js';
import type { Section } from './user-entry.js';

/** What several kubeconfig files say together, as kubectl reads them: the first to say something is believed. */
export interface MergedKubeconfig extends Readonly<Record<Section, ReadonlyMap<string, LocatedEntry>>> {
  readonly currentContext: string | undefined;
}

/** A named entry, and the file that it counts in. */
export interface LocatedEntry extends NamedEntry {
  readonly file: KubeconfigFile;
}

/** Merges the files, given in kubectl's order. Within a list, too, the first entry of a name is the one. */
export function mergeKubeconfigs(files: readonly KubeconfigFile[]): MergedKubeconfig {
  return {
    clusters: mergeSection(files, 'clusters'),
    users: mergeSection(files, 'users'),
    contexts: mergeSection(files, 'contexts'),
    currentContext: files.map(currentContextOf).find((name) => name !== undefined),
  };
}

function mergeSection(files: readonly KubeconfigFile[], section: Section): Map<string, LocatedEntry> {
  const merged = new Map<string, LocatedEntry>();
  for (const file of files) {
    for (const entry of entriesOf(file.content, section)) {
      if (!merged.has(entry.name)) merged.set(entry.name, { ...entry, file });
    }
  }
  return merged;
}

function currentContextOf({ content }: KubeconfigFile): string | undefined {
  const name = content['current-context'];
  return typeof name === 'string' && name !== '' ? name : undefined;
}
