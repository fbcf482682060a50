import { describe, expect, test } from '@jest/globals';
import { locateKubeconfig } from '../../src/kubeconfig/user.js';
import { EckError } from '../../src/errors.js';

const linux = { homeDirectory: '/home/me', platform: 'linux' } as const;
const windows = { homeDirectory: 'C:\\Users\\me', platform: 'win32' } as const;

describe('the user kubeconfig is', () => {
  test.each<[string, Parameters<typeof locateKubeconfig>[0], string[]]>([
    ['the file in the home directory', { ...linux, environment: {} }, ['/home/me/.kube/config']],
    [
      'that file if KUBECONFIG is empty',
      { ...linux, environment: { KUBECONFIG: '' } },
      ['/home/me/.kube/config'],
    ],
    ['that file on Windows', { ...windows, environment: {} }, ['C:\\Users\\me\\.kube\\config']],
    ['the one of KUBECONFIG', { ...linux, environment: { KUBECONFIG: '/a' } }, ['/a']],
    ['a list in KUBECONFIG', { ...linux, environment: { KUBECONFIG: 'b:/a:c/d' } }, ['b', '/a', 'c/d']],
    [
      'each file of it once, where it is first',
      { ...linux, environment: { KUBECONFIG: 'b:a:b:a' } },
      ['b', 'a'],
    ],
    ['not an empty part of it', { ...linux, environment: { KUBECONFIG: ':b::a:' } }, ['b', 'a']],
    [
      'a list with semicolons on Windows',
      { ...windows, environment: { KUBECONFIG: 'C:\\a;;D:\\b' } },
      ['C:\\a', 'D:\\b'],
    ],
    [
      'a quoted part on Windows',
      { ...windows, environment: { KUBECONFIG: '"C:\\a;b";c' } },
      ['C:\\a;b', 'c'],
    ],
    ['the one of the flag', { ...linux, flag: 'x', environment: { KUBECONFIG: '/a:/b' } }, ['x']],
    ['not an empty flag', { ...linux, flag: '', environment: { KUBECONFIG: '/a' } }, ['/a']],
    ['one file for the flag, whatever its name', { ...linux, flag: 'x:y', environment: {} }, ['x:y']],
  ])('%s', (_, setting, expected) => {
    expect(locateKubeconfig(setting)).toEqual(expected);
  });

  test('nowhere, if KUBECONFIG is a list of nothing', () => {
    const locate = () => locateKubeconfig({ ...linux, environment: { KUBECONFIG: '::' } });
    expect(locate).toThrow(EckError);
    expect(locate).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});
