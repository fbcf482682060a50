import { EckError } from '../../errors.js';
import type { World } from '../../world.js';
import { account } from './account.js';
import { apiServer } from './api-server.js';
import { failed, skipped, type Check, type Examination, type Finding } from './check.js';
import { clock } from './clock.js';
import { context } from './context.js';
import { credential } from './credential.js';
import { ens } from './ens.js';
import { identity } from './identity.js';
import { kubectl } from './kubectl.js';
import { mayDescribe, mayFetch, mayList } from './permissions.js';
import { program } from './program.js';
import { state } from './state.js';
import { store } from './store.js';
import type { Subject } from './subject.js';

/** The links of the chain, in the order in which they are printed: each after those that it needs. Adding one is a line. */
export const checks: readonly Check[] = [
  program,
  kubectl,
  store,
  state,
  identity,
  ens,
  clock,
  account,
  mayList,
  mayFetch,
  mayDescribe,
  context,
  credential,
  apiServer,
];

/** A check, and what will have been found by it. The promise is rejected by a defect of this program only. */
export interface Examined {
  readonly check: Check;
  readonly finding: Promise<Finding>;
}

/**
 * Examines every link, side by side where they do not depend on each other. A link that hangs on a broken one is
 * skipped, so that what is reported as failed is what has to be mended.
 */
export function examineAll(subject: Subject, world: World, links: readonly Check[] = checks): Examined[] {
  const examination: Examination = { subject, world, evidence: {} };
  const findings = new Map<Check, Promise<Finding>>();
  return links.map((check) => {
    const finding = examineInTurn(check, findings, examination);
    // A defect is thrown to whoever waits for this finding, which may be later than it comes to light.
    finding.catch(() => undefined);
    findings.set(check, finding);
    return { check, finding };
  });
}

async function examineInTurn(
  check: Check,
  findings: ReadonlyMap<Check, Promise<Finding>>,
  examination: Examination,
): Promise<Finding> {
  const { needs = [], after = [] } = check;
  for (const other of after) await findings.get(other);
  for (const needed of needs) {
    const status = (await findings.get(needed))?.status;
    if (status === 'failed' || status === 'skipped') return skipped(`needs ${needed.name}`);
  }
  try {
    return await check.examine(examination);
  } catch (error) {
    if (!(error instanceof EckError)) throw error;
    return failed(error.message, { remedy: 'mend that; then: kubectl eck doctor', code: error.code });
  }
}
