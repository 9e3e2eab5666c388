/** A name server on loopback with a table for a zone: just enough of RFC 1035 and RFC 2782 for a resolver to believe it. */
import { createSocket } from 'node:dgram'

export type Answer =
  | { readonly type: 'A'; readonly address: string; readonly ttl?: number }
  | { readonly type: 'AAAA'; readonly groups: readonly number[]; readonly ttl?: number }
  | {
      readonly ttl?: number
      readonly type: 'SRV'
      readonly priority: number
      readonly weight: number
      readonly port: number
      readonly target: string
    }

/** By name: what is there; `SERVFAIL` for a broken one, `silence` for one that is never answered. All others do not exist. */
export type Zone = Readonly<Record<string, readonly Answer[] | 'SERVFAIL' | 'silence'>>

const types = { A: 1, AAAA: 28, SRV: 33 } as const

export interface DnsServer {
  /** `address:port` */
  readonly address: string
  /** Questions so far: the name and the number of the type. */
  readonly asked: readonly string[]
  close(): Promise<void>
}

export async function startDnsServer(zone: Zone): Promise<DnsServer> {
  const socket = createSocket('udp4')
  const asked: string[] = []
  socket.on('message', (query, from) => {
    const question = read(query)
    asked.push(`${question.name} ${question.type}`)
    const reply = answer(query, question, zone)
    if (reply !== undefined) socket.send(reply, from.port, from.address)
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  }
}

interface Question {
  readonly name: string
  readonly type: number
  /** As it came. */
  readonly bytes: Buffer
}

function read(query: Buffer): Question {
  let offset = 12
  const labels: string[] = []
  for (let length = query[offset]!; length > 0; length = query[offset]!) {
    labels.push(query.toString('latin1', offset + 1, offset + 1 + length))
    offset += 1 + length
  }
  const name = labels.join('.').toLowerCase()
  return { name, type: query.readUInt16BE(offset + 1), bytes: query.subarray(12, offset + 5) }
}

function answer(query: Buffer, question: Question, zone: Zone): Buffer | undefined {
  const found = zone[question.name]
  if (found === 'silence') return undefined
  const records = typeof found === 'object' ? found.filter((record) => types[record.type] === question.type) : []
  const code = found === 'SERVFAIL' ? 2 : found === undefined ? 3 : 0
  const header = Buffer.alloc(12)
  query.copy(header, 0, 0, 2)
  header.writeUInt16BE(0x8180 | code, 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(records.length, 6)
  return Buffer.concat([header, question.bytes, ...records.map(record)])
}

function record(given: Answer): Buffer {
  const data = rdata(given)
  const head = Buffer.alloc(12)
  // A pointer to the name in the question.
  head.writeUInt16BE(0xc00c, 0)
  head.writeUInt16BE(types[given.type], 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt32BE(given.ttl ?? 60, 6)
  head.writeUInt16BE(data.length, 10)
  return Buffer.concat([head, data])
}

function rdata(given: Answer): Buffer {
  if (given.type === 'A') return Buffer.from(given.address.split('.').map(Number))
  if (given.type === 'AAAA') return Buffer.from(given.groups.flatMap((group) => [group >> 8, group & 255]))
  const numbers = Buffer.alloc(6)
  numbers.writeUInt16BE(given.priority, 0)
  numbers.writeUInt16BE(given.weight, 2)
  numbers.writeUInt16BE(given.port, 4)
  const labels = given.target.split('.').filter((label) => label !== '')
  return Buffer.concat([
    numbers,
    ...labels.map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`)),
    Buffer.alloc(1),
  ])
}
