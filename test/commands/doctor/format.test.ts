import { describe, expect, test } from '@jest/globals';
import { failed, ok, skipped, warning } from '../../../src/commands/doctor/check.js';
import { formatFinding, verdict } from '../../../src/commands/doctor/format.js';

const inPipe = { colour: false, columns: undefined };
const remedy = 'kubectl eck get-credentials eck-0123abcd --store file --profile work';

describe('a finding as text', () => {
  test('is one line with columns of a fixed width, and one with the remedy', () => {
    expect(formatFinding('store', ok('the keychain'), inPipe)).toBe(
      'ok        store          the keychain\n',
    );
    expect(formatFinding('may-describe', failed('no', { remedy, code: 'ens-not-allowed' }), inPipe)).toBe(
      `failed    may-describe   no [ens-not-allowed]\n                         → ${remedy}\n`,
    );
  });

  test('is broken at the width of a terminal, but for the remedy, which is to be copied', () => {
    const lines = formatFinding('store', warning('one two three four five six', { remedy }), {
      colour: false,
      columns: 25 + 30,
    }).split('\n');
    expect(lines).toEqual([
      'warning   store          one two three four five six',
      `                         → ${remedy}`,
      '',
    ]);
    const narrow = formatFinding('store', ok('自己的集群 自己的集群 自己的集群 end'), {
      colour: false,
      columns: 50,
    });
    expect(narrow).toBe(
      'ok        store          自己的集群 自己的集群\n                         自己的集群 end\n',
    );
  });

  test.each([ok('fine'), skipped('nothing'), warning('so so', { remedy }), failed('broken', { remedy })])(
    'has the status of %j in a colour where it is seen, and says the same',
    (finding) => {
      const shown = formatFinding('store', finding, { colour: true, columns: undefined });
      // eslint-disable-next-line no-control-regex
      expect(shown).toMatch(/^\u001b\[\d+m/);
      // eslint-disable-next-line no-control-regex
      expect(shown.replace(/\u001b\[\d+m/g, '')).toBe(formatFinding('store', finding, inPipe));
    },
  );
});

describe('the verdict', () => {
  const next = { setUp: 'kubectl eck get-credentials', hasCluster: true, context: undefined };
  const [fine, hint, broken] = [ok(''), warning('', { remedy }), failed('', { remedy })];
  test.each([
    [[fine], next, 'Nothing is broken. Try: kubectl get nodes'],
    [[fine, hint], next, 'Nothing is broken; one warning. Try: kubectl get nodes'],
    [[fine], { ...next, context: 'edge' }, 'Nothing is broken. Try: kubectl --context edge get nodes'],
    [
      [hint, hint],
      { ...next, hasCluster: false },
      'Nothing is broken; 2 warnings. Next: kubectl eck get-credentials',
    ],
    [[broken, hint], next, 'One link is broken. Do what stands beside →, and run this again.'],
    [[broken, broken], next, '2 links are broken. Do what stands beside →, and run this again.'],
  ])('of %j is one line with what to do next', (findings, after, line) => {
    expect(verdict(findings, after)).toBe(line);
  });
});
