import { expect, test } from '@jest/globals';
import { completeSbom, type CycloneDx, type PackageLock } from '../../scripts/release/sbom.js';
import { platforms } from '../../scripts/release/platforms.js';

const facts = { version: '1.2.3', commit: undefined, date: new Date('2026-01-02T03:04:05Z') };
const lock: PackageLock = {
  packages: Object.fromEntries(
    platforms.map(({ runtimePackage }) => [
      `node_modules/${runtimePackage}`,
      { version: '1.4.5', integrity: 'sha512-AAEC/w==' },
    ]),
  ),
};

/** What `npm sbom` says on one day in one directory. */
const listed = (serialNumber: string, timestamp: string, directory: string): CycloneDx => ({
  serialNumber,
  metadata: { timestamp, component: { 'bom-ref': 'kubectl-eck@1.2.3', name: directory } },
  components: [{ 'bom-ref': 'yaml@2.0.0', name: 'yaml' }],
  dependencies: [
    { ref: 'kubectl-eck@1.2.3', dependsOn: ['yaml@2.0.0'] },
    { ref: 'yaml@2.0.0', dependsOn: [] },
  ],
});

test('a bill of materials is the same on every day and in every directory', () => {
  const one = completeSbom(listed('urn:uuid:1', '2026-05-05T00:00:00Z', 'w1'), facts, lock);
  const other = completeSbom(listed('urn:uuid:2', '2026-06-06T00:00:00Z', 'w2'), facts, lock);
  expect(one).toEqual(other);
  expect(one.metadata).toEqual({
    timestamp: '2026-01-02T03:04:05.000Z',
    component: { 'bom-ref': 'kubectl-eck@1.2.3', name: 'kubectl-eck' },
  });
});

test('it has the runtime of every platform, with the hash that is locked', () => {
  const { components, dependencies } = completeSbom(listed('', '', ''), facts, lock);
  for (const { runtimePackage } of platforms) {
    expect(components).toContainEqual(
      expect.objectContaining({
        name: runtimePackage,
        version: '1.4.5',
        hashes: [{ alg: 'SHA-512', content: '000102ff' }],
      }),
    );
    expect(dependencies[0]?.dependsOn).toContain(`${runtimePackage}@1.4.5`);
  }
});

test('a runtime that is not locked is not passed over', () => {
  expect(() => completeSbom(listed('', '', ''), facts, { packages: {} })).toThrow('does not lock @oven/bun');
});
