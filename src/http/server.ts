import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import Fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
} from 'fastify'
import { turns } from '../app/turns.ts'
import { holdsCardNumber } from '../domain/card-numbers.ts'
import type { Log } from '../ports/log.ts'
import { StoreUnavailable } from '../ports/store.ts'
import { BODY_LIMIT, readBody } from './body.ts'
import { boundConnections, type Connections } from './connections.ts'
import { NoQuery, type ServedApi, type ServedEndpoint, sendRefusal } from './endpoint.ts'
import { errorBody, type HttpErrorCode, type Refusal, Refused, refusalOfError, refuse } from './errors.ts'
import { cardRefusal, parseJsonBody } from './json-body.ts'
import { type Listening, listeningOn } from './listening.ts'
import { nearEndpoint } from './near-endpoint.ts'
import { queryValidator } from './validate.ts'

const REQUEST_TIMEOUT_MS = 30_000
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
  interface FastifyContextConfig {
    /** True: the endpoint refuses an empty body. */
    readonly needsBody?: boolean
  }
}

export type ServerOptions = {
  readonly api: ServedApi
  readonly log: Log
  readonly newRequestId: () => string
  /** How long a connection without a request stays open, in ms. */
  readonly keepAliveMs: number
  /** The most connections at once; the server closes further ones immediately. */
  readonly maxConnections: number
  /** How long a whole request may take to arrive; 30 s unless given. */
  readonly requestTimeoutMs?: number
  /** Called when a response was sent; `route` is the pattern, never the path of the request. */
  readonly onResponse: (
    method: string,
    route: string,
    status: number,
    durationMs: number,
    requestId: string,
  ) => void
  readonly onInternalError: () => void
  /** Called for each connection that was closed because there were too many. */
  readonly onDrop: () => void
  /** Called for each request that the store could not serve. */
  readonly onUnavailable: (error: StoreUnavailable) => void
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

/** The HTTP server: the only file that configures the HTTP library. */
export async function createServer(options: ServerOptions): Promise<Server> {
  let closing = false
  const { endpoints, parameterWords } = options.api
  const requestTimeout = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS
  const connections = boundConnections()
  const app = Fastify({
    bodyLimit: BODY_LIMIT,
    // While it stops, the hook below responds to requests on open connections, in MiniPay's format.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    logger: false,
    schemaController: { compilersFactory: NO_COMPILERS },
    // No id is that long, but a URL may be: it gets 404 like any other unknown id.
    routerOptions: { maxParamLength: MAX_URL_BYTES, ignoreTrailingSlash: true },
    // A request without Host is refused below, in MiniPay's format.
    serverFactory: (handle) => {
      const server = createHttpServer(
        {
          ServerResponse: responses(connections),
          requireHostHeader: false,
          requestTimeout,
          // Also for bodies: otherwise Node's own headersTimeout of 60 s would apply to them.
          headersTimeout: requestTimeout,
          keepAliveTimeout: options.keepAliveMs,
          // The interval of the check for requests that do not arrive: Node's own 30 s would double their time.
          connectionsCheckingInterval: 2_000,
        },
        (request, response) => connections.inTurn(request, response, () => handle(request, response)),
      )
      server.maxConnections = options.maxConnections
      server.on('drop', options.onDrop)
      // A client that ends its side of the connection after its request still gets the answer.
      return Object.assign(server, { httpAllowHalfOpen: true })
    },
    genReqId: options.newRequestId,
    clientErrorHandler: (error, socket) => refuseOnSocket(error, socket, options.newRequestId()),
    frameworkErrors: (error, request, reply) => {
      setCommonHeaders(request, reply)
      sendRefusal(reply, refusalOfError(error) ?? internalRefusal)
    },
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', (request, payload, done) => {
    readBody(payload, (error, bytes) => {
      if (!bytes) return done(error)
      // Some clients send a type even without a body.
      if (bytes.length === 0 && !request.routeOptions.config.needsBody) return done(null, undefined)
      const parse = () => {
        const parsed = undecodable(request) ?? parseJsonBody(bytes, parameterWords)
        if ('value' in parsed) done(null, parsed.value)
        else done(new Refused(parsed))
      }
      if (bytes.length <= SHORT_BODY_BYTES) parse()
      else oneAtATime().then(parse)
    })
  })

  app.addHook('onRequest', (request, reply, done) => {
    setCommonHeaders(request, reply)
    if (closing || endsConnection(request)) reply.raw.shouldKeepAlive = false
    if (request.method === 'OPTIONS') return void preflight(reply)
    const refused = closing ? refuse('shutting_down', 'The server is stopping.') : refusedOutright(request)
    if (refused) return void sendRefusal(reply, refused)
    // Before the body: a wrong route is wrong with any body.
    if (request.is404) return void sendRefusal(reply, noSuchEndpoint(options.api, request, reply))
    done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unknown'
    const method = METHODS.has(request.method) ? request.method : 'other'
    options.onResponse(method, route, reply.statusCode, reply.elapsedTime, request.id)
    // Without this, a connection that was busy when the server began to close would be kept alive.
    if (closing) app.server.closeIdleConnections()
    done()
  })
  app.setErrorHandler((error, request, reply) => {
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

  // An Expect other than 100-continue; Node would answer 417 without a body.
  app.server.on('checkExpectation', (_request, response) => {
    const requestId = options.newRequestId()
    response.writeHead(400, { 'content-type': 'application/json; charset=utf-8', 'x-request-id': requestId })
    response.end(`${errorBody(refuse('bad_request', 'This Expect header is not supported.'), requestId)}\n`)
  })

  // Node would close the connection without a response.
  app.server.on('connect', (_request, socket) =>
    refuseOnSocket(new Error('CONNECT'), socket as Socket, options.newRequestId()),
  )

  for (const endpoint of endpoints) if (!endpoint.raw) addEndpoint(app, endpoint)
  // A signature covers the exact bytes: do not parse them first.
  await app.register(async (raw) => {
    raw.removeAllContentTypeParsers()
    raw.addContentTypeParser('*', (_request, payload, done) => readBody(payload, done))
    for (const endpoint of endpoints) if (endpoint.raw) addEndpoint(raw, endpoint)
  })

  return {
    async listen(host, port) {
      await app.listen({ host, port })
      return listeningOn(app.addresses().filter((address) => typeof address === 'object'))
    },
    async close(graceMs) {
      closing = true
      const cut = setTimeout(() => app.server.closeAllConnections(), graceMs)
      await app.close()
      clearTimeout(cut)
    },
  }
}

const EXPOSED_HEADERS = 'Idempotent-Replayed, Retry-After, X-Request-Id'
const internalRefusal = refuse('internal', 'MiniPay failed. The log has the cause under the request id.')
/** Lists, documents and long bodies take time: one in each turn of the event loop, so that a hundred of them delay no charge. */
const oneAtATime = turns(setImmediate)
/** A body longer than this waits for its turn, in bytes. */
const SHORT_BODY_BYTES = 16 * 1024
const checkNoQuery = queryValidator(NoQuery)

function addEndpoint(app: FastifyInstance, { method, url, query, body, slow, handle }: ServedEndpoint): void {
  const takesNoQuery = query === NoQuery
  app.route({
    method,
    url,
    config: { needsBody: body?.['required'] !== undefined },
    handler(request, reply) {
      if (takesNoQuery && request.url.includes('?')) checkNoQuery(request.query)
      return slow ? oneAtATime().then(() => handle(request, reply)) : handle(request, reply)
    },
  })
}

function setCommonHeaders(request: FastifyRequest, reply: FastifyReply): void {
  if (request.headers.origin !== undefined) reply.header('access-control-expose-headers', EXPOSED_HEADERS)
  reply.header('x-request-id', request.id)
}

/**
 * Responses contain payments: caches must not keep them, pages must not frame them, browsers must not guess their
 * type.
 */
const COMMON_HEADERS = {
  'access-control-allow-origin': '*',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
} as const

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

function preflight(reply: FastifyReply): void {
  reply
    .code(204)
    .header('access-control-allow-methods', 'POST, OPTIONS, GET, PUT, DELETE')
    .header('access-control-allow-headers', 'Content-Type, Authorization, Idempotency-Key')
    .header('access-control-max-age', '86400')
    .send()
}

/** Headers that may appear once only; a second value would be ignored, or joined to the first. */
const SINGLE_HEADERS = new Set(['idempotency-key', 'content-type', 'content-length', 'authorization', 'host'])

function refusedOutright(request: FastifyRequest): Refusal | undefined {
  if (request.headers.host === undefined && request.raw.httpVersion === '1.1')
    return refuse('bad_request', 'The Host header is missing.')
  const coding = request.headers['transfer-encoding']
  if (coding !== undefined && coding.toLowerCase() !== 'chunked')
    return refuse('bad_request', 'The only supported Transfer-Encoding is chunked.')
  const repeated = repeatedHeader(request.raw)
  if (repeated) return refuse('header_repeated', `The header ${repeated} was sent more than once.`, repeated)
  // The endpoints' own URLs have few digits: only ids and queries can contain a card number.
  if (/\d(?:\D*\d){11}/.test(request.url) && holdsCardNumber(decoded(request.url)))
    return cardRefusal(undefined)
  return undefined
}

/** A body in an encoding or a character set that MiniPay does not read, which the bytes alone may not show. */
function undecodable({ headers }: FastifyRequest): Refusal | undefined {
  const coded = headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity'
  const type = headers['content-type'] as string
  if (!coded && (!type.includes('charset') || /charset="?utf-?8"?/i.test(type))) return undefined
  return refuse(
    'unsupported_media_type',
    'Send the body as plain UTF-8 JSON, without a Content-Encoding and without another charset.',
  )
}

function repeatedHeader({ headers, rawHeaders }: IncomingMessage): string | undefined {
  let names = 0
  for (const _ in headers) names++
  // The usual case: as many names as lines.
  if (names * 2 === rawHeaders.length) return undefined
  let seen: string[] | undefined
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase()
    if (!SINGLE_HEADERS.has(name)) continue
    if (seen?.includes(name)) return name
    seen ??= []
    seen.push(name)
  }
  return undefined
}

/** The URL with its escapes resolved; unlike `decodeURIComponent`, one bad escape does not hide the rest. */
function decoded(url: string): string {
  return url
    .replaceAll('+', ' ')
    .replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => Buffer.from(escapes.replaceAll('%', ''), 'hex').toString())
}

/** 405 with the methods that the path has, or 404. */
function noSuchEndpoint(
  { endpoints, otherResourceNames }: ServedApi,
  request: FastifyRequest,
  reply: FastifyReply,
): Refusal {
  const path = (request.url.split('?')[0] as string).replace(/(?<=.)\/$/, '')
  const methods = endpoints
    .filter(({ url }) => new RegExp(`^${url.replace(/:[^/]+/g, '[^/]+')}$`).test(path))
    .map((r) => r.method)
  if (methods.length === 0) {
    const near = nearEndpoint(path, [...new Set(endpoints.map(({ url }) => url))], otherResourceNames)
    const words = near === undefined ? '; see /docs.' : `. Did you mean ${near}? See /docs.`
    return refuse('route_not_found', `There is no such route${words}`)
  }
  const allowed = [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS']
  reply.header('allow', allowed.join(', '))
  return refuse('method_not_allowed', `This route supports ${allowed.join(', ')}.`)
}

/** From the process: imported as a module, node:http would load an HTTP client of its own, for 50 ms. */
const { STATUS_CODES, createServer: createHttpServer, ServerResponse } = process.getBuiltinModule('node:http')

/** A response with the common headers that reports its end to the connections. */
function responses(connections: Connections) {
  return class Answer extends ServerResponse<IncomingMessage> {
    override writeHead(status: number, headers?: unknown): this {
      return super.writeHead(status, { ...COMMON_HEADERS, ...(headers as OutgoingHttpHeaders) })
    }

    override end(...last: unknown[]): this {
      super.end(...(last as []))
      connections.answered(this)
      return this
    }
  }
}

/** Requests that are not HTTP, or that never arrived in full: MiniPay responds on the bare socket, and closes it. */
function refuseOnSocket(error: NodeJS.ErrnoException, socket: Socket, requestId: string): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const [code, message]: [HttpErrorCode, string] =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? ['request_timeout', 'The request did not arrive in time.']
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? ['headers_too_large', 'The request line and headers are larger than 16 KiB.']
        : ['bad_request', 'The request is not well-formed HTTP.']
  const refusal = refuse(code, message)
  const body = `${errorBody(refusal, requestId)}\n`
  socket.end(
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Access-Control-Allow-Origin: *\r\nDate: ${new Date().toUTCString()}\r\nX-Request-Id: ${requestId}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}
