/** dmuc.md §4: per peer the operator says how it has to prove its domain; a downgrade splits the link and says why. */
import { afterEach, describe, expect, test } from '@jest/globals'
import { PeerProofs } from '../../src/modules/muc/peer-proofs.js'
import { needsCertificate, needsEncryption, refusal, type S2sPolicy } from '../../src/server/s2s-policy.js'
import { openMemoryStore } from '../../src/store/memory.js'
import { covenRoster, PlainPeerhost } from '../conformance/dmuc/plain-peer.js'
import { distributed, fillsCoven, openFirsthost, quiet, type Theatre } from '../conformance/dmuc/shakespeare.js'
import { type Client, type Peer, settled } from '../dialogue/stage.js'

const macbeth = 'rooms.macbeth.lit'
const certificate = { by: 'certificate', encrypted: true } as const
const dialback = { by: 'dialback', encrypted: true } as const
const pin = { by: 'pin', encrypted: true } as const

const proofs = async (wanted: Record<string, string> = {}, store = openMemoryStore()): Promise<PeerProofs> => {
  const made = new PeerProofs('chat.shakespeare.lit', new Map(Object.entries(wanted)), store)
  await made.start()
  return made
}

describe('how a peer has to prove its domain', () => {
  test.each([
    ['certificate', dialback, 'a valid certificate'],
    ['pin:00', certificate, 'the pinned key'],
  ])('%s is not enough done by less', async (wanted, shown, named) => {
    const made = await proofs({ [macbeth]: wanted })
    expect(made.fault(macbeth, shown)).toContain(named)
    expect(made.fault(macbeth, pin)).toBeUndefined()
  })

  test('dialback, where the operator says so, whatever it did before', async () => {
    const made = await proofs({ [macbeth]: 'dialback' })
    expect([certificate, dialback].map((shown) => made.fault(macbeth, shown))).toEqual([undefined, undefined])
    expect(made.demandsCertificate(macbeth)).toBe(false)
  })

  test('no worse than before, after a restart, too, until the operator allows it anew', async () => {
    const store = openMemoryStore()
    const made = await proofs({}, store)
    expect(made.fault(macbeth, dialback)).toBeUndefined()
    expect(made.fault(macbeth, certificate)).toBeUndefined()
    await settled()
    for (const each of [made, await proofs({}, store)]) {
      expect(each.fault(macbeth, dialback)).toContain('dmucctl peer allow rooms.macbeth.lit')
      expect(each.demandsCertificate(macbeth)).toBe(true)
      expect(each.fault(macbeth, certificate)).toBeUndefined()
    }
    await made.forget(macbeth)
    for (const each of [made, await proofs({}, store)]) expect(each.fault(macbeth, dialback)).toBeUndefined()
  })

  test('never without TLS', async () => {
    const made = await proofs({ [macbeth]: 'dialback' })
    expect(made.fault(macbeth, { by: 'dialback', encrypted: false })).toContain('without TLS')
  })
})

describe('the streams', () => {
  const policy = (demand: 'certificate' | 'tls' | undefined, more: Partial<S2sPolicy> = {}): S2sPolicy => ({
    requireEncryption: false,
    secureAuth: false,
    demands: (domain) => (domain === macbeth ? demand : undefined),
    ...more,
  })

  test('of a peer that the operator allowed while running need TLS', () => {
    expect(needsEncryption(policy('tls'), macbeth)).toBe(true)
    expect(needsEncryption(policy('tls'), 'c.example')).toBe(false)
    expect(refusal(policy('tls'), macbeth, undefined)).toEqual({
      reason: 'it does not use TLS',
      change: 'say dmucctl peer deny rooms.macbeth.lit',
    })
  })

  test('of one that showed a certificate need it again, but where the operator lets dialback suffice', () => {
    expect(needsCertificate(policy('certificate'), macbeth)).toBe(true)
    expect(refusal(policy('certificate'), macbeth, undefined)?.change).toContain('dmucctl peer allow')
    const lax = policy('certificate', { insecureDomains: new Set([macbeth]) })
    expect(needsCertificate(lax, macbeth)).toBe(false)
  })
})

describe('in a room', () => {
  let theatre: Theatre
  let clients: readonly [Client, Client, Client]
  afterEach(() => theatre.stage.close())

  async function shared(): Promise<{ peer: Peer; host: PlainPeerhost }> {
    theatre = await openFirsthost()
    const peer = theatre.stage.peer(macbeth)
    peer.proof = certificate
    const host = new PlainPeerhost(peer)
    clients = await fillsCoven(theatre, distributed(macbeth))
    await host.holdsShadow(...covenRoster)
    await host.announces('anotherwitch')
    await quiet(...clients)
    return { peer, host }
  }
  const hail = `<message from='coven@${macbeth}/anotherwitch' to='coven@chat.shakespeare.lit/anotherwitch' type='groupchat'>
      <body>All hail!</body></message>`
  const known = async () => (await theatre.rooms().distribution.peers()).find(({ service }) => service === macbeth)

  test.each([
    ['by dialback alone', dialback],
    ['without TLS', { by: 'certificate', encrypted: false } as const],
  ])('nothing counts that comes %s, the link is split, and the operator reads why', async (words, proof) => {
    const { peer, host } = await shared()
    peer.proof = proof
    await host.sends(hail)
    for (const client of clients) await client.receivesNothing()
    expect(await known()).toMatchObject({ up: false })
    expect((await known())?.reason).toContain(words)
    const [room] = [...theatre.rooms().rooms.live()]
    expect(room?.replica.peers.get(`coven@${macbeth}`)).toMatchObject({ link: 'down' })
    expect(room?.replica.peers.get(`coven@${macbeth}`)?.lastError).toContain(words)
    await host.drains()
    await host.sends(
      `<iq from='coven@${macbeth}' id='c1' to='coven@chat.shakespeare.lit' type='set'><roster xmlns='urn:xmpp:dmuc:0'/></iq>`,
    )
    expect((await host.next()).getChild('error')?.getChild('policy-violation')).toBeDefined()
  })

  test('nor a request to replicate', async () => {
    const { peer, host } = await shared()
    peer.proof = dialback
    await host.sends(
      `<iq from='${macbeth}' id='r1' to='chat.shakespeare.lit' type='set'><replicate xmlns='urn:xmpp:dmuc:0'><room id='heath'/></replicate></iq>`,
    )
    expect((await host.next()).getChild('error')?.getChild('policy-violation')).toBeDefined()
  })

  test('it is heard again as soon as it proves itself as before', async () => {
    const { peer, host } = await shared()
    peer.proof = dialback
    await host.sends(hail)
    theatre.stage.clock.advance(10_000)
    await host.drains()
    expect((await known())?.up).toBe(false)
    peer.proof = certificate
    await host.sends(hail)
    // A link that is down is tried at most twice a second, whatever wakes it.
    theatre.stage.clock.advance(1000)
    await host.drains()
    expect((await known())?.up).toBe(true)
  })
})
