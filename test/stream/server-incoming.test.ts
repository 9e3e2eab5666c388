/** A stream from another server (XEP-0220 §2.2, the s2s table of what bad input is answered with). */
import { describe, expect, test } from '@jest/globals'
import type { IncomingServerOptions } from '../../src/stream/server-incoming.js'
import { StanzaError } from '../../src/xmpp/stanza-error.js'
import { header, incoming } from './server-stage.js'

const pair = { local: 'montague.example', remote: 'capulet.example' }
const key = 'b4835385f37fe2895af6c196b59097b16862406db80559900d96bf6fa7d23df3'
/** XEP-0220 example 9. */
const claim = `<db:result from='capulet.example' to='montague.example'>${key}</db:result>`
const hello = header(`from='capulet.example' to='montague.example' version='1.0'`)
const features = (starttls = ''): string =>
  `<stream:features>${starttls}<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>
   <sm xmlns='urn:xmpp:sm:3'/><limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>524288</max-bytes></limits></stream:features>`
const stanza = (from: string, to = 'romeo@montague.example'): string =>
  `<message from='${from}' to='${to}'><body>x</body></message>`
const streamError = (condition: string): string =>
  `<stream:error><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>{...}</stream:error>`

function begun(options: Partial<IncomingServerOptions> = {}) {
  const staged = incoming(options)
  staged.machine.receive(hello)
  staged.wire.text = staged.wire.text.slice()
  staged.wire.expectHeader(
    { from: 'montague.example', to: 'capulet.example', id: 'D60000229F', version: '1.0' },
    features(options.startTls === undefined ? '' : '{any}').replace('{any}', tlsOffer(options)),
  )
  return staged
}

const tlsOffer = ({ startTls }: Partial<IncomingServerOptions>): string =>
  startTls?.('montague.example') === 'required'
    ? `<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>`
    : `<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`

function verified(options: Partial<IncomingServerOptions> = {}) {
  const staged = begun(options)
  staged.machine.receive(claim)
  staged.machine.verified(pair, 'D60000229F', { is: 'valid' })
  staged.wire.expect(`<db:result from='montague.example' to='capulet.example' type='valid'/>`)
  staged.events.length = 0
  return staged
}

