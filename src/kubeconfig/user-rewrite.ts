import { isDeepStrictEqual } from 'node:util';
import { EckError, printable } from '../errors.js';
import type { Mapping } from '../mapping.js';
import { parseKubeconfig } from './user-document.js';
import type { KubeconfigFile } from './user-document.js';
import type { ContextEntry } from './user-entry.js';
import { planContexts } from './user-plan.js';
import { editYaml, YamlEditError } from './yaml-edit.js';

/** The root, and the lists of everybody's entries, are added to. A named entry may be written anew. */
const entryDepth = 2;

/**
 * The text of a file that says `content` where it said something else before. What need not change stays the same
 * text, see {@link editYaml}; what the new text says has been compared with `content`.
 *
 * @param remedy what a person can do instead, where it cannot be done
 * @throws EckError `kubeconfig-unusable` if the file cannot be changed without harm to the rest of it, as when an
 *   alias elsewhere in it stands for the entry
 */
export function rewriteKubeconfig(
  file: KubeconfigFile,
  content: Mapping,
  remedy = 'have the entries written to a file of their own with --kubeconfig, or with --print',
): string {
  try {
    const text = editYaml(file.text ?? '', file.root, file.content, content, entryDepth);
    if (isDeepStrictEqual(parseKubeconfig(file.path, text).content, content)) return text;
  } catch (error) {
    if (!(error instanceof YamlEditError || error instanceof EckError)) throw error;
  }
  throw new EckError(
    'kubeconfig-unusable',
    `${printable(file.path)} cannot be changed without harm to other parts of it, because of YAML aliases, merge ` +
      `keys or an unusual layout. Nothing was changed; ${remedy}`,
  );
}

/**
 * A kubeconfig of its own with nothing but these contexts.
 *
 * @throws EckError `usage` if two entries want to write different things under one name
 */
export function renderKubeconfig(
  entries: readonly ContextEntry[],
  options: { readonly setCurrentContext: boolean },
): string {
  const empty = parseKubeconfig('', undefined);
  const { changes } = planContexts([empty], entries, { ...options, overwrite: false });
  return changes.map(({ file, content }) => rewriteKubeconfig(file, content)).join('');
}
