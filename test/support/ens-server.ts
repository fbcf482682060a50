import { randomUUID } from 'node:crypto';
import { EventEmitter, once, setMaxListeners } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { readAuthorization, verifyAcs3, type SignedRequest } from './acs3.js';
import { EnsAccount, ensActions, type EnsAnswer, type EnsCluster, type EnsIdentity } from './ens-account.js';
import { apiError, playTransportFault, type ApiErrorFault, type EnsFault } from './ens-faults.js';
import { Loopback } from './loopback.js';

/** A call as it arrived, with the identity that the caller claims. */
export interface EnsCall {
  readonly action: string;
  readonly accessKeyId: string | undefined;
  readonly params: Readonly<Record<string, string>>;
  readonly at: Date;
  /** `pending`, `answered`, an error's code, or a fault's kind. */
  outcome: string;
}

/** Whether a call looks up one cluster, beside the call for its kubeconfig. */
function isLookUp({ action, params }: EnsCall): boolean {
  return action === 'DescribeClustersV1' && 'ClusterId' in params;
}

type Plan = { readonly fault: EnsFault; remaining: number };

/** The ENS API on loopback: checks signatures and permissions, issues real certificates, and fails on request. */
export class EnsServer extends EnsAccount {
  /** How long every answer takes. */
  latencyMs = 0;
  /** The calls a second of one identity; more are refused with `Throttling.User`. */
  callsPerSecond = Number.POSITIVE_INFINITY;
  /** Every call that arrived, in order. */
  readonly log: EnsCall[] = [];

  readonly #identities = new Map<string, EnsIdentity>();
  readonly #usedNonces = new Set<string>();
  readonly #arrivals = new EventEmitter();
  readonly #recentCalls = new Map<string, number[]>();
  readonly #loopback = new Loopback(createServer((request, response) => void this.#serve(request, response)));
  #plans: Plan[] = [];
  readonly #running = new AbortController();

  /** Starts a server on a free port. */
  static async start({
    identities = [],
    clusters = [],
  }: { identities?: readonly EnsIdentity[]; clusters?: readonly EnsCluster[] } = {}): Promise<EnsServer> {
    const server = new EnsServer();
    for (const identity of identities) server.putIdentity(identity);
    for (const cluster of clusters) server.putCluster(cluster);
    await server.#loopback.open();
    return server;
  }

  /** `http://127.0.0.1:PORT`. */
  get endpoint(): string {
    return `http://${this.#loopback.host}`;
  }

  /** Breaks every connection and refuses new ones. */
  async stop(): Promise<void> {
    this.#running.abort();
    await this.#loopback.close();
  }

  /** Adds an identity, or replaces the one with the same AccessKey id. */
  putIdentity(identity: EnsIdentity): void {
    this.#identities.set(identity.accessKeyId, identity);
  }

  identityOf(accessKeyId: string): EnsIdentity | undefined {
    return this.#identities.get(accessKeyId);
  }

  removeIdentity(accessKeyId: string): void {
    this.#identities.delete(accessKeyId);
  }

  /** Plans a fault for the next `count` calls but look-ups. Plans are used in the order in which they were made. */
  failNext(count: number | 'always', fault: EnsFault): void {
    const remaining = count === 'always' ? Number.POSITIVE_INFINITY : count;
    this.#plans.push({ fault, remaining });
  }

  /** Drops every plan of {@link failNext}. */
  recover(): void {
    this.#plans = [];
  }

  /** How many calls (of an action) arrived; without an action, all but those that look up one cluster. */
  calls(action?: string): number {
    return this.log.filter((call) => (action === undefined ? !isLookUp(call) : call.action === action)).length;
  }

