import { isDeepStrictEqual } from 'node:util';
import { beforeEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { entriesOf, itemsOf, parseKubeconfig } from '../../src/kubeconfig/user-document.js';
import { sections, wantedEntries as partsOf } from '../../src/kubeconfig/user-entry.js';
import type { Section } from '../../src/kubeconfig/user-entry.js';
import type { ContextEntry, WriteRules } from '../../src/kubeconfig/user.js';
import { planContexts } from '../../src/kubeconfig/user-plan.js';
import { rewriteKubeconfig } from '../../src/kubeconfig/user-rewrite.js';
import { kubeconfigTexts, wantedEntries } from './documents.js';
import { expectNoWarnings, holds, outcomeOf, runs } from './property.js';
import { anyText, textMutations } from './values.js';

const timeoutMs = 240_000;
const codes = ['kubeconfig-unusable', 'kubeconfig-conflict', 'usage'] as const;
const rules = fc.record({ overwrite: fc.boolean(), setCurrentContext: fc.boolean() });
const outcomes = { written: 0, unchanged: 0, unusable: 0, unwritable: 0, refused: 0 };
expectNoWarnings();

beforeEach(() => {
  for (const key of Object.keys(outcomes)) outcomes[key as keyof typeof outcomes] = 0;
});

test(
  'a kubeconfig in any style keeps all that is not ours',
  () => {
    holds(fc.tuple(kubeconfigTexts, wantedEntries, rules), (input) => {
      check(...input);
    });
    expect(outcomes.written).toBeGreaterThan(runs / 5);
  },
  timeoutMs,
);

test(
  'a kubeconfig with a text that was changed keeps all that is not ours, or is refused',
  () => {
    const changed = fc
      .tuple(kubeconfigTexts, fc.array(textMutations(), { minLength: 1, maxLength: 3 }))
      .map(([text, changes]) => changes.reduce((all, change) => change(all), text));
    const texts = fc.oneof({ weight: 9, arbitrary: changed }, { weight: 1, arbitrary: anyText });
    holds(fc.tuple(texts, wantedEntries, rules), (input) => {
      check(...input);
    });
    expect(outcomes.written).toBeGreaterThan(runs / 20);
  },
  timeoutMs,
);

function check(text: string, entries: readonly ContextEntry[], how: WriteRules): void {
  const { value: file } = outcomeOf(['kubeconfig-unusable'], () => parseKubeconfig('config', text));
  if (file === undefined) return void (outcomes.unusable += 1);
  const planned = outcomeOf(['kubeconfig-conflict', 'usage'], () => planContexts([file], entries, how));
  if (planned.error !== undefined) return void (outcomes.refused += 1);
  const [change, ...more] = planned.value.changes;
  if (more.length > 0) throw new Error('more files than there are');
  if (change === undefined) return void (outcomes.unchanged += 1);
  const { value: after } = outcomeOf(codes, () => rewriteKubeconfig(file, change.content));
  if (after === undefined) return void (outcomes.unwritable += 1);
  outcomes.written += 1;

  const now = parseKubeconfig('config', after);
  checkKept(file.content, now.content, entries, how);
  checkThere(now.content, entries);
  const again = planContexts([now], entries, { ...how, overwrite: false });
  if (again.changes.length > 0) throw new Error(`not done with this: ${after}`);
}

type Content = Readonly<Record<string, unknown>>;

/** Every entry of others, and every field, says what it said. */
function checkKept(before: Content, after: Content, entries: readonly ContextEntry[], how: WriteRules): void {
  const isNew = Object.keys(before).length === 0;
  const ours = new Set<string>(isNew ? ['apiVersion', 'kind', 'preferences', ...sections] : sections);
  if (how.setCurrentContext) ours.add('current-context');
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  for (const key of keys) {
    if (ours.has(key)) continue;
    if (
      Object.hasOwn(before, key) !== Object.hasOwn(after, key) ||
      !isDeepStrictEqual(before[key], after[key])
    ) {
      throw new Error(`${key} was ${JSON.stringify(before[key])} and is ${JSON.stringify(after[key])}`);
    }
  }
  if (how.setCurrentContext && after['current-context'] !== entries[0]?.contextName) {
    throw new Error(`the current context is ${JSON.stringify(after['current-context'])}`);
  }
  for (const section of sections) {
    const names = namesOf(entries, section);
    const itemsAfter = itemsOf(after, section);
    const mayChange = new Set(
      [...names].map((name) => entriesOf(before, section).find((entry) => entry.name === name)?.index),
    );
    for (const [index, item] of itemsOf(before, section).entries()) {
      if (!mayChange.has(index) && !isDeepStrictEqual(item, itemsAfter[index])) {
        throw new Error(
          `${section}[${index}] was ${JSON.stringify(item)}, is ${JSON.stringify(itemsAfter[index])}`,
        );
      }
    }
    for (const item of itemsAfter.slice(itemsOf(before, section).length)) {
      if (!names.has((item as { name: string }).name))
        throw new Error(`unasked for: ${JSON.stringify(item)}`);
    }
  }
}

/** Everything that was wanted is there, and is what kubectl finds first. */
function checkThere(content: Content, entries: readonly ContextEntry[]): void {
  for (const { section, name, content: wanted } of entries.flatMap(partsOf)) {
    const found = entriesOf(content, section).find((entry) => entry.name === name)?.content;
    for (const [key, value] of Object.entries(wanted)) {
      const said = found?.[key];
      const isSaid =
        key === 'exec'
          ? isDeepStrictEqual({ ...(said as object), ...(value as object) }, said)
          : isDeepStrictEqual(said, value);
      if (!isSaid) throw new Error(`${section} ${name} says ${JSON.stringify(found)}`);
    }
  }
}

function namesOf(entries: readonly ContextEntry[], section: Section): Set<string> {
  return new Set(entries.flatMap(partsOf).flatMap((part) => (part.section === section ? [part.name] : [])));
}
