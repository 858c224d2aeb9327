/** A minimal pooler in front of a database: clients share sessions, each for a transaction or until it disconnects. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type Pooler = { readonly url: string; close(): Promise<void> }

/**
 * How sessions are assigned; `in turn` gives each transaction the session that has been idle longest. `without LISTEN`
 * refuses that statement, and otherwise assigns as `session`.
 */
export type Mode = 'transaction' | 'in turn' | 'session' | 'without LISTEN'

type Session = { readonly socket: Socket; receive: (message: Buffer) => void }

/** Messages of PostgreSQL's protocol that end a request: Query, Sync. */
const ENDS = ['Q', 'S'].map((type) => type.charCodeAt(0))
const READY = 'Z'.charCodeAt(0)
const TERMINATE = 'X'.charCodeAt(0)
const IDLE = 'I'.charCodeAt(0)
/** ErrorResponse: feature_not_supported. */
const REFUSAL = errorResponse({ S: 'ERROR', C: '0A000', M: 'LISTEN is not supported' })
/** AuthenticationOk, an invented BackendKeyData, as a pooler sends it, and ReadyForQuery. */
const WELCOME = Buffer.from('52000000080000000' + '04b0000000c7fffffff000000015a0000000549', 'hex')

/** Starts one for the user and database of a URL, whose server must trust that user. */
export async function startPooler(url: string, mode: Mode): Promise<Pooler> {
  const { hostname, port, username, pathname } = new URL(url)
  const sockets = new Set<Socket>()
  const idle: Session[] = []

  async function openSession(): Promise<Session> {
    const socket = connect(Number(port), hostname)
    sockets.add(socket.on('error', () => {}))
    const { promise: ready, resolve } = Promise.withResolvers<void>()
    const session: Session = { socket, receive: (message) => message[0] === READY && resolve() }
    eachMessage(socket, (message) => session.receive(message))
    const body = Buffer.from(`\0\u0003\0\0user\0${username}\0database\0${pathname.slice(1)}\0\0`)
    const length = Buffer.alloc(4)
    length.writeInt32BE(body.length + 4)
    socket.write(Buffer.concat([length, body]))
    await ready
    return session
  }

  const server = createServer((client) => {
    sockets.add(client.on('error', () => {}))
    let session: Session | undefined
    let asked: Buffer[] = []
    const leave = () => {
      if (session) idle.push(session)
      session = undefined
    }
    const shared = mode === 'transaction' || mode === 'in turn'
    client.on('close', () => !shared && session?.socket.destroy())
    client.once('data', () => {
      client.write(WELCOME)
      eachMessage(client, async (message) => {
        if (message[0] === TERMINATE) return void client.end()
        asked.push(message)
        if (!ENDS.includes(message[0] as number)) return
        const whole = Buffer.concat(asked)
        asked = []
        if (mode === 'without LISTEN' && whole.includes('LISTEN ')) return void client.write(REFUSAL)
        const mine = session ?? (mode === 'in turn' ? idle.shift() : idle.pop()) ?? (await openSession())
        session = mine
        mine.receive = (answer) => {
          if (shared && answer[0] === READY && answer[5] === IDLE) leave()
          client.write(answer)
        }
        mine.socket.write(whole)
      })
    })
  })
  if (mode === 'in turn') idle.push(await openSession(), await openSession())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const own = new URL(url)
  own.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: own.href,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Calls back with each complete message: a type, a length, and the content. */
function eachMessage(socket: Socket, take: (message: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 5 && rest.length > rest.readInt32BE(1)) {
      const end = rest.readInt32BE(1) + 1
      take(rest.subarray(0, end))
      rest = rest.subarray(end)
    }
  })
}

/** An error, and ReadyForQuery. */
function errorResponse(fields: Readonly<Record<string, string>>): Buffer {
  const texts = Object.entries(fields).map(([name, text]) => `${name}${text}\0`)
  const body = Buffer.from(`${texts.join('')}\0`)
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length + 4)
  return Buffer.concat([Buffer.from('E'), length, body, Buffer.from('5a0000000549', 'hex')])
}
