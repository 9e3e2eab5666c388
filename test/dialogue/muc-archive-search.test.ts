/** XEP-0431: Full Text Search in MAM, on a room; and what an archive that was off in between shows (enablelogging). */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Element } from '../../src/xml/element.js'
import { administer, configure, found, join, openRooms, room, say, says } from './muc-stage.js'
import { type Client, type Stage, settled } from './stage.js'

let stage: Stage
let alice: Client
let bob: Client

beforeEach(async () => {
  stage = await openRooms({ max_archive_query_results: 3, log_expires_after_days: 3 })
  alice = stage.client('alice')
  bob = stage.client('bob')
  await found(alice, 'ann', { 'muc#roomconfig_persistentroom': '1' })
})
afterEach(() => stage.close())

const field = (name: string, value: string): string => `<field var='${name}'><value>${value}</value></field>`
const fullText = '{urn:xmpp:fulltext:0}fulltext'

const asked = (text: string | undefined, more = '', rsm = ''): string =>
  `<iq type='set' id='q' to='${room}'><query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='submit'>
    ${field('FORM_TYPE', 'urn:xmpp:mam:2')}${text === undefined ? '' : field(fullText, text)}${more}</x>${rsm}</query></iq>`

/** The bodies that are found, or the condition of the refusal; with what the `<fin/>` says. */
async function search(client: Client, ...query: Parameters<typeof asked>): Promise<readonly unknown[] | string> {
  await client.clears()
  await client.sends(asked(...query))
  const bodies: unknown[] = []
  for (;;) {
    const stanza = await client.next()
    const error = stanza.getChild('error')?.children[0] as Element | undefined
    if (error !== undefined) return error.name
    const result = stanza.getChild('result', 'urn:xmpp:mam:2')
    if (result === undefined) return bodies
    bodies.push(result.getChild('forwarded', 'urn:xmpp:forward:0')?.getChild('message')?.getChildText('body'))
  }
}

describe('XEP-0431', () => {
  beforeEach(async () => {
    await join(bob, 'bob')
    await says(alice, 'Double, double', 'toil and trouble')
    await says(bob, 'Fire burn', 'and cauldron bubble', 'double trouble')
  })

  test('what has all the words, together with other fields, page by page', async () => {
    expect(await search(alice, 'trouble')).toEqual(['toil and trouble', 'double trouble'])
    expect(await search(alice, 'TROUBLE double')).toEqual(['double trouble'])
    expect(await search(alice, '"double double"')).toEqual(['Double, double'])
    expect(await search(alice, 'caul*')).toEqual(['and cauldron bubble'])
    expect(await search(alice, 'trouble', field('with', `${room}/bob`))).toEqual(['double trouble'])
    const rsm = "<set xmlns='http://jabber.org/protocol/rsm'><max>1</max><before/></set>"
    expect(await search(alice, 'and', '', rsm)).toEqual(['and cauldron bubble'])
  })

  test('an empty field is none', async () => {
    expect(await search(alice, '')).toHaveLength(3)
  })

  test('what cannot be looked for is refused', async () => {
    for (const text of ['?!', '"double', 'd*', 'x'.repeat(501), Array.from({ length: 21 }, (_, n) => n).join(' ')])
      expect([text, await search(alice, text)]).toEqual([text, 'bad-request'])
  })

  test('who may not read may not search', async () => {
    await administer(alice, `<item affiliation='outcast' jid='bob@a.example'/>`)
    expect(await search(bob, 'trouble')).toBe('forbidden')
    expect(await search(stage.client('carol'), 'trouble')).toBe('forbidden')
  })
})

