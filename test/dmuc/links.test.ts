/** Links between instances: greetings, what is noticed by nobody else, and lists of occupants (dmuc.md §3, Anti-entropy). */
import { beforeEach, describe, expect, test } from '@jest/globals'
import { defaultLimits } from '../../src/dmuc/replica.js'
import { Vector } from '../../src/dmuc/vector.js'
import { xml } from '../../src/xml/element.js'
import { StanzaError } from '../../src/xmpp/stanza-error.js'
import { arrival, event, idOf, list, live, message, occupant, other, Shadow, self, source } from './shadow.js'

const newcomer = 'coven@rooms.webster.lit'

let shadow: Shadow
beforeEach(() => {
  shadow = new Shadow(other)
})

const link = (jid: string): string | undefined => shadow.replica.peers.get(jid)?.link
const helloed = (): (string | undefined)[] =>
  shadow.of('ask').flatMap(({ iq, question }) => (question.type === 'hello' ? [iq.attrs.to] : []))

const pass = (ms: number): void => {
  shadow.now += ms
  shadow.happens({ type: 'tick' })
}

describe('a hello', () => {
  test('is repeated within a minute after something was told, and no more once it was answered', () => {
    pass(defaultLimits.helloMs)
    for (const jid of [source, other]) shadow.getsHello(jid)
    pass(defaultLimits.helloMs)
    expect(helloed()).toEqual([])
    shadow.happens({ type: 'local', operations: [message('Hail!')] })
    pass(defaultLimits.helloMs)
    expect(helloed()).toEqual([source, other])
    shadow.getsHello(source)
    pass(defaultLimits.helloMs)
    expect(helloed()).toEqual([other])
  })

  test('that was refused is tried again later, though the way is open', () => {
    shadow.happens({ type: 'link', peer: other, up: true })
    shadow.answers(other, { type: 'hello' }, new StanzaError('forbidden'))
    expect(link(other)).toBe('down')
    pass(defaultLimits.helloMs - 1)
    expect(helloed()).not.toContain(other)
    pass(1)
    expect(helloed()).toContain(other)
  })

  test('is not tried while the way is known to be closed', () => {
    shadow.happens({ type: 'link', peer: other, up: false })
    pass(3 * defaultLimits.helloMs)
    expect(helloed()).not.toContain(other)
  })

  test.each(['isGreeted', 'getsHello'] as const)(
    'of the source with a new table makes us greet the newcomer (%s)',
    (comes) => {
      const { instances } = shadow.replica.table
      const row = { jid: newcomer, kind: 'sync', rank: 3, gone: false } as const
      shadow[comes](source, { table: { revision: 2, instances: new Map(instances).set(newcomer, row) } })
      expect(helloed()).toEqual([newcomer])
    },
  )

  test('that is dealt with later than what came behind it takes nothing back', () => {
    shadow.relays(other, live(event(other, 1, 2, message('two'))))
    expect(shadow.asked('pull')).toHaveLength(1)
    shadow.happens({ type: 'link', peer: other, up: false })
    shadow.getsHello(other)
    expect(shadow.asked('pull')[0]?.ranges).toMatchObject([{ instance: other, from: 1, to: 2 }])
  })

  test('that went down with the link before this one says nothing of this one', () => {
    shadow.happens({ type: 'link', peer: other, up: true })
    const lost = shadow.of('ask').find(({ question }) => question.type === 'hello')!.question
    shadow.isGreeted(other, { incarnation: 'begun-anew' })
    shadow.answers(other, lost, new StanzaError('remote-server-timeout'))
    expect(link(other)).toBe('up')
    shadow.happens({ type: 'link', peer: other, up: true })
    const unanswered = shadow.of('ask').find(({ question }) => question.type === 'hello')!.question
    shadow.answers(other, unanswered, new StanzaError('remote-server-timeout'))
    expect(link(other)).toBe('down')
  })

  test('that the source answers with gone ends the shadow: that it was taken back had been lost', () => {
    shadow.answers(other, { type: 'hello' }, new StanzaError('gone'))
    expect(shadow.of('end')).toEqual([])
    shadow.answers(source, { type: 'hello' }, new StanzaError('gone'))
    expect(shadow.of('end')).toHaveLength(1)
  })

  test('while we are in touch does not ask once more for what is on its way', () => {
    const said = event(other, 1, 1, message('Hail!'))
    shadow.isGreeted(other, { vector: Vector.empty.with(said.id, 1) })
    expect(shadow.asked('pull')).toHaveLength(1)
    shadow.isGreeted(other)
    expect(shadow.asked('pull')).toEqual([])
  })
})

