import Fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
} from 'fastify'
import type { RateLimits } from '../app/access/rate-limits.ts'
import { createTurns } from '../app/turns.ts'
import type { Network } from '../domain/access/networks.ts'
import type { Log } from '../ports/log.ts'
import { StoreUnavailable } from '../ports/store.ts'
import { BODY_LIMIT, bodyReader } from './body.ts'
import { type Authenticate, type Caller, isRefusal } from './caller.ts'
import { type Client, clientFinder } from './client.ts'
import { boundConnections } from './connections.ts'
import { NoQuery, type ServedApi, type ServedEndpoint, sendRefusal } from './endpoint.ts'
import { type Refusal, Refused, refusalOfError, refuse } from './errors.ts'
import { refusalOfFraming } from './framing.ts'
import { TRANSPORT_SECURITY } from './headers.ts'
import { parseJsonBody } from './json-body.ts'
import { boundInFlight, type InFlight, refusalOfRate } from './limits.ts'
import { type Listening, listeningOn } from './listening.ts'
import { createNodeServer, type NodeServerOptions, refuseOnSocket } from './node-server.ts'
import { type AllowedOrigins, removeCorsHeaders, sendPreflight, setCorsHeaders } from './origins.ts'
import { refusalOfEncoding, refusalOfUnknownEndpoint, refusalOfUrl } from './refusals.ts'
import { broughtId } from './request-id.ts'
import { sessionSecret } from './session-cookie.ts'
import { queryValidator } from './validate.ts'

/** Node's own limit of a request line with its headers. */
const MAX_URL_BYTES = 16 * 1024

type Compilers = NonNullable<NonNullable<FastifyServerOptions['schemaController']>['compilersFactory']>

/**
 * MiniPay validates and renders by itself, so the HTTP library need not load its compilers. (Its types require Ajv's
 * own functions; it calls the given ones.)
 */
const NO_COMPILERS = {
  buildValidator: () => () => () => true,
  buildSerializer: () => () => (value: unknown) => JSON.stringify(value),
} as unknown as Compilers

declare module 'fastify' {
  interface FastifyRequest {
    /** The request no longer counts among those in flight: its handler only waits. */
    leavePlace: () => void
    /** It waited on purpose, so its time says nothing of the server's. */
    hasWaited: boolean
  }
  interface FastifyContextConfig {
    /** True: the endpoint refuses an empty body. */
    readonly needsBody?: boolean
    readonly vital?: boolean
  }
}

export type ServerOptions = NodeServerOptions & {
  readonly api: ServedApi
  readonly log: Log
  readonly authenticate: Authenticate
  /** The origins whose pages may call the API. */
  readonly allowedOrigins: AllowedOrigins
  readonly trustedProxies: readonly Network[]
  readonly rates: Pick<RateLimits, 'request'>
  /** The most requests in flight. */
  readonly maxRequests: number
  /** Called when a response was sent. */
  readonly onResponse: (served: Served) => void
  readonly onInternalError: () => void
  /** Called for each request that the store could not serve. */
  readonly onUnavailable: (error: StoreUnavailable) => void
}

/** A request with its response, as the metrics and the log may show it. */
export type Served = {
  /** `other` for a method that clients invented. */
  readonly method: string
  /** The pattern, never the path of the request. */
  readonly route: string
  readonly status: number
  readonly ms: number
  /** It waited on purpose for something to happen. */
  readonly waited: boolean
  readonly requestId: string
  readonly client: Client
  /** Undefined if MiniPay refused the request before it knew who sent it. */
  readonly caller: Caller | undefined
}

export type Server = {
  /** Listens, and returns the addresses. */
  listen(host: string, port: number): Promise<Listening>
  /**
   * Accepts no new work, and resolves when every request in flight has its response. After `graceMs` it cuts the
   * remaining connections; otherwise it would wait for those that never sent a whole request.
   */
  close(graceMs: number): Promise<void>
}

