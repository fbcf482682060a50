import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { parseKubeconfig } from '../../src/kubeconfig/user-document.js';
import type { ContextEntry } from '../../src/kubeconfig/user-entry.js';
import { isOwnUser } from '../../src/kubeconfig/user-ownership.js';
import { planContexts } from '../../src/kubeconfig/user-plan.js';
import type { WriteRules } from '../../src/kubeconfig/user-plan.js';
import { contextEntry, sectionsText } from './fixtures.js';

const leave: WriteRules = { overwrite: false, setCurrentContext: false };
const eck1 = contextEntry('eck-1');

/** Plans for files that are given by name, or are missing; returns what each changed file says then. */
function plan(
  files: Record<string, string | undefined>,
  entries: readonly ContextEntry[],
  rules: Partial<WriteRules> = {},
) {
  const parsed = Object.entries(files).map(([path, text]) => parseKubeconfig(path, text));
  const { changes, report } = planContexts(parsed, entries, { ...leave, ...rules });
  return { report, changed: Object.fromEntries(changes.map(({ file, content }) => [file.path, content])) };
}

function says(text: string): unknown {
  return parse(text);
}

/** One section with one entry. */
function entry(section: 'clusters' | 'users' | 'contexts', name: string, content: string): string {
  return `${section}: [{name: ${name}, ${section.slice(0, -1)}: ${content}}]\n`;
}

const ownUser = entry('users', 'eck-1', '{exec: {command: kubectl-eck}}');
const ownContext = entry('contexts', 'eck-1', '{cluster: eck-1, user: eck-1}');

describe('what is new goes', () => {
  test.each<[string, Record<string, string | undefined>, string]>([
    ['to the only file', { a: 'kind: Config\n' }, 'a'],
    ['to the only file, which is made', { a: undefined }, 'a'],
    ['to the first file that exists', { a: undefined, b: '', c: 'kind: Config\n' }, 'b'],
    ['to the last of files that are all missing', { a: undefined, b: undefined }, 'b'],
  ])('%s', (_, files, expected) => {
    const { changed, report } = plan(files, [eck1], { setCurrentContext: true });
    expect(Object.keys(changed)).toEqual([expected]);
    expect(report).toEqual({
      entries: [{ contextName: 'eck-1', file: expected, outcome: 'added' }],
      conflicts: [],
      writtenFiles: [expected],
      currentContext: { before: undefined, after: 'eck-1' },
    });
  });
});

describe('what exists is changed in the file that it counts in', () => {
  test('and the rest goes to the first file', () => {
    const { changed, report } = plan({ a: 'kind: Config\n', b: ownUser, c: ownUser }, [eck1]);
    expect(changed).toEqual({
      a: says(`kind: Config\n${sectionsText('eck-1').replace(/^users:\n[^]*(?=contexts:)/m, '')}`),
      b: says(sectionsText('eck-1').replace(/^clusters:\n[^]*(?=users:)|^contexts:\n[^]*$/gm, '')),
    });
    expect(report.entries).toEqual([{ contextName: 'eck-1', file: 'a', outcome: 'added' }]);
  });

  test('the first of its name', () => {
    const twice = 'clusters:\n- {name: eck-1, cluster: {server: a}}\n- {name: eck-1, cluster: {server: b}}\n';
    const { changed } = plan({ a: twice + ownUser + ownContext }, [eck1]);
    expect(changed['a']).toMatchObject({
      clusters: [{ cluster: { server: eck1.server } }, { name: 'eck-1', cluster: { server: 'b' } }],
    });
  });
});

describe('the current context', () => {
  const there = sectionsText('eck-1');
  const b = 'current-context: b\n';
  test.each<[string, Record<string, string | undefined>, string[], string | undefined]>([
    ['is set in the only file', { a: there }, ['a'], undefined],
    ['is replaced in the only file', { a: there + b }, ['a'], 'b'],
    ['is not written again', { a: `${there}current-context: eck-1\n` }, [], 'eck-1'],
    // As `kubectl config use-context` does: the first file wins, so it need not be looked for.
    ['is set in the first file that exists', { z: undefined, a: there, b }, ['a'], 'b'],
    ['an empty one counts as none', { a: `${there}current-context: ""\n`, b }, ['a'], 'b'],
  ])('%s', (_, files, changedFiles, before) => {
    const { changed, report } = plan(files, [eck1], { setCurrentContext: true });
    expect(Object.keys(changed)).toEqual(changedFiles);
    for (const content of Object.values(changed)) expect(content).toHaveProperty('current-context', 'eck-1');
    expect(report.currentContext).toEqual({ before, after: 'eck-1' });
  });

  test('stays, if it is to stay', () => {
    const { changed, report } = plan({ a: b }, [eck1]);
    expect(changed['a']).toHaveProperty('current-context', 'b');
    expect(report.currentContext).toEqual({ before: 'b', after: 'b' });
  });

  test('is the first of several entries', () => {
    const { report } = plan({ a: '' }, [eck1, contextEntry('eck-2')], { setCurrentContext: true });
    expect(report.currentContext.after).toBe('eck-1');
  });

  test('stays, if there are no entries', () => {
    const { changed } = plan({ a: b }, [], { setCurrentContext: true });
    expect(changed).toEqual({});
  });
});

