/**
 * Checks reports: acknowledged requests stay true, events have no gap, webhooks arrived, and MiniPay logged no error of
 * its own.
 */
import { call } from '../../kit/http.ts'
import { limiter } from '../../kit/progress.ts'
import type { Receiver } from '../../kit/receiver.ts'
import type { Problem } from '../audit.ts'
import { type Books, readBooks } from './books.ts'
import { type Customers, idOf, inWords } from './customers.ts'

const CONNECTIONS = 64
/** Errors that are logged because of a provider, not of ourselves. */
const SAID = ['A provider contradicted the books', 'Gave up on a notification']

/** Every event has its number, and the receiver got each. */
export function auditEvents({ events }: Books, { received }: Receiver): Problem[] {
  const problems: Problem[] = []
  const arrived = new Set(received.map(({ headers }) => headers['webhook-id']))
  for (const [index, { sequence, id, type, data }] of events.entries()) {
    if (sequence !== index + 1)
      problems.push({ what: `event ${index + 1} has the number ${sequence}`, charge: data.id })
    if (!arrived.has(id))
      problems.push({ what: `the webhook of ${type} ${id} never arrived`, charge: data.id })
  }
  return problems
}

/** Every request again, some twice: the same object each time, and nothing moves. */
export async function auditReplays(
  { told, send }: Customers,
  url: string,
  before: Books,
): Promise<Problem[]> {
  const problems: Problem[] = []
  const inTurn = limiter(CONNECTIONS)
  const failed = new Set([
    ...before.charges.flatMap(({ id, status }) => (status === 'failed' ? [id] : [])),
    ...before.refunds.flatMap(({ refund_id, status }) => (status === 'failed' ? [refund_id] : [])),
  ])
  async function again(key: string, twice: boolean): Promise<void> {
    const note = told.get(key)
    if (!note) return
    const first = await send(note.request)
    const second = twice ? await send(note.request) : first
    const charge = idOf(note) ?? null
    if (!first || !second) return void problems.push({ what: `${key} was not answered`, charge })
    const { request_id: _one, ...one } = { request_id: '', ...first.body }
    const { request_id: _two, ...two } = { request_id: '', ...second.body }
    if (first.status !== second.status || JSON.stringify(one) !== JSON.stringify(two))
      problems.push({ what: `${key} is answered ${inWords(first)}, and then ${inWords(second)}`, charge })
    if (idOf(first) !== charge)
      problems.push({ what: `${key} was answered ${inWords(note)}, and now ${inWords(first)}`, charge })
    const object = first.body.refund_id ?? first.body.refund?.refund_id ?? charge ?? ''
    const isObject = note.request.path === '/api/v1/charges' || note.request.path === '/api/v1/refunds'
    const denies = first.status === 402 || first.status === 502
    if (isObject && first.status !== 202 && denies !== failed.has(object))
      problems.push({ what: `${key} is answered ${inWords(first)}, and the object is not so`, charge })
  }
  await Promise.all([...told.keys()].map((key, i) => inTurn(() => again(key, i % 4 === 0))))
  const after = await readBooks(url)
  for (const list of Object.keys(before) as (keyof Books)[])
    if (inEssence(after[list]) !== inEssence(before[list]))
      problems.push({ what: `requests that were repeated changed the ${list}`, charge: null })
  return problems
}

/** Without how often an attempt was looked at since. */
function inEssence(list: readonly object[]): string {
  const passing = new Set(['lookups', 'next_lookup_at', 'reason'])
  return JSON.stringify(list, (name, value) => (passing.has(name) ? undefined : value))
}

/** What was logged as an error, and is not about what a provider said. */
export function auditLog(log: string): Problem[] {
  return (
    log
      .split('\n')
      .filter((line) => /"level":"(error|fatal)"|^\S*Error\b|Unhandled/.test(line))
      .filter((line) => !SAID.some((words) => line.includes(words)))
      // A machine that is too slow for the storm: what could not be stored is looked up later.
      .filter((line) => !/"reason":"overloaded"/.test(line))
      .map((line) => ({ what: `it was logged: ${line}`, charge: /txn_[0-9a-z]{26}/.exec(line)?.[0] ?? null }))
  )
}

/** The gauge counts the alarms that are open. */
export async function auditGauge({ alarms }: Books, url: string): Promise<Problem[]> {
  const { body } = await call<string>(url, 'GET', '/metrics', undefined, { accept: 'text/plain' })
  const open = Map.groupBy(
    alarms.filter(({ status }) => status === 'open'),
    ({ kind }) => kind,
  )
  return [...body.matchAll(/^minipay_alarms_open\{kind="(\w+)"\} (\d+)$/gm)].flatMap(
    ([, kind = '', count]) =>
      Number(count) === (open.get(kind)?.length ?? 0)
        ? []
        : [
            {
              what: `${open.get(kind)?.length ?? 0} alarms ${kind} are open, the gauge says ${count}`,
              charge: null,
            },
          ],
  )
}
