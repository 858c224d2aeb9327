/** Lists as pages of JSON, or whole as CSV. */
import { setImmediate } from 'node:timers/promises'
import { columnsOf, csvLine, headerLine } from '../../http/csv.ts'
import type { Reply, Request } from '../../http/endpoint.ts'
import { Refused, refuse } from '../../http/errors.ts'
import { sendPage } from '../../http/paging.ts'
import type { ObjectSchema } from '../../http/schema.ts'
import { openTextStream } from '../../http/text-stream.ts'
import type { Page } from '../../ports/store.ts'
import { preferredType } from '../accept.ts'
import type { EndpointResponse, Services } from '../endpoint.ts'

/** A list of the store: how MiniPay reads its pages, and how its objects look. */
export type List<Item, Query, Cursor> = {
  /** The store's query for the requested page. */
  readonly query: Query
  readonly read: (query: Query) => Promise<Page<Item>>
  readonly view: (item: Item) => object
  /** The schema of the views: its fields are the columns of the CSV. */
  readonly schema: ObjectSchema
  readonly cursor: (item: Item) => Cursor
  /** The part of a query for the objects that follow a cursor. */
  readonly following: (cursor: Cursor) => Partial<Query>
}
type Limited = { readonly limit: number }

/** The response of a list that is CSV, too. */
export const listResponse = (description: string, schema: EndpointResponse['schema']) => ({
  200: { description, schema, text: 'text/csv' },
})

/** The most objects that MiniPay reads at once for CSV. */
const ROWS = 100
/** The most characters that it sends at once, but for one line. */
const BATCH_CHARS = 32 * 1024
/** A client may leave a batch unread for so many ms: a slow connection needs time for 32 KiB. */
const UNREAD_MS = 60_000
/** How often MiniPay checks that the API key is still valid, in ms. */
const CHECK_MS = 2_000
/** A client of HTTP/1.0 reads to the end of the connection, so it could not see that a response is not whole. */
const TOO_OLD = refuse('bad_request', 'CSV needs HTTP/1.1.')
const TOO_MANY = refuse('overloaded', 'Too many CSV exports are running.')

/** Sends a page of a list as JSON, or the list as CSV if the request wants it. Throws `Refused`. */
export async function sendList<Item, Query extends Limited, Cursor>(
  services: Services,
  request: Request,
  reply: Reply,
  list: List<Item, Query, Cursor>,
): Promise<Reply> {
  if (await wantsCsv(request, reply)) return sendCsv(services, request, reply, list)
  const backwards = 'endingBefore' in list.query
  return sendPage(reply, await list.read(list.query), list.view, { backwards })
}

/** Whether a request wants CSV in place of JSON. Caches keep the two apart. */
export async function wantsCsv({ query, headers: { accept } }: Request, reply: Reply): Promise<boolean> {
  const vary = reply.getHeader('vary')
  reply.header('vary', vary === undefined ? 'Accept' : `${vary}, Accept`)
  const { format } = query as { readonly format?: unknown }
  if (format !== undefined) return format === 'csv'
  if (!accept?.toLowerCase().includes('text/csv')) return false
  return (await preferredType(accept, ['application/json', 'text/csv'])) === 'text/csv'
}

/**
 * Sends a list as CSV, page by page, at the speed of the client. When something fails on the way, or the server stops,
 * MiniPay closes the connection: then the response lacks its end, and the client can begin again after the last id
 * that it got. Throws `Refused`.
 */
