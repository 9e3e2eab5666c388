/** Server streams with everything that they write and say written down; what they wrote is read by a reader of its own. */
import { expect } from '@jest/globals'
import { DialbackKeys } from '../../src/stream/dialback.js'
import { defaultTimeouts, serverLimits } from '../../src/stream/limits.js'
import { type IncomingServerOptions, IncomingServerStream } from '../../src/stream/server-incoming.js'
import { type OutgoingServerOptions, OutgoingServerStream } from '../../src/stream/server-outgoing.js'
import type { StreamEnd } from '../../src/stream/stream.js'
import { ManualClock } from '../../src/util/clock.js'
import type { Element } from '../../src/xml/element.js'
import { XmlReader } from '../../src/xml/reader.js'
import { serialize } from '../../src/xml/writer.js'
import { type Logged, recordingLogger } from '../server/s2s-peer.js'
import { mismatch, parse } from '../support/xml-match.js'

const streams = 'http://etherx.jabber.org/streams'

/** The literal text of a specification, whose prefixes are declared by the stream around it. */
const declared = (text: string): string =>
  text.replace(
    /^\s*<([\w:]+)/,
    `<$1 ${/xmlns='/.test(text.split('>')[0] ?? '') ? '' : "xmlns='jabber:server' "}xmlns:db='jabber:server:dialback' xmlns:stream='${streams}'`,
  )

export class Wire {
  /** What the machine wrote. */
  text = ''
  closed = false
  #read = 0

  /** The elements written since the last call, after `headers` stream headers. */
  #elements(): { headers: Element[]; elements: Element[] } {
    const headers: Element[] = []
    const elements: Element[] = []
    const fresh = this.text.slice(this.#read)
    this.#read = this.text.length
    const documents = fresh.split(/(?=<\?xml)/)
    for (const document of documents) {
      const reader = new XmlReader(
        {
          open: (root) => headers.push(root),
          element: (element) => elements.push(element),
          close: () => {
            this.closed = true
          },
          error: (error) => {
            throw error
          },
        },
        { stanzaBytes: 1e6, depth: 64, attributes: 100 },
      )
      const inside = document.startsWith('<?xml')
        ? document
        : `<stream:stream xmlns='jabber:server' xmlns:db='jabber:server:dialback' xmlns:stream='${streams}'>${document}`
      reader.write(inside)
      if (!document.startsWith('<?xml')) headers.pop()
    }
    return { headers, elements }
  }

  /** Exactly these stanza-level elements were written since the last look. */
  expect(...expected: string[]): void {
    const { elements } = this.#elements()
    for (const [index, text] of expected.entries()) {
      const found = elements[index]
      if (found === undefined) throw new Error(`nothing instead of ${text}`)
      expect(mismatch(found, declared(text))).toBeUndefined()
    }
    expect(elements.slice(expected.length).map((element) => serialize(element))).toEqual([])
  }

  /** A header with these attributes, and then the elements. */
  expectHeader(attributes: Readonly<Record<string, string>>, ...expected: string[]): void {
    const from = this.#read
    const { headers } = this.#elements()
    expect(headers).toHaveLength(1)
    expect(headers[0]?.attrs).toMatchObject({ xmlns: streams, 'xmlns:db': 'jabber:server:dialback', ...attributes })
    this.#read = from
    this.expect(...expected)
  }
}

export interface Staged<T> {
  readonly machine: T
  readonly wire: Wire
  readonly clock: ManualClock
  readonly log: Logged[]
  /** One line for each call of the handler. */
  readonly events: string[]
  readonly ends: StreamEnd[]
}

const shown = (end: StreamEnd): string => (end.is === 'error' ? `${end.by} ${end.error.condition}` : end.is)

export function incoming(options: Partial<IncomingServerOptions> = {}): Staged<IncomingServerStream> {
  const [wire, clock, log, events, ends] = [
    new Wire(),
    new ManualClock(),
    [] as Logged[],
    [] as string[],
    [] as StreamEnd[],
  ]
  let ids = 0
  const machine = new IncomingServerStream(
    {
      limits: serverLimits,
      timeouts: defaultTimeouts,
      clock,
      mintId: () => (ids++ === 0 ? 'D60000229F' : `id${ids}`),
      log: recordingLogger(log),
      bidi: false,
      management: true,
      dialback: true,
      claims: 512,
      keys: new DialbackKeys('d14lb4ck43v3r'),
      secure: false,
      hasHost: (domain) => domain === 'montague.example' || domain === 'chat.montague.example',
      startTls: () => 'none',
      admit: () => ({ is: 'ask' }),
      proof: () => undefined,
      ...options,
    },
    {
      output: (text) => {
        wire.text += text
      },
      upgrade: () => events.push('upgrade'),
      verify: ({ local, remote }, id, key) => events.push(`verify ${remote} ${local} ${id} ${key}`),
      accepted: ({ local, remote }, by) => events.push(`accepted ${remote} ${local} by ${by}`),
      bidirectional: () => events.push('bidirectional'),
      acknowledged: (count) => events.push(`acknowledged ${count}`),
      stanza: (stanza, _pair, settled) => {
        events.push(serialize(stanza))
        settled()
      },
      ended: (end) => {
        events.push(`ended ${shown(end)}`)
        ends.push(end)
      },
    },
  )
  return { machine, wire, clock, log, events, ends }
}

export function outgoing(options: Partial<OutgoingServerOptions> = {}): Staged<OutgoingServerStream> {
  const [wire, clock, log, events, ends] = [
    new Wire(),
    new ManualClock(),
    [] as Logged[],
    [] as string[],
    [] as StreamEnd[],
  ]
  const machine = new OutgoingServerStream(
    {
      local: 'capulet.example',
      bidi: false,
      management: true,
      remote: 'montague.example',
      limits: serverLimits,
      timeouts: defaultTimeouts,
      clock,
      log: recordingLogger(log),
      keys: new DialbackKeys('s3cr3tf0rd14lb4ck'),
      requireEncryption: false,
      external: true,
      secure: false,
      ...options,
    },
    {
      output: (text) => {
        wire.text += text
      },
      upgrade: () => events.push('upgrade'),
      ready: () => events.push('ready'),
      authorized: ({ local, remote }, answer) =>
        events.push(
          `authorized ${local} ${remote} ${answer.is}${answer.is === 'error' ? ` ${answer.error.condition}` : ''}`,
        ),
      acknowledged: (count) => events.push(`acknowledged ${count}`),
      unmanaged: () => events.push('unmanaged'),
      stanza: (stanza) => events.push(`stanza ${stanza.attrs.id}`),
      verified: ({ local, remote }, id, answer) => events.push(`verified ${remote} ${local} ${id} ${answer.is}`),
      ended: (end) => {
        events.push(`ended ${shown(end)}`)
        ends.push(end)
      },
    },
  )
  return { machine, wire, clock, log, events, ends }
}

export const header = (attributes: string): string =>
  `<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:db='jabber:server:dialback' ` +
  `xmlns:stream='http://etherx.jabber.org/streams' ${attributes}>`

export { parse }
