import { describe, expect, test } from '@jest/globals';
import { closingLine, formatResult, type NamedResult } from '../../../src/commands/doctor/command.js';
import type { Facts } from '../../../src/commands/doctor/facts.js';

const fix = 'kubectl eck get-credentials eck-0123abcd --store file --profile work';
const ok: NamedResult = { check: 'store', status: 'ok', detail: 'the keychain' };
const warning: NamedResult = { check: 'store', status: 'warning', detail: 'none', fix };
const failed: NamedResult = { check: 'ens', status: 'failed', detail: 'no', fix, code: 'ens-not-allowed' };

describe('a result as text', () => {
  test('has columns, and the fix on a line of its own', () => {
    expect(formatResult(ok, false)).toBe('ok        store        the keychain\n');
    expect(formatResult(failed, false)).toBe(
      `failed    ens          no [ens-not-allowed]\n                       → ${fix}\n`,
    );
  });

  test('has its status in colour at a terminal', () => {
    expect(formatResult(ok, true)).toBe('\u001b[32mok        \u001b[0mstore        the keychain\n');
  });
});

const facts = {
  clusterId: 'eck-0123abcd',
  isCurrent: true,
  context: { name: 'edge one' },
  setUpCommand: () => 'kubectl eck get-credentials',
} as Facts;

test.each<[string, NamedResult[], Partial<Facts>, string]>([
  ['success', [ok], {}, 'No check failed. Try: kubectl get nodes'],
  ['a warning', [ok, warning], {}, 'No check failed. Try: kubectl get nodes'],
  ['another context', [ok], { isCurrent: false }, "No check failed. Try: kubectl --context 'edge one' get nodes"],
  ['no cluster', [warning], { clusterId: undefined }, 'No check failed. Next: kubectl eck get-credentials'],
  ['a failure', [failed, warning], {}, '1 check failed. Apply the fix and run doctor again.'],
  ['failures', [failed, failed], {}, '2 checks failed. Apply the fixes and run doctor again.'],
])('the closing line after %s', (_, results, changes, line) => {
  expect(closingLine(results, { ...facts, ...changes })).toBe(line);
});
