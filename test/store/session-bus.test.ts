import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findSessionBus } from '../../src/store/secret-service.js';
import { describeWith } from '../support/requirements.js';

let directory: string;
const servers: Server[] = [];
const at = (...names: string[]) => join(directory, ...names);

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'kubectl-eck-bus-'));
  for (const name of ['run', 'späce %,', 'sticky', 'open', 'foreign']) mkdirSync(at(name));
  for (const name of ['run/bus', 'run/other', 'späce %,/bus', 'sticky/bus', 'open/bus', 'foreign/bus']) {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(at(name), resolve));
    servers.push(server);
  }
  chmodSync(at('sticky'), 0o1777);
  chmodSync(at('open'), 0o777);
  writeFileSync(at('run', 'file'), '');
  symlinkSync(at('run', 'bus'), at('open', 'link'));
});
afterAll(() => {
  for (const server of servers) server.close();
  rmSync(directory, { recursive: true });
});

const find = (address: string | undefined, runtimeDirectory?: string): string =>
  findSessionBus({
    DBUS_SESSION_BUS_ADDRESS: address?.replaceAll('DIR', directory),
    XDG_RUNTIME_DIR: runtimeDirectory?.replace('DIR', directory),
  });

describe('an address that is used', () => {
  test.each([
    ['unix:path=DIR/run/bus', undefined, 'run/bus'],
    ['unix:path=DIR/run/bus,guid=0123456789abcdef', undefined, 'run/bus'],
    ['unix:guid=0123456789abcdef,path=DIR/run/bus', undefined, 'run/bus'],
    ['unix:path=DIR/sp%c3%A4ce%20%25%2c/bus', undefined, 'späce %,/bus'],
    ['unix:path=DIR/sticky/bus', undefined, 'sticky/bus'],
    ['unix:path=DIR/open/link', undefined, 'run/bus'],
    ['unix:runtime=yes', 'DIR/run', 'run/bus'],
    [undefined, 'DIR/run', 'run/bus'],
    ['', 'DIR/run', 'run/bus'],
    ['unix:path=DIR/run/other', 'DIR/run', 'run/other'],
    ['unixexec:path=/bin/sh;unix:path=DIR/gone;unix:path=DIR/run/bus', undefined, 'run/bus'],
  ])('%s with the runtime directory %s is %s', (address, runtimeDirectory, path) => {
    expect(find(address, runtimeDirectory)).toBe(at(path));
  });
});

describe('an address that is not used', () => {
  test.each([
    ['unixexec:path=/bin/sh,argv1=-c', 'keychain-refused', 'is not a Unix socket'],
    ['tcp:host=127.0.0.1,port=1', 'keychain-refused', 'is not a Unix socket'],
    ['autolaunch:', 'keychain-refused', 'is not a Unix socket'],
    ['DIR/run/bus', 'keychain-refused', 'is not a Unix socket'],
    ['unix:abstract=/tmp/dbus-x', 'keychain-refused', 'nothing shows who owns'],
    ['unix:xpath=DIR/run/bus', 'keychain-refused', 'nothing shows who owns'],
    ['unix:path=%00DIR/run/bus', 'keychain-refused', 'not an absolute path'],
    ['unix:path=run/bus', 'keychain-refused', 'not an absolute path'],
    ['unix:path=DIR/run/file', 'keychain-refused', 'not a socket'],
    ['unix:path=DIR/open/bus', 'keychain-refused', 'open to every user'],
    ['unix:path=DIR/gone', 'keychain-absent', 'no D-Bus session bus at'],
    ['unix:path=DIR/run/bus/bus', 'keychain-absent', 'no D-Bus session bus at'],
    [undefined, 'keychain-absent', 'there is no D-Bus session bus'],
  ])('%s: %s', (address, code, message) => {
    expectFailure(address, code, message);
  });
});

const root = { name: 'root', available: process.getuid?.() === 0, isOptional: true } as const;
describeWith([root], "another user's bus", () => {
  test.each([
    ['socket', 'run/other', 'run/other', 'is not ours: it belongs to another user'],
    ['directory', 'foreign', 'foreign/bus', "is not ours: it is in another user's directory"],
  ])('is not used: %s', (_, owned, bus, message) => {
    chownSync(at(owned), 54321, 54321);
    expectFailure(`unix:path=DIR/${bus}`, 'keychain-refused', message);
    chownSync(at(owned), 0, 0);
  });
});

function expectFailure(address: string | undefined, code: string, text: string): void {
  const [message, fix] = [expect.stringContaining(text) as unknown, expect.stringMatching(/./) as unknown];
  expect(() => find(address)).toThrow(expect.objectContaining({ store: 'keychain', code, message, fix }));
}
