/** Node's HTTP server, below the HTTP library: its limits, and responses to what is no request. */
import type {
  IncomingMessage,
  OutgoingHttpHeaders,
  RequestListener,
  ServerResponse as Response,
  Server,
} from 'node:http'
import type { Socket } from 'node:net'
import { type Bounds, type BusySocket, type Connections, TIMEOUT_MS } from './connections.ts'
import { errorBody, type HttpErrorCode, refuse } from './errors.ts'
import { MAX_HEADER_LINES } from './framing.ts'
import { COMMON_HEADER_LINES, COMMON_HEADERS } from './headers.ts'

/** Node keeps no more lines of a head in memory. MiniPay refuses a head long before. */
const HEADER_LINES_KEPT = 2 * MAX_HEADER_LINES

export type NodeServerOptions = Bounds & {
  readonly newRequestId: () => string
  /** How long a connection without a request stays open, in ms. */
  readonly keepAliveMs: number
}

/** From the process: imported as a module, node:http would load an HTTP client of its own, for 50 ms. */
const { STATUS_CODES, createServer, ServerResponse } = process.getBuiltinModule('node:http')

/** A server that calls `handle` for each request, in the turn of its connection. */
export function createNodeServer(
  { newRequestId, keepAliveMs, requestTimeoutMs }: NodeServerOptions,
  connections: Connections,
  handle: RequestListener,
): Server {
  const requestTimeout = requestTimeoutMs ?? TIMEOUT_MS
  const server = createServer(
    {
      ServerResponse: responses(connections),
      // The server's hook refuses a request without Host, in MiniPay's format.
      requireHostHeader: false,
      requestTimeout,
      // Also for bodies: otherwise Node's own headersTimeout of 60 s would apply to them.
      headersTimeout: requestTimeout,
      keepAliveTimeout: keepAliveMs,
      // The interval of the check for requests that do not arrive: Node's own 30 s would double their time.
      connectionsCheckingInterval: 2_000,
    },
    (request, response) => connections.inTurn(request, response, () => handle(request, response)),
  )
  server.maxHeadersCount = HEADER_LINES_KEPT
  // By itself, Node would send 100 before MiniPay knows who sends the request: see `inviteBody`. It closes the connection
  // of a request that gets a response without 100, because the client may or may not send its body.
  server.on('checkContinue', (request, response) => {
    uninvited.set(request, response)
    connections.inTurn(request, response, () => handle(request, response))
  })
  server.on('connection', connections.opened)
  // An Expect other than 100-continue; Node would respond 417 without a body.
  server.on('checkExpectation', (_request, response) => {
    const requestId = newRequestId()
    // The client may or may not send its body now.
    response.shouldKeepAlive = false
    response.writeHead(400, { 'content-type': 'application/json; charset=utf-8', 'x-request-id': requestId })
    response.end(`${errorBody(refuse('bad_request', 'This Expect header is not supported.'), requestId)}\n`)
  })
  // Node would close the connection without a response.
  server.on('connect', (_request, socket) =>
    refuseOnSocket(new Error('CONNECT'), socket as Socket, newRequestId(), connections),
  )
  // A client that ends its side of the connection after its request still gets the response.
  return Object.assign(server, { httpAllowHalfOpen: true })
}

/** The responses of requests whose clients wait for 100 before they send the body. */
const uninvited = new WeakMap<IncomingMessage, Response>()

/** Sends 100 to a client that waits for it with its body. For a request that is admitted, before its body is read. */
export function inviteBody(request: IncomingMessage): void {
  if (request.headers.expect === undefined) return
  uninvited.get(request)?.writeContinue()
  uninvited.delete(request)
}

/** Node's own method that makes the text of a head, which begins with the status line. */
const { _storeHeader: storeHead } = ServerResponse.prototype as unknown as {
  _storeHeader(this: Response, statusLine: string, headers: unknown): void
}

/** A response with the common headers that reports its end to the connections. */
function responses(connections: Connections) {
  return class Reporting extends ServerResponse<IncomingMessage> {
    /** The common headers, unless some have other values in this response. */
    #lines = ''

    override writeHead(status: number, headers?: unknown): this {
      const own = headers as OutgoingHttpHeaders | undefined
      if (changesCommon(own)) return super.writeHead(status, { ...COMMON_HEADERS, ...own })
      this.#lines = COMMON_HEADER_LINES
      return super.writeHead(status, own)
    }

    /** As text, because Node checks and writes each header of a list anew. */
    _storeHeader(statusLine: string, headers: unknown): void {
      storeHead.call(this, statusLine + this.#lines, headers)
    }

    override end(...last: unknown[]): this {
      super.end(...(last as []))
      connections.responded(this)
      return this
    }
  }
}

function changesCommon(headers: OutgoingHttpHeaders | undefined): boolean {
  for (const name in headers) if (Object.hasOwn(COMMON_HEADERS, name)) return true
  return false
}

/** Connections that MiniPay closes because of what they sent. The parser reports each further piece of garbage, too. */
const refused = new WeakSet<Socket>()

/** Requests that are not HTTP, or that never arrived in full: MiniPay responds on the bare socket, and closes it. */
export function refuseOnSocket(
  error: NodeJS.ErrnoException,
  socket: BusySocket,
  requestId: string,
  connections: Connections,
): void {
  if (error.code === 'ECONNRESET') return void socket.destroy()
  if (refused.has(socket)) return
  refused.add(socket)
  const current = socket._httpMessage
  // A response that has begun, or that belongs to an earlier request, is the last one of its connection.
  if (current?.headersSent) return void current.once('finish', () => socket.destroySoon())
  if (current?.req.complete) {
    current.shouldKeepAlive = false
    return
  }
  // A second response to one request would be taken for that of the next.
  if (!socket.writable || connections.isAnswered(socket)) return void socket.destroySoon()
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
      `${COMMON_HEADER_LINES}Date: ${new Date().toUTCString()}\r\nX-Request-Id: ${requestId}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}
