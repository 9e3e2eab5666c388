/** XEP-0060 at an account: each request, and each of its refusals. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import {
  answer,
  comesWanting,
  event,
  form,
  get,
  ownerGet,
  ownerSet,
  publish,
  published,
  refused,
  set,
} from './pubsub-stage.js'
import { type Client, Stage, settled } from './stage.js'

let stage: Stage
let alice: Client
let bob: Client

beforeEach(async () => {
  stage = await Stage.open({ accounts: ['alice', 'bob', 'carol'] })
  await stage.befriend('alice', 'bob')
  alice = stage.client('alice')
  bob = stage.client('bob')
})
afterEach(async () => {
  await stage.close()
  expect(stage.errors).toEqual([])
})

const at = 'alice@a.example'
const entry = (text = 'x') => `<entry xmlns='urn:blog'>${text}</entry>`
const item = (id: string, text = id) => `<item id='${id}'>${entry(text)}</item>`
const ownerNs = 'http://jabber.org/protocol/pubsub#owner'

/** `client` sends this and is answered that, and hears nothing else. */
async function asks(client: Client, request: string, expected: string): Promise<void> {
  await client.sends(request)
  await client.receives(expected)
}
const makes = (config: Readonly<Record<string, string>> = {}, node = 'blog') =>
  asks(alice, set(`<create node='${node}'/><configure>${form('node_config', config)}</configure>`), answer(alice))
const publishes = (...ids: readonly string[]) =>
  ids.reduce(
    (before, id) => before.then(() => asks(alice, publish('blog', entry(id), id), published(alice, 'blog', id))),
    Promise.resolve(),
  )
const has = (...ids: readonly string[]) =>
  asks(
    alice,
    get(`<items node='blog'/>`),
    answer(alice, `<items node='blog'>${ids.map((id) => item(id)).join('')}</items>`),
  )
const listen = async () => {
  await comesWanting(bob, 'blog')
  await bob.clears()
}
const hears = (body: string) => bob.receives(event(at, bob.jid, body))

