import { expect, test } from '@jest/globals';
import { isPrivateAddress } from '../../../src/commands/doctor/cluster.js';

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