describe('a user is ours', () => {
  test.each(['kubectl-eck', '/usr/local/bin/kubectl-eck', 'C:\\bin\\kubectl-eck.exe', './kubectl-eck.EXE'])(
    'that runs %s',
    (command) => {
      expect(isOwnUser({ exec: { command } })).toBe(true);
    },
  );

  test.each(['kubectl', 'kubectl-eckert', 'kubectl-eck/other', 'my-kubectl-eck', '', undefined, 1])(
    'not that runs %s',
    (command) => {
      expect(isOwnUser({ exec: { command } })).toBe(false);
    },
  );

  test('not without an exec entry', () => {
    expect(isOwnUser({})).toBe(false);
    expect(isOwnUser({ exec: null })).toBe(false);
  });
});

describe('an entry that this plugin did not write is in the way', () => {
  const theirs = { user: entry('users', 'eck-1', '{token: TOPSECRET}') };
  test.each<[string, string, 'cluster' | 'user' | 'context']>([
    ['a user', theirs.user, 'user'],
    ['a user with another exec entry', entry('users', 'eck-1', '{exec: {command: aws}}'), 'user'],
    ['a user that says nothing', 'users: [{name: eck-1}]\n', 'user'],
    ['a context', entry('contexts', 'eck-1', '{cluster: a, user: a}'), 'context'],
    ['a context of a user of theirs', ownUser + entry('contexts', 'eck-1', '{user: a}'), 'context'],
    ['a cluster', entry('clusters', 'eck-1', '{server: https://theirs}'), 'cluster'],
    [
      'a cluster that only their contexts use',
      `${ownUser}${entry('clusters', 'eck-1', '{server: a}')}contexts: [{name: a, context: {cluster: eck-1, user: a}}]\n`,
      'cluster',
    ],
  ])('%s', (_, text, kind) => {
    let message = '';
    try {
      plan({ '/home/me/config': text }, [eck1]);
    } catch (error) {
      expect(error).toMatchObject({ code: 'kubeconfig-conflict' });
      message = (error as Error).message;
    }
    expect(message).toContain(`The ${kind} "eck-1" in /home/me/config`);
    expect(message).toContain('--overwrite');
    expect(message).toContain('--context NAME');
    expect(message).not.toContain('TOPSECRET');
  });

  test('how many more there are is said', () => {
    const others = ['clusters', 'users', 'contexts']
      .map((section) => `${section}: [{name: eck-1}]\n`)
      .join('');
    expect(() => plan({ a: others }, [eck1])).toThrow('(and 2 more)');
  });

  test('with --overwrite it is replaced, and nothing of it is kept', () => {
    const text =
      theirs.user +
      entry('clusters', 'eck-1', '{server: a, insecure-skip-tls-verify: true, proxy-url: b}') +
      entry('contexts', 'eck-1', '{cluster: a, user: a, namespace: b}');
    const { changed, report } = plan({ a: text }, [eck1], { overwrite: true });
    expect(changed['a']).toEqual(says(sectionsText('eck-1')));
    expect(report.entries).toEqual([{ contextName: 'eck-1', file: 'a', outcome: 'updated' }]);
  });

  test('but not if it says what it should', () => {
    const own = sectionsText('eck-1');
    // Without the user, nothing tells that the others are ours.
    const text = own.replace(/^users:\n[^]*(?=contexts:)/m, '');
    expect(plan({ a: text }, [eck1]).changed['a']).toEqual(says(own));
  });
});

