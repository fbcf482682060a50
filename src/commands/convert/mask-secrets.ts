import { isAlias, isMap, isScalar, isSeq, parseAllDocuments } from 'yaml';
import type { Document, Node, Pair } from 'yaml';

/** What stands in the place of what is hidden, in the words of `kubectl config view`. */
const hiddenData = 'DATA+OMITTED';
const hiddenText = 'REDACTED';

/** Fields of a user that hold no secret. */
const harmlessUserFields: readonly unknown[] = [
  'client-certificate',
  'client-key',
  'tokenFile',
  'username',
  'as',
  'as-uid',
  'as-groups',
];
/** Fields of an `exec` entry that hold no secret. The arguments of another program may, and so may variables. */
const harmlessExecFields: readonly unknown[] = [
  'apiVersion',
  'command',
  'interactiveMode',
  'provideClusterInfo',
  'installHint',
];

/**
 * The text of a kubeconfig to be shown to a person, with everything hidden that may be a secret, in whatever style it
 * is written. Of a user nothing is shown but what is known to be harmless; elsewhere values are hidden by their names,
 * and so are passwords in URLs and comments that look as if they held a secret. The lines that hold none stay the same.
 */
export function maskSecrets(text: string): string {
  const documents = parseAllDocuments(text, {
    merge: false,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
  });
  if (!Array.isArray(documents)) return text;
  const masks: Mask[] = [];
  for (const document of documents) {
    if (document.errors.length > 0) {
      // Where it cannot be told what something is, all of it is hidden.
      masks.push({ start: document.range[0], end: text.length, text: `${hiddenText}\n` });
      break;
    }
    masks.push(...new Masking(document).masks());
  }
  return maskLoosely(applyMasks(text, masks));
}

/** A part of the text, and what is shown in its place. */
interface Mask {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

class Masking {
  readonly #document: Document;
  readonly #masks = new Map<number, Mask>();
  readonly #seen = new Set<unknown>();

  constructor(document: Document) {
    this.#document = document;
  }

  masks(): readonly Mask[] {
    this.#showByName(this.#document.contents);
    return [...this.#masks.values()];
  }

  /** What is not a user: a name tells whether its value is a secret. */
  #showByName(node: unknown): void {
    if (isSeq(node)) for (const item of node.items) this.#showByName(item);
    if (!isMap(node)) return;
    for (const { key, value } of node.items) {
      const name = nameOf(key);
      if (node === this.#document.contents && name === 'users') this.#showUsers(value);
      else if (name.endsWith('-data')) this.#hide(value, hiddenData);
      else if (/token|passw|secret|private|credential|\bkey\b/i.test(name)) this.#hide(value);
      else this.#showByName(value);
    }
  }

  #showUsers(node: unknown): void {
    const list = this.#resolved(node);
    for (const item of isSeq(list) ? list.items : []) {
      for (const { key, value } of this.#pairsOf(item)) {
        if (nameOf(key) === 'user') this.#showUser(value);
        else if (nameOf(key) !== 'name') this.#hide(value);
      }
    }
    if (!isSeq(list)) this.#hide(node);
  }

  #showUser(node: unknown): void {
    for (const { key, value } of this.#pairsOf(node)) {
      const name = nameOf(key);
      if (harmlessUserFields.includes(name)) continue;
      if (name === 'exec') this.#showExec(value);
      else if (name === 'auth-provider') this.#hideAllBut(value, ['name']);
      else this.#hide(value, name.endsWith('-data') ? hiddenData : hiddenText);
    }
    if (!isMap(this.#resolved(node))) this.#hide(node);
  }

  #showExec(node: unknown): void {
    const command = this.#pairsOf(node).find(({ key }) => nameOf(key) === 'command')?.value;
    const isOwn = isScalar(command) && command.value === 'kubectl-eck';
    this.#hideAllBut(node, isOwn ? [...harmlessExecFields, 'args'] : harmlessExecFields);
  }

  #hideAllBut(node: unknown, shown: readonly unknown[]): void {
    for (const { key, value } of this.#pairsOf(node)) if (!shown.includes(nameOf(key))) this.#hide(value);
    if (!isMap(this.#resolved(node))) this.#hide(node);
  }

  /** Hides every plain value in a node, also where an alias stands for it. */
  #hide(node: unknown, shown = hiddenText): void {
    if (isAlias(node)) {
      // An alias may stand inside what it stands for.
      if (this.#seen.has(node)) return;
      this.#seen.add(node);
      this.#hide(this.#resolved(node), shown);
    } else if (isSeq(node)) {
      for (const item of node.items) this.#hide(item, shown);
    } else if (isMap(node)) {
      for (const { value } of node.items) this.#hide(value, shown);
    } else if (isScalar(node) && node.range && node.range[0] < node.range[1]) {
      const [start, end] = node.range;
      this.#masks.set(start, { start, end, text: shown });
    }
  }

  #pairsOf(node: unknown): readonly Pair[] {
    const map = this.#resolved(node);
    return isMap(map) ? map.items : [];
  }

  #resolved(node: unknown): Node | undefined {
    if (isAlias(node)) return node.resolve(this.#document);
    return isMap(node) || isSeq(node) || isScalar(node) ? node : undefined;
  }
}

function nameOf(key: unknown): string {
  return isScalar(key) ? String(key.value) : '';
}

function applyMasks(text: string, masks: readonly Mask[]): string {
  let shown = '';
  let position = 0;
  for (const mask of [...masks].sort((a, b) => a.start - b.start)) {
    // A block of text ends with the line end before the next line.
    const lineEnd = /\s*$/.exec(text.slice(mask.start, mask.end))?.[0] ?? '';
    shown += text.slice(position, mask.start) + mask.text + (mask.text.endsWith('\n') ? '' : lineEnd);
    position = mask.end;
  }
  return shown + text.slice(position);
}

/** What YAML knows nothing of: passwords in URLs, and keys that somebody has put into a comment. */
function maskLoosely(text: string): string {
  return text
    .replace(/([a-z][a-z\d+.-]*:\/\/)[^\s/@"']+@/gi, `$1${hiddenText}@`)
    .replace(/(^|[ \t])#.*$/gm, (comment, before: string) =>
      /[\w+/=.-]{20,}|token|passw|secret|key/i.test(comment) ? `${before}# ${hiddenText}` : comment,
    );
}