describe('as the receiving server', () => {
  test('XEP-0220 examples 9 and 11: valid, and then stanzas of that pair', () => {
    const { machine, wire, events } = begun()
    machine.receive(claim)
    expect(events).toEqual([`verify capulet.example montague.example D60000229F ${key}`])
    wire.expect()
    machine.verified(pair, 'D60000229F', { is: 'valid' })
    wire.expect(`<db:result from='montague.example' to='capulet.example' type='valid'/>`)
    machine.receive(stanza('juliet@capulet.example/balcony'))
    expect(events.slice(1)).toEqual([
      'accepted capulet.example montague.example by dialback',
      `<message from='juliet@capulet.example/balcony' to='romeo@montague.example'><body>x</body></message>`,
    ])
  })

  test('XEP-0220 example 12: invalid, and the stream is closed', () => {
    const { machine, wire, events, log } = begun()
    machine.receive(claim)
    machine.verified(pair, 'D60000229F', { is: 'invalid' })
    wire.expect(`<db:result from='montague.example' to='capulet.example' type='invalid'/>`)
    expect(wire.closed).toBe(true)
    machine.receive(stanza('juliet@capulet.example'))
    machine.receive('</stream:stream>')
    expect(events.slice(1)).toEqual(['ended closed'])
    expect(log[0]?.message).toContain('denied the dialback key')
  })

  test('XEP-0220 §2.2.1: where the stream serves others too, an invalid key costs only its own domain', () => {
    const { machine, wire, events } = verified()
    machine.receive(`<db:result from='verona.example' to='montague.example'>key</db:result>`)
    machine.verified({ local: 'montague.example', remote: 'verona.example' }, 'D60000229F', { is: 'invalid' })
    wire.expect(`<db:result from='montague.example' to='verona.example' type='error'>
      <error type='auth'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></db:result>`)
    machine.receive(stanza('juliet@capulet.example'))
    expect(events).toHaveLength(2)
  })

  test('XEP-0220 example 10: a domain that is not ours', () => {
    const { machine, wire, events } = begun()
    machine.receive(`<db:result from='capulet.example' to='verona.example'>${key}</db:result>`)
    wire.expect(`<db:result from='verona.example' to='capulet.example' type='error'>
      <error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></db:result>`)
    expect([events, wire.closed]).toEqual([[], false])
  })

  test('a domain that is served here cannot be claimed from outside', () => {
    const { machine, wire, events } = begun()
    machine.receive(`<db:result from='chat.montague.example' to='montague.example'>${key}</db:result>`)
    wire.expect(`<db:result from='montague.example' to='chat.montague.example' type='error'>
      <error type='modify'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>{...}</error></db:result>`)
    expect(events).toEqual([])
  })

  test('the authoritative server cannot be asked: the error goes on, and the stream stays', () => {
    const { machine, wire } = begun()
    machine.receive(claim)
    machine.verified(pair, 'D60000229F', { is: 'error', error: new StanzaError('remote-server-not-found') })
    wire.expect(`<db:result from='montague.example' to='capulet.example' type='error'>
      <error type='cancel'><remote-server-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></db:result>`)
    expect(wire.closed).toBe(false)
  })

  test('an answer for another stream or another pair changes nothing', () => {
    const { machine, wire, events } = begun()
    machine.receive(claim)
    machine.verified(pair, 'other', { is: 'valid' })
    machine.verified({ local: 'montague.example', remote: 'verona.example' }, 'D60000229F', { is: 'valid' })
    wire.expect()
    expect(events).toHaveLength(1)
  })

  test('a claim is asked about once, however often it is made', () => {
    const { machine, events } = begun()
    machine.receive(claim + claim)
    expect(events).toHaveLength(1)
  })

  test('a certificate that proves the domain is enough', () => {
    const { machine, wire, events } = begun({ admit: () => ({ is: 'proved', by: 'certificate' }) })
    machine.receive(claim)
    wire.expect(`<db:result from='montague.example' to='capulet.example' type='valid'/>`)
    expect(events).toEqual(['accepted capulet.example montague.example by certificate'])
  })

  test('XEP-0220 §2.5: policy asks for a certificate that was not shown', () => {
    const error = new StanzaError('not-authorized', { text: 'its certificate was not shown' })
    const { machine, wire, events } = begun({ admit: () => ({ is: 'refused', error }) })
    machine.receive(claim)
    wire.expect(`<db:result from='montague.example' to='capulet.example' type='error'>
      <error type='auth'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>
      <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>its certificate was not shown</text></error></db:result>`)
    expect(events).toEqual([])
  })
})

describe('as the authoritative server', () => {
  const question = (
    attributes: string,
    text = '225cc5aa6a071133249d25fef42ae516fc7a86c523aa1c6980a7f73e784c972d',
  ): string => `<db:verify ${attributes}>${text}</db:verify>`

  test('XEP-0220 examples 13 and 15: valid', () => {
    const { machine, wire } = begun()
    machine.receive(question(`from='capulet.example' id='417GAF25' to='montague.example'`))
    wire.expect(`<db:verify from='montague.example' id='417GAF25' to='capulet.example' type='valid'/>`)
  })

  test.each([
    ['another stream', question(`from='capulet.example' id='417GAF26' to='montague.example'`), '417GAF26'],
    ['another key', question(`from='capulet.example' id='417GAF25' to='montague.example'`, 'abc'), '417GAF25'],
  ])('XEP-0220 example 16: invalid for %s', (_, sent, id) => {
    const { machine, wire, log } = begun()
    machine.receive(sent)
    wire.expect(`<db:verify from='montague.example' id='${id}' to='capulet.example' type='invalid'/>`)
    expect(log[0]?.message).toContain('somebody else claims to be montague.example')
  })

  test('a key that was made for another domain is invalid', () => {
    const { machine, wire } = begun()
    machine.receive(question(`from='capulet.example' id='417GAF25' to='chat.montague.example'`))
    machine.receive(question(`from='verona.example' id='417GAF25' to='montague.example'`))
    wire.expect(
      `<db:verify from='chat.montague.example' id='417GAF25' to='capulet.example' type='invalid'/>`,
      `<db:verify from='montague.example' id='417GAF25' to='verona.example' type='invalid'/>`,
    )
  })

  test('XEP-0220 example 14: a domain that is not ours', () => {
    const { machine, wire } = begun()
    machine.receive(question(`from='capulet.example' id='417GAF25' to='verona.example'`))
    wire.expect(`<db:verify from='verona.example' id='417GAF25' to='capulet.example' type='error'>
      <error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></db:verify>`)
  })

  test('without an id there is nothing to compare', () => {
    const { machine, wire } = begun()
    machine.receive(question(`from='capulet.example' to='montague.example'`))
    wire.expect(`<db:verify from='montague.example' to='capulet.example' type='error'>
      <error type='modify'><bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>{...}</error></db:verify>`)
  })
})

