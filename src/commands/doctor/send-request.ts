import http from 'node:http';
import https, { type RequestOptions } from 'node:https';
import type { RequestContext } from '@kubernetes/client-node';
import type { Environment } from '../../world.js';
import { agentFor } from '../../ens/proxy.js';

/** How a request is made. */
export interface Route {
  /** The client's certificate and key, and what the server has to prove: options of TLS. */
  readonly identity: RequestOptions;
  readonly proxy: URL | undefined;
  readonly environment: Environment;
  /** Ends it when it takes too long. */
  readonly signal: AbortSignal;
}

/** A whole answer, whatever its status. */
export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

const maxBodyBytes = 1024 * 1024;

/**
 * Sends a request that `@kubernetes/client-node` has made. Its own library leaves proxies to the runtime's `fetch`: that
 * of Bun goes through `HTTPS_PROXY` by rules of its own, which are not those of kubectl, and that of Node.js through none.
 */
export function sendRequest(request: RequestContext, route: Route): Promise<Answer> {
  const { identity, proxy, environment, signal } = route;
  const url = new URL(request.getUrl());
  const body = request.getBody();
  const options: RequestOptions = {
    ...identity,
    method: request.getHttpMethod().toString(),
    headers: request.getHeaders(),
    agent: proxy === undefined ? undefined : agentFor(proxy, environment),
    signal,
  };
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      reject(signal.aborted && signal.reason instanceof Error ? signal.reason : error);
    };
    const made = (url.protocol === 'https:' ? https : http).request(url, options, (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        length += chunk.length;
        if (length > maxBodyBytes) response.destroy(new Error('the answer is larger than any could be'));
      });
      response.once('error', fail);
      response.once('end', () => {
        const headers = Object.entries(response.headers).flatMap(([name, value]) =>
          typeof value === 'string' ? [[name, value] as const] : [],
        );
        resolve({
          status: response.statusCode ?? 0,
          headers: Object.fromEntries(headers),
          body: Buffer.concat(chunks),
        });
      });
    });
    made.on('error', fail);
    made.end(typeof body === 'string' || body instanceof Uint8Array ? body : undefined);
  });
}
