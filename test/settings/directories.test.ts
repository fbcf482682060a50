import { describe, expect, test } from '@jest/globals';
import { cacheDirectory, credentialsDirectory } from '../../src/cache-directory.js';

describe.each([
  ['below the home directory', {}, '/home/me/.kube/cache/kubectl-eck'],
  ['there too where KUBECACHEDIR is empty', { KUBECACHEDIR: '' }, '/home/me/.kube/cache/kubectl-eck'],
  ['in KUBECACHEDIR where it is set', { KUBECACHEDIR: '/var/cache/kube' }, '/var/cache/kube/kubectl-eck'],
])('the cache directory is %s', (_, environment, expected) => {
  test('itself', () => {
    expect(cacheDirectory(environment, '/home/me')).toBe(expected);
  });

  test('and the directory for credentials is in it', () => {
    expect(credentialsDirectory(environment, '/home/me')).toBe(`${expected}/credentials`);
  });
});