describe('bad input', () => {
  test.each(['result', 'verify'])('db:%s of type valid that nobody asked for is ignored and logged', (kind) => {
    const { machine, wire, events, log } = begun()
    machine.receive(`<db:${kind} from='capulet.example' to='montague.example' id='D60000229F' type='valid'/>`)
    wire.expect()
    expect(log.map((entry) => entry.message)).toEqual(['Ignored a dialback answer that nobody asked for'])
    machine.receive(stanza('juliet@capulet.example'))
    expect(events).toEqual(['ended us not-authorized'])
  })

  test('a stanza before any domain was verified', () => {
    const { machine, wire } = begun()
    machine.receive(stanza('juliet@capulet.example'))
    wire.expect(streamError('not-authorized'))
    expect(wire.closed).toBe(true)
  })

  test.each([
    ['from another domain', stanza('tybalt@verona.example'), 'invalid-from'],
    ['from a domain that only ends alike', stanza('x@rooms.capulet.example'), 'invalid-from'],
    ['to another domain of ours', stanza('juliet@capulet.example', 'chat.montague.example'), 'host-unknown'],
    [
      'with the verified domain in another part',
      stanza('capulet.example@verona.example/capulet.example'),
      'invalid-from',
    ],
    ['without from', `<message to='romeo@montague.example'/>`, 'improper-addressing'],
    ['without to', `<message from='juliet@capulet.example'/>`, 'improper-addressing'],
    ['that is none', `<iqq from='juliet@capulet.example' to='montague.example'/>`, 'unsupported-stanza-type'],
  ])('a stanza %s', (_, sent, condition) => {
    const { machine, wire, events } = verified()
    machine.receive(sent)
    wire.expect(streamError(condition))
    expect(events).toEqual([`ended us ${condition}`])
  })

  test('addresses that are not prepared are those of their prepared domain', () => {
    const { machine, events } = verified()
    machine.receive(stanza('Juliet@CAPULET.Example/Balcony', 'Romeo@Montague.example'))
    expect(events).toHaveLength(1)
  })

  test('dialback without a domain', () => {
    const { machine, wire } = begun()
    machine.receive(`<db:result from='capulet.example'>${key}</db:result>`)
    wire.expect(streamError('improper-addressing'))
  })

  test('a thousand claims on one stream', () => {
    const { machine, events, wire } = verified()
    let sent = 0
    while (events.at(-1) !== 'ended us policy-violation' && sent < 1000)
      machine.receive(`<db:result from='d${++sent}.example' to='montague.example'>key</db:result>`)
    expect(sent).toBe(512)
    // No more than 32 were ever asked about at a time.
    expect(events.filter((event) => event.startsWith('verify'))).toHaveLength(32)
    expect(wire.text.match(/<resource-constraint/g)).toHaveLength(511 - 32)
  })

  test('a stranger is heard for 32 elements and a minute', () => {
    const talkative = begun()
    for (let sent = 0; sent < 33; sent++)
      talkative.machine.receive(`<db:verify from='capulet.example' to='montague.example' id='${sent}'>key</db:verify>`)
    expect(talkative.events).toEqual(['ended us policy-violation'])
    const silent = begun()
    silent.clock.advance(60_000)
    expect(silent.events).toEqual(['ended us connection-timeout'])
    const welcome = verified()
    welcome.clock.advance(3_600_000)
    expect(welcome.events).toEqual([])
  })

  test('a host that is not ours', () => {
    const { machine, wire } = incoming()
    machine.receive(header(`from='capulet.example' to='verona.example' version='1.0'`))
    wire.expectHeader({ id: 'D60000229F' }, streamError('host-unknown'))
  })

  test('a "from" that is no domain', () => {
    const { machine, wire } = incoming()
    machine.receive(header(`from='juliet@capulet.example' to='montague.example' version='1.0'`))
    wire.expectHeader({}, streamError('invalid-from'))
  })
})

