import { certificateSubject } from '../../credential/check.js';
import { cacheKeyText } from '../../credential/cache-key.js';
import { openClient, type EnsClient } from '../../ens/client.js';
import { EckError } from '../../errors.js';
import type { ExecApiVersion } from '../../exec-credential/protocol.js';
import { execEntry } from '../get-credentials/context-entry.js';
import { pinnedIdentity } from '../get-credentials/pinned-identity.js';
import { openStore } from '../../store/open-store.js';
import type { StoreName } from '../../settings.js';
import {
  previewReplacedUsers,
  readUsers,
  replaceUsers,
  type FileChange,
  type KubeconfigPaths,
  type KubeconfigUser,
  type UserReplacement,
} from '../../kubeconfig/user.js';
import type { Settings } from '../../settings.js';
import { CredentialRecords } from '../../exec-credential/records.js';
import type { World } from '../../world.js';
import { clientKeyFile } from './embedded-credential.js';
import { findConvertible, type ClusterOfUser, type Findings, type Selection } from './find-convertible.js';
import { keepForSure } from './keep-for-sure.js';
import type { Obtained } from './obtain-credential.js';
import { planUsers, type Failure, type UserPlan } from './plan-users.js';

/** What `convert` was asked to do. */
export interface ConvertRequest {
  readonly paths: KubeconfigPaths;
  readonly selection: Selection;
  readonly execApiVersion: ExecApiVersion;
  /** Whether the old files are kept beside the new ones. */
  readonly backUp: boolean;
  /** Whether nothing is kept or written. */
  readonly dryRun: boolean;
}

/** What became of it. */
export interface ConvertReport {
  readonly findings: Findings;
  /** The identity that the contexts sign in with, in words; none where nothing was found to convert. */
  readonly identity: string | undefined;
  readonly conversions: readonly Conversion[];
  readonly failures: readonly Failure[];
  /** What the files say now, or would say after a dry run. It may hold secrets. */
  readonly changes: readonly FileChange[];
  readonly backups: readonly string[];
}

/** A client key that is kept now, or would be after a dry run. */
export interface Conversion extends Omit<Obtained, 'credential'> {
  readonly user: KubeconfigUser;
  readonly cluster: ClusterOfUser;
  /** `undefined` in a dry run. */
  readonly keptIn: StoreName | undefined;
  /** The client certificate's subject, safe to print. */
  readonly certificateSubject: string;
  readonly notAfter: Date;
  /** The contexts because of which the client key still lies in the kubeconfig. */
  readonly heldBackBy: readonly string[];
  /** The file that the client key still lies in, where the kubeconfig only named it. */
  readonly keyFile: string | undefined;
}

/**
 * Moves client keys out of the user kubeconfig into the store, and has kubectl ask this plugin for them.
 *
 * A key is taken out of the kubeconfig only after it was read back from the store. A user that cannot be converted stays
 * as it is, and does not stop the others. Where nothing is to be converted, nobody signs in.
 *
 * @throws EckError where nothing could be done at all; then no kubeconfig was changed
 */
export async function convert(
  request: ConvertRequest,
  settings: Settings,
  world: World,
): Promise<ConvertReport> {
  const { paths, selection, dryRun } = request;
  const findings = findConvertible(await readUsers(paths), selection);
  const nothing = { findings, identity: undefined, conversions: [], failures: [], changes: [], backups: [] };
  if (findings.convertible.length === 0) return nothing;

  const account = await signIn(settings, world);
  const identity = await pinnedIdentity(account, world);
  const { plans, failures } = await planUsers(
    findings.convertible,
    { account, identity, namedContexts: selection.contextNames },
    world,
  );
  const replacements = plans.map((plan) => replacementOf(plan, account, request.execApiVersion));
  // Before anything is kept, since a file that cannot be changed is found out here.
  const changes = await previewReplacedUsers(paths, replacements);

  const conversions: Conversion[] = [];
  for (const { user, steps, heldBackBy } of plans) {
    for (const { cluster, key, obtained } of steps) {
      const keeping = {
        store: openStore(settings.store, world),
        records: new CredentialRecords(cacheKeyText(key), world),
      };
      const keptIn = dryRun ? undefined : await keepForSure(key, obtained.credential, keeping);
      const { credential, ...rest } = obtained;
      conversions.push({
        user,
        cluster,
        keptIn,
        heldBackBy,
        certificateSubject: certificateSubject(credential),
        notAfter: credential.notAfter,
        keyFile: clientKeyFile(user),
        ...rest,
      });
    }
  }
  const { backups } =
    dryRun || changes.length === 0
      ? { backups: [] }
      : await replaceUsers(paths, replacements, { backUp: request.backUp });
  return { findings, identity: account.signer.description, conversions, failures, changes, backups };
}

async function signIn(settings: Settings, world: World): Promise<EnsClient> {
  try {
    return await openClient(settings, world);
  } catch (error) {
    if (!(error instanceof EckError)) throw error;
    throw new EckError(
      error.code,
      `Nothing was converted, since access would end with the credentials that cannot be renewed. ${error.message}`,
    );
  }
}

function replacementOf(
  { user, steps, heldBackBy }: UserPlan,
  account: EnsClient,
  execApiVersion: ExecApiVersion,
): UserReplacement {
  return {
    user,
    successors: steps.map(({ cluster: { clusterId, contexts } }) => ({
      name: clusterId,
      exec: execEntry(clusterId, account, execApiVersion),
      contexts,
    })),
    stays: heldBackBy.length > 0,
  };
}
