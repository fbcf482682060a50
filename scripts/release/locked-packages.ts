import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The part of package-lock.json that is used here. */
export interface PackageLock {
  readonly packages: Readonly<Record<string, { readonly version: string; readonly integrity?: string }>>;
}

/**
 * Downloads packages for any platform from the npm registry and unpacks each into `directory`/NAME.
 *
 * @throws Error if a package is not locked, or its bytes are not the locked ones
 */
export function unpackLocked(lock: PackageLock, names: readonly string[], directory: string): void {
  const locked = names.map((name) => {
    const { version, integrity } = lock.packages[`node_modules/${name}`] ?? {};
    if (version === undefined || integrity === undefined) {
      throw new Error(`package-lock.json does not lock ${name}`);
    }
    return { name, spec: `${name}@${version}`, integrity };
  });
  const args = ['pack', '--json', '--prefer-offline', '--ignore-scripts', `--pack-destination=${directory}`];
  const packed = JSON.parse(
    execFileSync('npm', [...args, ...locked.map(({ spec }) => spec)], { encoding: 'utf8', cwd: directory }),
  ) as readonly { readonly id: string; readonly filename: string }[];
  for (const { name, spec, integrity } of locked) {
    const tarball = join(directory, packed.find(({ id }) => id === spec)?.filename ?? '');
    const hash = createHash('sha512').update(readFileSync(tarball)).digest('base64');
    if (integrity !== `sha512-${hash}`) throw new Error(`${spec} is not the package that package-lock.json locks`);
    const target = join(directory, name);
    mkdirSync(target, { recursive: true });
    execFileSync('tar', ['-xzf', tarball, '-C', target, '--strip-components=1']);
  }
}