describe('headers', () => {
  test('COMPAT: a peer that does not say whom it wants', () => {
    const { machine, wire } = incoming()
    machine.receive(header(`version='1.0'`))
    wire.expectHeader({ id: 'D60000229F' }, features())
  })

  test('a peer from before XMPP 1.0 gets no features', () => {
    const { machine, wire, events } = incoming()
    machine.receive(header(`to='montague.example'`))
    wire.expectHeader({ from: 'montague.example' })
    machine.receive(claim)
    expect(events).toHaveLength(1)
  })
})

describe('STARTTLS', () => {
  const starttls = `<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`
  const options = { startTls: () => 'required' as const }

  test('then a new stream with a new id, on which it is not offered again', () => {
    const { machine, wire, events } = begun(options)
    machine.receive(starttls)
    wire.expect(`<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`)
    expect(events).toEqual(['upgrade'])
    machine.secured()
    machine.receive(hello)
    wire.expectHeader({ id: 'id2' }, features())
    machine.receive(claim)
    expect(events[1]).toBe(`verify capulet.example montague.example id2 ${key}`)
  })

  test('XEP-0220 §2.5: dialback before the TLS that is required', () => {
    const { machine, wire, events } = begun(options)
    machine.receive(claim)
    wire.expect(
      `<db:result from='montague.example' to='capulet.example' type='error'>
         <error type='modify'><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>{...}</error></db:result>`,
      streamError('policy-violation'),
    )
    expect(events).toEqual(['ended us policy-violation'])
  })

  test('no key is confirmed without the TLS that is required', () => {
    const { machine, wire } = begun(options)
    machine.receive(
      `<db:verify from='capulet.example' id='417GAF25' to='montague.example'>225cc5aa6a071133249d25fef42ae516fc7a86c523aa1c6980a7f73e784c972d</db:verify>`,
    )
    wire.expect(`<db:verify from='montague.example' id='417GAF25' to='capulet.example' type='error'>
      <error type='modify'><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>{...}</error></db:verify>`)
  })

  test('another "to" after the restart', () => {
    const { machine, wire } = begun(options)
    machine.receive(starttls)
    wire.expect(`<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`)
    machine.secured()
    machine.receive(header(`from='capulet.example' to='chat.montague.example' version='1.0'`))
    wire.expectHeader({}, streamError('not-authorized'))
  })

  test('a second time is refused', () => {
    const { machine, events } = begun(options)
    machine.receive(starttls)
    machine.secured()
    machine.receive(`${hello}${starttls}</stream:stream>`)
    expect(events).toEqual(['upgrade', 'ended closed'])
  })
})

