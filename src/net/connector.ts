/** Connections to providers and receivers of webhooks: to a checked address, over verified TLS. */
import { isIP, type LookupFunction, connect as openTcp, type Socket } from 'node:net'
import { connect as openTls, type TLSSocket } from 'node:tls'
import type { Deadlines } from './deadlines.ts'
import { forbiddenAddress } from './resolve-name.ts'

export type ConnectorOptions = {
  /** Resolves a host name to allowed addresses only. The connection goes to one of them. */
  readonly lookup: LookupFunction
  /** True for an address that the socket must not be connected to. */
  readonly forbids: (address: string) => boolean
  /** The time in which a connection must be there. */
  readonly deadlines: Deadlines
}

const KEEP_ALIVE = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 }
/**
 * All connections read into the same bytes, one after another: to allocate 64 KiB for each read, as Node.js otherwise does,
 * costs more than the read.
 */
const SHARED = Buffer.allocUnsafeSlow(16 * 1024)

/** An open connection reads nothing before `listen`. */
export type Opened = {
  readonly socket: Socket
  /** From now on calls this with what the socket reads: bytes that are valid only during the call. */
  listen(onBytes: (bytes: Buffer) => void): void
}

/** Opens a connection. `onOpen` is called once, with the error if there is none. */
export type Connector = (origin: URL, onOpen: (error: Error | null) => void) => Opened

/**
 * Opens connections that speak HTTP/1.1: over HTTP/2 one session would carry all requests, and a peer that resets it
 * would fail them together.
 */
export function createConnector({ lookup, forbids, deadlines }: ConnectorOptions): Connector {
  let session: Buffer | undefined
  return (origin, onOpen) => {
    const { protocol, port } = origin
    const hostname = origin.hostname.replace(/^\[|\]$/g, '')
    const isSecure = protocol === 'https:'
    // Bytes without a request are no response.
    let onBytes = (_: Buffer): void => void socket.destroy()
    const options = {
      ...{ host: hostname, port: Number(port) || (isSecure ? 443 : 80), lookup },
      ...KEEP_ALIVE,
      onread: {
        buffer: SHARED,
        callback(length: number) {
          onBytes(SHARED.subarray(0, length))
          return true
        },
      },
    }
    const socket: Socket = isSecure
      ? openTls({
          ...options,
          servername: isIP(hostname) ? '' : hostname,
          session,
          ALPNProtocols: ['http/1.1'],
          // Also with NODE_TLS_REJECT_UNAUTHORIZED=0.
          rejectUnauthorized: true,
        })
      : openTcp(options)
    const deadline = deadlines.add({ expire: () => void socket.destroy(lateConnection()) })
    let isOpen = false
    socket.on('error', (error) => {
      deadline.cancel()
      if (!isOpen) onOpen(error)
      isOpen = true
    })
    // A second line: the lookup has checked the same address before.
    socket.once('connect', () => {
      const { remoteAddress } = socket
      if (remoteAddress !== undefined && forbids(remoteAddress)) socket.destroy(forbiddenAddress(hostname))
    })
    if (isSecure) watchTls(socket as TLSSocket, (made) => (session = made))
    socket.once(isSecure ? 'secureConnect' : 'connect', () => {
      deadline.cancel()
      if (isOpen || socket.destroyed) return
      isOpen = true
      onOpen(null)
    })
    return {
      socket,
      listen(listener) {
        onBytes = listener
      },
    }
  }
}

function lateConnection(): Error {
  return Object.assign(new Error('no connection in time'), { code: 'ETIMEDOUT' })
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
