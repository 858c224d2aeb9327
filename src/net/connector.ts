/** Connections to receivers of webhooks: to a checked address, over verified TLS. */
import { isIP, type LookupFunction, connect as openTcp, type Socket } from 'node:net'
import { connect as openTls, type TLSSocket } from 'node:tls'
import type { buildConnector } from 'undici'
import type { Deadlines } from './deadlines.ts'
import { leaveOutInterim } from './interim.ts'
import { forbiddenAddress } from './resolve-name.ts'

export type ConnectorOptions = {
  /** Resolves a host name to allowed addresses only. The connection goes to one of them. */
  readonly lookup: LookupFunction
  /** True for an address that the socket must not be connected to. */
  readonly forbids: (address: string) => boolean
  /** The time in which a connection must be there. */
  readonly deadlines: Deadlines
}

/**
 * The most bytes of any kind that a receiver may send in response to one request: headers and body have limits of
 * their own, but a parser also reads extensions of chunks and the like without end.
 */
const MAX_RESPONSE_BYTES = 128 * 1024
const KEEP_ALIVE = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 }
/** Little, since little of a response is read. */
const READ_AHEAD = { highWaterMark: 16 * 1024 }

/**
 * Opens connections for an undici client. They speak HTTP/1.1: over HTTP/2 one session would carry all attempts, and a
 * receiver that resets it would fail them together.
 */
export function createConnector({ lookup, forbids, deadlines }: ConnectorOptions): buildConnector.connector {
  let session: Buffer | undefined
  return ({ hostname, protocol, port }, callback) => {
    const isSecure = protocol === 'https:'
    const options = {
      ...{ host: hostname, port: Number(port) || (isSecure ? 443 : 80), lookup },
      ...{ ...KEEP_ALIVE, ...READ_AHEAD },
    }
    const socket = isSecure
      ? openTls({
          ...options,
          servername: isIP(hostname) ? '' : hostname,
          session,
          ALPNProtocols: ['http/1.1'],
          // Also with NODE_TLS_REJECT_UNAUTHORIZED=0.
          rejectUnauthorized: true,
        })
      : openTcp(options)
    const waiting = { expire: () => void socket.destroy(lateConnection()) }
    deadlines.add(waiting)
    let isOpen = false
    socket.on('error', (error) => {
      deadlines.delete(waiting)
      if (!isOpen) callback(error, null)
      isOpen = true
    })
    // A second line: the lookup has checked the same address before.
    socket.once('connect', () => {
      const { remoteAddress } = socket
      if (remoteAddress !== undefined && forbids(remoteAddress)) socket.destroy(forbiddenAddress(hostname))
    })
    if (isSecure) watchTls(socket as TLSSocket, (made) => (session = made))
    socket.once(isSecure ? 'secureConnect' : 'connect', () => {
      deadlines.delete(waiting)
      if (isOpen || socket.destroyed) return
      isOpen = true
      boundResponses(socket)
      leaveOutInterim(socket)
      callback(null, socket)
    })
  }
}

function lateConnection(): Error {
  return Object.assign(new Error('no connection in time'), { code: 'ETIMEDOUT' })
}

/** Cuts the connection when a response is too long. Everything that is read after a write is the response to it. */
function boundResponses(socket: Socket): void {
  let written = 0
  let read = 0
  let start = 0
  socket.on('readable', () => {
    const { bytesWritten, bytesRead } = socket
    if (bytesWritten !== written) {
      written = bytesWritten
      start = read
    }
    read = bytesRead
    if (read - start > MAX_RESPONSE_BYTES) socket.destroy(longResponse())
  })
}

function longResponse(): Error {
  return Object.assign(new Error('the response is too long'), { code: 'RESPONSE_TOO_LONG' })
}

/** Keeps sessions, which save most of a later handshake, and the dates of a certificate that is refused. */
function watchTls(socket: TLSSocket, onSession: (session: Buffer) => void): void {
  socket.on('session', onSession)
  // Before the handshake's result is judged: afterwards the certificate is gone.
  let dates: { validFrom: string; validTo: string } | undefined
  socket.prependListener('secure' as 'secureConnect', () => {
    const { valid_from: validFrom, valid_to: validTo } = socket.getPeerCertificate()
    dates = { validFrom, validTo }
  })
  socket.prependListener('error', (error) => void Object.assign(error, dates))
}