describe('an entry of ours that is written again', () => {
  const server = entry('clusters', 'eck-1', '{server: https://old, certificate-authority: old.pem}');

  test('needs no --overwrite', () => {
    const { changed, report } = plan({ a: ownUser + ownContext + server }, [eck1]);
    expect(changed['a']).toEqual(says(sectionsText('eck-1')));
    expect(report.entries).toEqual([{ contextName: 'eck-1', file: 'a', outcome: 'updated' }]);
  });

  test.each<[string, string, Partial<ContextEntry>, object]>([
    [
      'keeps the namespace of the context',
      'namespace: mine',
      {},
      { contexts: [{ context: { namespace: 'mine' } }] },
    ],
    [
      'but not instead of another one',
      'namespace: mine',
      { namespace: 'b' },
      { contexts: [{ context: { namespace: 'b' } }] },
    ],
    [
      'keeps extensions of the context',
      'extensions: [{name: x}]',
      {},
      { contexts: [{ context: { extensions: [{ name: 'x' }] } }] },
    ],
  ])('%s', (_, extra, changes, expected) => {
    const context = entry('contexts', 'eck-1', `{cluster: old, user: eck-1, ${extra}}`);
    expect(plan({ a: ownUser + context }, [contextEntry('eck-1', changes)]).changed['a']).toMatchObject(
      expected,
    );
  });

  test('keeps what ENS knows nothing of, and nothing that takes its place', () => {
    const cluster = entry(
      'clusters',
      'eck-1',
      '{server: a, proxy-url: b, tls-server-name: c, insecure-skip-tls-verify: true, certificate-authority: d}',
    );
    const user = entry(
      'users',
      'eck-1',
      '{as: me, token: a, client-key-data: b, client-certificate: c, exec: {command: kubectl-eck, env: [{name: A, value: b}]}}',
    );
    const { changed } = plan({ a: cluster + user + ownContext }, [eck1]);
    const expected = says(sectionsText('eck-1')) as Record<string, Record<string, object>[]>;
    expect(changed['a']).toEqual({
      ...expected,
      clusters: [{ name: 'eck-1', cluster: { ...expected['clusters']?.[0]?.['cluster'], 'proxy-url': 'b' } }],
      users: [
        {
          name: 'eck-1',
          user: {
            as: 'me',
            exec: {
              ...(expected['users']?.[0]?.['user'] as { exec: object }).exec,
              env: [{ name: 'A', value: 'b' }],
            },
          },
        },
      ],
    });
  });
});

describe('several entries', () => {
  test('may share a cluster and a user', () => {
    const shared = { clusterName: 'c', userName: 'u', server: 'https://c', exec: eck1.exec };
    const entries = [contextEntry('a', shared), contextEntry('b', { ...shared, namespace: 'n' })];
    const { changed } = plan({ f: '' }, entries);
    expect(changed['f']).toMatchObject({
      clusters: [{ name: 'c' }],
      users: [{ name: 'u' }],
      contexts: [{ name: 'a' }, { name: 'b' }],
    });
  });

  test('may not mean different things by one name', () => {
    const entries = [eck1, contextEntry('eck-2', { contextName: 'eck-1' })];
    expect(() => plan({ f: '' }, entries)).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  test('each have an outcome', () => {
    const entries = [eck1, contextEntry('eck-2', { server: 'https://new' }), contextEntry('eck-3')];
    const text = ['clusters', 'users', 'contexts']
      .map((section) => {
        const ofSection = new RegExp(`^${section}:\n((?:[- ].*\n)*)`, 'm');
        return `${section}:\n${['eck-1', 'eck-2'].map((id) => ofSection.exec(sectionsText(id))?.[1] ?? '').join('')}`;
      })
      .join('');
    expect(plan({ f: text }, entries).report.entries.map(({ outcome }) => outcome)).toEqual([
      'unchanged',
      'updated',
      'added',
    ]);
  });
});

describe('where conflicts are skipped', () => {
  const files = { a: entry('users', 'eck-1', '{token: other}') };

  test('what is in nobody’s way is written, and the rest is reported', () => {
    const { changed, report } = plan(files, [eck1, contextEntry('eck-2')], { skipConflicts: true });
    expect(report.entries).toEqual([{ contextName: 'eck-2', file: 'a', outcome: 'added' }]);
    expect(report.conflicts).toEqual([
      { contextName: 'eck-1', error: expect.objectContaining({ code: 'kubeconfig-conflict' }) },
    ]);
    expect(JSON.stringify(changed)).not.toContain('https://eck-1.example');
  });

  test('and everything is in the way, nothing changes', () => {
    const { changed, report } = plan(files, [eck1], { skipConflicts: true, setCurrentContext: true });
    expect(changed).toEqual({});
    expect(report).toMatchObject({ entries: [], currentContext: { after: undefined } });
  });

  test('overwriting goes before skipping', () => {
    const { report } = plan(files, [eck1], { skipConflicts: true, overwrite: true });
    expect(report).toMatchObject({ entries: [{ contextName: 'eck-1' }], conflicts: [] });
  });
});
