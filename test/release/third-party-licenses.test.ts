import { expect, test } from '@jest/globals';
import { bundledPackages, licenseName } from '../../scripts/release/third-party-licenses.js';

test('the packages of a build are those that it took files from, each once, in order', () => {
  const inputs = [
    'src/main.ts',
    'node_modules/yaml/dist/index.js',
    'node_modules/yaml/dist/schema/tags.js',
    'node_modules/@scope/one/lib/a.js',
    'node_modules/@scope/one/node_modules/yaml/index.js',
    'bun:wrap',
  ];
  expect(bundledPackages({ inputs: Object.fromEntries(inputs.map((input) => [input, {}])) })).toEqual([
    'node_modules/@scope/one',
    'node_modules/@scope/one/node_modules/yaml',
    'node_modules/yaml',
  ]);
});

test.each([
  [{ license: 'MIT' }, 'MIT'],
  [{ license: { type: 'BSD' } }, 'BSD'],
  [{ license: ['MIT', 'Apache2'] }, 'MIT OR Apache2'],
  [{ licenses: [{ type: 'MIT' }, { type: 'Apache2' }] }, 'MIT OR Apache2'],
  [{ licenses: ['MIT'] }, 'MIT'],
])('the licence that %j names is %s', (json, name) => {
  expect(licenseName({ name: 'one', version: '1.0.0', ...json })).toBe(name);
});

test('a package without a licence is not shipped', () => {
  expect(() => licenseName({ name: 'one', version: '1.0.0' })).toThrow('one@1.0.0 does not say its licence');
});
