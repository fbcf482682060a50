import type { BuildFacts } from './build-facts.js';
import { platforms } from './platforms.js';

/** A bill of materials, as far as it is touched here. */
export interface CycloneDx {
  serialNumber?: string;
  readonly metadata: { timestamp?: string; readonly component: Component };
  readonly components: Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: string[] }[];
}

interface Component {
  readonly 'bom-ref': string;
  name: string;
}

/** package-lock.json, as far as it is read here. */
export interface PackageLock {
  readonly packages: Readonly<
    Record<string, { readonly version: string; readonly integrity?: string } | undefined>
  >;
}

/**
 * Completes what `npm sbom` says: Bun's runtimes join the components, and what differs from run to run (a serial
 * number, the time, the directory's name) gives way to what the build knows.
 */
export function completeSbom(sbom: CycloneDx, { date }: BuildFacts, lock: PackageLock): CycloneDx {
  const complete = structuredClone(sbom);
  delete complete.serialNumber;
  delete complete.metadata.timestamp;
  if (date !== undefined) complete.metadata.timestamp = date.toISOString();
  complete.metadata.component.name = 'kubectl-eck';

  const runtimes = platforms.map(({ runtimePackage }) => runtimeComponent(runtimePackage, lock));
  complete.components.push(...runtimes);
  const self = complete.metadata.component['bom-ref'];
  complete.dependencies
    .find(({ ref }) => ref === self)
    ?.dependsOn.push(...runtimes.map((runtime) => runtime['bom-ref']));
  return complete;
}

function runtimeComponent(name: string, { packages }: PackageLock) {
  const entry = packages[`node_modules/${name}`];
  if (entry?.integrity === undefined) throw new Error(`package-lock.json does not lock ${name}`);
  return {
    'bom-ref': `${name}@${entry.version}`,
    type: 'platform',
    name,
    version: entry.version,
    scope: 'required',
    purl: `pkg:npm/${name.replace('@', '%40')}@${entry.version}`,
    hashes: [
      {
        alg: 'SHA-512',
        content: Buffer.from(entry.integrity.replace('sha512-', ''), 'base64').toString('hex'),
      },
    ],
    licenses: [{ license: { id: 'MIT' } }],
  };
}