/** The HTTP server: this file and `node-server.ts` are the only ones that configure the HTTP library. */
export async function createServer(options: ServerOptions): Promise<Server> {
  const state = { closing: false }
  const app = createApp(options)
  app.decorateRequest('caller')
  app.decorateRequest('client')
  app.decorateRequest('leavePlace', () => {})
  app.decorateRequest('hasWaited', false)
  const inFlight = boundInFlight(options.maxRequests)
  addHooks(app, options, state, inFlight)
  await addEndpoints(app, options.api, inFlight)
  return {
    async listen(host, port) {
      await app.listen({ host, port })
      return listeningOn(app.addresses().filter((address) => typeof address === 'object'))
    },
    async close(graceMs) {
      state.closing = true
      const cut = setTimeout(() => app.server.closeAllConnections(), graceMs)
      await app.close()
      clearTimeout(cut)
    },
  }
}

function createApp(options: ServerOptions): FastifyInstance {
  const connections = boundConnections(options)
  const clientOf = clientFinder(options.trustedProxies)
  return Fastify({
    bodyLimit: BODY_LIMIT,
    // While it stops, the hook below responds to requests on open connections, in MiniPay's format.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    logger: false,
    schemaController: { compilersFactory: NO_COMPILERS },
    // No id is that long, but a URL may be: it gets 404 like any other unknown id.
    routerOptions: { maxParamLength: MAX_URL_BYTES, ignoreTrailingSlash: true },
    serverFactory: (handle) => createNodeServer(options, connections, handle),
    genReqId: ({ headers }) => broughtId(headers['x-request-id']) ?? options.newRequestId(),
    clientErrorHandler: (error, socket) => refuseOnSocket(error, socket, options.newRequestId(), connections),
    frameworkErrors: (error, request, reply) => {
      request.client = clientOf(request.raw)
      setCommonHeaders(options, request, reply)
      sendRefusal(reply, refusalOfError(error) ?? internalRefusal)
    },
  })
}

function addHooks(
  app: FastifyInstance,
  options: ServerOptions,
  state: { readonly closing: boolean },
  inFlight: InFlight,
): void {
  const clientOf = clientFinder(options.trustedProxies)
  app.addHook('onRequest', (request, reply, done) => {
    request.client = clientOf(request.raw)
    setCommonHeaders(options, request, reply)
    const ambiguous = refusalOfFraming(request.raw)
    if (ambiguous || state.closing || endsConnection(request)) reply.raw.shouldKeepAlive = false
    if (ambiguous) return void sendRefusal(reply, ambiguous)
    if (request.method === 'OPTIONS') return void sendPreflight(options.allowedOrigins, request, reply)
    const refused = state.closing ? refuse('shutting_down', 'The server is stopping.') : refusalOfUrl(request)
    if (refused) return void sendRefusal(reply, refused)
    // Before the body: a wrong path is wrong with any body.
    if (request.is404) return void sendRefusal(reply, refusalOfUnknownEndpoint(options.api, request, reply))
    const overloaded = request.routeOptions.config.vital ? undefined : inFlight.refusal()
    if (overloaded) return void sendRefusal(reply, overloaded)
    admit(options, request, reply, done)
  })
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unknown'
    const method = METHODS.has(request.method) ? request.method : 'other'
    const { client, caller, id: requestId, hasWaited: waited } = request
    const { statusCode: status, elapsedTime: ms } = reply
    options.onResponse({ method, route, status, ms, waited, requestId, client, caller })
    // Without this, a connection that was busy when the server began to close would be kept alive.
    if (state.closing) app.server.closeIdleConnections()
    done()
  })
  app.setErrorHandler((error, request, reply) => {
    // The rest of the body may never come.
    if (!request.raw.complete) reply.raw.shouldKeepAlive = false
    if (error instanceof StoreUnavailable) options.onUnavailable(error)
    const refusal = refusalOfError(error)
    if (refusal) return sendRefusal(reply, refusal)
    options.onInternalError()
    options.log.error(
      { err: error, request_id: request.id, route: request.routeOptions.url },
      'A request failed.',
    )
    return sendRefusal(reply, internalRefusal)
  })
}

