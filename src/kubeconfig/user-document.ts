import { parseAllDocuments } from 'yaml';
import type { ParsedNode } from 'yaml';
import { EckError, printable } from '../errors.js';
import { isMapping } from '../mapping.js';
import type { Mapping } from '../mapping.js';
import { kinds, sections } from './user-entry.js';
import type { Section } from './user-entry.js';

/** One file of the user kubeconfig: its text, and what it says. */
export interface KubeconfigFile {
  readonly path: string;
  /** Undefined where there is no such file. It counts as an empty one. */
  readonly text: string | undefined;
  /** Null where the file holds nothing, or comments only. */
  readonly root: ParsedNode | null;
  /** What the file says, with aliases and merge keys resolved. Its sections are lists, or null, or absent. */
  readonly content: Mapping;
}

/** An entry of `clusters`, `users` or `contexts`. */
export interface NamedEntry {
  readonly name: string;
  /** Where it stands in its list. */
  readonly index: number;
  /** The whole item: `name`, the content, and whatever else somebody put there. */
  readonly item: Mapping;
  /** What the entry says; nothing where it says nothing. */
  readonly content: Mapping;
}

/**
 * Reads the text of a kubeconfig, YAML or JSON. Of several YAML documents the first one counts, as it does for
 * kubectl. An empty text is a kubeconfig that says nothing.
 *
 * @param text undefined where there is no such file
 * @throws EckError `kubeconfig-unusable` if it is not a kubeconfig. The message names the line and quotes nothing
 *   from it, which may be a key
 */
export function parseKubeconfig(path: string, text: string | undefined): KubeconfigFile {
  const [document] = parseAllDocuments(text ?? '', {
    keepSourceTokens: true,
    merge: true,
    prettyErrors: false,
    logLevel: 'silent',
  });
  if (document === undefined) return { path, text, root: null, content: {} };
  const [error] = document.errors;
  if (error !== undefined) {
    const line = (text ?? '').slice(0, error.pos[0]).split('\n').length;
    throw notKubeconfig(path, `it is not YAML: line ${line}, ${describeYamlError(error.code)}`);
  }
  let content: unknown;
  try {
    content = document.toJS({ maxAliasCount: 10_000 });
  } catch {
    throw notKubeconfig(path, 'its YAML aliases do not resolve, or stand for far too much');
  }
  return { path, text, root: document.contents, content: checkContent(path, content ?? {}) };
}

/** The named entries of one section. What has no name is left out: kubectl does not find it either. */
export function entriesOf(content: Mapping, section: Section): NamedEntry[] {
  return itemsOf(content, section).flatMap((item, index) => {
    if (!isMapping(item) || typeof item['name'] !== 'string') return [];
    const entry = item[kinds[section]];
    return [{ name: item['name'], index, item, content: isMapping(entry) ? entry : {} }];
  });
}

/** The items of one section, named or not. */
export function itemsOf(content: Mapping, section: Section): readonly unknown[] {
  return (content[section] as readonly unknown[] | null | undefined) ?? [];
}

function checkContent(path: string, content: unknown): Mapping {
  if (!isMapping(content)) throw notKubeconfig(path, 'it is not a mapping');
  if ((content['kind'] ?? 'Config') !== 'Config') throw notKubeconfig(path, 'its kind is not Config');
  if ((content['apiVersion'] ?? 'v1') !== 'v1') throw notKubeconfig(path, 'its apiVersion is not v1');
  for (const section of sections) {
    const list = content[section] ?? [];
    if (!Array.isArray(list)) throw notKubeconfig(path, `its ${section} are not a list`);
    for (const item of list as unknown[]) {
      if (item !== null && !isMapping(item)) throw notKubeconfig(path, `its ${section} are not all mappings`);
    }
  }
  return content;
}

/** `BAD_INDENT`, as a person would say it. The parser's own messages quote the text. */
function describeYamlError(code: string): string {
  return code.toLowerCase().replaceAll('_', ' ');
}

function notKubeconfig(path: string, reason: string): EckError {
  return new EckError(
    'kubeconfig-unusable',
    `${printable(path)} is not a usable kubeconfig: ${reason}. ` +
      'Nothing was changed; mend the file, or choose another one with --kubeconfig or KUBECONFIG',
  );
}
