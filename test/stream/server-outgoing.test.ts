/** A stream to another server (XEP-0220 §2.1; RFC 6120 §5). */
import { describe, expect, test } from '@jest/globals'
import type { OutgoingServerOptions } from '../../src/stream/server-outgoing.js'
import { streamError } from './record.js'
import { header, outgoing } from './server-stage.js'

const pair = { local: 'capulet.example', remote: 'montague.example' }
const features = `<stream:features><dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback></stream:features>`
const offersTls = `<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>`

function begun(options: Partial<OutgoingServerOptions> = {}, peerFeatures = features) {
  const staged = outgoing(options)
  staged.machine.start()
  staged.wire.expectHeader({ from: 'capulet.example', to: 'montague.example', version: '1.0' })
  staged.machine.receive(header(`id='D60000229F' from='montague.example' to='capulet.example' version='1.0'`))
  staged.machine.receive(peerFeatures)
  return staged
}

describe('authorization', () => {
  const example1 = `
    <db:result from='capulet.example' to='montague.example'>
      b4835385f37fe2895af6c196b59097b16862406db80559900d96bf6fa7d23df3
    </db:result>`.replace(/\s+(?=b48|<\/)/g, '')

  test.each([
    ['example 2: valid', `<db:result from='montague.example' to='capulet.example' type='valid'/>`, 'valid'],
    ['example 3: invalid', `<db:result from='montague.example' to='capulet.example' type='invalid'/>`, 'invalid'],
    [
      'example 4: error',
      `<db:result from='montague.example' to='capulet.example' type='error'>
         <error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>
       </db:result>`,
      'error item-not-found',
    ],
  ])('XEP-0220 examples 1 and %s', (_, answer, is) => {
    const { machine, wire, events } = begun()
    machine.authorize(pair)
    wire.expect(example1)
    machine.receive(answer)
    expect(events).toEqual(['ready', `authorized capulet.example montague.example ${is}`])
    expect(wire.closed).toBe(false)
  })

  test('a peer from before XMPP 1.0 sends no features: dialback at once', () => {
    const { machine, wire, events } = outgoing()
    machine.start()
    wire.expectHeader({})
    machine.receive(header(`id='D60000229F' from='montague.example'`))
    expect(events).toEqual(['ready'])
    expect(machine.multiplexesTargets).toBe(false)
    machine.authorize(pair)
    wire.expect(example1)
  })

  test('§3.1: what nobody asked for is ignored and logged, and authorizes nothing', () => {
    const { machine, events, log } = begun()
    machine.authorize(pair)
    machine.receive(`<db:result from='verona.example' to='capulet.example' type='valid'/>`)
    machine.receive(`<db:result from='montague.example' to='rooms.capulet.example' type='valid'/>`)
    machine.receive(`<db:verify from='montague.example' to='capulet.example' id='1' type='valid'/>`)
    expect(events).toEqual(['ready'])
    machine.receive(`<db:result from='montague.example' to='capulet.example' type='valid'/>`)
    machine.receive(`<db:result from='montague.example' to='capulet.example' type='valid'/>`)
    expect(events).toEqual(['ready', 'authorized capulet.example montague.example valid'])
    expect(log.map(({ level, message }) => `${level}: ${message}`)).toEqual(
      Array(4).fill('warn: Ignored a dialback answer that nobody asked for'),
    )
  })

  test('§2.6: several pairs on one stream, each with its own answer', () => {
    const { machine, wire, events } = begun()
    expect(machine.multiplexesTargets).toBe(true)
    machine.authorize(pair)
    machine.authorize({ local: 'rooms.capulet.example', remote: 'montague.example' })
    machine.authorize({ local: 'capulet.example', remote: 'chat.montague.example' })
    wire.expect(
      example1,
      `<db:result from='rooms.capulet.example' to='montague.example'>{any}</db:result>`,
      `<db:result from='capulet.example' to='chat.montague.example'>{any}</db:result>`,
    )
    machine.receive(`<db:result from='chat.montague.example' to='capulet.example' type='invalid'/>`)
    machine.receive(`<db:result from='montague.example' to='rooms.capulet.example' type='valid'/>`)
    expect(events.slice(1)).toEqual([
      'authorized capulet.example chat.montague.example invalid',
      'authorized rooms.capulet.example montague.example valid',
    ])
  })
})

