import { describe, expect, test } from '@jest/globals';
import { summaryOfMany } from '../../../src/commands/get-credentials/summary.js';
import type { ClusterFailure } from '../../../src/commands/get-credentials/set-up.js';
import { EckError, type ErrorCode } from '../../../src/errors.js';
import type { StoreName } from '../../../src/settings.js';
import { type Outcome, type WriteReport } from '../../../src/kubeconfig/change.js';

const identity = 'the AccessKey LTAI';

function setUps(count: number, store: StoreName = 'keychain'): { store: StoreName }[] {
  return Array.from({ length: count }, () => ({ store }));
}

function written(...outcomes: Outcome[]): WriteReport {
  return {
    entries: outcomes.map((outcome, index) => {
      return { contextName: `eck-${index}`, file: '/home/me/config', outcome };
    }),
    conflicts: [],
    currentContext: { before: undefined, after: undefined },
  };
}

function failure(cluster: string, code: ErrorCode, fix?: string): ClusterFailure {
  return { cluster, error: new EckError(code, 'it went wrong', { fix }) };
}

describe('the summary of many clusters', () => {
  test('counts the contexts, and names the next command', () => {
    const report = written('added', 'unchanged', 'added', 'updated');
    expect(summaryOfMany(setUps(4), [], identity, report)).toEqual([
      'Contexts: 2 added, 1 unchanged, 1 updated in /home/me/config as the AccessKey LTAI.',
      'Their client certificates are saved in the keychain.',
      'Choose one: kubectl config use-context eck-0',
    ]);
  });

  test('says what was printed', () => {
    const [first] = summaryOfMany(setUps(1200), [], identity);
    expect(first).toBe('Contexts: 1,200 printed as the AccessKey LTAI.');
  });

  test('names each failure with its code, and each fix once', () => {
    const failures = [
      failure('eck-7', 'kubeconfig-conflict', 'Replace it'),
      failure('eck-8', 'ens-unavailable'),
      failure('eck-9', 'kubeconfig-conflict', 'Replace it'),
    ];
    expect(summaryOfMany([], failures, identity)).toEqual([
      'error: eck-7: it went wrong [kubeconfig-conflict]',
      'error: eck-8: it went wrong [ens-unavailable]',
      'error: eck-9: it went wrong [kubeconfig-conflict]',
      'Replace it',
      'Clusters that failed: 3.',
    ]);
  });

  test('counts what each store saved', () => {
    const lines = summaryOfMany([...setUps(200, 'kernel'), ...setUps(800, 'none')], [], identity);
    expect(lines.slice(1)).toEqual([
      '200 client certificates are saved in the kernel keyring, until the next reboot.',
      '800 client certificates are not saved, so every kubectl command fetches one.',
    ]);
  });
});
