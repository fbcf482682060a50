import { randomUUID } from 'node:crypto';
import { EventEmitter, once, setMaxListeners } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { claimedAccessKeyId, verifyAcs3, type SignedRequest } from './acs3.js';
import { ensActions, type EnsAction, type EnsCluster, type EnsIdentity } from './ens-account.js';
import { EnsClusters, type EnsAnswer, type IssuedCredential } from './ens-clusters.js';
import { apiError, playTransportFault, type ApiErrorFault, type EnsFault } from './ens-faults.js';
import type { Issuing } from './issued-kubeconfig.js';
import { Loopback } from './loopback.js';

/** What an {@link EnsServer} starts with. All of it can be changed while it runs. */
export interface EnsServerOptions {
  readonly identities?: readonly EnsIdentity[];
  readonly clusters?: readonly EnsCluster[];
  readonly issuing?: Issuing;
}

/** A call as it arrived. */
export interface EnsCall {
  /** As the caller spelt it, which may be no action at all. */
  readonly action: string;
  /** The identity that the caller claims to be. */
  readonly accessKeyId: string | undefined;
  readonly params: Readonly<Record<string, string>>;
  /** By the clock of this machine, whatever the server's own says. */
  readonly at: Date;
  /** `pending`, `answered`, the code of an error, or the kind of fault that was played. */
  readonly outcome: string;
}

/** The log's own view of a call: its outcome is known later. */
type MutableCall = { -readonly [Field in keyof EnsCall]: EnsCall[Field] };

interface PlannedFault {
  readonly fault: EnsFault;
  readonly action: EnsAction | undefined;
  remaining: number;
}

const apiVersion = '2017-11-10';
const hostId = 'ens.aliyuncs.com';

/**
 * The ENS API on this machine: it checks signatures and permissions, and hands out kubeconfigs with client
 * certificates that are really signed by the cluster's authority. It can be made to fail in every way that the real
 * one can, and keeps what tests want to know of it.
 */
export class EnsServer {
  /** How far the server's own clock is ahead of this machine's. */
  clockOffsetMs = 0;
  /** How long every answer takes. */
  latencyMs = 0;
  /** How many calls a second an identity may make; more are refused with `Throttling.User`. */
  callsPerSecond = Number.POSITIVE_INFINITY;
  /** How kubeconfigs are issued from now on. */
  issuing: Issuing;

  readonly #identities = new Map<string, EnsIdentity>();
  readonly #clusters = new EnsClusters();
  readonly #loopback: Loopback;
  readonly #usedNonces = new Set<string>();
  readonly #log: MutableCall[] = [];
  readonly #arrivals = new EventEmitter();
  readonly #recentCalls = new Map<string, number[]>();
  #faults: PlannedFault[] = [];
  #running = new AbortController();

