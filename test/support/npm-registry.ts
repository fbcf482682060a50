import { readFileSync } from 'node:fs';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { Loopback } from './loopback.js';
import { repository } from './sandbox.js';

/** The manifest of an installed package, and where it lies. */
interface Installed {
  readonly directory: string;
  readonly manifest: Readonly<Record<string, unknown>> & { readonly name: string; readonly version: string };
}

/**
 * A registry on this machine that has the packages which `npm ci` has installed here, and no others: what an install
 * from it brings is what package-lock.json pins, and no network is used.
 */
export class NpmRegistry {
  readonly #packages = installedPackages();
  readonly #loopback = new Loopback(
    createServer((request, response) => {
      void this.#answer(decodeURIComponent(request.url ?? '').slice(1), response);
    }),
  );

  static async start(): Promise<NpmRegistry> {
    const registry = new NpmRegistry();
    await registry.#loopback.open();
    return registry;
  }

  /** `http://127.0.0.1:PORT/` */
  get url(): string {
    return `http://127.0.0.1:${this.#loopback.port}/`;
  }

  stop(): Promise<void> {
    return this.#loopback.close();
  }

  async #answer(path: string, response: ServerResponse): Promise<void> {
    const [name = '', version] = path.split('/-/');
    const versions = this.#packages.filter(({ manifest }) => manifest.name === name);
    const wanted = versions.find(({ manifest }) => `${manifest.version}.tgz` === version);
    if (wanted !== undefined) response.end(gzipSync(await tarOf(wanted.directory)));
    else if (versions.length > 0 && version === undefined) response.end(this.#packument(name, versions));
    // As for packages of other platforms, which are optional.
    else response.writeHead(404).end('{}');
  }

  #packument(name: string, versions: readonly Installed[]): string {
    const entries = versions.map(({ manifest }) => {
      const tarball = `${this.url}${name}/-/${manifest.version}.tgz`;
      return [manifest.version, { ...manifest, dist: { tarball } }] as const;
    });
    const latest = entries.at(-1)?.[0];
    return JSON.stringify({ name, 'dist-tags': { latest }, versions: Object.fromEntries(entries) });
  }
}

/** What npm itself keeps about what it has installed. */
function installedPackages(): Installed[] {
  const text = readFileSync(join(repository, 'node_modules', '.package-lock.json'), 'utf8');
  const { packages } = JSON.parse(text) as { packages: Readonly<Record<string, unknown>> };
  return Object.keys(packages).map((path) => {
    const directory = join(repository, path);
    const manifest = JSON.parse(
      readFileSync(join(directory, 'package.json'), 'utf8'),
    ) as Installed['manifest'];
    return { directory, manifest };
  });
}

/** A package as a registry has it: its files below `package/`, without the packages that were installed into it. */
async function tarOf(directory: string): Promise<Buffer> {
  const archive = pack();
  const add = async (path: string): Promise<void> => {
    for (const name of await readdir(join(directory, path))) {
      if (name === 'node_modules') continue;
      const file = join(path, name);
      const status = await lstat(join(directory, file));
      if (status.isDirectory()) await add(file);
      else
        archive.entry(
          { name: join('package', file), mode: status.mode & 0o777 },
          await readFile(join(directory, file)),
        );
    }
  };
  const content = buffer(archive);
  await add('');
  archive.finalize();
  return content;
}