describe('questions to the authoritative server', () => {
  const example5 = `
    <db:verify from='capulet.example' id='417GAF25' to='montague.example'>225cc5aa6a071133249d25fef42ae516fc7a86c523aa1c6980a7f73e784c972d</db:verify>`
  const key = '225cc5aa6a071133249d25fef42ae516fc7a86c523aa1c6980a7f73e784c972d'

  test.each([
    ['6: valid', `<db:verify from='montague.example' id='417GAF25' to='capulet.example' type='valid'/>`, 'valid'],
    ['7: invalid', `<db:verify from='montague.example' id='417GAF25' to='capulet.example' type='invalid'/>`, 'invalid'],
    [
      '8: error',
      `<db:verify from='montague.example' id='417GAF25' to='capulet.example' type='error'>
         <error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>
       </db:verify>`,
      'error',
    ],
  ])('XEP-0220 examples 5 and %s', (_, answer, is) => {
    const { machine, wire, events } = begun()
    machine.verify(pair, '417GAF25', key)
    wire.expect(example5)
    machine.receive(answer)
    machine.receive(answer)
    expect(events).toEqual(['ready', `verified montague.example capulet.example 417GAF25 ${is}`])
  })

  test('§3.1: the id must be the one that was asked about', () => {
    const { machine, events } = begun()
    machine.verify(pair, '417GAF25', key)
    machine.receive(`<db:verify from='montague.example' id='other' to='capulet.example' type='valid'/>`)
    machine.receive(`<db:verify from='montague.example' to='capulet.example' type='valid'/>`)
    expect(events).toEqual(['ready'])
  })
})

describe('STARTTLS', () => {
  test('is used where it is offered, and the stream begins anew', () => {
    const { machine, wire, events } = begun({}, offersTls)
    wire.expect(`<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`)
    machine.receive(`<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`)
    expect(events).toEqual(['upgrade'])
    machine.secured()
    wire.expectHeader({ from: 'capulet.example', to: 'montague.example' })
    machine.receive(header(`id='417GAF25' from='montague.example' version='1.0'`) + features)
    expect(events).toEqual(['upgrade', 'ready'])
    expect(machine.id).toBe('417GAF25')
  })

  const starttls = `<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`

  test('RFC 7590 §3.1 required and not offered: asked for all the same, as the offer may have been taken out', () => {
    const { machine, wire, events } = begun({ requireEncryption: true })
    wire.expect(starttls)
    machine.receive(`<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`)
    expect(events).toEqual(['upgrade'])
  })

  test.each([
    ['a failure', `<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>`],
    ['an error', streamError('unsupported-stanza-type')],
    ['a close', '</stream:stream>'],
  ])('required and not offered, and %s is all that comes: TLS is missing', (_, answer) => {
    const { machine, wire, events } = begun({ requireEncryption: true })
    wire.expect(starttls)
    machine.receive(answer)
    expect(events).toEqual(['ended us policy-violation'])
  })

  test('required, and the peer has no features at all', () => {
    const { machine, events } = outgoing({ requireEncryption: true })
    machine.start()
    machine.receive(header(`id='1' from='montague.example'`))
    expect(events).toEqual(['ended us policy-violation'])
  })

  test('a failure ends the stream', () => {
    const { machine, events } = begun({}, offersTls)
    machine.receive(`<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>`)
    expect(events).toEqual(['ended us undefined-condition'])
  })

  test('text behind <proceed/> is never read as XML', () => {
    const { machine, events } = begun({}, offersTls)
    machine.receive(
      `<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><db:result from='montague.example' to='capulet.example' type='valid'/>`,
    )
    expect(events).toEqual(['upgrade', 'ended us policy-violation'])
  })
})

