/** Offline messages (XEP-0160, XEP-0203). */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type Client, Stage } from './stage.js'

let stage: Stage
let alice: Client

beforeEach(async () => {
  stage = await Stage.open({ without: ['user_archive'] })
  alice = stage.client('alice', 'phone')
})
afterEach(() => stage.close())

const delay = `<delay xmlns='urn:xmpp:delay' from='a.example' stamp='2026-01-01T00:00:00.000Z'/>`
const online = `<presence from='bob@a.example/phone' to='bob@a.example/phone'/>`
const waiting = async (): Promise<number> => stage.store.offlineCount('bob@a.example')

describe('XEP-0160', () => {
  test('XEP-0203 kept with the time of arrival, given once and in order to the first client, then deleted', async () => {
    for (const n of [1, 2, 3])
      await alice.sends(`<message to='bob@a.example' type='chat' id='${n}'><body>${n} &lt; &amp;</body></message>`)
    await alice.receivesNothing()
    expect(await waiting()).toBe(3)
    stage.clock.advance(60_000)
    const bob = stage.client('bob', 'phone')
    await bob.sends('<presence/>')
    await bob.receives(online)
    for (const n of [1, 2, 3])
      await bob.receives(
        `<message from='alice@a.example/phone' to='bob@a.example' type='chat' id='${n}'><body>${n} &lt; &amp;</body>${delay}</message>`,
      )
    await bob.receivesNothing()
    expect(await waiting()).toBe(0)
    await stage.client('bob', 'laptop').comesOnline()
    await bob.clears()
    await bob.sends('<presence><show>away</show></presence>')
    await bob.clears()
    await bob.receivesNothing()
  })

  test('is durable before the sender’s stanza is dealt with', async () => {
    const gate = stage.store.hold()
    let done = false
    const sent = alice.sends(`<message to='bob@a.example'><body>Hi</body></message>`).then(() => {
      done = true
    })
    await alice.receivesNothing()
    expect(done).toBe(false)
    expect(await waiting()).toBe(0)
    gate.release()
    await sent
    expect(await waiting()).toBe(1)
  })

  test('what is being kept while the user comes online is not lost, nor overtaken', async () => {
    const gate = stage.store.hold()
    const first = alice.sends(`<message to='bob@a.example' type='chat' id='1'><body>1</body></message>`)
    await alice.receivesNothing()
    const bob = stage.client('bob', 'phone')
    const presence = bob.sends('<presence/>')
    const second = alice.sends(`<message to='bob@a.example' type='chat' id='2'><body>2</body></message>`)
    gate.release()
    await Promise.all([first, presence, second])
    await bob.receives(online)
    expect((await bob.next()).attrs.id).toBe('1')
    expect((await bob.next()).attrs.id).toBe('2')
    await bob.receivesNothing()
  })

  test('a negative priority gets nothing, until it is none', async () => {
    await alice.sends(`<message to='bob@a.example' type='chat' id='1'><body>Hi</body></message>`)
    const bob = stage.client('bob', 'phone')
    await bob.comesOnline(-1)
    expect(await waiting()).toBe(1)
    await bob.sends('<presence/>')
    await bob.receives(online)
    expect((await bob.next()).attrs.id).toBe('1')
  })

  test.each([
    [`type='groupchat'`, '<body>Hi</body>'],
    [`type='headline'`, '<body>Hi</body>'],
    [`type='error'`, '<body>Hi</body>'],
    [`type='chat'`, `<composing xmlns='http://jabber.org/protocol/chatstates'/>`],
    [`type='chat'`, ''],
    [`type='chat'`, `<body>Hi</body><no-store xmlns='urn:xmpp:hints'/>`],
  ])('§3 not kept: <message %s>%s', async (type, content) => {
    await alice.sends(`<message to='bob@a.example' ${type}>${content}</message>`)
    expect(await waiting()).toBe(0)
  })

  test('a message that must not be stored is refused rather than lost', async () => {
    await alice.sends(`<message to='bob@a.example' id='n'><body>Hi</body><no-store xmlns='urn:xmpp:hints'/></message>`)
    await alice.receives(`
      <message type='error' id='n' from='bob@a.example' to='alice@a.example/phone'>
        <error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>
      </message>`)
  })

  test('XEP-0203 a delay in our name is forged and removed, one of another stays', async () => {
    const peer = stage.peer('b.example')
    await peer.sends(`
      <message from='dave@b.example/x' to='bob@a.example' type='chat'><body>Hi</body>
        <delay xmlns='urn:xmpp:delay' from='a.example' stamp='1999-01-01T00:00:00Z'/>
        <delay xmlns='urn:xmpp:delay' from='b.example' stamp='2001-01-01T00:00:00Z'/>
      </message>`)
    const bob = stage.client('bob', 'phone')
    await bob.sends('<presence/>')
    await bob.next()
    await bob.receives(`
      <message from='dave@b.example/x' to='bob@a.example' type='chat'><body>Hi</body>
        <delay xmlns='urn:xmpp:delay' from='b.example' stamp='2001-01-01T00:00:00Z'/>${delay}
      </message>`)
  })

  test('§3 the limit is an option; beyond it the sender is told', async () => {
    await stage.close()
    const { modules } = await import('../../src/modules/index.js')
    const user = modules.filter((module) => module.hosts.includes('user'))
    const options = { offline: { max_offline_messages: 1 } }
    stage = await Stage.open({ hosts: [{ domain: 'a.example', type: 'user', modules: user, options }] })
    alice = stage.client('alice', 'phone')
    for (const n of [1, 2]) await alice.sends(`<message to='bob@a.example' id='${n}'><body>Hi</body></message>`)
    await alice.receives(`
      <message type='error' id='2' from='bob@a.example' to='alice@a.example/phone'>
        <error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>{...}</error>
      </message>`)
    expect(await waiting()).toBe(1)
  })
})
