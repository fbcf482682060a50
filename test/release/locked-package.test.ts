import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { lockedPackage } from '../../scripts/release/locked-package.js';
import { Loopback } from '../support/loopback.js';

const name = '@example/runtime';
const version = '1.2.3';

/** A registry that offers one version of one package, and vouches for whatever its bytes are. */
class Registry {
  /** The package's bytes. */
  tarball: Buffer = Buffer.alloc(0);
  downloads = 0;
  readonly #server = new Loopback(
    createServer(({ url }, response) => {
      if (url?.endsWith('.tgz') === true) {
        this.downloads += 1;
        response.end(this.tarball);
        return;
      }
      const dist = { tarball: `${this.url}runtime.tgz`, integrity: integrityOf(this.tarball) };
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({
          name,
          'dist-tags': { latest: version },
          versions: { [version]: { name, version, dist } },
        }),
      );
    }),
  );

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}/`;
  }

  open(): Promise<void> {
    return this.#server.open();
  }

  close(): Promise<void> {
    return this.#server.close();
  }
}

let root: string;
let cache: string;
let registry: Registry;
let genuine: Buffer;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'locked package-'));
  cache = join(root, 'cache');
  genuine = await packageOf('the runtime');
  await lock(genuine);
  registry = new Registry();
  registry.tarball = genuine;
  await registry.open();
});

afterEach(async () => {
  await registry.close();
  await rm(root, { recursive: true });
});

/** Each with an npm that has seen nothing yet. */
const fetchIt = (of = name) =>
  lockedPackage(root, of, cache, {
    PATH: process.env['PATH'],
    HOME: root,
    npm_config_registry: registry.url,
    npm_config_cache: join(root, `npm-${registry.downloads}`),
    npm_config_fetch_retries: '0',
  });

const refusal = /is not what package-lock\.json has locked/;

test('a package whose bytes are those of the lock file is fetched once, and its files are there', async () => {
  for (let time = 0; time < 2; time += 1) {
    const { version: fetched, files } = await fetchIt();
    expect(fetched).toBe(version);
    expect(files.get('bin/runtime')?.toString()).toBe('the runtime');
  }
  expect(registry.downloads).toBe(1);
});

test('a package that was tampered with is refused, though the registry vouches for it', async () => {
  registry.tarball = await packageOf('something else');
  await expect(fetchIt()).rejects.toThrow(refusal);
  expect(await readdir(cache)).toEqual([]);
});

test('a package is refused where the lock file was tampered with', async () => {
  await lock(await packageOf('something else'));
  await expect(fetchIt()).rejects.toThrow(refusal);
});

test('what was tampered with after it was fetched is fetched again', async () => {
  await fetchIt();
  const [kept = ''] = await readdir(cache);
  await writeFile(join(cache, kept), await packageOf('something else'));
  expect((await fetchIt()).files.get('bin/runtime')?.toString()).toBe('the runtime');
  expect(await readFile(join(cache, kept))).toEqual(genuine);
});

test.each([
  ['which the lock file does not have', '@example/other'],
  ['whose hash the lock file does not have', '@example/unhashed'],
])('a package %s is not even asked for', async (_, other) => {
  await expect(fetchIt(other)).rejects.toThrow(`package-lock.json does not lock ${other}`);
  expect(registry.downloads).toBe(0);
});

async function lock(tarball: Buffer): Promise<void> {
  const packages = {
    [`node_modules/${name}`]: { version, integrity: integrityOf(tarball) },
    'node_modules/@example/unhashed': { version },
  };
  await writeFile(join(root, 'package-lock.json'), JSON.stringify({ packages }));
}

async function packageOf(content: string): Promise<Buffer> {
  const archive = pack();
  archive.entry({ name: 'package/package.json' }, JSON.stringify({ name, version }));
  archive.entry({ name: 'package/bin/runtime' }, content);
  archive.finalize();
  return gzipSync(await buffer(archive));
}

function integrityOf(bytes: Buffer): string {
  return `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
}
