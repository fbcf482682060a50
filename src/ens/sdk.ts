import * as credentialsModule from '@alicloud/credentials';
import * as openApiModule from '@alicloud/openapi-client';

// The SDK calls what Node.js has deprecated. Whoever runs kubectl can do nothing about it, and need not read of it.
process.noDeprecation = true;

/**
 * The two classes that Alibaba Cloud's CommonJS packages export as `default`. Node.js puts such a default one level
 * deeper than bundlers do, so it is looked for at both.
 */
export const OpenApiClient = defaultExport(openApiModule) as typeof openApiModule.default.default;
export type OpenApiClient = InstanceType<typeof OpenApiClient>;

export const Credential = defaultExport(credentialsModule) as typeof credentialsModule.default.default;
export type Credential = InstanceType<typeof Credential>;

function defaultExport(module: { readonly default: unknown }): unknown {
  const outer = module.default as { readonly default?: unknown };
  return outer.default ?? outer;
}