/** Sets the caller of the request and calls `done`; or refuses the request, of which no body has been read yet. */
function admit(
  { authenticate, rates }: ServerOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  done: (error?: Error) => void,
): void {
  const { permission } = request.routeOptions.config
  // Closed, should a route ever come without one.
  if (permission === undefined) return void done(new Error('The route has no permission.'))
  const settle = (found: Caller | Refusal) => {
    // The dashboard's page reads its own origin alone, and no other page sees whether a session is valid.
    if (isRefusal(found) ? sessionSecret(request) !== undefined : found.sessionId !== undefined)
      removeCorsHeaders(reply)
    if (isRefusal(found)) return void sendRefusal(reply, found)
    request.caller = found
    const limited = refusalOfRate(rates, found, reply)
    if (limited) return void sendRefusal(reply, limited)
    if (permission === null || permission === 'any' || found.permissions.has(permission)) return void done()
    const lacks = found.keyId === null ? 'Requests without an API key lack' : 'This API key lacks'
    sendRefusal(reply, refuse('permission_denied', `${lacks} the permission ${permission}.`))
  }
  const found = authenticate(request, permission)
  if (found instanceof Promise) found.then(settle).catch(done)
  else settle(found)
}

async function addEndpoints(
  app: FastifyInstance,
  { endpoints, parameterWords }: ServedApi,
  inFlight: InFlight,
): Promise<void> {
  const readBody = bodyReader()
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', (request, payload, done) => {
    readBody(payload, (error, bytes) => {
      if (!bytes) return done(error)
      // Some clients send a type even without a body.
      if (bytes.length === 0 && !request.routeOptions.config.needsBody) return done(null, undefined)
      const parse = () => {
        const parsed = refusalOfEncoding(request) ?? parseJsonBody(bytes, parameterWords)
        if ('value' in parsed) done(null, parsed.value)
        else done(new Refused(parsed))
      }
      if (bytes.length <= SHORT_BODY_BYTES) parse()
      else oneAtATime().then(parse)
    })
  })
  for (const endpoint of endpoints) if (!endpoint.raw) addEndpoint(app, endpoint, inFlight)
  // A signature covers the exact bytes: do not parse them first.
  await app.register(async (raw) => {
    raw.removeAllContentTypeParsers()
    raw.addContentTypeParser('*', (_request, payload, done) => readBody(payload, done))
    for (const endpoint of endpoints) if (endpoint.raw) addEndpoint(raw, endpoint, inFlight)
  })
}

const internalRefusal = refuse('internal', 'MiniPay failed. The log has the cause under the request id.')
/** Lists, documents and long bodies take time: one in each turn of the event loop, so that a hundred of them delay no charge. */
const oneAtATime = createTurns(setImmediate)
/** A body longer than this waits for its turn, in bytes. */
const SHORT_BODY_BYTES = 16 * 1024
const checkNoQuery = queryValidator(NoQuery)

function addEndpoint(app: FastifyInstance, endpoint: ServedEndpoint, inFlight: InFlight): void {
  const { method, url, permission, query, body, slow, vital = false, handle } = endpoint
  const takesNoQuery = query === NoQuery
  app.route({
    method,
    url,
    config: { needsBody: body?.['required'] !== undefined, permission, vital },
    handler(request, reply) {
      if (takesNoQuery && request.url.includes('?')) checkNoQuery(request.query)
      const work = () => (slow ? oneAtATime().then(() => handle(request, reply)) : handle(request, reply))
      if (vital) return work()
      return inFlight.run((leave) => {
        // Not a literal that is assigned: see `young-objects`.
        const leavePlace = () => {
          request.hasWaited = true
          leave()
        }
        request.leavePlace = leavePlace
        return work()
      })
    },
  })
}

function setCommonHeaders(
  { allowedOrigins }: ServerOptions,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  setCorsHeaders(allowedOrigins, request, reply)
  reply.header('x-request-id', request.id)
  if (request.client.secure) reply.header('strict-transport-security', TRANSPORT_SECURITY)
}

/** The methods that metrics distinguish, because a client may invent any number of others. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])

/**
 * A request that offers another protocol gets a response in HTTP, as RFC 9110 (7.8) allows. Node's parser then reads
 * no further HTTP request from its connection, so the connection ends with the response, and MiniPay does not carry
 * out later data.
 */
function endsConnection({ headers }: FastifyRequest): boolean {
  return headers.upgrade !== undefined
}
