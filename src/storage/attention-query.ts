/** The one query for what waits for a person in a scope: both engines run it. */

/** The most rows that one count reads. */
const MOST = 1_000

type Words = {
  /** The engine's nth parameter, from 1: the scope, `overdueBefore`, `dueBefore`. */
  readonly parameter: (n: number) => string
  /** Names an index, where the engine needs that. */
  readonly by: (index: string) => string
}

export function attentionQuery({ parameter, by }: Words): string {
  const own = (table: string) => `${table}.account_id = ${parameter(1)} AND ${table}.live = ${parameter(2)}`
  const counter = (names: string) =>
    `(SELECT coalesce(sum(value), 0) FROM counters k WHERE ${own('k')} AND ${names})`
  const endpoints = (which: string) =>
    `(SELECT count(*) FROM webhook_endpoints w ${by('webhook_endpoints_listed')}
      WHERE ${own('w')} AND w.deleted_at IS NULL AND ${which})`
  const disputes = (index: string, which: string) =>
    `(SELECT count(*) FROM (
      SELECT d.id FROM disputes d ${by(index)} WHERE ${own('d')} AND d.status = 'open' AND ${which} LIMIT ${MOST}) AS open)`
  return `
    SELECT ${counter(`name = 'attempts_unknown'`)} AS unknown, ${counter(`name = 'attempts_pending'`)} AS pending,
      oldest.overdue, oldest.since AS "oldestUnknownSince",
      (SELECT coalesce(sum(c.failed), 0) FROM webhook_cursors c WHERE ${own('c')}) AS "failedDeliveries",
      ${endpoints(`w.disabled_reason IN ('gone', 'failing')`)} AS "disabledEndpoints",
      ${endpoints(`w.status = 'enabled' AND EXISTS (
        SELECT 1 FROM webhook_cursors c
        WHERE ${own('c')} AND c.endpoint = w.id AND c.failing_since IS NOT NULL)`)} AS "failingEndpoints",
      ${disputes('disputes_by_status', 'd.id IS NOT NULL')} AS "openDisputes",
      ${disputes('disputes_due', 'd.evidence_due_at IS NOT NULL')} AS "disputesToAnswer",
      ${disputes('disputes_due', `d.evidence_due_at < ${parameter(4)}`)} AS "dueDisputes",
      (SELECT min(d.evidence_due_at) FROM disputes d ${by('disputes_due')}
        WHERE ${own('d')} AND d.status = 'open' AND d.evidence_due_at IS NOT NULL) AS "nextDueAt",
      ${counter(`name LIKE 'alarms\\_%' ESCAPE '\\'`)} AS "openAlarms"
    FROM (
      SELECT count(CASE WHEN unknown_since < ${parameter(3)} THEN 1 END) AS overdue, min(unknown_since) AS since
      FROM (
        SELECT t.unknown_since FROM attempts t ${by('attempts_by_state')}
        WHERE ${own('t')} AND t.state = 'unknown' AND t.state <> 'succeeded'
        ORDER BY t.id LIMIT ${MOST}) AS eldest) AS oldest`
}
