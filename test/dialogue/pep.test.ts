/** XEP-0163: what a user publishes reaches those who want to hear of it; XEP-0222 and XEP-0223: what is kept for all, and for oneself. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import {
  answer,
  caps,
  comesWanting,
  delay,
  event,
  form,
  get,
  options,
  ownerSet,
  publish,
  published,
  refused,
  set,
  wants,
} from './pubsub-stage.js'
import { addAccount, type Client, type Peer, Stage, settled } from './stage.js'

let stage: Stage
let juliet: Client
let romeo: Client
let nurse: Peer

const tune = 'http://jabber.org/protocol/tune'
const song = (title = 'Introduction') => `<tune xmlns='${tune}'><title>${title}</title></tune>`
const items = (title = 'Introduction', node = tune, id = 'current') =>
  `<items node='${node}'><item id='${id}'>${song(title)}</item></items>`
const told = (to: string, body = items()) => event('juliet@a.example', to, body)
const toldLast = (to: string, body = items()) => event('juliet@a.example', to, body, delay('juliet@a.example'))

beforeEach(async () => {
  stage = await Stage.open({ accounts: ['juliet', 'romeo', 'tybalt'] })
  await stage.befriend('juliet', 'romeo')
  await stage.befriend('juliet', 'nurse@b.example')
  juliet = stage.client('juliet', 'balcony')
  romeo = stage.client('romeo', 'orchard')
  nurse = stage.peer('b.example')
})
afterEach(async () => {
  await stage.close()
  expect(stage.errors).toEqual([])
})

const all = () => [juliet, romeo, nurse]
const clear = () => Promise.all(all().map((each) => each.clears()))
const silence = () => Promise.all(all().map((each) => each.receivesNothing()))
const publishes = async (payload = song(), id?: string, more?: string): Promise<void> => {
  await juliet.sends(publish(tune, payload, id, more))
  await settled()
}

describe('XEP-0163 §4.3: who hears of it', () => {
  test('contacts and own clients that want to, on this server and on others, and nobody else', async () => {
    const chamber = stage.client('juliet', 'chamber')
    await comesWanting(juliet, tune)
    await comesWanting(chamber)
    await comesWanting(romeo, tune)
    await wants(nurse, 'nurse@b.example/chamber', 'juliet@a.example', tune)
    await clear()
    await chamber.clears()
    await publishes()
    await romeo.receives(told(romeo.jid))
    await nurse.receives(told('nurse@b.example/chamber'))
    await juliet.receivesAll(told(juliet.jid), published(juliet, tune))
    await chamber.receivesNothing()
    await silence()
  })

  test('§4.3.4 who comes is told what was published last, once', async () => {
    await publishes(song('First'))
    await publishes()
    await clear()
    await comesWanting(romeo, tune)
    await romeo.receives(toldLast(romeo.jid))
    await romeo.sends(`<presence><show>away</show>${caps(tune)}</presence>`)
    await romeo.clears()
    await wants(nurse, 'nurse@b.example/chamber', 'juliet@a.example', tune, 'urn:other')
    await nurse.receives(toldLast('nurse@b.example/chamber'))
    await comesWanting(juliet, tune, 'urn:third')
    expect((await juliet.drain()).filter(({ name }) => name === 'message')).toHaveLength(1)
  })

  test('a client that begins to want another node is told the last item of that one alone', async () => {
    await publishes()
    await juliet.sends(publish('urn:mood', song('Mood')))
    await comesWanting(romeo, tune)
    await romeo.clears()
    await comesWanting(romeo, tune, 'urn:mood')
    await romeo.receives(toldLast(romeo.jid, items('Mood', 'urn:mood')))
    await romeo.receivesNothing()
  })

  test('who leaves is told no more, and who is not a contact never', async () => {
    const tybalt = stage.client('tybalt', 'street')
    await comesWanting(romeo, tune)
    await comesWanting(tybalt, tune)
    await tybalt.sends(`<presence to='juliet@a.example'>${caps(tune)}</presence>`)
    await romeo.sends(`<presence type='unavailable'/>`)
    await romeo.clears()
    await tybalt.clears()
    await publishes()
    await tybalt.receivesNothing()
    await romeo.receivesNothing()
  })

  test('who is blocked is told nothing (XEP-0191)', async () => {
    await comesWanting(romeo, tune)
    await juliet.sends(
      `<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='romeo@a.example'/></block></iq>`,
    )
    await clear()
    await publishes()
    await romeo.receivesNothing()
  })

  test('who has blocked the user is told nothing, also when the user comes anew (XEP-0191)', async () => {
    await comesWanting(romeo, tune)
    await juliet.comesOnline()
    await publishes()
    await romeo.sends(set(`<subscribe node='${tune}' jid='${romeo.jid}'/>`, 'juliet@a.example'))
    await romeo.sends(
      `<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='juliet@a.example'/></block></iq>`,
    )
    await juliet.sends(`<presence type='unavailable'/>`)
    await juliet.comesOnline()
    await clear()
    await publishes()
    await romeo.receivesNothing()
  })

  test('a client at another server that bounces what it is told is taken for gone', async () => {
    await wants(nurse, 'nurse@b.example/chamber', 'juliet@a.example', tune)
    await publishes()
    expect(await nurse.drain()).toHaveLength(1)
    await nurse.sends(`<message type='error' from='nurse@b.example/chamber' to='juliet@a.example'>
      <error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`)
    await publishes()
    await nurse.receivesNothing()
  })

  test('contacts who came while the account was not in memory are known when its user comes', async () => {
    await comesWanting(romeo, tune)
    await stage.server.accountChanged('juliet@a.example')
    await juliet.comesOnline()
    await romeo.clears()
    await publishes()
    await romeo.receives(told(romeo.jid))
  })

  test('§4.3.2 an explicit subscription needs no presence; its bare address is used where no client is known', async () => {
    await publishes(song('First'), 'current', options({ access_model: 'open' }))
    await clear()
    await nurse.sends(`<iq type='set' id='s' from='stranger@b.example/x' to='juliet@a.example'>
      <pubsub xmlns='http://jabber.org/protocol/pubsub'><subscribe node='${tune}' jid='stranger@b.example'/></pubsub></iq>`)
    await nurse.receivesAll(
      `<iq type='result' id='s' from='juliet@a.example' to='stranger@b.example/x'><pubsub xmlns='http://jabber.org/protocol/pubsub'>
        <subscription node='${tune}' jid='stranger@b.example' subscription='subscribed'/></pubsub></iq>`,
      toldLast('stranger@b.example', items('First')),
    )
    await publishes()
    await nurse.receives(told('stranger@b.example'))
    await nurse.receivesNothing()
  })
})

describe('XEP-0163 §7: access follows the roster', () => {
  const subscriber = (jid: string) => set(`<subscribe node='${tune}' jid='${jid}'/>`, 'juliet@a.example')

  test('who is let in hears the last item, who is put out loses the subscription', async () => {
    await publishes()
    const tybalt = stage.client('tybalt', 'street')
    await juliet.comesOnline()
    await comesWanting(tybalt, tune)
    await tybalt.sends(subscriber('tybalt@a.example'))
    await tybalt.receives(
      refused(tybalt, 'auth', 'not-authorized', 'presence-subscription-required', 'juliet@a.example'),
    )
    for (const [one, other] of [
      [tybalt, 'juliet'],
      [juliet, 'tybalt'],
    ] as const) {
      await one.sends(`<presence type='subscribe' to='${other}@a.example'/>`)
      await (one === juliet ? tybalt : juliet).sends(
        `<presence type='subscribed' to='${one === juliet ? 'juliet' : 'tybalt'}@a.example'/>`,
      )
    }
    await settled()
    const events = (await tybalt.drain()).filter((stanza) => stanza.getChild('event') !== undefined)
    expect(events).toHaveLength(1)
    await tybalt.sends(subscriber('tybalt@a.example'))
    await tybalt.clears()
    await juliet.sends(`<presence type='unsubscribed' to='tybalt@a.example'/>`)
    await settled()
    const cancelled = (await tybalt.drain()).find(({ name }) => name === 'message')
    expect(cancelled?.getChild('pubsub')?.getChild('subscription')?.attrs.subscription).toBe('none')
    await tybalt.sends(get('<subscriptions/>', 'juliet@a.example'))
    await tybalt.receives(answer(tybalt, '<subscriptions/>', 'juliet@a.example'))
    await publishes()
    await tybalt.receivesNothing()
  })

  test('groups of the roster', async () => {
    const inGroup = (group: string) =>
      juliet.sends(
        `<iq type='set' id='r'><query xmlns='jabber:iq:roster'><item jid='romeo@a.example'><group>${group}</group></item></query></iq>`,
      )
    await juliet.sends(
      set(
        `<create node='${tune}'/><configure>${form('node_config', { access_model: 'roster', roster_groups_allowed: 'Friends' })}</configure>`,
      ),
    )
    await inGroup('Foes')
    await publishes()
    await comesWanting(romeo, tune)
    await romeo.clears()
    await romeo.sends(get(`<items node='${tune}'/>`, 'juliet@a.example'))
    await romeo.receives(refused(romeo, 'auth', 'not-authorized', 'not-in-roster-group', 'juliet@a.example'))
    await publishes()
    await romeo.receivesNothing()
    await inGroup('Friends')
    await romeo.receives(toldLast(romeo.jid))
    await publishes()
    await romeo.receives(told(romeo.jid))
    await romeo.sends(get(`<items node='${tune}'/>`, 'juliet@a.example'))
    await romeo.receives(answer(romeo, items(), 'juliet@a.example'))
  })
})

describe('XEP-0163 §6: the service of an account', () => {
  const info = (jid: string, node = '') =>
    `<iq type='get' id='q' to='${jid}'><query xmlns='http://jabber.org/protocol/disco#info'${node}/></iq>`

  test('§6.1 says that it is one, and which nodes the asker may have', async () => {
    await juliet.sends(info('juliet@a.example'))
    const query = (await juliet.next()).getChild('query')!
    expect(query.getChildByAttr('category', 'pubsub')?.attrs.type).toBe('pep')
    expect(query.getChildByAttr('var', 'http://jabber.org/protocol/pubsub#publish-options')).toBeDefined()
    await publishes()
    await juliet.sends(publish('urn:secret', song(), 'x', options({ access_model: 'whitelist' })))
    await clear()
    const nodes = `<iq type='get' id='q' to='juliet@a.example'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>`
    await juliet.sends(nodes)
    expect((await juliet.next()).getChild('query')?.children).toHaveLength(2)
    await romeo.sends(nodes)
    await romeo.receives(`<iq type='result' id='q' from='juliet@a.example' to='${romeo.jid}'>
      <query xmlns='http://jabber.org/protocol/disco#items'><item jid='juliet@a.example' node='${tune}'/></query></iq>`)
    await romeo.sends(info('juliet@a.example', ` node='${tune}'`))
    expect((await romeo.next()).getChild('query')?.getChild('identity')?.attrs.type).toBe('leaf')
    await romeo.sends(info('juliet@a.example', ` node='urn:secret'`))
    expect((await romeo.next()).getChild('error')?.getChild('item-not-found')).toBeDefined()
  })

  test('what was published is there after a restart', async () => {
    await publishes()
    await clear()
    await stage.server.accountChanged('juliet@a.example')
    await romeo.sends(get(`<items node='${tune}'/>`, 'juliet@a.example'))
    await romeo.receives(answer(romeo, items(), 'juliet@a.example'))
  })

  test('a deleted account leaves nothing to the next of its name', async () => {
    await publishes(song(), 'current', options({ access_model: 'open' }))
    await clear()
    await stage.store.commit([{ type: 'account.delete', jid: 'juliet@a.example' }])
    await stage.server.accountChanged('juliet@a.example')
    await addAccount(stage.store, 'juliet@a.example')
    await romeo.sends(get(`<items node='${tune}'/>`, 'juliet@a.example'))
    await romeo.receives(refused(romeo, 'cancel', 'item-not-found', '', 'juliet@a.example'))
  })
})

describe('XEP-0222 and XEP-0223: publish-options', () => {
  test('XEP-0222 §3 what is public is had by strangers, too', async () => {
    const tybalt = stage.client('tybalt', 'street')
    await publishes(song(), 'current', options({ persist_items: 'true', access_model: 'open' }))
    await tybalt.sends(get(`<items node='${tune}'/>`, 'juliet@a.example'))
    await tybalt.receives(answer(tybalt, items(), 'juliet@a.example'))
  })

  test('XEP-0223 §3 what is private nobody else has or hears of', async () => {
    const chamber = stage.client('juliet', 'chamber')
    await comesWanting(chamber, tune)
    await comesWanting(romeo, tune)
    await chamber.clears()
    await romeo.clears()
    await publishes(song(), 'current', options({ persist_items: 'true', access_model: 'whitelist' }))
    await chamber.receives(told(chamber.jid))
    await romeo.receivesNothing()
    await romeo.sends(get(`<items node='${tune}'/>`, 'juliet@a.example'))
    await romeo.receives(refused(romeo, 'cancel', 'not-allowed', 'closed-node', 'juliet@a.example'))
  })

  test('§7.1.5 of XEP-0060: a node that is otherwise is not published to; one that is configured so, is', async () => {
    await publishes()
    await clear()
    const asPrivate = publish(tune, song('Secret'), 'x', options({ access_model: 'whitelist' }))
    await juliet.sends(asPrivate)
    await juliet.receives(refused(juliet, 'cancel', 'conflict', 'precondition-not-met'))
    await juliet.sends(
      ownerSet(`<configure node='${tune}'>${form('node_config', { access_model: 'whitelist' })}</configure>`),
    )
    await juliet.receives(answer(juliet))
    await juliet.sends(asPrivate)
    await juliet.receives(published(juliet, tune, 'x'))
  })

  test.each([
    ['a field that there is not', { colour: 'blue' }, 'conflict', 'cancel'],
    ['a value that there is not', { access_model: 'friends' }, 'not-acceptable', 'modify'],
  ])('%s is refused', async (_name, wanted: Record<string, string>, condition, type) => {
    await juliet.sends(publish(tune, song(), 'x', options(wanted)))
    await juliet.receives(refused(juliet, type, condition, condition === 'conflict' ? 'precondition-not-met' : ''))
    expect(await stage.store.nodes('juliet@a.example')).toEqual([])
  })

  test('keys of OMEMO: a list of devices that contacts hear of, and bundles that strangers fetch, old and new', async () => {
    const open = (more = {}) => options({ access_model: 'open', persist_items: 'true', ...more })
    const old = 'eu.siacs.conversations.axolotl'
    const now = 'urn:xmpp:omemo:2'
    await comesWanting(romeo, `${old}.devicelist`, `${now}:devices`)
    await romeo.clears()
    for (const [node, id, payload, wanted] of [
      [`${old}.bundles:31415`, 'current', `<bundle xmlns='${old}'><identityKey>AAAA</identityKey></bundle>`, open()],
      [`${old}.devicelist`, 'current', `<list xmlns='${old}'><device id='31415'/></list>`, open()],
      [`${now}:bundles`, '31415', `<bundle xmlns='${now}'><ik>AAAA</ik></bundle>`, open({ max_items: 'max' })],
      [`${now}:bundles`, '27182', `<bundle xmlns='${now}'><ik>BBBB</ik></bundle>`, open({ max_items: 'max' })],
      [`${now}:devices`, 'current', `<devices xmlns='${now}'><device id='31415' label='Phone'/></devices>`, open()],
    ] as const) {
      await juliet.sends(publish(node, payload, id, wanted))
      await juliet.receives(published(juliet, node, id))
    }
    await settled()
    const heard = (await romeo.drain()).map((stanza) => stanza.getChild('event')?.getChild('items')?.attrs.node)
    expect(heard).toEqual([`${old}.devicelist`, `${now}:devices`])
    const tybalt = stage.client('tybalt', 'street')
    await tybalt.sends(get(`<items node='${now}:bundles'><item id='31415'/></items>`, 'juliet@a.example'))
    const bundle = `<items node='${now}:bundles'><item id='31415'><bundle xmlns='${now}'><ik>AAAA</ik></bundle></item></items>`
    await tybalt.receives(answer(tybalt, bundle, 'juliet@a.example'))
    await nurse.sends(`<iq type='get' id='k' from='stranger@b.example/x' to='juliet@a.example'>
      <pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='${old}.bundles:31415'/></pubsub></iq>`)
    expect((await nurse.next()).getChild('pubsub')?.getChild('items')?.children).toHaveLength(1)
  })

  test('max_items is as many as there may be, by whatever name', async () => {
    const many = (value: string) => publish(tune, song(value), value, options({ max_items: value }))
    for (const value of ['max', '1000', '5000']) {
      await juliet.sends(many(value))
      await juliet.receives(published(juliet, tune, value))
    }
    await juliet.sends(many('10'))
    await juliet.receives(refused(juliet, 'cancel', 'conflict', 'precondition-not-met'))
  })
})