describe('SASL EXTERNAL (XEP-0178 §3)', () => {
  const sasl = 'urn:ietf:params:xml:ns:xmpp-sasl'
  const offersExternal = `<stream:features><mechanisms xmlns='${sasl}'><mechanism>EXTERNAL</mechanism></mechanisms>
    <dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback></stream:features>`
  const auth = `<auth xmlns='${sasl}' mechanism='EXTERNAL'>Y2FwdWxldC5leGFtcGxl</auth>`

  test('is used over TLS where it is offered; the pair of the header is authorized on the new stream', () => {
    const { machine, wire, events } = begun({ secure: true }, offersExternal)
    wire.expect(auth)
    machine.receive(`<success xmlns='${sasl}'/>`)
    wire.expectHeader({ from: 'capulet.example', to: 'montague.example' })
    expect(events).toEqual([])
    machine.receive(header(`id='2' from='montague.example' version='1.0'`) + features)
    expect(events).toEqual(['authorized capulet.example montague.example valid', 'ready'])
    expect(machine.external).toBe('accepted')
  })

  test('a failure leaves dialback on the same stream', () => {
    const { machine, wire, events } = begun({ secure: true }, offersExternal)
    wire.expect(auth)
    machine.receive(`<failure xmlns='${sasl}'><not-authorized/></failure>`)
    expect([events, machine.external]).toEqual([['ready'], 'refused'])
    machine.authorize(pair)
    machine.receive(`<db:result from='montague.example' to='capulet.example' type='valid'/>`)
    expect(events[1]).toBe('authorized capulet.example montague.example valid')
  })

  test('never without TLS, nor where we have no certificate to show', () => {
    for (const options of [{ secure: false }, { secure: true, external: false }])
      expect(begun(options, offersExternal).events).toEqual(['ready'])
  })

  test('<success/> that nobody asked for', () => {
    const { machine, events } = begun({ secure: true })
    machine.receive(`<success xmlns='${sasl}'/>`)
    expect(events).toEqual(['ready', 'ended us not-authorized'])
  })

  test('challenges without end', () => {
    const { machine, events } = begun({ secure: true }, offersExternal)
    machine.receive(`<challenge xmlns='${sasl}'/>`.repeat(40))
    expect(events).toEqual(['ended us policy-violation'])
  })
})

describe('a peer that misbehaves', () => {
  test.each([
    ['sends stanzas the wrong way', `<message from='x@montague.example' to='y@capulet.example'/>`, 'us not-authorized'],
    ['sends something unknown', `<x xmlns='urn:x'/>`, 'us not-authorized'],
    ['is malformed', `<a></b>`, 'us not-well-formed'],
    ['closes', `</stream:stream>`, 'closed'],
    [
      'does not know the domain',
      `<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>`,
      'peer host-unknown',
    ],
  ])('%s', (_, sent, end) => {
    const { machine, events } = begun()
    machine.receive(sent)
    expect(events).toEqual(['ready', `ended ${end}`])
  })

  test('asks for authorization on a stream that goes the other way', () => {
    const { machine, wire, events } = begun()
    machine.receive(`<db:result from='montague.example' to='capulet.example'>key</db:result>`)
    wire.expect(`<db:result from='capulet.example' to='montague.example' type='error'><error type='cancel'>
      <not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>
      <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>Ask on a stream of your own</text></error></db:result>`)
    expect(events).toEqual(['ready'])
  })

  test('says nothing for a minute', () => {
    const { machine, clock, events } = outgoing()
    machine.start()
    clock.advance(59_999)
    expect(events).toEqual([])
    clock.advance(1)
    expect(events).toEqual(['ended us connection-timeout'])
  })

  test('has no stream id', () => {
    const { machine, events } = outgoing()
    machine.start()
    machine.receive(header(`from='montague.example' version='1.0'`))
    expect(events).toEqual(['ended us bad-format'])
  })
})
