import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Requirement } from './requirements.js';

const directory = process.env['KUBECTL_ECK_TEST_KREW'] ?? '/nonexistent';

/** krew, and the program with which krew-index checks manifests. */
export const krewPrograms = {
  krew: join(directory, 'krew'),
  validator: join(directory, 'validate-krew-manifest'),
} as const;

export const krewRequirement: Requirement = {
  name: 'krew, built with Go',
  available: Object.values(krewPrograms).every((file) => existsSync(file)),
  isOptional: true,
};