describe('an instance that began anew', () => {
  test('is greeted by who hears of it before its hello, and what it says waits for what it said before', () => {
    const [before, after] = [event(other, 1, 1, message('one')), event(other, 2, 1, message('two'))]
    shadow.relays(other, live(after))
    expect(shadow.logged).toEqual([])
    expect(helloed()).toEqual([other])
    const vector = Vector.empty.with(before.id, 1).with(after.id, 1)
    shadow.getsHello(other, { incarnation: `${other}-2`, vector })
    expect(shadow.logged).toEqual([])
    shadow.getsPage(other, before)
    expect(shadow.logged).toEqual(['1:1', '2:1'])
  })

  test('and has lost what it said before is not waited for', () => {
    const [lost, after] = [event(other, 1, 1, message('one')), event(other, 2, 1, message('two'))]
    shadow.isGreeted(other, { incarnation: `${other}-2`, vector: Vector.empty.with(lost.id, 1).with(after.id, 1) })
    const pull = shadow.effects
    shadow.relays(other, live(after))
    shadow.effects = pull
    shadow.getsPage(other)
    expect(shadow.logged).toEqual(['2:1'])
  })
})

describe('a pull', () => {
  const events = [1, 2, 3].map((seq) => event(other, 1, seq, message(`m${seq}`)))
  const vector = Vector.empty.withFloor(events[0]!.id, 3)

  test('keeps the order of the origin, even where its stamps fall', () => {
    shadow.isGreeted(other, { vector })
    const [one, two, three] = events as [(typeof events)[0], (typeof events)[0], (typeof events)[0]]
    shadow.getsPage(other, { ...three, stamp: { ms: 1, counter: 0 } }, { ...one, stamp: { ms: 3, counter: 0 } }, two)
    expect(shadow.logged).toEqual(['1:1', '1:2', '1:3'])
  })

  test('takes nothing from above a gap, and asks for the rest again', () => {
    shadow.isGreeted(other, { vector })
    shadow.getsPage(other, events[0]!, events[2]!)
    expect(shadow.logged).toEqual(['1:1'])
    expect(shadow.asked('pull')[0]?.ranges).toMatchObject([{ from: 2, to: 3 }])
  })

  test('whose events came from elsewhere meanwhile goes on, to the list', () => {
    shadow.isGreeted(other, { vector: Vector.empty.withFloor(events[0]!.id, 1), occupantsRevision: 4 })
    const pull = shadow.effects
    shadow.relays(other, live(events[0]!))
    shadow.effects = pull
    shadow.getsPage(other, events[0]!)
    expect(shadow.asked('occupants')).toHaveLength(1)
  })

  test('from somebody else brings what a third one is waiting for', () => {
    shadow.happens({ type: 'link', peer: other, up: false })
    shadow.relays(other, live(events[1]!))
    expect(shadow.logged).toEqual([])
    shadow.isGreeted(source, { vector: Vector.empty.withFloor(events[0]!.id, 1) })
    shadow.getsPage(source, events[0]!)
    expect(shadow.logged).toEqual(['1:1', '1:2'])
  })

  test('and what is said live wait for the history that a new shadow asked for', () => {
    const peers = new Map(shadow.replica.peers)
    peers.set(source, { ...peers.get(source)!, historyAsked: true })
    shadow.replica = { ...shadow.replica, peers }
    shadow.relays(other, live(events[0]!))
    shadow.isGreeted(other, { vector })
    expect([shadow.logged, shadow.asked('pull')]).toEqual([[], []])
    shadow.answers(source, { type: 'history' }, new StanzaError('item-not-found'))
    shadow.getsHello(other)
    expect(shadow.logged).toEqual(['1:1'])
    expect(shadow.asked('pull')[0]?.ranges).toMatchObject([{ instance: other, from: 2, to: 3 }])
  })

  describe('of a new shadow whose history was lost on the way', () => {
    beforeEach(() => {
      const peers = new Map(shadow.replica.peers)
      peers.set(source, { ...peers.get(source)!, historyAsked: true })
      shadow.replica = { ...shadow.replica, peers }
      shadow.answers(source, { type: 'history' }, new StanzaError('remote-server-timeout'))
    })

    test('waits until that was asked for again', () => {
      shadow.isGreeted(other, { vector })
      shadow.getsHello(other)
      expect(shadow.asked('pull')).toEqual([])
      shadow.getsHello(source)
      expect(shadow.asked('history')).toHaveLength(1)
      shadow.answers(source, { type: 'history' }, xml('iq', { type: 'result' }))
      shadow.getsHello(other)
      expect(shadow.asked('pull')).toHaveLength(1)
    })

    test('does not wait for a source that cannot be reached', () => {
      shadow.answers(source, { type: 'hello' }, new StanzaError('remote-server-timeout'))
      shadow.getsHello(other, { vector })
      expect(shadow.asked('pull')).toHaveLength(1)
    })

    test('does not wait for ever for one that answers everything but that', () => {
      let tries = 1
      for (shadow.getsHello(source); shadow.asked('history').length > 0; shadow.getsHello(source), tries++)
        shadow.answers(source, { type: 'history' }, new StanzaError('resource-constraint'))
      expect(tries).toBe(5)
      shadow.getsHello(other, { vector })
      expect(shadow.asked('pull')).toHaveLength(1)
    })
  })

  test('that brings nothing is not repeated for ever', () => {
    shadow.isGreeted(other, { vector })
    shadow.getsPage(other)
    expect(shadow.of('ask')).toEqual([])
  })
})

