import type { X509Certificate } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { TLSSocket } from 'node:tls';
import {
  discovery,
  forbidden,
  nodeDocument,
  nodeList,
  nodeNotFound,
  nodeTable,
  notFound,
  selfSubjectReview,
  unauthorized,
  versionInfo,
  type ApiAnswer,
  type ApiDocument,
  type ApiUser,
  type ClusterNode,
} from './api-documents.js';
import type { CertificateAuthority } from './certificate-authority.js';
import { Loopback } from './loopback.js';

/** What an {@link ApiServer} starts with. */
export interface ApiServerOptions {
  /** Vouches for the server, and for its clients. */
  readonly authority: CertificateAuthority;
  /** The names of the nodes are made from it, unless there are `nodes`. */
  readonly clusterId: string;
  readonly nodes?: readonly ClusterNode[];
  readonly version?: string;
}

/** A request that was answered. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** Who made it, by a certificate that was accepted. */
  readonly user: string | undefined;
  /** Of the certificate that came with it, accepted or not. */
  readonly serialNumber: string | undefined;
}

/** A request as far as its answer depends on it. */
interface Question {
  readonly method: string;
  readonly path: string;
  readonly accept: string;
}

/** A certificate's subject, as Node.js takes it apart. */
interface Subject {
  readonly CN?: string;
  readonly O?: string | string[];
}

/** What everyone may read whose certificate is good: the role `system:discovery`. */
const publicPaths = new Set([...Object.keys(discovery), '/version']);

/**
 * The API server of a cluster on this machine, as far as `kubectl get nodes`, `kubectl auth whoami` and
 * `kubectl version` go. It knows its clients by their certificates alone, and really checks them; members of
 * `system:masters` may do everything, and others look around.
 */
export class ApiServer {
  /** How far the server's own clock is ahead of this machine's: certificates can be made to expire by it. */
  clockOffsetMs = 0;
  /** Whether it takes requests, and never answers. */
  hangs = false;

  readonly #options: Required<ApiServerOptions>;
  readonly #loopback: Loopback;
  readonly #revoked = new Set<string>();
  readonly #requests: ApiRequest[] = [];

  private constructor(
    options: Required<ApiServerOptions>,
    certificate: { readonly certificatePem: string; readonly privateKeyPem: string },
  ) {
    this.#options = options;
    const server = createServer(
      {
        cert: certificate.certificatePem,
        key: certificate.privateKeyPem,
        ca: options.authority.certificatePem,
        requestCert: true,
        // A real API server lets everyone in, and says 401.
        rejectUnauthorized: false,
      },
      (request, response) => {
        this.#answer(request, response);
      },
    );
    this.#loopback = new Loopback(server);
  }

  /** Starts one on a free port of 127.0.0.1, with a certificate from the cluster's authority. */
  static async start(options: ApiServerOptions): Promise<ApiServer> {
    const { authority, clusterId } = options;
    const certificate = await authority.issue({ commonName: 'kube-apiserver', usage: 'server' });
    const nodes = [{ name: `${clusterId}-node-1` }, { name: `${clusterId}-node-2` }];
    const server = new ApiServer({ nodes, version: 'v1.31.9-aliyunedge.1', ...options }, certificate);
    await server.#loopback.open();
    return server;
  }

  /** `https://127.0.0.1:PORT`. */
  get url(): string {
    return `https://127.0.0.1:${this.#loopback.port}`;
  }

  /** What a client has to trust. */
  get caPem(): string {
    return this.#options.authority.certificatePem;
  }

  /** Every request that was answered, in order. */
  get requests(): readonly ApiRequest[] {
    return this.#requests;
  }

  /** Refuses a certificate from the next request on, also on connections that it opened. */
  revoke(serialNumber: string): void {
    this.#revoked.add(serialNumber);
  }

  /** Breaks every connection, and refuses new ones. Can be called again. */
  async stop(): Promise<void> {
    await this.#loopback.close();
  }

  /** Comes back on the same port after {@link stop}, with everything that it knew. */
  async restart(): Promise<void> {
    await this.stop();
    await this.#loopback.open();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    if (this.hangs) return;
    const { pathname: path } = new URL(request.url ?? '/', this.url);
    const method = request.method ?? '';
    const { accept = '' } = request.headers;
    const presented = presentedCertificate(request);
    const user = presented?.trusted === true ? this.#userOf(presented.certificate) : undefined;
    const { status, document } =
      user === undefined ? unauthorized : this.#answerTo(user, { method, path, accept });

    this.#requests.push({
      method,
      path,
      status,
      user: user?.username,
      serialNumber: presented?.certificate.serialNumber,
    });
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(document));
  }

  /** The user that a certificate names, unless it is not good at this moment: connections outlive certificates. */
  #userOf(certificate: X509Certificate): ApiUser | undefined {
    const now = Date.now() + this.clockOffsetMs;
    if (now < Date.parse(certificate.validFrom) || now > Date.parse(certificate.validTo)) return undefined;
    if (this.#revoked.has(certificate.serialNumber)) return undefined;
    const { CN: username = '', O: groups = [] } = certificate.toLegacyObject().subject as Subject;
    return { username, groups: [...[groups].flat(), 'system:authenticated'] };
  }

  #answerTo(user: ApiUser, { method, path, accept }: Question): ApiAnswer {
    const isReview = method === 'POST' && path === '/apis/authentication.k8s.io/v1/selfsubjectreviews';
    if (isReview && tellsWhoAsks(this.#options.version)) {
      return { status: 201, document: selfSubjectReview(user) };
    }
    if (!user.groups.includes('system:masters') && !publicPaths.has(path)) return forbidden(user, path);
    return method === 'GET' ? this.#read(path, accept) : notFound;
  }

  #read(path: string, accept: string): ApiAnswer {
    const { nodes, version } = this.#options;
    if (path === '/version') return ok(versionInfo(version));
    const discovered = discovery[path];
    if (discovered !== undefined) return ok(discovered);

    // kubectl offers the table in every version that it can read, the best one first, and plain objects last.
    const [, tableVersion] = /application\/json;as=Table;v=(v1|v1beta1);/.exec(accept) ?? [];
    if (path === '/api/v1/nodes') {
      return ok(tableVersion === undefined ? nodeList(nodes) : nodeTable(nodes, tableVersion));
    }
    const [, name] = /^\/api\/v1\/nodes\/([^/]+)$/.exec(path) ?? [];
    if (name === undefined) return notFound;
    const node = nodes.find((candidate) => candidate.name === name);
    if (node === undefined) return nodeNotFound(name);
    return ok(tableVersion === undefined ? nodeDocument(node) : nodeTable([node], tableVersion));
  }
}

/**
 * The certificate that a client came with, and whether OpenSSL found, at the handshake, that the chain it sent leads to
 * the cluster's authority and is good for a client.
 */
function presentedCertificate({
  socket,
}: IncomingMessage): { readonly certificate: X509Certificate; readonly trusted: boolean } | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const certificate = socket.getPeerX509Certificate();
  return certificate === undefined ? undefined : { certificate, trusted: socket.authorized };
}

/** SelfSubjectReview is in `authentication.k8s.io/v1` since Kubernetes 1.28. */
function tellsWhoAsks(version: string): boolean {
  return Number(/^v1\.(\d+)/.exec(version)?.[1] ?? 0) >= 28;
}

function ok(document: ApiDocument): ApiAnswer {
  return { status: 200, document };
}
