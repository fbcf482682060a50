import { describe, expect, test } from '@jest/globals';
import { EckError } from '../../../src/errors.js';
import { manySummary } from '../../../src/commands/get-credentials/many-summary.js';
import type { ContextSetUp } from '../../../src/commands/get-credentials/set-up-context.js';
import type { StoreName } from '../../../src/settings.js';
import type { Outcome, WriteReport } from '../../../src/kubeconfig/user.js';
import { contextEntry } from '../../kubeconfig/fixtures.js';

function setUps(count: number, keptIn: StoreName = 'keychain'): ContextSetUp[] {
  return Array.from({ length: count }, (_, index) => ({
    entry: contextEntry(`eck-${index}`),
    identity: 'the AccessKey LTAI',
    keptIn,
    certificateSubject: 'CN=someone',
    notAfter: new Date(0),
  }));
}

function report(...outcomes: Outcome[]): WriteReport {
  return {
    entries: outcomes.map((outcome, index) => ({
      contextName: `eck-${index}`,
      file: '/home/me/config',
      outcome,
    })),
    conflicts: [],
    writtenFiles: [],
    currentContext: { before: undefined, after: undefined },
  };
}

function failure(cluster: string, code: EckError['code']): { cluster: string; error: EckError } {
  return { cluster, error: new EckError(code, 'it went wrong') };
}

describe('the summary of many clusters', () => {
  test('counts what became of the contexts, and names the next command', () => {
    expect(manySummary(setUps(4), [], report('added', 'unchanged', 'added', 'updated'))).toEqual([
      '4 contexts in /home/me/config reach their clusters as the AccessKey LTAI: 2 added, 1 updated, 1 unchanged.',
      'Their client certificates are kept in the keychain.',
      'Choose one with: kubectl config use-context eck-0',
    ]);
  });

  test('says what was printed', () => {
    expect(manySummary(setUps(1200), [])[0]).toBe(
      '1,200 contexts reach their clusters as the AccessKey LTAI.',
    );
  });

  test('tells each failure with its code, and how to try those again that may succeed', () => {
    const failures = [failure('eck-8', 'ens-unavailable'), failure('eck-9', 'ens-cluster-not-found')];
    expect(manySummary([], failures)).toEqual([
      'kubectl-eck: eck-8: it went wrong [ens-unavailable]',
      'kubectl-eck: eck-9: it went wrong [ens-cluster-not-found]',
      '2 clusters failed. Try again: kubectl eck get-credentials eck-8',
    ]);
  });

  test('tells how many found no room in the kernel keyring', () => {
    const lines = manySummary([...setUps(200, 'kernel'), ...setUps(800, 'none')], []);
    expect(lines).toContain('200 client certificates are kept in the kernel keyring, until the next reboot.');
    expect(lines).toContain(
      '800 client certificates are kept nowhere, for want of a place that holds them, so every kubectl command for ' +
        'their clusters fetches one; --store file would keep them.',
    );
  });

  test('tells that none is kept', () => {
    expect(manySummary(setUps(2, 'none'), [])[1]).toMatch(/^Their client certificates are kept nowhere/);
  });
});