describe('XEP-0060 §6.1 and §6.2: subscribing', () => {
  const subscribe = (jid: string, node = 'blog') => set(`<subscribe node='${node}' jid='${jid}'/>`, at)
  const unsubscribe = (jid: string, more = '') => set(`<unsubscribe node='blog' jid='${jid}'${more}/>`, at)
  const told = (jid: string, state = 'subscribed') =>
    answer(bob, `<subscription node='blog' jid='${jid}' subscription='${state}'/>`, at)

  test('§6.1.2 and §6.2.2 with the bare or the full address; §5.6 subscriptions are listed', async () => {
    await makes({ send_last_published_item: 'never' })
    await asks(bob, subscribe('bob@a.example'), told('bob@a.example'))
    await asks(bob, subscribe(bob.jid), told(bob.jid))
    const both = ['bob@a.example', bob.jid].map(
      (jid) => `<subscription node='blog' jid='${jid}' subscription='subscribed'/>`,
    )
    await asks(bob, get('<subscriptions/>', at), answer(bob, `<subscriptions>${both.join('')}</subscriptions>`, at))
    await asks(bob, unsubscribe('bob@a.example'), told('bob@a.example', 'none'))
    await publishes('one')
    await hears(`<items node='blog'>${item('one')}</items>`)
    await bob.receivesNothing()
    await asks(bob, unsubscribe(bob.jid), told(bob.jid, 'none'))
    await publishes('two')
    await bob.receivesNothing()
  })

  test('§6.1.3 and §6.2.3 what is refused', async () => {
    await makes({ access_model: 'open' })
    await makes({ access_model: 'whitelist' }, 'secret')
    const no = (type: string, condition: string, own = '') => refused(bob, type, condition, own, at)
    await asks(bob, subscribe('carol@a.example'), no('modify', 'bad-request', 'invalid-jid'))
    await asks(bob, subscribe('bob@a.example', 'secret'), no('cancel', 'not-allowed', 'closed-node'))
    await asks(bob, subscribe('bob@a.example', 'none'), no('cancel', 'item-not-found'))
    await asks(bob, set(`<subscribe jid='bob@a.example'/>`, at), no('modify', 'bad-request', 'nodeid-required'))
    await asks(bob, unsubscribe('bob@a.example'), no('cancel', 'unexpected-request', 'not-subscribed'))
    await asks(bob, unsubscribe('carol@a.example'), no('auth', 'forbidden'))
    await asks(bob, set(`<unsubscribe node='none' jid='${bob.jid}'/>`, at), no('cancel', 'item-not-found'))
    await asks(bob, subscribe(bob.jid), told(bob.jid))
    await asks(bob, unsubscribe(bob.jid, ` subid='x'`), no('modify', 'not-acceptable', 'invalid-subid'))
    await asks(
      alice,
      ownerSet(`<affiliations node='blog'><affiliation jid='bob@a.example' affiliation='outcast'/></affiliations>`),
      answer(alice),
    )
    expect((await bob.next()).getChild('pubsub')?.getChild('subscription')?.attrs.subscription).toBe('none')
    await asks(bob, subscribe(bob.jid), no('auth', 'forbidden'))
    const unsupported = `<unsupported xmlns='http://jabber.org/protocol/pubsub#errors' feature='{any}'/>`
    for (const request of [get(`<options node='blog' jid='${bob.jid}'/>`, at), get(`<default/>`, at)])
      await asks(
        bob,
        request,
        `<iq type='error' id='q' from='${at}' to='${bob.jid}'>{...}<error type='cancel'>
          <feature-not-implemented xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>${unsupported}</error></iq>`,
      )
  })

  test('§8.6 and §8.8: authorize: the owner is asked, and lets in', async () => {
    await makes({ access_model: 'authorize' })
    await publishes('one')
    await alice.comesOnline()
    await bob.clears()
    await asks(bob, subscribe('bob@a.example'), told('bob@a.example', 'pending'))
    const question = await alice.next()
    expect(question.getChild('x')?.getChildByAttr('var', 'pubsub#subscriber_jid')?.getChildText('value')).toBe(
      'bob@a.example',
    )
    await asks(bob, subscribe('bob@a.example'), refused(bob, 'auth', 'not-authorized', 'pending-subscription', at))
    await asks(bob, get(`<items node='blog'/>`, at), refused(bob, 'auth', 'not-authorized', 'not-subscribed', at))
    await publishes('two')
    await bob.receivesNothing()
    const all = (state: string) =>
      `<subscriptions node='blog'><subscription jid='bob@a.example' subscription='${state}'/></subscriptions>`
    await asks(alice, ownerGet(`<subscriptions node='blog'/>`), answer(alice, all('pending'), at, ownerNs))
    await bob.comesOnline()
    await alice.clears()
    await alice.sends(
      `<message to='${at}'>${form('subscribe_authorization', { node: 'blog', subscriber_jid: 'bob@a.example', allow: 'true' })}</message>`,
    )
    await alice.receivesNothing()
    await settled()
    expect((await bob.drain()).map(({ children }) => (children[0] as { name: string }).name)).toEqual([
      'pubsub',
      'event',
    ])
    await asks(bob, get(`<items node='blog'/>`, at), answer(bob, `<items node='blog'>${item('two')}</items>`, at))
    await asks(alice, ownerSet(all('none')), answer(alice))
    await bob.clears()
    await asks(bob, subscribe('bob@a.example'), told('bob@a.example', 'pending'))
    await alice.clears()
    await asks(alice, ownerSet(all('subscribed')), answer(alice))
    await asks(alice, ownerGet(`<subscriptions node='blog'/>`), answer(alice, all('subscribed'), at, ownerNs))
  })
})

