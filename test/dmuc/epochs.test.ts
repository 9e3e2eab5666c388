/** Who may become the source (dmuc.md §3, The firsthost is gone for good), and who may not by saying so. */
import { describe, expect, test } from '@jest/globals'
import { configPayload } from '../../src/dmuc/relay.js'
import { defaultLimits, type Replica, supersedes } from '../../src/dmuc/replica.js'
import { writeRoom } from '../../src/dmuc/wire/room.js'
import { xml } from '../../src/xml/element.js'
import { StanzaError } from '../../src/xmpp/stanza-error.js'
import { message, other, Shadow, self, source } from './shadow.js'

/** `other` says that it is the source, with an owner of its own making. */
function claims(shadow: Shadow, change: Partial<Replica['identity']> = {}): string {
  const { replica } = shadow
  const identity = { ...replica.identity, source: other, epoch: 2, epochRank: 2, ...change }
  const register = new Map([['thief@marlowe.lit', { affiliation: 'owner' as const }]])
  const theirs = { ...replica, identity, room: { ...replica.room, jid: other, register } }
  const iq = xml('iq', { type: 'set', id: 'c', from: other, to: self }, configPayload(theirs, writeRoom(theirs)))
  shadow.happens({ type: 'request', from: other, iq })
  const [reply] = shadow.of('reply')
  return reply?.payload instanceof StanzaError ? reply.payload.condition : 'taken'
}

const owners = ({ replica }: Shadow): string[] => [...replica.room.register.keys()]

function cutOff(shadow: Shadow): Shadow {
  shadow.happens({ type: 'link', peer: source, up: false })
  shadow.now += defaultLimits.graceMs
  shadow.happens({ type: 'tick' })
  return shadow
}

describe('an instance that says it is the source', () => {
  test('is not believed while we are in touch with the source', () => {
    const shadow = new Shadow(other)
    expect(claims(shadow)).toBe('conflict')
    expect(shadow.replica.identity.source).toBe(source)
    expect(owners(shadow)).toEqual([])
  })

  test('nor while the source is only suspected', () => {
    const shadow = new Shadow(other)
    shadow.happens({ type: 'link', peer: source, up: false })
    expect(claims(shadow)).toBe('conflict')
  })

  test.each<[string, Partial<Replica['identity']>]>([
    ['of a lower epoch', { epoch: 0 }],
    ['of the same epoch and a higher rank', { epoch: 1, epochRank: 2 }],
    ['of another room', { roomId: 'another' }],
    ['for another instance', { source: 'coven@elsewhere.lit' }],
  ])('is not believed %s, cut off or not', (_, change) => {
    const shadow = cutOff(new Shadow(other))
    expect(claims(shadow, change)).not.toBe('taken')
    expect(shadow.replica.identity.source).toBe(source)
  })

  test('is followed once we are cut off from the source, with what it says', () => {
    const shadow = cutOff(new Shadow(other))
    expect(claims(shadow)).toBe('taken')
    expect(shadow.replica.identity).toMatchObject({ source: other, epoch: 2, epochRank: 2 })
    expect(owners(shadow)).toEqual(['thief@marlowe.lit'])
    expect(shadow.of('save')).toHaveLength(1)
  })

  test('is followed on our operator’s word', () => {
    const shadow = new Shadow(other)
    shadow.happens({ type: 'trusted', jid: other })
    expect(claims(shadow)).toBe('taken')
  })
})

describe('a shadow that its operator promotes', () => {
  const promoted = (): Shadow => {
    const shadow = cutOff(new Shadow(other))
    shadow.happens({ type: 'promoted' })
    return shadow
  }

  test('begins the next epoch and gives the room to those it is in touch with', () => {
    const shadow = promoted()
    expect(shadow.replica.identity).toMatchObject({ source: self, epoch: 2, epochRank: 1 })
    expect(shadow.of('ask').map(({ iq, question }) => [iq.attrs.to, question.type])).toEqual([[other, 'config']])
    expect(shadow.replica.room.config.peers).toEqual(['chat.shakespeare.lit', 'rooms.marlowe.lit'])
  })

  test('gives way to one of a lower rank, whoever was first', () => {
    const shadow = promoted()
    expect(claims(shadow, { epochRank: 2 })).toBe('conflict')
    expect(claims(shadow, { epochRank: 0 })).toBe('taken')
  })

  test('goes on while somebody in touch holds to it, though another one is of a higher epoch', () => {
    const shadow = new Shadow(other, 'coven@rooms.webster.lit')
    cutOff(shadow).happens({ type: 'promoted' })
    const third = 'coven@rooms.webster.lit'
    shadow.isGreeted(third, { identity: shadow.replica.identity })
    expect(shadow.replica.peers.get(third)?.link).toBe('up')
    expect(claims(shadow, { epoch: 3 })).toBe('conflict')
    shadow.happens({ type: 'link', peer: third, up: false })
    expect(claims(shadow, { epoch: 3 })).toBe('taken')
  })

  test('gives the room to the old source when that comes back', () => {
    const shadow = promoted()
    shadow.isGreeted(source)
    expect(shadow.asked('config')).toHaveLength(1)
    expect(shadow.replica.peers.get(source)?.link).toBe('joining')
  })

  test('decides for itself from then on', () => {
    const shadow = promoted()
    shadow.happens({ type: 'local', operations: [message('mine')] })
    expect(shadow.of('log')[0]?.event.epoch).toBe(2)
  })
})

test('a source that comes back as a shadow proposes what it had restricted, and grants nothing', () => {
  const shadow = cutOff(new Shadow(other))
  shadow.happens({ type: 'promoted' })
  const rules = (jid: string, affiliation: 'outcast' | 'member') => ({
    type: 'register' as const,
    jid,
    entry: { affiliation },
    actor: 'ann@macbeth.lit',
    revision: 0,
  })
  shadow.happens({ type: 'local', operations: [rules('iago@m.lit', 'outcast'), rules('hal@m.lit', 'member')] })
  expect(claims(shadow, { epoch: 3 })).toBe('taken')
  expect(shadow.replica.withheld).toMatchObject([{ jid: 'iago@m.lit', was: 'none', actor: 'ann@macbeth.lit' }])
  expect(shadow.of('tell')).toMatchObject([{ jid: 'ann@macbeth.lit', text: expect.stringContaining('hal@m.lit') }])
})

test('of two promotions in one epoch the lower rank counts', () => {
  const identity = { roomId: 'r', source, epoch: 2, epochRank: 2 }
  expect(supersedes({ ...identity, epochRank: 1 }, identity)).toBe(true)
  expect(supersedes({ ...identity, epochRank: 1 }, { ...identity, epoch: 3 })).toBe(false)
  expect(supersedes(identity, identity)).toBe(false)
})
