/** XEP-0357: a client that nobody reaches is woken by its push service, at a bounded rate, with no more told than the operator lets. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { modules } from '../../src/modules/index.js'
import { clientInactive } from '../../src/modules/services.js'
import { type Client, type Peer, Stage } from './stage.js'
import { Wire } from './wire-client.js'

const pushNs = 'urn:xmpp:push:0'
let stage: Stage
let service: Peer
let alice: Client
let bob: Client

async function opens(options: Readonly<Record<string, unknown>> = {}): Promise<void> {
  stage = await Stage.open({
    hosts: [
      {
        domain: 'a.example',
        type: 'user',
        modules: modules.filter(({ hosts }) => hosts.includes('user')),
        options: { push: options },
      },
    ],
  })
  service = stage.peer('push.example')
  alice = stage.client('alice')
  bob = stage.client('bob')
  await alice.comesOnline()
}
beforeEach(() => opens())
afterEach(() => stage.close())

const enable = (node = 'n1', more = ''): string =>
  `<iq type='set' id='e'><enable xmlns='${pushNs}' jid='push.example' node='${node}'>${more}</enable></iq>`

async function enables(client: Client, node?: string, more?: string): Promise<void> {
  await client.sends(enable(node, more))
  expect((await client.next()).attrs.type).toBe('result')
}

const says = (body: string, to = 'alice@a.example'): Promise<void> =>
  bob.sends(`<message type='chat' to='${to}'><body>${body}</body></message>`)

/** What the service is told next, and answers. */
async function told(answer: 'result' | string = 'result'): Promise<{ node: string; summary: Record<string, string> }> {
  const iq = await service.next()
  const { id, from } = iq.attrs
  const error =
    answer === 'result'
      ? ''
      : `<error type='${answer}'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>`
  await service.sends(
    `<iq type='${error === '' ? 'result' : 'error'}' id='${id}' from='push.example' to='${from}'>${error}</iq>`,
  )
  const publish = iq.getChild('pubsub', 'http://jabber.org/protocol/pubsub')?.getChild('publish')
  const form = publish?.getChild('item')?.getChild('notification', pushNs)?.getChild('x', 'jabber:x:data')
  const fields = form?.getChildren('field') ?? []
  return {
    node: String(publish?.attrs.node),
    summary: Object.fromEntries(fields.slice(1).map((each) => [each.attrs.var, each.getChildText('value') ?? ''])),
  }
}

describe('XEP-0357 §7 notifications', () => {
  test('none while the client is there; one when it is offline', async () => {
    await enables(alice)
    await says('are you there?')
    await service.receivesNothing()
    alice.disconnects()
    await says('hail')
    expect(await told()).toEqual({ node: 'n1', summary: { 'message-count': '1', 'last-message-body': 'New message' } })
  })

  test('the whole request, with the options that the client gave', async () => {
    const form = `<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/pubsub#publish-options</value></field><field var='secret'><value>toad</value></field></x>`
    await enables(alice, 'n1', form)
    alice.disconnects()
    await says('hail')
    await service.receives(
      `<iq type='set' id='{any}' from='a.example' to='push.example'><pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='n1'><item><notification xmlns='${pushNs}'><x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>urn:xmpp:push:summary</value></field><field var='message-count'><value>1</value></field><field var='last-message-body'><value>New message</value></field></x></notification></item></publish><publish-options><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/pubsub#publish-options</value></field><field var='secret'><value>toad</value></field></x></publish-options></pubsub></iq>`,
    )
  })

  test('who wrote, and what, only where the operator lets', async () => {
    await stage.close()
    await opens({ push_notification_with_body: true, push_notification_with_sender: true })
    await enables(alice)
    alice.disconnects()
    await says('x'.repeat(300))
    expect((await told()).summary).toEqual({
      'message-count': '1',
      'last-message-sender': bob.jid,
      'last-message-body': 'x'.repeat(256),
    })
  })

  test('what comes soon after is told together', async () => {
    await enables(alice)
    alice.disconnects()
    for (const body of ['one', 'two', 'three']) await says(body)
    expect((await told()).summary['message-count']).toBe('1')
    await service.receivesNothing()
    stage.clock.advance(5_000)
    expect((await told()).summary['message-count']).toBe('3')
    stage.clock.advance(5_000)
    await service.receivesNothing()
  })

  test.each([
    [
      'a chat state',
      `<message type='chat' to='alice@a.example'><active xmlns='http://jabber.org/protocol/chatstates'/></message>`,
      false,
    ],
    ['an error', `<message type='error' to='alice@a.example'><body>x</body></message>`, false],
    ['a headline', `<message type='headline' to='alice@a.example'><body>x</body></message>`, false],
    [
      'an encrypted message',
      `<message type='chat' to='alice@a.example'><encrypted xmlns='eu.siacs.conversations.axolotl'/><store xmlns='urn:xmpp:hints'/></message>`,
      true,
    ],
    [
      'a call',
      `<message type='chat' to='alice@a.example'><propose xmlns='urn:xmpp:jingle-message:0' id='c'/><store xmlns='urn:xmpp:hints'/></message>`,
      true,
    ],
  ])('%s', async (_name, stanza, wakes) => {
    await enables(alice)
    alice.disconnects()
    await bob.sends(stanza)
    if (wakes) await told()
    else await service.receivesNothing()
  })

  test('a client that sleeps (XEP-0352) is woken, though it is connected', async () => {
    await enables(alice)
    alice.session.data.set(clientInactive, true)
    await says('hail')
    await told()
  })

  test('XEP-0352: one that says that nobody looks at it is woken, and not once somebody does', async () => {
    const wire = new Wire(stage)
    await wire.letIn('alice')
    alice.disconnects()
    const phone = await wire.client('alice')
    await phone.binds('wire')
    phone.sends('<presence/>')
    phone.sends(enable())
    phone.sends(`<inactive xmlns='urn:xmpp:csi:0'/>`)
    await phone.clears()
    await says('hail')
    await told()
    phone.sends(`<active xmlns='urn:xmpp:csi:0'/>`)
    await phone.clears()
    stage.clock.advance(5_000)
    await says('hail again')
    await service.receivesNothing()
  })

  test('what is for another client, as of a room that is there, wakes nobody', async () => {
    await enables(alice)
    const desk = stage.client('alice', 'desk')
    await desk.comesOnline()
    alice.disconnects()
    const room = stage.peer('b.example')
    await room.sends(`<message type='groupchat' from='r@b.example/x' to='${desk.jid}'><body>all hail</body></message>`)
    await service.receivesNothing()
  })

  test('a client that lost its connection is woken for what it did not acknowledge, and for what comes', async () => {
    const wire = new Wire(stage)
    await wire.letIn('alice')
    alice.disconnects()
    const phone = await wire.client('alice')
    await phone.binds('wire')
    phone.sends(`<enable xmlns='urn:xmpp:sm:3' resume='true'/>`)
    phone.sends('<presence/>')
    phone.sends(enable())
    await phone.clears()
    await says('did you hear this?')
    await service.receivesNothing()
    phone.loses()
    expect((await told()).summary['message-count']).toBe('1')
    await says('or this?')
    stage.clock.advance(5_000)
    expect((await told()).summary['message-count']).toBe('2')
  })
})

