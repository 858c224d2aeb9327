/** A name server over UDP, whose answers the test chooses for each query. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv4 } from 'node:net'
import type { Ends } from './folders.ts'

/** The addresses of a name, `none` if it does not exist, or `silence` for no response at all. */
export type NameAnswer = readonly string[] | 'none' | 'silence'

export type NameServer = {
  /** Such as `127.0.0.1:5300`. */
  readonly address: string
  /** The names that were asked for IPv4, one for each query. */
  readonly asked: readonly string[]
}

const IPV4 = 1
const IPV6 = 28
const HEADER_BYTES = 12
const NO_SUCH_NAME = 3

/** `answer` gets the name, and how often it was asked for the addresses of IPv4 before. */
export async function startNameServer(
  ends: Ends,
  answer: (name: string, before: number) => NameAnswer,
): Promise<NameServer> {
  const asked: string[] = []
  /** The answer to the query for IPv4, which one for IPv6 shares. */
  const latest = new Map<string, NameAnswer>()
  const socket = createSocket('udp4')
  socket.on('message', (query, { port, address }) => {
    const { name, type, end } = questionOf(query)
    if (type === IPV4) {
      latest.set(name, answer(name, asked.filter((other) => other === name).length))
      asked.push(name)
    }
    const given = latest.get(name) ?? answer(name, 0)
    if (given === 'silence') return
    socket.send(responseTo(query.subarray(0, end), given, type), port, address)
  })
  await once(socket.bind(0, '127.0.0.1'), 'listening')
  ends.add(() => void socket.close())
  return { address: `127.0.0.1:${socket.address().port}`, asked }
}

function questionOf(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = []
  let at = HEADER_BYTES
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += length + 1
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 }
}

/** RFC 1035, section 4: the header, the question, and an address a record. */
function responseTo(question: Buffer, given: Exclude<NameAnswer, 'silence'>, type: number): Buffer {
  const addresses = given === 'none' ? [] : given.filter((address) => isIPv4(address) === (type === IPV4))
  const header = Buffer.from(question)
  header.writeUInt16BE(0x8180 | (given === 'none' ? NO_SUCH_NAME : 0), 2)
  header.writeUInt16BE(addresses.length, 6)
  header.writeUInt32BE(0, 8)
  return Buffer.concat([header, ...addresses.map(recordOf)])
}

function recordOf(address: string): Buffer {
  const data = isIPv4(address) ? Buffer.from(address.split('.').map(Number)) : ipv6Bytes(address)
  const record = Buffer.alloc(12)
  // The name of the question, a type, the class of the internet, and no time to live.
  record.writeUInt16BE(0xc00c, 0)
  record.writeUInt16BE(data.length === 4 ? IPV4 : IPV6, 2)
  record.writeUInt16BE(1, 4)
  record.writeUInt16BE(data.length, 10)
  return Buffer.concat([record, data])
}

function ipv6Bytes(address: string): Buffer {
  const [head = '', tail = ''] = address
    .split('::')
    .map((half) => half.split(':').filter(Boolean)) as unknown as string[][]
  const missing = Array(8 - head.length - tail.length).fill('0')
  const groups = [...head, ...(address.includes('::') ? missing : []), ...tail] as string[]
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex')
}
