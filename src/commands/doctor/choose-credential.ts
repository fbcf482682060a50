import type { ClientCredential } from '../../credential/client-credential.js';
import type { Evidence } from './evidence.js';

/** A credential to sign in to the API server with. */
export interface ChosenCredential {
  readonly credential: ClientCredential;
  /** What it is, for messages. */
  readonly name: string;
  readonly isKept: boolean;
}

/** The credential that kubectl would get: the kept one while it is served, else what ENS issues now. */
export function chooseCredential({ kept, issued }: Evidence): ChosenCredential | undefined {
  const isServed = kept?.verdict === 'serve' || (kept?.verdict === 'renew' && issued === undefined);
  if (kept !== undefined && isServed) {
    return { credential: kept.credential, name: 'the kept credential', isKept: true };
  }
  return (
    issued && { credential: issued.credential, name: 'a credential that ENS issued just now', isKept: false }
  );
}