  /** Waits until at least `count` calls (of an action) arrived since the start. */
  async waitForCalls(count: number, action?: string): Promise<void> {
    while (this.calls(action) < count) await once(this.#arrivals, 'call');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const running = this.#running.signal;
    setMaxListeners(0, running);
    // No call finds a connection that was closed meanwhile.
    response.shouldKeepAlive = false;
    try {
      await this.#handle(request, response, running);
    } catch (error) {
      if (running.aborted || response.destroyed) return;
      response.writeHead(500, { 'content-type': 'text/plain' }).end(`the double failed: ${String(error)}`);
    }
  }

  async #handle(request: IncomingMessage, response: ServerResponse, running: AbortSignal): Promise<void> {
    const signed = signedRequest(request);
    const call = this.#record(signed);
    const plan = this.#plans.find(({ remaining }) => remaining > 0 && !isLookUp(call));
    if (plan !== undefined) plan.remaining -= 1;
    const fault = plan?.fault;
    const body = await buffer(request);
    await delay(this.latencyMs, undefined, { signal: running });

    response.setHeader('date', this.now().toUTCString());
    if (fault === undefined || fault.kind === 'config') {
      const answer = await this.#answer(signed, body);
      if ('refusal' in answer) {
        call.outcome = answer.refusal;
        sendError(response, apiError(answer.refusal));
        return;
      }
      call.outcome = fault?.kind ?? 'answered';
      const override = fault?.kind === 'config' ? { Config: fault.value } : {};
      sendJson(response, 200, { ...answer.fields, ...override });
    } else if (fault.kind === 'error') {
      call.outcome = fault.code;
      sendError(response, fault);
    } else {
      call.outcome = fault.kind;
      await playTransportFault(fault, response);
    }
  }

  #record({ headers, query }: SignedRequest): EnsCall {
    const call = {
      action: headers['x-acs-action'] ?? '',
      accessKeyId: readAuthorization(headers['authorization']).accessKeyId,
      params: Object.fromEntries(query),
      at: new Date(),
      outcome: 'pending',
    };
    this.log.push(call);
    this.#arrivals.emit('call');
    return call;
  }

  async #answer(request: SignedRequest, body: Uint8Array): Promise<EnsAnswer> {
    if (request.method !== 'POST') return { refusal: 'UnsupportedHTTPMethod' };
    const action = ensActions.find((known) => known === request.headers['x-acs-action']);
    if (action === undefined || request.path !== '/') return { refusal: 'InvalidAction.NotFound' };
    if (request.headers['x-acs-version'] !== '2017-11-10') return { refusal: 'InvalidVersion' };
    const identityOf = (accessKeyId: string) => this.#identities.get(accessKeyId);
    const verdict = verifyAcs3(request, body, identityOf, this.#usedNonces, this.now());
    if ('refusal' in verdict) return verdict;
    const { identity } = verdict;
    if (this.#isTooFast(identity)) return { refusal: 'Throttling.User' };
    if (identity.allowedActions?.includes(action) === false) return { refusal: 'Forbidden.RAM' };
    return this.answer(action, new Map(request.query), identity);
  }

  /** Counts the accepted calls of an identity within the last second. */
  #isTooFast({ accessKeyId }: EnsIdentity): boolean {
    const now = performance.now();
    const recent = (this.#recentCalls.get(accessKeyId) ?? []).filter((time) => time > now - 1000);
    const isTooFast = recent.length >= this.callsPerSecond;
    this.#recentCalls.set(accessKeyId, isTooFast ? recent : [...recent, now]);
    return isTooFast;
  }
}

function signedRequest(request: IncomingMessage): SignedRequest {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1');
  const headers = request.headers as Record<string, string>;
  return { method: request.method ?? '', path: pathname, query: [...searchParams], headers };
}

function sendError(response: ServerResponse, { code, status, message, retryAfter }: ApiErrorFault): void {
  if (retryAfter !== undefined) response.setHeader('retry-after', retryAfter);
  sendJson(response, status, { Code: code, Message: message, HostId: 'ens.aliyuncs.com', Recommend: '' });
}

function sendJson(response: ServerResponse, status: number, fields: object): void {
  response.writeHead(status, { 'content-type': 'application/json;charset=utf-8' });
  response.end(JSON.stringify({ RequestId: randomUUID().toUpperCase(), ...fields }));
}
