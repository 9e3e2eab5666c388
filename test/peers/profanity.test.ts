/** profanity in a terminal: what its users type, and what they see. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { type Dmucd, startDmucd } from './dmucd.js'
import { Profanity } from './profanity.js'
import { peer } from './require-peer.js'

const password = 'cauldron-bubble'
const open: Profanity[] = []

async function online(server: Dmucd, user: string): Promise<Profanity> {
  const profanity = await Profanity.open(`dmucd-${user}`)
  open.push(profanity)
  await profanity.connects(`${user}@a.example`, server.c2sPort, password)
  await profanity.shows(/logged in successfully, online/)
  return profanity
}

peer(['profanity', 'tmux'])('profanity', () => {
  let server: Dmucd
  beforeAll(async () => {
    server = await startDmucd({ domain: 'a.example', users: { ann: password, bob: password } })
  })
  afterEach(async () => {
    for (const profanity of open.splice(0)) await profanity.close()
  })
  afterAll(() => server.stop())

  test('logs in over TLS with SCRAM', async () => {
    const ann = await online(server, 'ann')
    expect(ann.log()).toContain('SASL SCRAM-SHA-512 auth successful')
    // Nothing of a SASL exchange before TLS.
    expect(ann.log().indexOf('<starttls ')).toBeLessThan(ann.log().indexOf('<auth '))
    await ann.types('/tls cert')
    await ann.shows('Certificate:')
    await ann.shows(/Common name +: a\.example/)
  })

  test('a wrong password is told', async () => {
    const ann = await Profanity.open('dmucd-wrong')
    open.push(ann)
    await ann.connects('ann@a.example', server.c2sPort, 'double-toil')
    await ann.shows(/Login failed/)
  })

  test('two of them in a room that one made: talk, topic, nick, kick', async () => {
    const at = 'heath@rooms.a.example'
    const ann = await online(server, 'ann')
    await ann.types(`/join ${at}`)
    await ann.shows(/requires configuration/)
    await ann.types('/room accept')
    await ann.shows(/Room unlocked/)
    await ann.types('When shall we three meet again?')
    await ann.shows('ann: When shall we three meet again?')
    const bob = await online(server, 'bob')
    await bob.types(`/join ${at}`)
    await bob.shows(/You have joined the room as bob, role: participant/)
    await bob.shows('ann: When shall we three meet again?')
    expect(await bob.screen()).toContain('[TLS]')
    await ann.shows(/Participants\n.* bob\n/)
    await bob.types('In thunder, lightning, or in rain? ü €')
    await ann.shows('bob: In thunder, lightning, or in rain? ü €')
    await ann.types('When the hurlyburly’s done')
    await bob.shows('ann: When the hurlyburly’s done')
    await ann.types('/subject set An open place')
    await bob.shows('An open place')
    await bob.types('/nick robert')
    await ann.shows(/bob is now known as robert/)
    await ann.types('/kick robert Upon the heath')
    await bob.shows(`Kicked from ${at} by ann, reason: Upon the heath`)
    await ann.shows(/robert has been kicked from the room by ann, reason: Upon the heath/)
  })

  test('a password, roles, membership, a ban, the end of the room', async () => {
    const at = 'castle@rooms.a.example'
    const ann = await online(server, 'ann')
    await ann.types(`/join ${at}`)
    await ann.shows(/requires configuration/)
    await ann.types('/room accept')
    await ann.shows(/Room unlocked/)
    await server.dmucctl('room', 'config', at, 'muc#roomconfig_roomsecret', 'double-toil')
    const bob = await online(server, 'bob')
    await bob.types(`/join ${at}`)
    await bob.shows(/Error joining room.*not-authorized/s)
    await bob.types(`/join ${at} password double-toil`)
    await bob.shows(/You have joined the room as bob, role: participant/)
    await ann.types('/role set visitor bob Hush')
    await bob.shows(/Your role has been changed to: visitor, by: ann, reason: Hush/)
    await ann.types('/role set participant bob')
    await bob.shows(/Your role has been changed to: participant/)
    await ann.types('/affiliation set member bob@a.example')
    await bob.shows(/Your affiliation has been changed to: member/)
    await ann.types('/ban bob@a.example Unsex me here')
    await bob.shows(`Banned from ${at} by ann, reason: Unsex me here`)
    await bob.types(`/join ${at} password double-toil`)
    await bob.shows(/Error joining room.*forbidden/s)
    await ann.types('/room destroy')
    await ann.shows(/Room destroyed/)
  })
})
