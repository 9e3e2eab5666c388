/**
 * The table "XML and streams" of security.md, on the streams of other servers: test/stream shows the same rows on those of clients, and
 * on what both have in common.
 */
import { describe, expect, test } from '@jest/globals'
import { header, incoming, outgoing } from '../stream/server-stage.js'

const hello = header(`from='capulet.example' to='montague.example' version='1.0'`)
const error = (condition: string): RegExp =>
  new RegExp(
    `<stream:error><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>.*</stream:error></stream:stream>$`,
  )

/** After its header; `known` also after its domain was verified. */
function peer(known: boolean) {
  const staged = incoming()
  staged.machine.receive(hello)
  if (known) {
    staged.machine.receive(`<db:result from='capulet.example' to='montague.example'>key</db:result>`)
    staged.machine.verified({ local: 'montague.example', remote: 'capulet.example' }, 'D60000229F', { is: 'valid' })
  }
  staged.events.length = 0
  return staged
}

const message = (inside: string, attributes = ''): string =>
  `<message from='juliet@capulet.example' to='romeo@montague.example'${attributes}>${inside}</message>`
const around = message('<body></body>').length
const nested = (depth: number): string => message('<a>'.repeat(depth - 1) + '</a>'.repeat(depth - 1))
const many = (count: number): string =>
  message('', Array.from({ length: count - 2 }, (_, index) => ` a${index}=''`).join(''))
const sized = (bytes: number): string => message(`<body>${'x'.repeat(bytes - around)}</body>`)

describe('what XML does not allow, or XMPP restricts', () => {
  test.each([
    ['a DOCTYPE', '<!DOCTYPE x>', 'restricted-xml'],
    ['an entity definition', '<!DOCTYPE x [<!ENTITY a "b">]>', 'restricted-xml'],
    ['an entity other than the five', message('&nbsp;'), 'restricted-xml'],
    ['a comment', message('<!-- x -->'), 'restricted-xml'],
    ['a processing instruction', '<?php x ?>', 'restricted-xml'],
    ['a mismatched tag', message('<a></b>'), 'not-well-formed'],
    ['a duplicate attribute', message('', ` from='juliet@capulet.example'`), 'not-well-formed'],
    ['an unbound prefix', message('<a:b/>'), 'not-well-formed'],
    [']]> in text', message(']]>'), 'not-well-formed'],
    ['a control character', message('\u0001'), 'not-well-formed'],
    ['a second <?xml', `<?xml version='1.0'?>`, 'not-well-formed'],
    ['invalid UTF-8, C0 BC', Buffer.from([0xc0, 0xbc]), 'unsupported-encoding'],
    ['invalid UTF-8, ED A0 80', Buffer.from([0xed, 0xa0, 0x80]), 'unsupported-encoding'],
  ])('%s', (_, sent, condition) => {
    const { machine, wire, events } = peer(true)
    machine.receive(sent)
    machine.receive(message('too late'))
    expect(wire.text).toMatch(error(condition))
    expect(events).toEqual([`ended us ${condition}`])
  })

  test('UTF-16 from the first byte: after our header', () => {
    const { machine, wire, events } = incoming()
    machine.receive(Buffer.from(hello, 'utf16le'))
    expect(wire.text).toMatch(/^<\?xml version='1\.0'\?><stream:stream /)
    expect(wire.text).toMatch(error('unsupported-encoding'))
    expect(events).toEqual(['ended us unsupported-encoding'])
  })
})

describe('a stanza above 512 KiB (s2s), depth above 64, more than 100 attributes: policy-violation', () => {
  test.each([
    ['512 KiB', sized(524_288), sized(524_289)],
    ['depth', nested(64), nested(65)],
    ['attributes', many(100), many(101)],
  ])('%s', (_, most, more) => {
    const { machine, wire, events } = peer(true)
    machine.receive(most)
    expect(events).toHaveLength(1)
    expect(events[0]).toMatch(/^<message /)
    machine.receive(more)
    expect(wire.text).toMatch(error('policy-violation'))
    expect(events.slice(1)).toEqual(['ended us policy-violation'])
  })
})

test('before authentication: more than 8 KiB', () => {
  const claims = (bytes: number): string => {
    const claim = (key: string): string => `<db:result from='capulet.example' to='montague.example'>${key}</db:result>`
    return claim('k'.repeat(bytes - Buffer.byteLength(hello) - claim('').length))
  }
  const most = peer(false)
  most.machine.receive(claims(8192))
  expect(most.events.map((event) => event.slice(0, 6))).toEqual(['verify'])
  const more = peer(false)
  more.machine.receive(claims(8193))
  expect(more.wire.text).toMatch(error('policy-violation'))
  expect(more.events.at(-1)).toBe('ended us policy-violation')
})

describe('headers', () => {
  const streams = 'http://etherx.jabber.org/streams'
  const addresses = `from='capulet.example' to='montague.example' version='1.0'`

  test.each([
    [
      'wrong root namespace',
      `<stream:stream xmlns='jabber:server' xmlns:stream='urn:x' ${addresses}>`,
      'invalid-namespace',
    ],
    [
      "a client's stream where servers come",
      `<stream:stream xmlns='jabber:client' xmlns:stream='${streams}' ${addresses}>`,
      'invalid-namespace',
    ],
    ['unknown host', header(`from='capulet.example' to='verona.example' version='1.0'`), 'host-unknown'],
  ])('%s', (_, sent, condition) => {
    const { machine, wire, events } = incoming()
    machine.receive(sent)
    expect(wire.text).toMatch(/^<\?xml version='1\.0'\?><stream:stream /)
    expect(wire.text).toMatch(error(condition))
    expect(events).toEqual([`ended us ${condition}`])
  })

  test("the answer to our own stream is a client's: invalid-namespace", () => {
    const { machine, wire, events } = outgoing()
    machine.start()
    machine.receive(`<stream:stream xmlns='jabber:client' xmlns:stream='${streams}' id='1' version='1.0'>`)
    expect(wire.text).toMatch(error('invalid-namespace'))
    expect(events).toEqual(['ended us invalid-namespace'])
  })
})

describe('<compress/>', () => {
  const compress = `<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>`

  test.each([false, true])('not offered, refused; domain verified: %s', (known) => {
    const { machine, wire, events } = peer(known)
    expect(wire.text).toContain('<stream:features>')
    expect(wire.text).not.toContain('compress')
    machine.receive(compress)
    expect(wire.text).toMatch(error('unsupported-stanza-type'))
    expect(events).toEqual(['ended us unsupported-stanza-type'])
  })

  test('a peer that offers it is not asked for it', () => {
    const { machine, wire, events } = outgoing()
    machine.start()
    machine.receive(header(`from='montague.example' to='capulet.example' id='1' version='1.0'`))
    machine.receive(
      `<stream:features><compression xmlns='http://jabber.org/features/compress'><method>zlib</method></compression>` +
        `<dialback xmlns='urn:xmpp:features:dialback'/></stream:features>`,
    )
    expect(events).toEqual(['ready'])
    expect(wire.text).not.toContain('compress')
  })
})
