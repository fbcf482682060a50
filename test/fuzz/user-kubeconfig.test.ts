import { isDeepStrictEqual } from 'node:util';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseAllDocuments } from 'yaml';
import { ifPossible } from '../../src/errors.js';
import { editKubeconfig, type FileChange } from '../../src/kubeconfig/edit.js';
import { sections } from '../../src/kubeconfig/entry.js';
import { entriesOf, itemsOf, parseJson, parseKubeconfig } from '../../src/kubeconfig/parse.js';
import { fileChanges, kubeconfigTexts } from './documents.js';
import { expectNoWarnings, holds, outcomeOf, runs } from './property.js';
import { anyText, textMutations } from './values.js';

expectNoWarnings();

const changedTexts = fc
  .tuple(kubeconfigTexts, fc.array(textMutations(), { minLength: 1, maxLength: 3 }))
  .map(([text, changes]) => changes.reduce((all, change) => change(all), text));

test.each<[string, fc.Arbitrary<string>, number]>([
  ['in any style preserves what does not change', kubeconfigTexts, 1 / 4],
  [
    'with a changed text preserves what does not change, or is refused',
    fc.oneof({ weight: 9, arbitrary: changedTexts }, { weight: 1, arbitrary: anyText }),
    1 / 20,
  ],
])('a kubeconfig %s', (_, texts, part) => {
  let written = 0;
  holds(fc.tuple(texts, fileChanges), ([text, change]) => {
    if (check(text, change)) written += 1;
  });
  expect(written).toBeGreaterThan(runs * part);
});

/** @returns whether the text could be edited */
function check(text: string, change: FileChange): boolean {
  const { value: file } = outcomeOf(['kubeconfig-unusable'], () => parseKubeconfig('config', text));
  const edit = () => file && editKubeconfig(file, change);
  const { value: edited } = outcomeOf(['kubeconfig-unusable'], edit);
  if (file === undefined || edited === undefined) return false;

  const after = parseKubeconfig('config', edited);
  const wasEmpty = Object.keys(file.content).length === 0;
  for (const section of sections) {
    const changes = new Map(change.items.flatMap((item) => (item.section === section ? [[item.name, item.item]] : [])));
    const names = entriesOf(file, section).map(({ name }) => name);
    const others = ({ content }: typeof after) =>
      itemsOf(content, section).filter((item) => !changes.has((item as { name?: string } | null)?.name ?? '\0'));
    expectSame(section, others(file), others(after));
    const found = new Map(entriesOf(after, section).map(({ name, item }) => [name, item]));
    for (const [name, item] of changes) expectSame(`${section} ${name}`, item, found.get(name));
    const order = [...names, ...[...changes.keys()].filter((name) => !names.includes(name))];
    const expected = order.filter((name) => found.has(name));
    expectSame(section, [...found.keys()], expected);
  }
  // Another parser finds the same, and no key twice. It reads marks and carriage returns inside of a text otherwise.
  const [old, now] = [text, edited].map((each) => parseAllDocuments(each, { merge: true, logLevel: 'silent' })[0]);
  // It also takes a merge key that a tag makes a text for one, and then fails.
  const oldRoot: unknown = old?.errors.length === 0 ? ifPossible(() => old.toJS() as unknown) : undefined;
  if (oldRoot !== undefined && !wasEmpty && !/.\ufeff|\r(?!\n)/s.test(text)) {
    expectSame('errors', now?.errors, []);
    const untouched = (root: unknown) =>
      Object.entries(root as object).filter(([key]) => ![...sections, 'current-context'].includes(key));
    expectSame('root', untouched(oldRoot), untouched(now?.toJS()));
  }
  const isAdded = change.items.every(({ section, name, item }) => {
    return item !== undefined && entriesOf(file, section).every((entry) => entry.name !== name);
  });
  if (
    isAdded &&
    parseJson(text) === undefined &&
    !/^\ufeff?["']?(?:clusters|users|contexts)["']? *:.*\[(?!\])/m.test(text)
  ) {
    const [lines, oldLines] = [linesOf(edited), linesOf(text)];
    for (const line of oldLines) {
      if (/^(?:["']?(?:clusters|users|contexts|current-context)["']?[ \t]*:|$)/.test(line)) continue;
      const at = lines.indexOf(line);
      if (at === -1) throw new Error(`${JSON.stringify(line)} is gone from ${JSON.stringify(edited)}`);
      lines.splice(0, at + 1);
    }
  }
  return true;
}

/** The lines of a text, without a byte order mark before the first. */
function linesOf(text: string): string[] {
  return text.replace(/^\ufeff/, '').split(/[\r\n]+/);
}

function expectSame(what: string, before: unknown, after: unknown): void {
  if (!isDeepStrictEqual(before, after)) {
    throw new Error(`${what} was ${JSON.stringify(before)} and is ${JSON.stringify(after)}`);
  }
}