describe('muc#roomconfig_enablelogging', () => {
  const archive = (on: boolean): Promise<void> => configure(alice, { 'muc#roomconfig_enablelogging': on ? '1' : '0' })

  test('what was said while it was off is not in the archive later; what was said before is again', async () => {
    await says(alice, 'before')
    await archive(false)
    const [secret] = await says(alice, 'between us')
    expect(await search(alice, undefined)).toBe('item-not-found')
    await archive(true)
    await says(alice, 'after')
    expect(await search(alice, undefined)).toEqual(['before', 'after'])
    expect(await search(alice, 'us')).toEqual([])
    expect(await search(alice, undefined, field('ids', secret!))).toBe('item-not-found')
  })

  test('newcomers still see it in the history, also after a restart', async () => {
    await archive(false)
    await says(alice, 'between us')
    const { store } = stage
    await stage.server.close()
    stage = await openRooms({}, { store, accounts: [] })
    bob = stage.client('bob')
    await join(bob, 'bob')
    expect((await bob.drain()).map((stanza) => stanza.getChildText('body'))).toContain('between us')
  })
})

describe('archive_expires_after', () => {
  const dayMs = 86_400_000
  const hours = async (count: number): Promise<void> => {
    for (let hour = 0; hour < count; hour += 1) {
      stage.clock.advance(dayMs / 24)
      await settled()
    }
  }
  const onDisk = async (): Promise<number> => (await stage.store.log(room, { types: ['message'], limit: 9 })).length

  test('what is older is erased, from archive, history and disk; what is younger is not', async () => {
    await configure(alice, { archive_expires_after: '2' })
    await says(alice, 'old')
    await hours(24)
    await says(alice, 'young')
    expect(await search(alice, undefined)).toEqual(['old', 'young'])
    await hours(26)
    expect(await search(alice, undefined)).toEqual(['young'])
    expect(await onDisk()).toBe(1)
    await join(bob, 'bob')
    expect((await bob.drain()).map((stanza) => stanza.getChildText('body'))).not.toContain('old')
  })

  test('a day later it leaves the log, with what was decided before it', async () => {
    await configure(alice, { archive_expires_after: '2' })
    await says(alice, 'old')
    const all = { types: ['message', 'config', 'register'], includeVoid: true, limit: 9 }
    const before = (await stage.store.log(room, all)).length
    await hours(60)
    expect(await stage.store.log(room, all)).toHaveLength(before)
    await hours(14)
    expect(await stage.store.log(room, all)).toEqual([])
    await says(alice, 'new')
    expect((await stage.store.log(room, all)).map(({ seq }) => seq)).toHaveLength(1)
    expect((await stage.store.loadRoom(room, 9))?.vector).toMatchObject([{ contiguous: before + 1 }])
  })

  test('in a room that nobody is in, too; a room without it keeps everything', async () => {
    await configure(alice, { archive_expires_after: '2' })
    await says(alice, 'old')
    const keeps = 'cellar@rooms.a.example'
    await join(alice, 'ann', '', keeps)
    await alice.sends(`<iq type='set' id='c' to='${keeps}'><query xmlns='http://jabber.org/protocol/muc#owner'>
      <x xmlns='jabber:x:data' type='submit'>${field('FORM_TYPE', 'http://jabber.org/protocol/muc#roomconfig')}
      ${field('muc#roomconfig_persistentroom', '1')}</x></query></iq>`)
    await say(alice, 'for ever', keeps)
    for (const jid of [room, keeps]) await alice.sends(`<presence type='unavailable' to='${jid}/ann'/>`)
    await hours(75)
    expect(await onDisk()).toBe(0)
    expect((await stage.store.log(keeps, { types: ['message'], limit: 9 })).length).toBe(1)
  })

  test('what was said while the archive was off is erased after a day', async () => {
    await configure(alice, { 'muc#roomconfig_enablelogging': '0' })
    await says(alice, 'between us')
    await hours(20)
    expect(await onDisk()).toBe(1)
    await hours(6)
    expect(await onDisk()).toBe(0)
  })

  test('a bad value is refused', async () => {
    await configure(alice, { archive_expires_after: 'soon' })
    expect((await alice.next()).attrs.type).toBe('error')
  })
})