describe('SASL EXTERNAL (XEP-0178 §3)', () => {
  const sasl = 'urn:ietf:params:xml:ns:xmpp-sasl'
  const offer = `<mechanisms xmlns='${sasl}'><mechanism>EXTERNAL</mechanism></mechanisms>`
  const proved = { secure: true, proof: () => 'certificate' as const }
  const auth = (text: string, mechanism = 'EXTERNAL'): string =>
    `<auth xmlns='${sasl}' mechanism='${mechanism}'>${text}</auth>`
  const failure = (condition: string): string => `<failure xmlns='${sasl}'><${condition}/></failure>`
  const own = Buffer.from('capulet.example').toString('base64')

  function offered(options: Partial<IncomingServerOptions> = proved) {
    const staged = incoming(options)
    staged.machine.receive(hello)
    staged.wire.expectHeader({ id: 'D60000229F' }, features(offer))
    return staged
  }

  test.each([['='], [own]])('what the certificate proves is accepted on the new stream, authzid %s', (authzid) => {
    const { machine, wire, events } = offered()
    machine.receive(auth(authzid))
    wire.expect(`<success xmlns='${sasl}'/>`)
    expect(events).toEqual([])
    machine.receive(hello)
    wire.expectHeader({ id: 'id2' }, features())
    machine.receive(stanza('juliet@capulet.example'))
    expect(events).toHaveLength(2)
    expect(events[0]).toBe('accepted capulet.example montague.example by certificate')
  })

  test.each([
    ['another domain', auth(Buffer.from('verona.example').toString('base64')), 'invalid-authzid'],
    ['no base64', auth('%%'), 'incorrect-encoding'],
    ['another mechanism', auth('=', 'PLAIN'), 'invalid-mechanism'],
  ])('%s', (_, sent, condition) => {
    const { machine, wire, events } = offered()
    machine.receive(sent)
    wire.expect(failure(condition))
    machine.receive(claim)
    expect(events[0]).toContain('verify capulet.example')
  })

  test('what the certificate does not prove is not offered, and refused to who asks all the same', () => {
    const { machine, wire, events } = begun({ secure: true })
    machine.receive(auth('=') + auth('=') + auth('='))
    wire.expect(...Array<string>(3).fill(failure('not-authorized')), streamError('policy-violation'))
    expect(events).toEqual(['ended us policy-violation'])
  })

  test('without TLS, for a domain of ours, or to nobody in particular it is not offered', () => {
    begun({ ...proved, secure: false })
    for (const to of [`from='chat.montague.example' to='montague.example'`, `from='capulet.example'`]) {
      const { machine, wire } = incoming(proved)
      machine.receive(header(`${to} version='1.0'`))
      wire.expectHeader({}, features())
    }
  })

  test('another "from" on the new stream; a stanza before it', () => {
    const other = offered()
    other.machine.receive(auth('='))
    other.wire.expect(`<success xmlns='${sasl}'/>`)
    other.machine.receive(header(`from='verona.example' to='montague.example' version='1.0'`))
    other.wire.expectHeader({}, streamError('not-authorized'))
    expect(other.events).toEqual(['ended us not-authorized'])
    const early = offered()
    early.machine.receive(auth('=') + stanza('juliet@capulet.example'))
    expect(early.events.at(-1)).toMatch(/^ended us/)
    expect(early.events.join()).not.toContain('<message')
  })

  test('it proves its own domain alone: others need dialback, and are refused without', () => {
    const { machine, wire, events } = offered()
    machine.receive(auth('='))
    machine.receive(hello)
    machine.receive(`<db:result from='verona.example' to='montague.example'>key</db:result>`)
    expect(events[1]).toContain('verify verona.example montague.example id2')
    machine.receive(stanza('x@verona.example'))
    wire.text = ''
    expect(events.at(-1)).toBe('ended us invalid-from')
  })
})

describe('stream management (XEP-0198)', () => {
  const sm = 'urn:xmpp:sm:3'

  test('what came before the question is acknowledged; not before a domain is verified, and not twice', () => {
    const { machine, wire } = verified()
    machine.receive(`<enable xmlns='${sm}'/>${stanza('x@capulet.example')}<r xmlns='${sm}'/>`)
    wire.expect(`<enabled xmlns='${sm}'/>`, `<a xmlns='${sm}' h='1'/>`)
    const refused = `<failed xmlns='${sm}'><unexpected-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>`
    machine.receive(`<enable xmlns='${sm}'/>`)
    wire.expect(refused)
    const stranger = begun()
    stranger.machine.receive(`<enable xmlns='${sm}'/><r xmlns='${sm}'/>`)
    stranger.wire.expect(refused)
  })
})
