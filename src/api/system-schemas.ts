/** The schemas of the whole server. */
import {
  array,
  boolean,
  integer,
  named,
  nullable,
  object,
  oneOf,
  type Static,
  string,
} from '../http/schema.ts'
import { count, time } from './minipay/fields.ts'
import { clockWarning, missingProvider } from './operations-schemas.ts'

const bytes = (description: string) => integer({ minimum: 0, description, examples: [1_048_576] })

const database = named(
  'SystemDatabase',
  object({
    engine: oneOf(['sqlite', 'postgresql'], { description: 'The database engine.' }),
    version: string({ description: 'The version of the engine.', examples: ['3.50.4'] }),
    bytes: bytes('The size of the database, without its write-ahead log.'),
    wal_bytes: nullable(bytes('The size of the write-ahead log. Null: the engine does not report it.')),
    free_bytes: nullable(bytes("The room on the database's disk. Null: it cannot be known from here.")),
  }),
  'The database.',
)

const node = named(
  'SystemNode',
  object({
    id: string({
      description: 'The id of a process, new at each start.',
      examples: ['2f1c6a0e-97f4-4c1b-8a43-1d1e3b0f7a52'],
    }),
    last_seen_at: { ...time, description: 'Its last heartbeat.' },
    is_this: { ...boolean(), description: 'It sent this response.' },
  }),
  'A process that serves the database.',
)

export const System = named(
  'System',
  object({
    version: string({ description: 'The version of MiniPay.', examples: ['0.1.0'] }),
    node_version: string({ description: 'The version of Node.js.', examples: ['26.10.0'] }),
    platform: string({ description: 'The operating system and the processor.', examples: ['linux x64'] }),
    uptime_seconds: { ...count, description: 'How long this process has listened.' },
    memory_bytes: bytes('The memory of this process (resident set size).'),
    working: { ...boolean(), description: 'The background work of this process runs.' },
    database,
    nodes: {
      ...nullable(array(node)),
      description:
        'The first hundred processes that serve the database, by id. Null with SQLite, which one process serves.',
    },
    webhooks: named(
      'SystemWebhooks',
      object({
        waiting: { ...count, description: 'Deliveries that wait, with the backlogs of all endpoints.' },
        failed: { ...count, description: 'Deliveries that failed for good.' },
      }),
      'The webhooks of all accounts in the mode of the request.',
    ),
    clock: {
      ...nullable(clockWarning),
      description: 'Null while MiniPay trusts its clock; otherwise the step that it has seen.',
    },
    missing_providers: {
      ...array(missingProvider),
      description: 'Providers that the database needs and the configuration lacks.',
    },
    settings: object(
      {},
      {
        additionalProperties: true,
        description: 'The settings without secrets and paths, by the names of their flags.',
      },
    ),
  }),
  'The server: the process that responds, and the database that it shares with others.',
)
export type SystemView = Static<typeof System>
