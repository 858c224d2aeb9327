import type { Scope } from './scope.ts'

/** Every administrative action that the audit log records, and its meaning. */
export const AUDIT_ACTIONS = {
  'key.created': 'An API key was made.',
  'key.renamed': 'An API key got another name.',
  'key.rolled': 'An API key got a successor, and expires.',
  'key.revoked': 'An API key was revoked.',
  'dashboard.signed_in': 'A person signed in to the dashboard with an API key.',
  'dashboard.sessions_ended': 'Sessions of the dashboard were ended from the list of sessions.',
  'account.created': 'An account was made.',
  'account.renamed': 'An account got another name.',
  'account.closed': 'An account was closed.',
  'routing.replaced': 'The routing rules were replaced.',
  'routing.reset': 'The routing rules were reset to none.',
  'delivery.retried': 'A failed webhook delivery was put back.',
  'deliveries.retried': 'Several failed webhook deliveries were put back.',
  'webhook_endpoint.created': 'A webhook endpoint was made.',
  'webhook_endpoint.updated': 'A webhook endpoint was changed.',
  'webhook_endpoint.enabled': 'A webhook endpoint was enabled.',
  'webhook_endpoint.disabled': 'A webhook endpoint was disabled, by a person or because it failed.',
  'webhook_endpoint.deleted': 'A webhook endpoint was deleted.',
  'webhook_endpoint.secret_rotated': 'A webhook endpoint got a new secret.',
  'webhook_endpoint.secret_rekeyed': 'The secrets of an endpoint were encrypted under another key.',
  'webhook_replay.created': 'A replay to a webhook endpoint was started.',
  'webhook_replay.canceled': 'A replay to a webhook endpoint was canceled.',
  'provider.paused': 'A provider was paused: no new charge goes to it.',
  'provider.resumed': 'A paused provider was resumed.',
  'attempt.resolved': 'A person gave the outcome of an attempt.',
  'attempt.looked_up': 'A person had an attempt looked up, and its provider gave the outcome.',
  'alarm.closed': 'A person closed an alarm.',
  'alarm.booked': 'A person booked the amount of an alarm.',
  'epoch.begun': 'A new epoch of event numbers began.',
  'demo.filled': '`minipay demo` filled this database.',
  'database.restored': '`minipay restore` restored this database.',
  'database.copied': '`minipay copy` filled this database.',
  'events.purged': 'Events past their retention were deleted.',
  'server.started': 'A server started, with these settings.',
} as const
export type AuditAction = keyof typeof AUDIT_ACTIONS

/**
 * Who acts: the id of an access key, `keyless`, `cli` (the command line on the database itself), `library` (the program
 * around the library) or `server`.
 */
export type Actor = string

/** One administrative action: a row of the audit log, stored in the same transaction as the change that it records. */
export type AuditEntry = {
  /** `aud_…` */
  readonly id: string
  /** The scope in whose log it is. */
  readonly scope: Scope
  /** ms since 1970. */
  readonly at: number
  readonly actor: Actor
  readonly action: AuditAction
  /** The id of the object that it changed; null if it has none. */
  readonly object: string | null
  /** Canonical JSON of the object before and after; null if there is none. Never a secret, nor a whole hash of one. */
  readonly before: string | null
  readonly after: string | null
  /** The address that the request came from; null without a request. */
  readonly address: string | null
  readonly requestId: string | null
}
