import { expect, test } from '@jest/globals';
import { summaryOfMany } from '../../../src/commands/get-credentials/summary.js';
import { EckError } from '../../../src/errors.js';
import type { StoreName } from '../../../src/settings.js';

const setUps = (count: number, store: StoreName) => Array.from({ length: count }, () => ({ store }));

test('the summary of many clusters counts what each store saved, and names each failure, and each fix once', () => {
  const failures = ['eck-7', 'eck-9'].map((cluster) => {
    return { cluster, error: new EckError('kubeconfig-conflict', 'it went wrong', { fix: 'Replace it' }) };
  });
  expect(summaryOfMany([...setUps(200, 'kernel'), ...setUps(1000, 'none')], failures, 'the AccessKey LTAI')).toEqual([
    'Contexts: 1,200 printed as the AccessKey LTAI.',
    '200 client certificates are saved in the kernel keyring, until the next reboot.',
    '1,000 client certificates are not saved, so every kubectl command fetches one.',
    'error: eck-7: it went wrong [kubeconfig-conflict]',
    'error: eck-9: it went wrong [kubeconfig-conflict]',
    'Replace it',
    'Clusters that failed: 2.',
  ]);
});