export async function sendCsv<Item, Query extends Limited, Cursor>(
  { context, exports, mayRead }: Services,
  request: Request,
  reply: Reply,
  list: List<Item, Query, Cursor>,
): Promise<Reply> {
  refusePages(request)
  const place = exports.begin(request.caller.actor)
  if (!place) throw new Refused(TOO_MANY)
  try {
    // It waits for its client most of the time, so it takes a place of its own kind.
    request.leavePlace()
    const limit = (request.query as Partial<Limited>).limit === undefined ? Infinity : list.query.limit
    const texts = textsOf(list, limit)
    // A database that is unavailable is 503.
    const first = await texts.next()
    const { permission } = request.routeOptions.config
    const check = permission && permission !== 'any' ? () => mayRead(request, permission) : async () => true
    const stream = openTextStream(reply, {
      headers: headersOf(request, context.now()),
      onClose: place.end,
      unreadMs: UNREAD_MS,
    })
    place.signal.addEventListener('abort', stream.cut)
    const isAllowed = seldom(check, context.runtime.monotonic)
    if (request.method === 'HEAD') stream.end()
    else if (await sendTexts(stream.send, first, texts, isAllowed)) stream.end()
    else stream.cut()
  } catch (error) {
    if (!reply.sent) throw error
    context.log.warn({ request_id: request.id, err: error }, 'A CSV export ended early.')
    reply.raw.destroy()
  } finally {
    place.end()
  }
  return reply
}

/** Parameters that only fit a page, with the reason. */
const ONLY_PAGES: Readonly<Record<string, string>> = {
  ending_before: 'it begins with the newest object',
  wait: 'it has the events that exist now',
}

function refusePages({ query, raw }: Request): void {
  if (raw.httpVersion === '1.0') throw new Refused(TOO_OLD)
  for (const [name, reason] of Object.entries(ONLY_PAGES))
    if (name in (query as object))
      throw new Refused(
        refuse('parameter_invalid', `The parameter ${name} cannot be used with CSV: ${reason}.`, name),
      )
}

/** `charges-2026-11-23T120000Z.csv` for a list at `/api/v1/charges`. */
function headersOf({ routeOptions }: Request, now: number): Readonly<Record<string, string>> {
  const name = routeOptions.url?.replace(/^\/api\/v1\//, '').replaceAll(/[^a-z_]+/g, '-')
  const time = new Date(now).toISOString().replace(/:|\.\d+/g, '')
  return {
    'content-type': 'text/csv; charset=utf-8; header=present',
    'content-disposition': `attachment; filename="${name}-${time}.csv"`,
  }
}

/** The text of a list, of at most so many objects, in parts: at least one for each page that MiniPay reads. */
async function* textsOf<Item, Query extends Limited, Cursor>(
  { query, read, view, schema, cursor, following }: List<Item, Query, Cursor>,
  limit: number,
): AsyncGenerator<string, void> {
  const columns = columnsOf(schema)
  let text = headerLine(columns)
  let [left, next] = [limit, query]
  for (;;) {
    const page = await read({ ...next, limit: Math.min(ROWS, left) })
    for (const item of page.data) {
      text += csvLine(columns, view(item))
      if (text.length < BATCH_CHARS) continue
      yield text
      text = ''
    }
    // Also without an object: the reader of the text sees between the pages whether it may go on.
    yield text
    text = ''
    left -= page.data.length
    const last = page.data.at(-1)
    // Lists that a page may end early in have their ids as cursors.
    const end = (page.next as Cursor | undefined) ?? (last === undefined ? undefined : cursor(last))
    if (!page.hasMore || left <= 0 || end === undefined) return
    next = { ...query, ...following(end) }
  }
}

/** False: the client is gone, or may no longer read. */
async function sendTexts(
  send: (text: string) => Promise<boolean>,
  first: IteratorResult<string, void>,
  rest: AsyncGenerator<string, void>,
  isAllowed: () => Promise<boolean>,
): Promise<boolean> {
  for (let part = first; !part.done; part = await rest.next()) {
    if (!(await isAllowed()) || !(await send(part.value))) return false
    // Other requests get their turn.
    await setImmediate()
  }
  return true
}

/** The check, made at most every two seconds; true in between. */
function seldom(check: () => Promise<boolean>, monotonic: () => number): () => Promise<boolean> {
  let checkedAt = monotonic()
  return async () => {
    if (monotonic() - checkedAt < CHECK_MS) return true
    checkedAt = monotonic()
    return check()
  }
}
