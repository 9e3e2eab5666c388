import { expect, test } from '@jest/globals'
import { mechanisms } from '../../src/sasl/mechanisms.js'
import { ClientStream } from '../../src/stream/client-stream.js'
import { clientLimits, defaultTimeouts } from '../../src/stream/limits.js'
import type { StreamEnd } from '../../src/stream/stream.js'
import { ManualClock } from '../../src/util/clock.js'
import { SeededRandom } from '../../src/util/random.js'
import { parseDocument } from '../../src/xml/reader.js'
import { clientHeader, noChannel, plainSession } from './record.js'

const rounds = 5000
const limits = { stanzaBytes: 2 ** 20, depth: 100, attributes: 100 }

const transcript = [
  clientHeader(),
  `<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`,
  `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>biwsbj1qdWxpZXQscj1hYmM=</auth>`,
  `<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>Yz1iaXdz</response>`,
  `<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>ü€😀</resource></bind></iq>`,
  `<message to='romeo@a.example'><body>&lt;&#x20AC;<![CDATA[ ]] > ]]></body></message>`,
  '</stream:stream>',
]

const pieces = [
  ...['<', '>', '/', '&', '"', "'", '=', ']]>', '<!--', '<?', '<!DOCTYPE a>', '<![CDATA[', '&amp;', '&x;', '&#0;'],
  ...[
    '\0',
    '\u0001',
    'xmlns=',
    'xmlns:a=',
    'xml:lang=',
    '<a>',
    '</a>',
    '<a:b/>',
    `<?xml version='1.0'?>`,
    ...transcript,
  ],
].map((text) => Buffer.from(text))
const bytes = [0xff, 0xc0, 0xed, 0xf5, 0x80, 0xfe].map((byte) => Buffer.of(byte))

/** A conversation that went wrong in some places. */
function mutate(random: SeededRandom): Buffer {
  const below = (limit: number): number => Math.floor(random.fraction() * limit)
  let text = Buffer.from(transcript.filter(() => random.fraction() < 0.8).join(random.fraction() < 0.5 ? '' : ' '))
  for (let changes = 1 + below(4); changes > 0; changes--) {
    const at = below(text.length + 1)
    const [cut, put] = [below(3) === 0 ? below(20) : 0, below(4)]
    const inserted = put === 0 ? Buffer.of() : put === 1 ? bytes[below(bytes.length)]! : pieces[below(pieces.length)]!
    text = Buffer.concat([text.subarray(0, at), inserted, text.subarray(at + cut)])
  }
  return text
}

/** What we wrote, one document for each of our headers, is always well-formed, closed or not. */
function expectWellFormed(written: string): void {
  for (const document of written.split(`<?xml version='1.0'?>`).slice(1)) {
    const complete = document.endsWith('</stream:stream>') ? document : `${document}</stream:stream>`
    parseDocument(complete, limits, 'jabber:client')
  }
}

test(`security.md: ${rounds} malformed streams: no crash, one end, our header first, a right end`, async () => {
  const seen: Record<string, number> = {}
  for (let seed = 1; seed <= rounds; seed++) {
    const random = new SeededRandom(seed)
    const input = mutate(random)
    let written = ''
    const ends: StreamEnd[] = []
    const faults: unknown[] = []
    let stanzas = 0
    const stream = new ClientStream(
      {
        encryptionRequired: random.fraction() < 0.5,
        mechanisms,
        secret: Buffer.from('secret'),
        iterations: 4096,
        limits: clientLimits,
        timeouts: defaultTimeouts,
        clock: new ManualClock(),
        random,
      },
      { framing: 'stream', secure: random.fraction() < 0.7, plainWithoutTls: false },
      {
        output: (text) => {
          expect(ends).toEqual([])
          written += text
        },
        hasHost: (domain) => domain === 'a.example',
        canStartTls: () => true,
        startTls: () => {},
        login: { ...noChannel, credentials: async () => undefined },
        session: {
          ...plainSession,
          bind: () => 'never',
          bound: () => {},
          resumed: () => {},
          requested: () => {},
          acknowledged: () => {},
          stanza: () => void stanzas++,
        },
        features: () => [],
        failed: (error) => faults.push(error),
        ended: (end) => ends.push(end),
      },
    )
    for (let at = 0; at < input.length; ) {
      const length = 1 + Math.floor(random.fraction() * 40)
      stream.receive(input.subarray(at, at + length))
      if (random.fraction() < 0.1) await Promise.resolve()
      at += length
    }
    for (let turn = 0; turn < 5; turn++) await Promise.resolve()
    const before = ends.length
    stream.transportClosed()
    expect({ seed, ends: ends.length, stanzas, faults }).toEqual({ seed, ends: 1, stanzas: 0, faults: [] })
    const end = ends[0]!
    const name = end.is === 'error' ? end.error.condition : end.is
    seen[name] = (seen[name] ?? 0) + 1
    expect(name).not.toBe('internal-server-error')
    if (end.is === 'error') expect(before).toBe(1)
    if (written !== '') expect(written.startsWith(`<?xml version='1.0'?><stream:stream `)).toBe(true)
    expectWellFormed(written)
  }
  process.stdout.write(`${rounds} malformed streams ended with ${JSON.stringify(seen)}\n`)
  expect(Object.keys(seen).length).toBeGreaterThan(8)
})
