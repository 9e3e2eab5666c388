/** What the source decides, and everything else that passes it on the way (dmuc.md §3, Judged once and Revisions). */
import { beforeEach, describe, expect, test } from '@jest/globals'
import { Vector } from '../../src/dmuc/vector.js'
import { arrival, event, idOf, list, live, message, occupant, other, register, Shadow, self, source } from './shadow.js'

let shadow: Shadow
beforeEach(() => {
  shadow = new Shadow(other)
})

const affiliation = (jid = 'hag66@shakespeare.lit'): string | undefined =>
  shadow.replica.room.register.get(jid)?.affiliation

describe('decisions of the source', () => {
  test('are taken in the order of their revisions, across a restart of the source, too', () => {
    const before = event(source, 1, 1, register(1, 'member'))
    const after = event(source, 2, 1, register(2, 'outcast'))
    const held = Vector.empty.with(before.id, 1).with(after.id, 1)
    shadow.isGreeted(source, { incarnation: `${source}-2`, vector: held })
    expect(shadow.asked('pull')).toHaveLength(1)
    const pull = shadow.effects
    shadow.relays(source, live(after))
    expect(shadow.logged).toEqual([])
    shadow.effects = pull
    shadow.getsPage(source, before, after)
    expect(shadow.logged).toEqual(['1:1', '2:1'])
    expect(affiliation()).toBe('outcast')
    expect(shadow.replica.room.registerRevision).toBe(2)
  })

  test('wait for one that is missing, and keep nothing that was said meanwhile from being seen', () => {
    const [late, said] = [event(source, 1, 1, register(2, 'outcast')), event(source, 1, 2, message('Hail!'))]
    shadow.isGreeted(source, { vector: Vector.empty.with(late.id, 1).with(said.id, 2) })
    shadow.getsPage(source, late, said)
    expect(shadow.logged).toEqual(['1:2'])
    expect(affiliation()).toBeUndefined()
  })

  test('that shut an occupant of ours out are followed by its departure, for those who have it otherwise', () => {
    shadow.happens({ type: 'local', operations: [{ type: 'join', occupant: occupant(self) }] })
    const { occupantsRevision } = shadow.replica
    shadow.relays(source, live(event(source, 1, 1, register(1, 'outcast'))))
    const told = shadow.of('send').map(({ stanza }) => stanza)
    expect(told.map(({ attrs }) => [attrs.to, attrs.type])).toEqual([
      [`${source}/hag`, 'unavailable'],
      [`${other}/hag`, 'unavailable'],
    ])
    expect(shadow.replica.occupantsRevision).toBe(occupantsRevision + 1)
    expect(shadow.replica.room.occupants.size).toBe(0)
  })

  test('let in who was let in elsewhere before we heard of them', () => {
    shadow.relays(source, live(event(source, 1, 1, register(1, 'outcast'))))
    shadow.relays(other, arrival(occupant(other), 1))
    expect(shadow.replica.room.occupants.size).toBe(0)
    expect(shadow.asked('occupants')).toEqual([])
    shadow.relays(source, live(event(source, 1, 2, register(2, 'none'))))
    expect(shadow.asked('occupants')).toHaveLength(1)
    shadow.answers(other, { type: 'occupants' }, list(other, 1, 0, occupant(other)))
    expect([...shadow.replica.room.occupants.keys()]).toEqual(['hag'])
  })
})

describe('what is said', () => {
  const hag = { ...occupant(other), jid: 'hag@shakespeare.lit' }
  const said = (revision: number) => event(other, 1, 1, message('Hail!'), { revision })

  beforeEach(() => {
    shadow.relays(other, arrival(hag, 1))
    const { room } = shadow.replica
    const known = { ...room.occupants.get('hag')!, occupantId: idOf('hag@shakespeare.lit') }
    shadow.replica = { ...shadow.replica, room: { ...room, occupants: new Map([['hag', known]]) } }
  })

  test('by one whom its origin knows to be banned is shown to nobody, and counts all the same', () => {
    shadow.relays(source, live(event(source, 1, 1, register(1, 'outcast', hag.jid))))
    shadow.relays(other, live(said(1), 1))
    expect(shadow.of('log').map(({ event: { void: isVoid } }) => isVoid)).toEqual([true])
    expect(shadow.of('change')).toEqual([])
    expect(shadow.replica.vector.has(said(1).id, 1)).toBe(true)
  })

  test('before its origin heard of a ban is kept', () => {
    shadow.relays(source, live(event(source, 1, 1, register(1, 'outcast', hag.jid))))
    shadow.relays(other, live(said(0), 1))
    expect(shadow.of('log').map(({ event: { void: isVoid } }) => isVoid)).toEqual([undefined])
  })

  test('by somebody whose arrival was lost is kept, and the list is fetched', () => {
    const stranger = event(other, 1, 1, message('Hail!', 'porter'))
    shadow.relays(other, live(stranger, 2))
    expect(shadow.of('log').map(({ event: { void: isVoid } }) => isVoid)).toEqual([undefined])
    expect(shadow.asked('occupants')).toHaveLength(1)
  })

  test('under a nick that somebody else has is kept, and shown under another', () => {
    shadow.relays(source, live(event(source, 1, 1, message('Hail!'))))
    const [entry] = shadow.of('log')
    expect(entry?.event).toMatchObject({
      operation: { nick: `hag (${idOf('hag@shakespeare.lit').slice(0, 6)})`, content: '<body>Hail!</body>' },
    })
  })
})