describe('XEP-0060 §6.5: retrieving items', () => {
  beforeEach(async () => {
    await makes({ max_items: '5' })
    await publishes('a', 'b', 'c', 'd')
  })
  const some = (...ids: readonly string[]) => `<items node='blog'>${ids.map((id) => item(id)).join('')}</items>`
  const rsm = 'http://jabber.org/protocol/rsm'

  test('§6.5.7 the newest, §6.5.8 by id; §6.5.9.12 what is not there is left out', async () => {
    await has('a', 'b', 'c', 'd')
    await asks(alice, get(`<items node='blog' max_items='2'/>`), answer(alice, some('c', 'd')))
    await asks(alice, get(`<items node='blog'><item id='b'/><item id='none'/></items>`), answer(alice, some('b')))
    await asks(alice, get(`<items node='blog'><item id='none'/></items>`), answer(alice, some()))
  })

  test('§6.5.4 by pages (XEP-0059)', async () => {
    const page = (set: string) => get(`<items node='blog'/><set xmlns='${rsm}'>${set}</set>`)
    const set = (first: string, last: string) =>
      `<set xmlns='${rsm}'><first>${first}</first><last>${last}</last><count>4</count></set>`
    await asks(alice, page('<max>2</max><after>a</after>'), answer(alice, some('b', 'c') + set('b', 'c')))
    await asks(alice, page('<max>1</max><before/>'), answer(alice, some('d') + set('d', 'd')))
    await asks(alice, page('<max>0</max>'), answer(alice, `${some()}<set xmlns='${rsm}'><count>4</count></set>`))
    await asks(alice, page('<after>none</after>'), refused(alice, 'cancel', 'item-not-found'))
  })

  test('§6.5.9 what is refused', async () => {
    await asks(alice, get(`<items node='none'/>`), refused(alice, 'cancel', 'item-not-found'))
    await asks(alice, get('<items/>'), refused(alice, 'modify', 'bad-request', 'nodeid-required'))
    await asks(alice, get(`<items node='blog' max_items='x'/>`), refused(alice, 'modify', 'bad-request'))
    const carol = stage.client('carol')
    await asks(
      carol,
      get(`<items node='blog'/>`, at),
      refused(carol, 'auth', 'not-authorized', 'presence-subscription-required', at),
    )
    await makes({ persist_items: '0' }, 'fleeting')
    await alice.sends(get(`<items node='fleeting'/>`))
    expect((await alice.next()).getChild('error')?.getChild('unsupported')?.attrs.feature).toBe('persistent-items')
    await asks(alice, get('<nonsense/>'), refused(alice, 'modify', 'bad-request'))
    await asks(alice, get(''), refused(alice, 'modify', 'bad-request'))
  })

  test('of more than one answer holds the newest are given, and how many there are', async () => {
    const long = 'x'.repeat(150_000)
    await makes({ max_items: '20' }, 'long')
    for (let n = 0; n < 10; n += 1) {
      await alice.sends(publish('long', entry(long), `n${n}`))
      await alice.clears()
    }
    await alice.sends(get(`<items node='long'/>`))
    const pubsub = (await alice.next()).getChild('pubsub')!
    expect(pubsub.getChild('items')?.children).toHaveLength(6)
    expect(pubsub.getChild('set')?.getChildText('count')).toBe('10')
    expect(pubsub.getChild('set')?.getChildText('last')).toBe('n9')
  })
})