describe('the list of occupants of another instance', () => {
  const hag = occupant(other)

  test('is not asked for before the events that it presumes', () => {
    shadow.relays(other, arrival(hag, 1, 2))
    expect(shadow.asked('pull')[0]?.ranges).toMatchObject([{ instance: other, from: 1, to: 2 }])
    expect(shadow.asked('occupants')).toEqual([])
    shadow.getsPage(other, event(other, 1, 1, message('one')), event(other, 1, 2, message('two')))
    expect(shadow.asked('occupants')).toHaveLength(1)
  })

  test('as an answer presumes events that nobody has named: they are pulled, and the list is asked for again', () => {
    shadow.relays(other, arrival(hag, 2))
    expect(shadow.asked('occupants')).toHaveLength(1)
    shadow.answers(other, { type: 'occupants' }, list(other, 2, 1, hag))
    expect(shadow.replica.room.occupants.size).toBe(0)
    expect(shadow.asked('pull')[0]?.ranges).toMatchObject([{ instance: other, from: 1, to: 1 }])
    shadow.getsPage(other, event(other, 1, 1, message('one')))
    shadow.answers(other, { type: 'occupants' }, list(other, 2, 1, hag))
    expect(shadow.replica.room.occupants.get('hag')?.home).toBe(other)
  })

  test('is asked for again when nobody answered', () => {
    shadow.relays(other, arrival(hag, 2))
    shadow.answers(other, { type: 'occupants' }, new StanzaError('resource-constraint'))
    shadow.isGreeted(other, { occupantsRevision: 0 })
    expect(shadow.asked('occupants')).toHaveLength(1)
  })

  test('is looked at again where somebody else had the nick, who may be gone by now', () => {
    shadow.relays(source, arrival(occupant(source, 'hag', 'crone1@shakespeare.lit'), 1))
    shadow.relays(other, arrival(hag, 1))
    expect(shadow.replica.room.occupants.get('hag')?.home).toBe(source)
    pass(defaultLimits.helloMs)
    expect(helloed()).toContain(other)
    shadow.getsHello(other, { occupantsRevision: 1 })
    expect(shadow.asked('occupants')).toHaveLength(1)
  })
})

describe('of two who have one nick', () => {
  const [early, late] = [
    { ...occupant(other, 'sam', 'hag66@shakespeare.lit'), since: { ms: 1, counter: 0 } },
    { ...occupant(newcomer, 'sam', 'porter@macbeth.lit'), since: { ms: 2, counter: 0 } },
  ]

  test.each([
    ['the later one comes last', [early, late]],
    ['the later one was there first', [late, early]],
  ] as const)('the later one is looked for again, where %s', (_, order) => {
    shadow = new Shadow(other, newcomer)
    for (const who of order) shadow.relays(who.home, arrival(who, 1))
    expect(shadow.replica.room.occupants.get('sam')?.jid).toBe(early.jid)
    pass(defaultLimits.helloMs)
    for (const { home } of order) shadow.getsHello(home, { occupantsRevision: 1 })
    expect(shadow.replica.peers.get(newcomer)?.listAsked).toBe(true)
    expect(shadow.replica.peers.get(other)?.listAsked).toBe(false)
  })
})

describe('what we tell', () => {
  test('of a change of the nick is two stanzas, each with a revision of its own', () => {
    shadow.happens({ type: 'local', operations: [{ type: 'join', occupant: occupant(self) }] })
    const { occupantsRevision } = shadow.replica
    shadow.happens({ type: 'local', operations: [{ type: 'nick', nick: 'hag', to: 'crone', grant: 0 }] })
    const places = shadow
      .of('send')
      .filter(({ stanza }) => String(stanza.attrs.to).startsWith(source))
      .map(({ stanza }) => [stanza.attrs.type, Number(stanza.getChild('occupant')?.attrs.revision)])
    expect(places).toEqual([
      ['unavailable', occupantsRevision + 1],
      [undefined, occupantsRevision + 2],
    ])
    expect(shadow.replica.occupantsRevision).toBe(occupantsRevision + 2)
  })

  test('as the subject replaces the present one, though that has a stamp of a clock far ahead', () => {
    const subject = {
      type: 'subject',
      nick: 'hag',
      occupantId: idOf('hag66@shakespeare.lit'),
      jid: 'hag66@shakespeare.lit',
    } as const
    const ahead = { ms: shadow.now + 3_600_000, counter: 5 }
    shadow.relays(source, live(event(source, 1, 1, { ...subject, text: 'ahead' }, { stamp: ahead, revision: 1 })))
    expect(shadow.replica.room.subject?.text).toBe('ahead')
    shadow.happens({ type: 'local', operations: [{ ...subject, text: 'ours' }, message('Hail!')] })
    expect(shadow.replica.room.subject?.text).toBe('ours')
    const [changed, said] = shadow.of('log')
    expect(changed?.event.stamp).toEqual({ ms: ahead.ms, counter: 6 })
    // Nothing else follows that clock.
    expect(said?.event.stamp.ms).toBeLessThan(ahead.ms)
  })
})
