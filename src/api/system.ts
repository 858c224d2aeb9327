/** The server itself, for the people who run it. */
import { NoQuery, sendObject } from '../http/endpoint.ts'
import { scopeOf } from './caller.ts'
import type { Endpoint, Services } from './endpoint.ts'
import { timestamp } from './minipay/views.ts'
import { shows } from './openapi/examples.ts'
import { clockView, missingView } from './operations.ts'
import { System, type SystemView } from './system-schemas.ts'

async function systemView(
  { context, server, systemFacts, providerCheck, working }: Services,
  mode: 'test' | 'live',
): Promise<SystemView> {
  const { store, clock } = context
  const [facts, deliveries, { missing }] = await Promise.all([
    systemFacts(),
    store.webhookDeliveryTotals(mode),
    providerCheck.report(),
  ])
  const warning = clock.warning()
  return {
    version: server.version,
    node_version: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    uptime_seconds: server.uptimeS(),
    memory_bytes: process.memoryUsage.rss(),
    working: working(),
    database: {
      engine: facts.engine,
      version: facts.version,
      bytes: facts.databaseBytes,
      wal_bytes: store.logBytes() ?? null,
      free_bytes: facts.freeBytes,
    },
    nodes:
      facts.nodes?.map(({ id, seenAt, isOwn }) => ({
        ...{ id, last_seen_at: timestamp(seenAt), is_this: isOwn },
      })) ?? null,
    webhooks: { waiting: deliveries.pending, failed: deliveries.failed },
    clock: warning ? clockView(warning) : null,
    missing_providers: missing.map(missingView),
    settings: server.settings,
  }
}

const systemEndpoint: Endpoint = {
  id: 'retrieveSystem',
  method: 'GET',
  url: '/api/v1/system',
  permission: 'metrics:read',
  summary: 'Retrieve the state of the server',
  description:
    'Versions, the database and its size, the nodes, the webhooks that wait, and what needs attention: a clock that was set, and providers that are missing. Facts about the database may be five seconds old.',
  tag: 'Operations',
  query: NoQuery,
  responses: { 200: { description: 'The server.', schema: System } },
  errors: [],
  examples: shows('system', 'A server on SQLite', {
    version: '0.1.0',
    node_version: '26.10.0',
    platform: 'linux x64',
    uptime_seconds: 86_400,
    memory_bytes: 125_829_120,
    working: true,
    database: {
      engine: 'sqlite',
      version: '3.50.4',
      bytes: 1_048_576,
      wal_bytes: 0,
      free_bytes: 53_687_091_200,
    },
    nodes: null,
    webhooks: { waiting: 0, failed: 1 },
    clock: null,
    missing_providers: [],
    settings: { host: '127.0.0.1', port: 8080 },
  }),
  async handle(services, request, reply) {
    return sendObject(reply, await systemView(services, scopeOf(request).mode))
  },
}

export const systemEndpoints: readonly Endpoint[] = [systemEndpoint]