describe('XEP-0060 §7: publishing and retracting', () => {
  test('§7.1.2 an item without an id is given one; one with the id of another takes its place, as the newest', async () => {
    await makes({ max_items: '2' })
    await alice.sends(set(`<publish node='blog'><item>${entry()}</item></publish>`))
    const id = (await alice.next()).getChild('pubsub')?.getChild('publish')?.getChild('item')?.attrs.id
    expect(id).toMatch(/./)
    await publishes('a', 'b')
    await has('a', 'b')
    await publishes('a')
    await has('b', 'a')
  })

  test('§7.1.2 a full node retracts the oldest and says so, discards it, or takes nothing more', async () => {
    await makes({ max_items: '2' })
    await publishes('a', 'b')
    await listen()
    await publishes('c')
    await hears(`<items node='blog'>${item('c')}</items>`)
    await hears(`<items node='blog'><retract id='a'/></items>`)
    await alice.sends(
      ownerSet(`<configure node='blog'>${form('node_config', { publish_node_full: 'discard-oldest' })}</configure>`),
    )
    await alice.clears()
    await publishes('d')
    await hears(`<items node='blog'>${item('d')}</items>`)
    await bob.receivesNothing()
    await alice.sends(
      ownerSet(`<configure node='blog'>${form('node_config', { publish_node_full: 'reject' })}</configure>`),
    )
    await alice.clears()
    await asks(alice, publish('blog', entry(), 'e'), refused(alice, 'cancel', 'conflict', 'node-full'))
    await publishes('d')
    await has('c', 'd')
  })

  test('§7.1.3 what is refused', async () => {
    await makes({ type: 'urn:blog' })
    await makes({ persist_items: '0', deliver_payloads: '0' }, 'bell')
    const no = (condition: string, own: string) => refused(alice, 'modify', condition, own)
    const blog = (content: string) => set(`<publish node='blog'>${content}</publish>`)
    await asks(bob, set(`<publish node='blog'>${item('x')}</publish>`, at), refused(bob, 'auth', 'forbidden', '', at))
    await asks(
      bob,
      set(`<publish node='none'>${item('x')}</publish>`, at),
      refused(bob, 'cancel', 'item-not-found', '', at),
    )
    await asks(alice, set(`<publish>${item('x')}</publish>`), no('bad-request', 'nodeid-required'))
    await asks(alice, blog(''), no('bad-request', 'item-required'))
    await asks(alice, blog(`<item id='x'/>`), no('bad-request', 'payload-required'))
    await asks(alice, blog(`<item>${entry()}${entry()}</item>`), no('bad-request', 'invalid-payload'))
    await asks(alice, blog(`<item><other xmlns='urn:other'/></item>`), no('bad-request', 'invalid-payload'))
    await asks(alice, blog(item('x') + item('y')), no('bad-request', 'invalid-payload'))
    await asks(alice, blog(item('x', 'x'.repeat(160_000))), no('not-acceptable', 'payload-too-big'))
    await asks(alice, set(`<publish node='bell'>${item('x')}</publish>`), no('bad-request', 'item-forbidden'))
    await asks(alice, blog(`<item id='${'x'.repeat(1024)}'>${entry()}</item>`), refused(alice, 'modify', 'bad-request'))
    await has()
  })

  test('§4.3 a node that only rings, one that tells only ids, and one that keeps nothing', async () => {
    await makes({ persist_items: '0', deliver_payloads: '0' })
    await listen()
    await asks(alice, set(`<publish node='blog'/>`), answer(alice))
    await hears(`<items node='blog'/>`)
    const configured = async (fields: Readonly<Record<string, string>>) => {
      await alice.sends(ownerSet(`<configure node='blog'>${form('node_config', fields)}</configure>`))
      await alice.clears()
    }
    await configured({ persist_items: '1' })
    await publishes('a')
    await hears(`<items node='blog'><item id='a'/></items>`)
    await configured({ persist_items: '0', deliver_payloads: '1' })
    await publishes('b')
    await hears(`<items node='blog'>${item('b')}</items>`)
    expect((await stage.store.nodes(at))[0]?.items).toEqual([])
    await configured({ deliver_notifications: '0' })
    await publishes('c')
    await bob.receivesNothing()
  })

  test('§7.2 an item is retracted by the owner, or by who published it; it is told where somebody wants that', async () => {
    await makes({ max_items: '5' })
    await publishes('a', 'b')
    await alice.sends(
      ownerSet(`<affiliations node='blog'><affiliation jid='bob@a.example' affiliation='publisher'/></affiliations>`),
    )
    await alice.clears()
    await listen()
    const theirs = set(`<publish node='blog'>${item('c')}</publish>`, at)
    await bob.sends(theirs)
    await bob.receivesAll(
      event(at, bob.jid, `<items node='blog'>${item('c')}</items>`),
      answer(bob, `<publish node='blog'><item id='c'/></publish>`, at),
    )
    const retract = (id: string, more = '') => `<retract node='blog'${more}><item id='${id}'/></retract>`
    await asks(bob, set(retract('a'), at), refused(bob, 'auth', 'forbidden', '', at))
    await asks(bob, set(retract('c', ` notify='0'`), at), answer(bob, '', at))
    await asks(alice, set(retract('a', ` notify='true'`)), answer(alice))
    await hears(`<items node='blog'><retract id='a'/></items>`)
    await has('b')
  })

  test('§7.2.3 what is refused', async () => {
    await makes()
    await makes({ persist_items: '0' }, 'fleeting')
    await publishes('a')
    const retract = (content: string, node = ` node='blog'`) => set(`<retract${node}>${content}</retract>`)
    await asks(alice, retract(`<item id='none'/>`), refused(alice, 'cancel', 'item-not-found'))
    await asks(alice, retract(`<item id='a'/>`, ` node='none'`), refused(alice, 'cancel', 'item-not-found'))
    await asks(alice, retract(`<item id='a'/>`, ''), refused(alice, 'modify', 'bad-request', 'nodeid-required'))
    await asks(alice, retract(''), refused(alice, 'modify', 'bad-request', 'item-required'))
    await asks(alice, retract('<item/>'), refused(alice, 'modify', 'bad-request', 'item-required'))
    await asks(bob, set(`<retract node='blog'><item id='a'/></retract>`, at), refused(bob, 'auth', 'forbidden', '', at))
    await alice.sends(retract(`<item id='a'/>`, ` node='fleeting'`))
    expect((await alice.next()).getChild('error')?.getChild('unsupported')?.attrs.feature).toBe('persistent-items')
    await has('a')
  })
})