describe('XEP-0357 §5, §6', () => {
  test('service discovery of the account tells of it', async () => {
    await alice.sends(
      `<iq type='get' id='d' to='alice@a.example'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`,
    )
    expect(String(await alice.next())).toContain(`var="${pushNs}"`)
  })

  test('disabled: one node, or all of a service', async () => {
    for (const node of ['n1', 'n2', 'n3']) await enables(alice, node)
    await alice.sends(`<iq type='set' id='d'><disable xmlns='${pushNs}' jid='push.example' node='n2'/></iq>`)
    await alice.receives(`<iq type='result' id='d' from='alice@a.example' to='${alice.jid}'/>`)
    alice.disconnects()
    await says('hail')
    expect([(await told()).node, (await told()).node].sort()).toEqual(['n1', 'n3'])
    const again = stage.client('alice')
    await again.sends(`<iq type='set' id='d'><disable xmlns='${pushNs}' jid='push.example'/></iq>`)
    expect((await again.next()).attrs.type).toBe('result')
    again.disconnects()
    stage.clock.advance(60_000)
    await says('hail again')
    await service.receivesNothing()
  })

  test('they last over a restart', async () => {
    await enables(alice)
    alice.disconnects()
    await stage.server.accountChanged('alice@a.example')
    await says('hail')
    await told()
  })

  test.each([
    ['no service', `<enable xmlns='${pushNs}'/>`, 'bad-request'],
    ['no address', `<enable xmlns='${pushNs}' jid='@'/>`, 'bad-request'],
    [
      'another form',
      `<enable xmlns='${pushNs}' jid='p.example'><x xmlns='jabber:x:data' type='submit'/></enable>`,
      'bad-request',
    ],
    ['too much', `<enable xmlns='${pushNs}' jid='p.example' node='${'x'.repeat(1024)}'/>`, 'not-acceptable'],
    ['nothing to disable', `<disable xmlns='${pushNs}'/>`, 'bad-request'],
  ])('refused: %s', async (_name, content, condition) => {
    await alice.sends(`<iq type='set' id='e'>${content}</iq>`)
    expect(String(await alice.next())).toContain(`<${condition}`)
  })

  test('of one account ten, and of nobody else', async () => {
    for (let made = 0; made < 10; made++) await enables(alice, `n${made}`)
    await alice.sends(enable('n10'))
    expect(String(await alice.next())).toContain('<resource-constraint')
    await enables(alice, 'n9')
    await bob.sends(enable().replace('<iq ', `<iq to='alice@a.example' `))
    expect(String(await bob.next())).toContain('<service-unavailable')
  })
})

describe('XEP-0357 §7.1 errors', () => {
  test('what will not work again is not tried again', async () => {
    await enables(alice)
    alice.disconnects()
    await says('hail')
    await told('cancel')
    stage.clock.advance(60_000)
    await says('hail again')
    await service.receivesNothing()
    expect(await stage.store.dataKeys('alice@a.example', 'push')).toEqual([])
  })

  test('passing errors may be as many as push_max_errors in a row', async () => {
    await stage.close()
    await opens({ push_max_errors: 2, push_min_interval: 0 })
    await enables(alice)
    alice.disconnects()
    for (const answer of ['wait', 'result', 'wait', 'wait']) {
      await says('hail')
      await told(answer)
      stage.clock.advance(1)
    }
    await says('hail')
    await service.receivesNothing()
  })
})
