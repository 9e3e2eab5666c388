/** The bounds of what one peer may take (dmuc.md §4), each from the configuration: past it a refusal, or a pull. */
import { afterEach, expect, test } from '@jest/globals'
import { defaultLimits, type Replica } from '../../src/dmuc/replica.js'
import { step } from '../../src/dmuc/step.js'
import { dmucPolicy } from '../../src/modules/muc/dmuc-policy.js'
import { PeerRates } from '../../src/modules/muc/peer-rates.js'
import { defaultPolicy } from '../../src/room/index.js'
import { ManualClock } from '../../src/util/clock.js'
import { covenRoster, PlainPeer, PlainPeerhost } from '../conformance/dmuc/plain-peer.js'
import {
  distributed,
  fillsCoven,
  openFirsthost,
  openPeerhost,
  quiet,
  type Theatre,
} from '../conformance/dmuc/shakespeare.js'
import { arrival, event, live, message, occupant, other, Shadow, start } from '../dmuc/shadow.js'

let theatre: Theatre | undefined
afterEach(() => theatre?.stage.close())

const macbeth = 'rooms.macbeth.lit'
const coven = 'coven@chat.shakespeare.lit'

test('every bound is the one of the configuration', () => {
  const { limits, maxShadows, peerRate } = dmucPolicy({
    max_instances: 2,
    max_shadows: 3,
    max_occupants: 4,
    max_waiting: 5,
    max_pending: 6,
    max_revisions: 7,
    max_history: 8,
    peer_rate: 9,
  })
  expect([limits.maxInstances, maxShadows, limits.maxOccupants, limits.maxHeld]).toEqual([2, 3, 4, 5])
  expect([limits.maxWithheld, limits.maxRevisions, limits.historyStanzas, peerRate]).toEqual([6, 7, 8, 9])
})

test('a peer may speak ten seconds’ worth at once, each for itself, and none is limited by 0', () => {
  const clock = new ManualClock()
  const rates = new PeerRates(clock, 2)
  const taken = (): number => Array.from({ length: 50 }, () => rates.take(macbeth)).filter(Boolean).length
  expect(taken()).toBe(20)
  expect(rates.take('rooms.c.example')).toBe(true)
  clock.advance(1000)
  expect(taken()).toBe(2)
  expect(Array.from({ length: 50 }, () => new PeerRates(clock, 0).take(macbeth))).not.toContain(false)
})

test('who relays too much is not heard for a second; then what was missed is fetched', async () => {
  theatre = await openFirsthost({ peer_rate: 1 })
  const host = new PlainPeerhost(theatre.stage.peer(macbeth))
  const clients = await fillsCoven(theatre, distributed(macbeth))
  await host.holdsShadow(...covenRoster)
  await host.announces('anotherwitch')
  await quiet(...clients)
  for (let n = 0; n < 30; n++)
    await host.sends(`<message from='coven@${macbeth}/anotherwitch' to='${coven}/anotherwitch' type='groupchat' id='f${n}'>
        <body>${n}</body></message>`)
  const [heard] = clients
  const bodies = (await heard.drain()).map((stanza) => stanza.getChildText('body')).filter((body) => body !== null)
  expect(bodies.length).toBeGreaterThan(5)
  expect(bodies.length).toBeLessThanOrEqual(10)
  const [room] = [...theatre.rooms().rooms.live()]
  expect(room?.replica.peers.get(`coven@${macbeth}`)?.lastError).toContain('peer_rate')
  await host.drains()
  await host.sendsAnything(
    `<iq from='coven@${macbeth}' id='q1' to='${coven}' type='get'><room xmlns='urn:xmpp:dmuc:0' id='coven'><history xmlns='http://jabber.org/protocol/muc'/></room></iq>`,
  )
  expect((await host.next()).getChild('error')?.attrs.type).toBe('wait')
  theatre.stage.clock.advance(1000)
  const config = await host.next()
  expect(config.getChild('config', 'urn:xmpp:dmuc:0')).toBeDefined()
})

test('a firsthost has as many shadows here as it may have', async () => {
  theatre = await openPeerhost({ max_shadows: 2 })
  const peer = new PlainPeer(theatre.stage.peer('chat.shakespeare.lit'))
  const ask = async (room: string): Promise<string | undefined> => {
    await peer.sends(
      `<iq from='chat.shakespeare.lit' id='${room}' to='${macbeth}' type='set'><replicate xmlns='urn:xmpp:dmuc:0'><room id='${room}'/></replicate></iq>`,
    )
    const answer = (await peer.drains()).find(({ attrs }) => attrs.id === room)
    return answer?.getChild('error')?.children.flatMap((node) => (typeof node === 'string' ? [] : [node.name]))[0]
  }
  expect([await ask('one'), await ask('two'), await ask('three')]).toEqual([
    undefined,
    undefined,
    'resource-constraint',
  ])
})

/** With these limits in place of the default ones. */
function relays(
  shadow: Shadow,
  limits: Partial<typeof defaultLimits>,
  ...stanzas: readonly ReturnType<typeof live>[]
): Replica {
  const env = { now: start, limits: { ...defaultLimits, ...limits }, bounds: defaultPolicy }
  return stanzas.reduce(
    (replica, stanza) => step(replica, { type: 'relayed', from: other, stanza }, env).replica,
    shadow.replica,
  )
}

test('an instance has as many occupants as it may have', () => {
  const arrivals = ['ann', 'bea', 'cat'].map((nick, index) =>
    arrival(occupant(other, nick, `${nick}@x.lit`), index + 1),
  )
  const { room } = relays(new Shadow(other), { maxOccupants: 2 }, ...arrivals)
  expect([...room.occupants.keys()]).toEqual(['ann', 'bea'])
})

test('as much waits above a gap as may wait', () => {
  const above = [2, 3, 4, 5].map((seq) => live(event(other, 1, seq, message(`m${seq}`))))
  const { peers } = relays(new Shadow(other), { maxHeld: 2 }, ...above)
  expect(peers.get(other)?.held.map(({ id }) => id.seq)).toEqual([2, 3])
})
