import { describe, expect, test } from '@jest/globals';
import {
  findConvertible,
  type Findings,
  type Selection,
} from '../../../src/commands/convert/find-convertible.js';
import { parseKubeconfig } from '../../../src/kubeconfig/user-document.js';
import { mergeKubeconfigs } from '../../../src/kubeconfig/user-merge.js';
import { usersOf } from '../../../src/kubeconfig/user-usage.js';

const embedded = '{client-certificate-data: Yw==, client-key-data: aw==}';
const own = '{exec: {command: /usr/bin/kubectl-eck, args: [exec-credential, --cluster-id, eck-1]}}';

/** A kubeconfig of `context cluster user` triples, and of `user content` pairs. */
function kubeconfig(contexts: readonly string[], users: Readonly<Record<string, string>>): string {
  return [
    'contexts:',
    ...contexts.map((triple) => {
      const [name = '', cluster = '', user = ''] = triple.split(' ');
      return `- {name: ${name}, context: {cluster: ${cluster}, user: ${user}}}`;
    }),
    'users:',
    ...Object.entries(users).map(([name, content]) => `- {name: ${name}, user: ${content}}`),
  ].join('\n');
}

function find(texts: string | readonly string[], selection: Partial<Selection> = {}): Findings {
  const files = [texts].flat().map((text, index) => parseKubeconfig(`file-${index}`, text));
  const contextNames = [...mergeKubeconfigs(files).contexts.keys()];
  return findConvertible(
    { users: usersOf(files), contextNames },
    { contextNames: [], clusterId: undefined, ...selection },
  );
}

/** `file/user: cluster=context,context … (left: context,context)` */
function found(texts: string | readonly string[], selection?: Partial<Selection>): string[] {
  return find(texts, selection).convertible.map(({ user, clusters, otherContexts }) => {
    const parts = clusters.map(({ clusterId, contexts }) => `${clusterId}=${contexts.join(',')}`);
    const left = otherContexts.length === 0 ? '' : ` (left: ${otherContexts.join(',')})`;
    return `${user.file}/${user.name}: ${parts.join(' ')}${left}`;
  });
}

describe('a user with a client key is of an ECK cluster', () => {
  test.each<[string, string[], Record<string, string>, string[]]>([
    ['by the name of its context', ['eck-1 c u'], { u: embedded }, ['file-0/u: eck-1=eck-1']],
    ['by the name of the cluster', ['edge eck-1 u'], { u: embedded }, ['file-0/u: eck-1=edge']],
    [
      'by its own name',
      ['edge c admin@eck-1'],
      { 'admin@eck-1': embedded },
      ['file-0/admin@eck-1: eck-1=edge'],
    ],
    ['also where no context uses it', [], { 'eck-1': embedded }, ['file-0/eck-1: eck-1=']],
    [
      'by another context of the same cluster',
      ['eck-1 c u', 'tools c u', 'far d u'],
      { u: embedded },
      ['file-0/u: eck-1=eck-1,tools (left: far)'],
    ],
    [
      'and of a second one, where they share it',
      ['eck-1 c u', 'eck-2 d u'],
      { u: embedded },
      ['file-0/u: eck-1=eck-1 eck-2=eck-2'],
    ],
    ['with a key in a file', ['eck-1 c u'], { u: '{client-key: k.pem}' }, ['file-0/u: eck-1=eck-1']],
  ])('%s', (_, contexts, users, expected) => {
    expect(found(kubeconfig(contexts, users))).toEqual(expected);
  });

  test.each<[string, string[], Record<string, string>, string[]]>([
    ['where no name has an id', ['edge c u'], { u: embedded }, ['edge']],
    ['where the names have two', ['eck-1 eck-2 u'], { u: embedded }, ['eck-1']],
    ['where nobody uses it, and its name has none', [], { u: embedded }, ['u']],
  ])('is left alone %s', (_, contexts, users, expected) => {
    const findings = find(kubeconfig(contexts, users));
    expect(findings.convertible).toEqual([]);
    expect(findings.unrecognised).toEqual(expected);
  });

  test.each(['{token: t}', '{username: u, password: p}', own, '{exec: {command: other}}', '{}', 'null'])(
    'is none where it is %s',
    (content) => {
      const findings = find(kubeconfig(['eck-1 c u'], { u: content }));
      expect(findings.convertible).toEqual([]);
      expect(findings.unrecognised).toEqual([]);
    },
  );
});

test('files of the ENS console, whose users have one name, are told apart', () => {
  const texts = ['eck-1', 'eck-2'].map((id) => kubeconfig([`${id} kubernetes user`], { user: embedded }));
  expect(found(texts)).toEqual(['file-0/user: eck-1=eck-1', 'file-1/user: eck-2=eck-2']);
});

test('a user in another file than its context is found', () => {
  const texts = [kubeconfig(['eck-1 c u'], {}), kubeconfig([], { u: embedded })];
  expect(found(texts)).toEqual(['file-1/u: eck-1=eck-1']);
});

describe('a context that was named', () => {
  const text = kubeconfig(
    ['eck-1 c u', 'eck-2 d u', 'edge e v', 'mine f own', 'tok g t', 'lost h nobody', 'eck-3 eck-4 w'],
    {
      u: embedded,
      v: embedded,
      own,
      t: '{token: t, username: a, password: b}',
      w: embedded,
    },
  );

  test('is the only one, and the user stays for the others', () => {
    expect(found(text, { contextNames: ['eck-2'] })).toEqual(['file-0/u: eck-2=eck-2 (left: eck-1)']);
  });

  test('is of the cluster that was named with it', () => {
    expect(found(text, { contextNames: ['edge'], clusterId: 'eck-9' })).toEqual(['file-0/v: eck-9=edge']);
    expect(found(text, { contextNames: ['eck-3'], clusterId: 'eck-4' })).toEqual(['file-0/w: eck-4=eck-3']);
    const [convertible] = find(text, { contextNames: ['edge'], clusterId: 'eck-9' }).convertible;
    expect(convertible?.clusters[0]?.isGiven).toBe(true);
  });

  test('is told to be converted already', () => {
    expect(find(text, { contextNames: ['mine'] })).toEqual({
      convertible: [],
      unrecognised: [],
      converted: ['mine'],
    });
  });

  test.each([
    ['absent', 'context-not-found', /no context "absent"/],
    ['edge', 'context-not-convertible', /--cluster-id/],
    ['eck-3', 'context-not-convertible', /eck-3, eck-4/],
    ['tok', 'context-not-convertible', /signs in with a token and a password/],
    ['lost', 'context-not-convertible', /does not exist/],
  ])('%s is refused', (name, code, message) => {
    const refusal = (): unknown => find(text, { contextNames: [name] });
    expect(refusal).toThrow(expect.objectContaining({ code }));
    expect(refusal).toThrow(message);
  });
});