  private constructor({ identities = [], clusters = [], issuing = {} }: EnsServerOptions) {
    this.issuing = issuing;
    for (const identity of identities) this.putIdentity(identity);
    for (const cluster of clusters) this.putCluster(cluster);
    this.#loopback = new Loopback(
      createServer((request, response) => {
        void this.#serve(request, response);
      }),
    );
  }

  /** Starts one on a free port of 127.0.0.1. */
  static async start(options: EnsServerOptions = {}): Promise<EnsServer> {
    const server = new EnsServer(options);
    await server.#loopback.open();
    return server;
  }

  /** `http://127.0.0.1:PORT`, the same after a restart. */
  get endpoint(): string {
    return `http://127.0.0.1:${this.#loopback.port}`;
  }

  /** Breaks every connection, and refuses new ones. Can be called again. */
  async stop(): Promise<void> {
    this.#running.abort();
    await this.#loopback.close();
  }

  /** Comes back on the same port after {@link stop}, with everything that it knew. */
  async restart(): Promise<void> {
    await this.stop();
    this.#running = new AbortController();
    await this.#loopback.open();
  }

  /** Adds an identity, or replaces the one with the same AccessKey id. */
  putIdentity(identity: EnsIdentity): void {
    this.#identities.set(identity.accessKeyId, identity);
  }

  /** Forgets an identity. */
  removeIdentity(accessKeyId: string): void {
    this.#identities.delete(accessKeyId);
  }

  /** Adds a cluster, or replaces the one with the same id. */
  putCluster(cluster: EnsCluster): void {
    this.#clusters.put(cluster);
  }

  /** Forgets a cluster. */
  removeCluster(clusterId: string): void {
    this.#clusters.remove(clusterId);
  }

  /**
   * Makes the next `count` calls go wrong, all of them until {@link recover} with `always`. Plans are carried out in
   * the order in which they were made; one that is limited to an action waits for a call of it.
   */
  failNext(count: number | 'always', fault: EnsFault, options: { readonly action?: EnsAction } = {}): void {
    const remaining = count === 'always' ? Number.POSITIVE_INFINITY : count;
    this.#faults.push({ fault, action: options.action, remaining });
  }

  /** Drops every plan of {@link failNext}. Calls that hang go on hanging. */
  recover(): void {
    this.#faults = [];
  }

  /** How many calls have arrived, whatever became of them: all, or those of one action. */
  calls(action?: string): number {
    return this.#log.filter((call) => action === undefined || call.action === action).length;
  }

  /** Every call that has arrived, in order. */
  get log(): readonly EnsCall[] {
    return this.#log;
  }

  /** Waits until at least `count` calls have arrived since the start: all, or those of one action. */
  async waitForCalls(count: number, action?: string): Promise<void> {
    while (this.calls(action) < count) await once(this.#arrivals, 'call');
  }

  /** Every client certificate that DescribeClusterUserKubeconfig handed out, in order. */
  get issued(): readonly IssuedCredential[] {
    return this.#clusters.issued;
  }

  /** Every private key that ever left this server, also in the `Config` of listings, as PEM. */
  get issuedKeys(): readonly string[] {
    return this.#clusters.issuedKeys;
  }

  /** The secrets that listings hold besides `Config`. */
  get joinTokens(): readonly string[] {
    return this.#clusters.joinTokens;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const running = this.#running.signal;
    // As many calls at once as a client likes.
    setMaxListeners(0, running);
    // A client that keeps connections would send its first call after an outage into one that is long broken.
    response.shouldKeepAlive = false;
    try {
      await this.#handle(request, response, running);
    } catch (error) {
      // The client hung up, or this server did. Anything else is a defect of the double, and must not look like ENS.
      if (running.aborted || response.destroyed) return;
      response
        .writeHead(500, { 'content-type': 'text/plain' })
        .end(`the test double failed: ${String(error)}`);
    }
  }

  async #handle(request: IncomingMessage, response: ServerResponse, running: AbortSignal): Promise<void> {
    const signed = signedRequest(request);
    const call = this.#record(signed);
    const fault = this.#takeFault(call.action);
    const body = await buffer(request);
    await delay(this.latencyMs + (fault?.kind === 'slow' ? fault.delayMs : 0), undefined, {
      signal: running,
    });

    response.setHeader('date', this.#now().toUTCString());
    if (fault === undefined || fault.kind === 'slow' || fault.kind === 'config') {
      const answer = await this.#answer(signed, body);
      if ('refusal' in answer) {
        call.outcome = answer.refusal;
        sendError(response, apiError(answer.refusal));
        return;
      }
      call.outcome = fault?.kind ?? 'answered';
      const override = fault?.kind === 'config' ? { Config: fault.value } : {};
      sendJson(response, 200, { RequestId: requestId(), ...answer.fields, ...override });
    } else if (fault.kind === 'error') {
      call.outcome = fault.code;
      sendError(response, fault);
    } else {
      call.outcome = fault.kind;
      await playTransportFault(fault, response);
    }
  }

  #record(request: SignedRequest): MutableCall {
    const call = {
      action: request.headers['x-acs-action'] ?? '',
      accessKeyId: claimedAccessKeyId(request.headers['authorization']),
      params: Object.fromEntries(request.query),
      at: new Date(),
      outcome: 'pending',
    };
    this.#log.push(call);
    this.#arrivals.emit('call');
    return call;
  }

  #takeFault(action: string): EnsFault | undefined {
    const planned = this.#faults.find(
      (plan) => plan.remaining > 0 && (plan.action === undefined || plan.action === action),
    );
    if (planned === undefined) return undefined;
    planned.remaining -= 1;
    return planned.fault;
  }

  #now(): Date {
    return new Date(Date.now() + this.clockOffsetMs);
  }

  async #answer(request: SignedRequest, body: Uint8Array): Promise<EnsAnswer> {
    if (request.method !== 'POST') return { refusal: 'UnsupportedHTTPMethod' };
    const action = ensActions.find((known) => known === request.headers['x-acs-action']);
    if (action === undefined || request.path !== '/') return { refusal: 'InvalidAction.NotFound' };
    if (request.headers['x-acs-version'] !== apiVersion) return { refusal: 'InvalidVersion' };

    const verdict = verifyAcs3(request, body, {
      identityOf: (accessKeyId) => this.#identities.get(accessKeyId),
      usedNonces: this.#usedNonces,
      now: this.#now(),
    });
    if ('refusal' in verdict) return verdict;
    const { identity } = verdict;
    if (this.#isTooFast(identity)) return { refusal: 'Throttling.User' };
    if (identity.allowedActions?.includes(action) === false) return { refusal: 'Forbidden.RAM' };

    return this.#clusters.answer(action, new Map(request.query), {
      identity,
      issuing: this.issuing,
      now: this.#now(),
    });
  }

  /** Counts the calls of an identity within the last second, this one included if it is let through. */
  #isTooFast({ accessKeyId }: EnsIdentity): boolean {
    const now = performance.now();
    const recent = (this.#recentCalls.get(accessKeyId) ?? []).filter((time) => time > now - 1000);
    const tooFast = recent.length >= this.callsPerSecond;
    this.#recentCalls.set(accessKeyId, tooFast ? recent : [...recent, now]);
    return tooFast;
  }
}

function signedRequest(request: IncomingMessage): SignedRequest {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (typeof value === 'string') headers[name] = value;
  }
  return { method: request.method ?? '', path: url.pathname, query: [...url.searchParams], headers };
}

function sendError(response: ServerResponse, { code, status, message, retryAfter }: ApiErrorFault): void {
  if (retryAfter !== undefined) response.setHeader('retry-after', retryAfter);
  const id = requestId();
  sendJson(response, status, {
    Code: code,
    Message: message,
    RequestId: id,
    HostId: hostId,
    Recommend: `https://api.aliyun.com/troubleshoot?q=${encodeURIComponent(code)}&product=Ens&requestId=${id}`,
  });
}

function sendJson(response: ServerResponse, status: number, fields: Readonly<Record<string, unknown>>): void {
  response
    .writeHead(status, { 'content-type': 'application/json;charset=utf-8' })
    .end(JSON.stringify(fields));
}

function requestId(): string {
  return randomUUID().toUpperCase();
}
