/** XEP-0402 bookmarks, which clients of XEP-0048 have as a list, in private storage (XEP-0049, XEP-0411) or as an item. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { answer, comesWanting, event, get, options, publish, published, refused, set } from './pubsub-stage.js'
import { type Client, Stage, settled } from './stage.js'

let stage: Stage
let modern: Client
let old: Client

beforeEach(async () => {
  stage = await Stage.open({ accounts: ['juliet', 'romeo'] })
  await stage.befriend('juliet', 'romeo')
  modern = stage.client('juliet', 'modern')
  old = stage.client('juliet', 'old')
})
afterEach(async () => {
  await stage.close()
  expect(stage.errors).toEqual([])
})

const node = 'urn:xmpp:bookmarks:1'
const wanted = options({
  persist_items: 'true',
  max_items: 'max',
  send_last_published_item: 'never',
  access_model: 'whitelist',
})
const play = 'theplay@conference.shakespeare.lit'
const orchard = 'orchard@conference.shakespeare.lit'
const playItem = `<conference xmlns='${node}' name='The Play' autojoin='true'><nick>JC</nick></conference>`
const orchardItem = `<conference xmlns='${node}' name='The Orchard'><nick>JC</nick><password>pomegranate</password><extensions><state xmlns='urn:client' minimized='true'/></extensions></conference>`
const playOld = `<conference jid='${play}' name='The Play' autojoin='true'><nick>JC</nick></conference>`
const orchardOld = `<conference jid='${orchard}' name='The Orchard'><nick>JC</nick><password>pomegranate</password></conference>`
const url = `<url name='Complete Works' url='http://globe-theatre.lit/'/>`
const storage = (...rooms: readonly string[]) => `<storage xmlns='storage:bookmarks'>${rooms.join('')}</storage>`

const marks = async (jid = play, payload = playItem) => {
  await modern.sends(publish(node, payload, jid, wanted))
  await modern.receives(published(modern, node, jid))
}
const reads = async (...items: readonly (readonly [string, string])[]) => {
  await settled()
  await modern.clears()
  await modern.sends(get(`<items node='${node}'/>`))
  const listed = items.map(([jid, payload]) => `<item id='${jid}'>${payload}</item>`)
  await modern.receives(answer(modern, `<items node='${node}'>${listed.join('')}</items>`))
}
const privately = (type: string, payload = storage()) =>
  old.sends(`<iq type='${type}' id='q'><query xmlns='jabber:iq:private'>${payload}</query></iq>`)
const readsPrivately = async (list: string) => {
  await settled()
  await old.clears()
  await privately('get')
  await old.receives(
    `<iq type='result' id='q' from='juliet@a.example' to='${old.jid}'><query xmlns='jabber:iq:private'>${list}</query></iq>`,
  )
}

test('XEP-0402 §3: bookmarks are added, edited and removed one by one, and the other clients of the user hear of it', async () => {
  const romeo = stage.client('romeo')
  await comesWanting(romeo, node)
  await comesWanting(old, node)
  await romeo.clears()
  await old.clears()
  const told = (body: string) =>
    old.receives(event('juliet@a.example', old.jid, `<items node='${node}'>${body}</items>`))
  await marks()
  await told(`<item id='${play}'>${playItem}</item>`)
  await marks(orchard, orchardItem)
  await told(`<item id='${orchard}'>${orchardItem}</item>`)
  await modern.sends(set(`<retract node='${node}' notify='true'><item id='${play}'/></retract>`))
  await modern.receives(answer(modern))
  await told(`<retract id='${play}'/>`)
  await reads([orchard, orchardItem])
  await romeo.sends(get(`<items node='${node}'/>`, 'juliet@a.example'))
  await romeo.receives(refused(romeo, 'cancel', 'not-allowed', 'closed-node', 'juliet@a.example'))
})

test('XEP-0411 and XEP-0049: a client that keeps a list privately sees what others bookmarked, and they what it did', async () => {
  await readsPrivately(storage())
  await marks()
  await marks(orchard, orchardItem)
  await readsPrivately(storage(playOld, orchardOld))
  await privately('set', storage(playOld.replace('The Play', 'Hamlet'), orchardOld, url))
  await readsPrivately(storage(orchardOld, playOld.replace('The Play', 'Hamlet'), url))
  // What only the newer clients know has stayed.
  await reads([orchard, orchardItem], [play, playItem.replace('The Play', 'Hamlet')])
  await privately('set', storage(orchardOld))
  await reads([orchard, orchardItem])
  await readsPrivately(storage(orchardOld))
})

test('a list that is written first makes a private node; what is no room’s address is left out', async () => {
  await privately('set', storage(playOld, `<conference jid='@'/>`, `<conference/>`))
  await reads([play, playItem])
  const romeo = stage.client('romeo')
  await romeo.sends(get(`<items node='${node}'/>`, 'juliet@a.example'))
  await romeo.receives(refused(romeo, 'cancel', 'not-allowed', 'closed-node', 'juliet@a.example'))
})

test('XEP-0048 §3: the list as an item, whose changes are told', async () => {
  await comesWanting(old, 'storage:bookmarks')
  await old.clears()
  const list = (...rooms: readonly string[]) =>
    `<items node='storage:bookmarks'><item id='current'>${storage(...rooms)}</item></items>`
  await marks()
  await old.receives(event('juliet@a.example', old.jid, list(playOld)))
  await old.sends(publish('storage:bookmarks', storage(playOld, orchardOld)))
  await old.receivesAll(
    published(old, 'storage:bookmarks'),
    event('juliet@a.example', old.jid, list(playOld, orchardOld)),
  )
  await old.sends(get(`<items node='storage:bookmarks'/>`))
  await old.receives(answer(old, list(playOld, orchardOld)))
  const romeo = stage.client('romeo')
  await romeo.sends(get(`<items node='storage:bookmarks'/>`, 'juliet@a.example'))
  await romeo.receives(refused(romeo, 'cancel', 'item-not-found', '', 'juliet@a.example'))
})

test('XEP-0402 §5 and XEP-0411 §3: the account says so', async () => {
  await modern.sends(
    `<iq type='get' id='q' to='juliet@a.example'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`,
  )
  const query = (await modern.next()).getChild('query')!
  for (const feature of [`${node}#compat`, `${node}#compat-pep`, 'urn:xmpp:bookmarks-conversion:0'])
    expect(query.getChildByAttr('var', feature)).toBeDefined()
})

describe('a list that was kept privately before there were bookmarks as items', () => {
  const keepsOld = async (): Promise<void> => {
    const value = storage(playOld.replace('The Play', 'An old name'), orchardOld, url)
    const key = 'storage storage:bookmarks'
    await stage.store.commit([{ type: 'data.put', owner: 'juliet@a.example', kind: 'private', key, value }])
    await stage.server.accountChanged('juliet@a.example')
  }
  const orchardNew = orchardItem.replace(/<extensions>.*<\/extensions>/, '')

  test('is there as both when the first client comes, and nothing that was bookmarked since is lost', async () => {
    await marks()
    await keepsOld()
    modern = stage.client('juliet', 'modern2')
    await reads([play, playItem], [orchard, orchardNew])
    await readsPrivately(storage(playOld, orchardOld, url))
  })

  test('is taken up once: what was removed does not come back', async () => {
    await keepsOld()
    modern = stage.client('juliet', 'modern2')
    await modern.sends(set(`<retract node='${node}'><item id='${orchard}'/></retract>`))
    await stage.server.accountChanged('juliet@a.example')
    modern = stage.client('juliet', 'modern3')
    await reads([play, playItem.replace('The Play', 'An old name')])
  })

  test('stays where it is until it can be written', async () => {
    await keepsOld()
    stage.store.failing = 'commits'
    stage.client('juliet', 'modern2')
    await settled()
    expect(stage.errors.splice(0)).toEqual(['What was kept privately could not be converted'])
    stage.store.failing = false
    await stage.server.accountChanged('juliet@a.example')
    modern = stage.client('juliet', 'modern3')
    await readsPrivately(storage(playOld.replace('The Play', 'An old name'), orchardOld, url))
  })
})

test('what cannot be kept changes nothing', async () => {
  await marks()
  stage.store.failing = 'commits'
  await privately('set', storage(orchardOld))
  expect((await old.next()).attrs.type).toBe('error')
  stage.store.failing = false
  await reads([play, playItem])
  stage.errors.length = 0
})