describe('XEP-0060 §8: the owner', () => {
  test('§8.1 creates nodes, also without a name', async () => {
    await makes()
    await asks(alice, set(`<create node='blog'/>`), refused(alice, 'cancel', 'conflict'))
    await asks(bob, set(`<create node='mine'/>`, at), refused(bob, 'auth', 'forbidden', '', at))
    await alice.sends(set('<create/>'))
    const node = (await alice.next()).getChild('pubsub')?.getChild('create')?.attrs.node
    expect((await stage.store.nodes(at)).map(({ name }) => name).sort()).toEqual(['blog', node].sort())
  })

  test('§8.2 configures them; §8.3 asks what new ones are like', async () => {
    await makes({ title: 'Musings', max_items: 'max' })
    const values = async (request: string) => {
      await alice.sends(request)
      const form = (await alice.next())
        .getChild('pubsub')
        ?.getChild(request.includes('default') ? 'default' : 'configure')
        ?.getChild('x')
      return Object.fromEntries(
        (form?.getChildren('field') ?? []).map((field) => [field.attrs.var, field.getChildText('value')]),
      )
    }
    const configured = await values(ownerGet(`<configure node='blog'/>`))
    expect(configured).toMatchObject({
      'pubsub#title': 'Musings',
      'pubsub#max_items': 'max',
      'pubsub#access_model': 'presence',
    })
    expect(await values(ownerGet('<default/>'))).toMatchObject({
      'pubsub#max_items': '1',
      'pubsub#send_last_published_item': 'on_sub_and_presence',
    })
    const cancel = `<configure node='blog'><x xmlns='jabber:x:data' type='cancel'/></configure>`
    await asks(alice, ownerSet(cancel), answer(alice))
    const submit = (fields: Readonly<Record<string, string>>, node = 'blog') =>
      ownerSet(`<configure node='${node}'>${form('node_config', fields)}</configure>`)
    await listen()
    await asks(alice, submit({ notify_config: '1', title: 'More' }), answer(alice))
    const changed = await bob.next()
    expect(changed.getChild('event')?.getChild('configuration')?.attrs.node).toBe('blog')
    await asks(alice, submit({ max_items: '0' }), refused(alice, 'modify', 'not-acceptable'))
    await asks(alice, submit({ access_model: 'friends' }), refused(alice, 'modify', 'not-acceptable'))
    await asks(alice, submit({}, 'none'), refused(alice, 'cancel', 'item-not-found'))
    await asks(alice, ownerGet('<configure/>'), refused(alice, 'modify', 'bad-request', 'nodeid-required'))
    await asks(alice, ownerSet(`<configure node='blog'/>`), refused(alice, 'modify', 'bad-request'))
    const request = (body: string) => body.replace(`id='q'`, `id='q' to='${at}'`)
    await asks(bob, request(submit({ title: 'Mine' })), refused(bob, 'auth', 'forbidden', '', at))
    await asks(bob, ownerGet(`<configure node='blog'/>`, at), refused(bob, 'auth', 'forbidden', '', at))
    await asks(bob, ownerGet('<default/>', at), refused(bob, 'auth', 'forbidden', '', at))
  })

  test('§8.2 a smaller node loses its oldest items; one that keeps none, all', async () => {
    await makes({ max_items: '3' })
    await publishes('a', 'b', 'c')
    await asks(
      alice,
      ownerSet(`<configure node='blog'>${form('node_config', { max_items: '1' })}</configure>`),
      answer(alice),
    )
    await has('c')
  })

  test('§8.4 deletes them and §8.5 empties them, and who listens is told', async () => {
    await makes({ max_items: '3' })
    await publishes('a', 'b')
    await listen()
    await asks(bob, ownerSet(`<purge node='blog'/>`, at), refused(bob, 'auth', 'forbidden', '', at))
    await asks(bob, ownerSet(`<delete node='blog'/>`, at), refused(bob, 'auth', 'forbidden', '', at))
    await asks(alice, ownerSet(`<purge node='blog'/>`), answer(alice))
    await hears(`<purge node='blog'/>`)
    await has()
    const redirect = `<redirect uri='xmpp:bob@a.example?;node=blog'/>`
    await asks(alice, ownerSet(`<delete node='blog'>${redirect}</delete>`), answer(alice))
    await hears(`<delete node='blog'>${redirect}</delete>`)
    for (const what of ['purge', 'delete'])
      await asks(alice, ownerSet(`<${what} node='blog'/>`), refused(alice, 'cancel', 'item-not-found'))
    await makes({ persist_items: '0' })
    await alice.sends(ownerSet(`<purge node='blog'/>`))
    expect((await alice.next()).getChild('error')?.getChild('unsupported')?.attrs.feature).toBe('persistent-items')
    expect((await stage.store.nodes(at)).map(({ name, items }) => [name, items])).toEqual([['blog', []]])
  })

  test('§8.9 and §5.7 affiliations', async () => {
    await makes({ access_model: 'whitelist', max_items: '5' })
    await publishes('a')
    const all = (affiliation: string, jid = 'bob@a.example') =>
      `<affiliations node='blog'><affiliation jid='${jid}' affiliation='${affiliation}'/></affiliations>`
    const items = get(`<items node='blog'/>`, at)
    const gets = answer(bob, `<items node='blog'>${item('a')}</items>`, at)
    await asks(alice, ownerSet(all('member')), answer(alice))
    await asks(bob, items, gets)
    await asks(
      bob,
      get('<affiliations/>', at),
      answer(bob, `<affiliations><affiliation node='blog' affiliation='member'/></affiliations>`, at),
    )
    await asks(
      alice,
      ownerGet(`<affiliations node='blog'/>`),
      answer(
        alice,
        `<affiliations node='blog'><affiliation jid='${at}' affiliation='owner'/><affiliation jid='bob@a.example' affiliation='member'/></affiliations>`,
        at,
        ownerNs,
      ),
    )
    await asks(alice, ownerSet(all('publish-only')), answer(alice))
    await asks(bob, items, refused(bob, 'auth', 'forbidden', '', at))
    await bob.sends(set(`<publish node='blog'>${item('b')}</publish>`, at))
    expect((await bob.next()).attrs.type).toBe('result')
    await asks(alice, ownerSet(all('none')), answer(alice))
    await asks(bob, items, refused(bob, 'cancel', 'not-allowed', 'closed-node', at))
    await asks(alice, ownerSet(all('none', at)), refused(alice, 'modify', 'not-acceptable'))
    await asks(alice, ownerSet(all('king')), refused(alice, 'modify', 'bad-request'))
    await asks(bob, ownerGet(`<affiliations node='blog'/>`, at), refused(bob, 'auth', 'forbidden', '', at))
    await asks(
      bob,
      `<iq type='set' id='q' to='${at}'><pubsub xmlns='${ownerNs}'>${all('owner')}</pubsub></iq>`,
      refused(bob, 'auth', 'forbidden', '', at),
    )
  })
})

