import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { TLSSocket } from 'node:tls';
import type { CertificateAuthority, IssuedCertificate } from './certificate-authority.js';
import { Loopback } from './loopback.js';

interface ApiServerOptions {
  /** Signs the server's certificate and those of its clients. */
  readonly authority: CertificateAuthority;
  readonly clusterId: string;
  readonly version?: string;
}

/** A request that was answered. `user` is that of a certificate that was accepted. */
interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly user: string | undefined;
  readonly serialNumber: string;
}

/** A cluster's API server for `kubectl get nodes`, `kubectl version` and a SelfSubjectReview, also below Rancher's paths. */
export class ApiServer extends Loopback {
  /** Whether requests get no response. */
  hangs = false;
  /** How far the server's clock is ahead of this machine's. */
  clockOffsetMs = 0;
  /** Tokens that are accepted in place of a client certificate. */
  readonly tokens = new Set<string>();
  /** Every request that was answered, in order. */
  readonly requests: ApiRequest[] = [];
  readonly #clusterId: string;
  readonly #version: string;
  readonly #revoked = new Set<string>();

  private constructor(
    { authority, clusterId, version = 'v1.31.9-aliyunedge.1' }: ApiServerOptions,
    { certificatePem: cert, privateKeyPem: key }: IssuedCertificate,
  ) {
    // A real API server accepts every connection, and then answers 401.
    const tls = { cert, key, ca: authority.certificatePem, requestCert: true, rejectUnauthorized: false };
    const server = createServer(tls);
    super(server);
    this.#clusterId = clusterId;
    this.#version = version;
    server.on('request', (request, response) => {
      if (!this.hangs) this.#serve(request, response);
    });
  }

  static async start(options: ApiServerOptions): Promise<ApiServer> {
    const certificate = await options.authority.issue({ commonName: 'kube-apiserver', usage: 'server' });
    return new ApiServer(options, certificate).opened();
  }

  get url(): string {
    return `https://${this.host}`;
  }

  /** Rejects a certificate from the next request on, also on open connections. */
  revoke(serialNumber: string): void {
    this.#revoked.add(serialNumber);
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    if (!(socket instanceof TLSSocket)) return;
    const certificate = socket.getPeerX509Certificate();
    const { serialNumber = '' } = certificate ?? {};
    const token = /^Bearer (.*)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    // A real API server checks a certificate at each request, not at the handshake.
    const isExpired = Date.parse(certificate?.validTo ?? '') <= Date.now() + this.clockOffsetMs;
    const isValid = socket.authorized && !isExpired && !this.#revoked.has(serialNumber);
    const isAccepted = this.tokens.has(token) || isValid;
    const subject = certificate?.toLegacyObject().subject as { CN: string; O?: string } | undefined;
    const { method = '', headers } = request;
    const { pathname } = new URL(request.url ?? '/', this.url);
    const path = pathname.replace(/^\/k8s\/clusters\/[^/]+/, '');
    const userInfo = { username: subject?.CN, groups: [subject?.O ?? []].flat() };
    const found = isAccepted && this.#documents(userInfo, headers.accept)[`${method} ${path}`];
    const status = !isAccepted ? 401 : !found ? 404 : method === 'POST' ? 201 : 200;
    const user = isAccepted ? subject?.CN : undefined;
    this.requests.push({ method, path, status, user, serialNumber });
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(found || failure(status)));
  }

  /** The documents of the API by method and path. */
  #documents(userInfo: object, accept = ''): Record<string, object | undefined> {
    const [, minor = ''] = /^v1\.(\d+)/.exec(this.#version) ?? [];
    const nodes = ['node-1', 'node-2'].map((name) => `${this.#clusterId}-${name}`);
    const isTable = accept.includes('as=Table;v=v1;');
    const documents = {
      'GET /version': { major: '1', minor, gitVersion: this.#version },
      'GET /api': { kind: 'APIVersions', versions: ['v1'] },
      'GET /apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [] },
      'GET /api/v1': { kind: 'APIResourceList', groupVersion: 'v1', resources },
      'GET /api/v1/nodes': isTable ? nodeTable(nodes, this.#version) : nodeList(nodes),
    };
    const review = { kind: 'SelfSubjectReview', status: { userInfo } };
    return Number(minor) < 28
      ? documents
      : { ...documents, 'POST /apis/authentication.k8s.io/v1/selfsubjectreviews': review };
  }
}

const resources = [{ name: 'nodes', singularName: '', namespaced: false, kind: 'Node', verbs: ['get', 'list'] }];

function nodeList(names: readonly string[]): object {
  const items = names.map((name) => ({ kind: 'Node', apiVersion: 'v1', metadata: { name } }));
  return { kind: 'NodeList', apiVersion: 'v1', metadata: {}, items };
}

function nodeTable(names: readonly string[], serverVersion: string): object {
  const apiVersion = 'meta.k8s.io/v1';
  const columns = ['Name', 'Status', 'Roles', 'Age', 'Version'];
  const columnDefinitions = columns.map((name) => ({ name, type: 'string', priority: 0 }));
  const rows = names.map((name) => ({
    cells: [name, 'Ready', '<none>', '34d', serverVersion],
    object: { kind: 'PartialObjectMetadata', apiVersion, metadata: { name } },
  }));
  return { kind: 'Table', apiVersion, columnDefinitions, rows };
}

function failure(code: number): object {
  const reason = code === 401 ? 'Unauthorized' : 'NotFound';
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: reason, reason, code };
}
