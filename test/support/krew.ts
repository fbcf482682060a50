import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import type { Requirement } from './requirements.js';

const directory = process.env['KUBECTL_ECK_TEST_KREW'] ?? '/nonexistent/krew';

/** The real krew, and what krew-index checks manifests with. `KUBECTL_ECK_TEST_KREW` names their directory. */
export const krewPrograms = {
  krew: join(directory, 'krew'),
  validator: join(directory, 'validate-krew-manifest'),
} as const;

/** Both of them. `.ci/run` builds them where it finds Go. */
export const krewRequirement: Requirement = {
  name: 'krew, built with Go',
  available: Object.values(krewPrograms).every(isExecutable),
  isOptional: true,
};

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