describe('limits', () => {
  const limited = async (limits: Readonly<Record<string, number>>): Promise<void> => {
    await stage.close()
    stage = await Stage.open({ options: { pep: limits } })
    alice = stage.client('alice')
  }

  test('nodes', async () => {
    await limited({ pep_max_nodes: 2 })
    await makes({}, 'one')
    await makes({}, 'two')
    await asks(
      alice,
      set(`<create node='three'/>`),
      refused(alice, 'wait', 'resource-constraint', 'max-nodes-exceeded'),
    )
    await asks(alice, publish('three', entry()), refused(alice, 'wait', 'resource-constraint', 'max-nodes-exceeded'))
    await asks(alice, publish('two', entry()), published(alice, 'two'))
  })

  test('items of a node, however many it is configured for', async () => {
    await limited({ pep_max_items: 2 })
    await makes({ max_items: 'max' })
    await publishes('a', 'b', 'c')
    await has('b', 'c')
  })

  test('characters of an item, and of all', async () => {
    await limited({ pep_max_payload_size: 100, pep_max_total_size: 150 })
    await makes({ max_items: 'max' })
    await asks(
      alice,
      publish('blog', entry('x'.repeat(100)), 'x'),
      refused(alice, 'modify', 'not-acceptable', 'payload-too-big'),
    )
    await publishes('a', 'b', 'c')
    await asks(alice, publish('blog', entry('x'.repeat(60)), 'd'), refused(alice, 'wait', 'resource-constraint'))
    await publishes('c')
    await has('a', 'b', 'c')
  })

  test('subscriptions', async () => {
    await limited({ pep_max_subscriptions: 1 })
    bob = stage.client('bob')
    await makes({ access_model: 'open' })
    const subscribe = (jid: string) => set(`<subscribe node='blog' jid='${jid}'/>`, at)
    await bob.sends(subscribe('bob@a.example'))
    expect((await bob.next()).attrs.type).toBe('result')
    await asks(bob, subscribe(bob.jid), refused(bob, 'modify', 'policy-violation', 'too-many-subscriptions', at))
  })
})

test('what cannot be kept is not told', async () => {
  await makes()
  await listen()
  stage.store.failing = 'commits'
  await alice.sends(publish('blog', entry()))
  expect((await alice.next()).attrs.type).toBe('error')
  await bob.receivesNothing()
  stage.store.failing = false
  await has()
  stage.errors.length = 0
})
