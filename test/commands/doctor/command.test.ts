import { describe, expect, test } from '@jest/globals';
import { closingLine, formatResult } from '../../../src/commands/doctor/command.js';
import { isPrivateAddress } from '../../../src/commands/doctor/network.js';
import type { Facts, Result } from '../../../src/commands/doctor/facts.js';

const fix = 'kubectl eck get-credentials eck-0123abcd --store file --profile work';
const ok: Result = { status: 'ok', detail: 'the keychain' };
const warning: Result = { status: 'warning', detail: 'one two three four five six', fix };
const failed: Result = { status: 'failed', detail: 'no', fix, code: 'ens-not-allowed' };

describe('a result as text', () => {
  test('has columns, and the fix on a line of its own', () => {
    expect(formatResult('store', ok, false, undefined)).toBe('ok        store         the keychain\n');
    expect(formatResult('permissions', failed, false, undefined)).toBe(
      `failed    permissions   no [ens-not-allowed]\n                        → ${fix}\n`,
    );
  });

  test('is wrapped at the width of a terminal, except the fix', () => {
    expect(formatResult('store', warning, false, 24 + 30).split('\n')).toEqual([
      'warning   store         one two three four five six',
      `                        → ${fix}`,
      '',
    ]);
    const chinese: Result = { status: 'ok', detail: '自己的集群 自己的集群 自己的集群 end' };
    expect(formatResult('store', chinese, false, 50)).toBe(
      'ok        store         自己的集群 自己的集群\n                        自己的集群 end\n',
    );
  });

  test.each([ok, warning, failed])('has its status in colour at a terminal: %j', (result) => {
    const text = formatResult('store', result, true, undefined);
    // eslint-disable-next-line no-control-regex
    expect(text).toMatch(/^\u001b\[\d+m/);
    // eslint-disable-next-line no-control-regex
    expect(text.replace(/\u001b\[\d+m/g, '')).toBe(formatResult('store', result, false, undefined));
  });
});

const facts = {
  clusterId: 'eck-0123abcd',
  isCurrent: true,
  context: { name: 'edge one' },
  setUpCommand: () => 'kubectl eck get-credentials',
} as Facts;

test.each<[string, Result[], Partial<Facts>, string]>([
  ['success', [ok], {}, 'No check failed. Try: kubectl get nodes'],
  ['a warning', [ok, warning], {}, 'No check failed (1 warning). Try: kubectl get nodes'],
  [
    'another context',
    [ok],
    { isCurrent: false },
    "No check failed. Try: kubectl --context 'edge one' get nodes",
  ],
  [
    'no cluster',
    [warning, warning],
    { clusterId: undefined },
    'No check failed (2 warnings). Next: kubectl eck get-credentials',
  ],
  ['a failure', [failed, warning], {}, '1 check failed. Apply the fix and run doctor again.'],
  ['failures', [failed, failed], {}, '2 checks failed. Apply the fixes and run doctor again.'],
])('the closing line after %s', (_, results, changes, line) => {
  expect(closingLine(results, { ...facts, ...changes })).toBe(line);
});

test.each([
  ['10.0.0.1', true],
  ['172.16.0.1', true],
  ['172.32.0.1', false],
  ['192.168.255.255', true],
  ['100.64.0.1', true],
  ['100.128.0.1', false],
  ['203.0.113.1', false],
  ['[fd00::1]', true],
  ['[2001:db8::1]', false],
  ['10.example.com', false],
])('whether %s is a private address: %s', (host, isPrivate) => {
  expect(isPrivateAddress(host)).toBe(isPrivate);
});
