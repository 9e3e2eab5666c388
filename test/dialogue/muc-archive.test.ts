/** XEP-0313 on a room: what is found, how it is paged, who may read it, and who sees which address. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Element } from '../../src/xml/element.js'
import { administer, configure, found, join, openRooms, room, says } from './muc-stage.js'
import type { Client, Stage } from './stage.js'

let stage: Stage
let alice: Client
let bob: Client

beforeEach(async () => {
  stage = await openRooms({ max_archive_query_results: 5 })
  alice = stage.client('alice')
  bob = stage.client('bob')
  await found(alice, 'ann', { 'muc#roomconfig_persistentroom': '1' })
})
afterEach(() => stage.close())

const form = (fields: Readonly<Record<string, string | readonly string[]>>): string => {
  const xml = Object.entries({ FORM_TYPE: 'urn:xmpp:mam:2', ...fields }).map(([name, value]) => {
    const values = (typeof value === 'string' ? [value] : value).map((each) => `<value>${each}</value>`)
    return `<field var='${name}'>${values.join('')}</field>`
  })
  return `<x xmlns='jabber:x:data' type='submit'>${xml.join('')}</x>`
}

const set = (content: string): string => `<set xmlns='http://jabber.org/protocol/rsm'>${content}</set>`

const query = (content = '', id = 'q'): string =>
  `<iq type='set' id='${id}' to='${room}'><query xmlns='urn:xmpp:mam:2' queryid='f27'>${content}</query></iq>`

interface Page {
  readonly bodies: readonly string[]
  readonly messages: readonly Element[]
  readonly complete: boolean
  readonly first: string | undefined
  readonly last: string | undefined
  readonly count: string | undefined
}

/** Asks, and gathers the results up to the `<fin/>`. */
async function page(client: Client, content = ''): Promise<Page> {
  await client.clears()
  await client.sends(query(content))
  const messages: Element[] = []
  for (;;) {
    const stanza = await client.next()
    if (stanza.name === 'iq') {
      expect(stanza.attrs.type).toBe('result')
      const fin = stanza.getChild('fin', 'urn:xmpp:mam:2')
      const rsm = fin?.getChild('set')
      return {
        bodies: messages.map((message) => message.getChildText('body') ?? message.getChildText('subject') ?? ''),
        messages,
        complete: fin?.attrs.complete === 'true',
        first: rsm?.getChildText('first') ?? undefined,
        last: rsm?.getChildText('last') ?? undefined,
        count: rsm?.getChildText('count') ?? undefined,
      }
    }
    const result = stanza.getChild('result', 'urn:xmpp:mam:2')
    expect(result?.attrs.queryid).toBe('f27')
    messages.push(result?.getChild('forwarded', 'urn:xmpp:forward:0')?.getChild('message') as Element)
  }
}

async function refused(client: Client, stanza: string): Promise<string> {
  await client.clears()
  await client.sends(stanza)
  const answer = await client.next()
  expect(answer.attrs.type).toBe('error')
  const found = answer.getChild('error')?.children.find((node): node is Element => typeof node !== 'string')
  return `${found?.name}/${answer.getChild('error')?.attrs.type}`
}

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `m${from + index}`)

describe('XEP-0313 §4.2 results', () => {
  test('a result is the message as it was said, with its id in the archive, its time and its occupant-id', async () => {
    await join(bob, 'bob')
    await alice.clears()
    await alice.sends(
      `<message to='${room}' type='groupchat' id='orig' xml:lang='en'><body>Hail</body><thread>t</thread></message>`,
    )
    await bob.clears()
    await bob.sends(query())
    await bob.receives(`
      <message from='${room}' to='bob@a.example/phone'>
        <result xmlns='urn:xmpp:mam:2' queryid='f27' id='{$sid}'>
          <forwarded xmlns='urn:xmpp:forward:0'>
            <delay xmlns='urn:xmpp:delay' stamp='{any}'/>
            <message xmlns='jabber:client' from='${room}/ann' type='groupchat' id='orig' xml:lang='en'>
              <body>Hail</body><thread>t</thread>
              <stanza-id xmlns='urn:xmpp:sid:0' by='${room}' id='{$sid}'/>
              <occupant-id xmlns='urn:xmpp:occupant-id:0' id='{any}'/>
            </message>
          </forwarded>
        </result>
      </message>`)
    await bob.receives(`
      <iq type='result' id='q' from='${room}' to='bob@a.example/phone'>
        <fin xmlns='urn:xmpp:mam:2' complete='true'>
          <set xmlns='http://jabber.org/protocol/rsm'>
            <first index='0'>{$sid}</first><last>{$sid}</last><count>1</count>
          </set>
        </fin>
      </iq>`)
  })

  test('the id of a result is the stanza-id that occupants saw', async () => {
    const ids = await says(alice, 'm1', 'm2')
    const { first, last } = await page(alice)
    expect([first, last]).toEqual(ids)
  })

  test('subjects are archived, private messages and chat states are not', async () => {
    await join(bob, 'bob')
    await bob.sends(`<message to='${room}/ann' type='chat'><body>psst</body></message>`)
    await bob.sends(
      `<message to='${room}' type='groupchat'><active xmlns='http://jabber.org/protocol/chatstates'/></message>`,
    )
    await alice.sends(`<message to='${room}' type='groupchat'><subject>Fire</subject></message>`)
    expect((await page(alice)).bodies).toEqual(['Fire'])
  })

  test('an archive that is empty', async () => {
    await alice.sends(query())
    await alice.receives(`
      <iq type='result' id='q' from='${room}' to='alice@a.example/phone'>
        <fin xmlns='urn:xmpp:mam:2' complete='true'>
          <set xmlns='http://jabber.org/protocol/rsm'><count>0</count></set>
        </fin>
      </iq>`)
  })
})

describe('XEP-0313 §4.3 paging', () => {
  let ids: readonly string[]
  beforeEach(async () => {
    ids = await says(alice, ...numbers(1, 12))
  })

  test('§4.3.1 a page has as many results as the service allows, whatever is asked for', async () => {
    const wanted = [await page(alice), await page(alice, set('<max>1000000000</max>'))]
    for (const { bodies, complete, count } of wanted) {
      expect(bodies).toEqual(numbers(1, 5))
      expect(complete).toBe(false)
      expect(count).toBeUndefined()
    }
  })

  test('§4.3.2 from page to page forward, each message once', async () => {
    const seen: string[] = []
    let after = ''
    for (;;) {
      const { bodies, last, complete } = await page(alice, set(`<max>4</max>${after}`))
      seen.push(...bodies)
      if (complete) break
      after = `<after>${last}</after>`
    }
    expect(seen).toEqual(numbers(1, 12))
  })

  test('§4.3.3 from the last page backward; each page is in the order of the archive', async () => {
    const seen: string[][] = []
    let before = '<before/>'
    for (;;) {
      const { bodies, first, complete } = await page(alice, set(`<max>5</max>${before}`))
      seen.unshift([...bodies])
      if (complete) break
      before = `<before>${first}</before>`
    }
    expect(seen).toEqual([numbers(1, 2), numbers(3, 7), numbers(8, 12)])
  })

  test('§4.3.4 a flipped page has the same results, newest first', async () => {
    const { bodies, first, last } = await page(alice, `${set(`<max>3</max><after>${ids[1]}</after>`)}<flip-page/>`)
    expect(bodies).toEqual(['m5', 'm4', 'm3'])
    expect([first, last]).toEqual([ids[2], ids[4]])
  })

  test('XEP-0059 §2.7 no results but whether there are any', async () => {
    const { bodies, complete, first } = await page(alice, set('<max>0</max>'))
    expect([bodies, complete, first]).toEqual([[], false, undefined])
    expect((await page(alice, set(`<max>0</max><after>${ids[11]}</after>`))).complete).toBe(true)
  })

  test.each([
    [set('<after>never-was</after>'), 'item-not-found/cancel'],
    [set('<before>never-was</before>'), 'item-not-found/cancel'],
    [set('<max>many</max>'), 'bad-request/modify'],
    [set('<index>3</index>'), 'feature-not-implemented/cancel'],
  ])('XEP-0059: %s is refused with %s', async (content, expected) => {
    expect(await refused(alice, query(content))).toBe(expected)
  })

  test('§4.1.4 between two messages, one of them, or after one', async () => {
    const between = await page(alice, form({ 'after-id': ids[2]!, 'before-id': ids[6]! }))
    expect(between).toMatchObject({ bodies: numbers(4, 6), complete: true })
    const some = await page(alice, form({ ids: [ids[9]!, ids[0]!, ids[9]!] }))
    expect(some.bodies).toEqual(['m1', 'm10'])
    expect((await page(alice, form({ 'after-id': ids[9]! }))).bodies).toEqual(numbers(11, 12))
    const narrower = await page(alice, form({ 'after-id': ids[2]! }) + set(`<after>${ids[9]}</after>`))
    expect(narrower.bodies).toEqual(numbers(11, 12))
  })

  test.each(['before-id', 'after-id', 'ids'])('§4.1.4 %s of nothing in the archive: item-not-found', async (field) => {
    expect(await refused(alice, query(form({ [field]: 'never-was' })))).toBe('item-not-found/cancel')
  })

  test('more ids than a page has are refused', async () => {
    expect(await refused(alice, query(form({ ids: ids.slice(0, 6) })))).toBe('policy-violation/modify')
  })
})

describe('XEP-0313 §4.1 filters', () => {
  test('§4.1.3 start and end are times of arrival, both included', async () => {
    const times: string[] = []
    for (const body of numbers(1, 4)) {
      stage.clock.advance(60_000)
      times.push(new Date(stage.clock.now()).toISOString())
      await says(alice, body)
    }
    const { bodies } = await page(alice, form({ start: times[1]!, end: times[2]! }))
    expect(bodies).toEqual(['m2', 'm3'])
    expect((await page(alice, form({ start: times[3]! }))).bodies).toEqual(['m4'])
    expect((await page(alice, form({ end: times[0]! }))).bodies).toEqual(['m1'])
  })

  test('§4.1.1 by occupant JID: who spoke under that nick; the room itself said everything', async () => {
    await join(bob, 'bob')
    await says(alice, 'm1')
    await says(bob, 'm2')
    expect((await page(alice, form({ with: `${room}/bob` }))).bodies).toEqual(['m2'])
    expect((await page(alice, form({ with: room }))).bodies).toEqual(['m1', 'm2'])
  })

  test('§4.1.1 by real JID: for those who may know it, and for oneself', async () => {
    await join(bob, 'bob')
    await says(alice, 'm1')
    await says(bob, 'm2')
    expect((await page(alice, form({ with: 'bob@a.example/phone' }))).bodies).toEqual(['m2'])
    expect((await page(bob, form({ with: 'bob@a.example' }))).bodies).toEqual(['m2'])
    expect(await refused(bob, query(form({ with: 'alice@a.example' })))).toBe('forbidden/auth')
  })

  test.each([
    [form({ start: 'yesterday' }), 'bad-request/modify'],
    [form({ with: 'a@@b' }), 'jid-malformed/modify'],
    [form({ '{http://example.com/}mood': 'x' }), 'feature-not-implemented/cancel'],
    [form({ FORM_TYPE: 'urn:xmpp:other' }), 'bad-request/modify'],
  ])('§4.1.6 what cannot be read or is not known: %s', async (content, expected) => {
    expect(await refused(alice, query(content))).toBe(expected)
  })

  test('§4.1.6 the form', async () => {
    await alice.sends(`<iq type='get' id='f' to='${room}'><query xmlns='urn:xmpp:mam:2'/></iq>`)
    const field = (name: string, type: string): string => `<field var='${name}' type='${type}'/>`
    await alice.receives(`
      <iq type='result' id='f' from='${room}' to='alice@a.example/phone'><query xmlns='urn:xmpp:mam:2'>
        <x xmlns='jabber:x:data' type='form'>
          <field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field>
          ${field('with', 'jid-single')}${field('start', 'text-single')}${field('end', 'text-single')}
          ${field('before-id', 'text-single')}${field('after-id', 'text-single')}
          <field var='{urn:xmpp:fulltext:0}fulltext' type='text-single' label='Words to search for'/>
          <field var='ids' type='list-multi'>
            <validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:string'><open/></validate>
          </field>
        </x>
      </query></iq>`)
  })
})

describe('XEP-0313 §5 metadata', () => {
  const metadata = `<iq type='get' id='d' to='${room}'><metadata xmlns='urn:xmpp:mam:2'/></iq>`

  test('of an empty archive, and of one with messages', async () => {
    await alice.sends(metadata)
    await alice.receives(
      `<iq type='result' id='d' from='${room}' to='alice@a.example/phone'><metadata xmlns='urn:xmpp:mam:2'/></iq>`,
    )
    stage.clock.advance(1000)
    const firstAt = new Date(stage.clock.now()).toISOString()
    const [first] = await says(alice, 'm1')
    stage.clock.advance(5000)
    const [last] = await says(alice, 'm2')
    await alice.sends(metadata)
    await alice.receives(`
      <iq type='result' id='d' from='${room}' to='alice@a.example/phone'><metadata xmlns='urn:xmpp:mam:2'>
        <start id='${first}' timestamp='${firstAt}'/>
        <end id='${last}' timestamp='${new Date(stage.clock.now()).toISOString()}'/>
      </metadata></iq>`)
  })
})

describe('XEP-0313 §6.1.2 who may read', () => {
  beforeEach(async () => {
    await says(alice, 'm1')
  })

  test('an open room: occupants and members, nobody else', async () => {
    expect(await refused(bob, query())).toBe('forbidden/auth')
    await join(bob, 'bob')
    expect((await page(bob)).bodies).toEqual(['m1'])
    await administer(alice, `<item affiliation='member' jid='carol@a.example'/>`)
    expect((await page(stage.client('carol'))).bodies).toEqual(['m1'])
  })

  test('a members-only room: members, and nobody else', async () => {
    await configure(alice, { 'muc#roomconfig_membersonly': '1' })
    expect(await refused(bob, query())).toBe('forbidden/auth')
    await administer(alice, `<item affiliation='member' jid='bob@a.example'/>`)
    expect((await page(bob)).bodies).toEqual(['m1'])
  })

  test('a banned user never, and not any more once banned', async () => {
    await join(bob, 'bob')
    expect((await page(bob)).bodies).toEqual(['m1'])
    await administer(alice, `<item affiliation='outcast' jid='bob@a.example'/>`)
    expect(await refused(bob, query())).toBe('forbidden/auth')
  })

  test('a room with a password: a member who did not give it is no reader', async () => {
    await configure(alice, { 'muc#roomconfig_passwordprotectedroom': '1', 'muc#roomconfig_roomsecret': 'cauldron' })
    await administer(alice, `<item affiliation='member' jid='bob@a.example'/>`)
    expect(await refused(bob, query())).toBe('forbidden/auth')
    await join(bob, 'bob', '<password>cauldron</password>')
    expect((await page(bob)).bodies).toEqual(['m1'])
  })

  test('an administrator of the service', async () => {
    expect((await page(stage.client('admin'))).bodies).toEqual(['m1'])
  })

  test('enablelogging off: there is no archive, and disco does not offer one', async () => {
    const disco = async (): Promise<readonly string[]> => {
      await alice.clears()
      await alice.sends(
        `<iq type='get' id='i' to='${room}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`,
      )
      const features = (await alice.next()).getChild('query')?.getChildren('feature') ?? []
      return features.map(({ attrs }) => String(attrs.var)).filter((name) => /^urn:xmpp:(mam|fulltext)/.test(name))
    }
    expect(await disco()).toEqual(['urn:xmpp:mam:2', 'urn:xmpp:mam:2#extended', 'urn:xmpp:fulltext:0'])
    await configure(alice, { 'muc#roomconfig_enablelogging': '0' })
    expect(await disco()).toEqual([])
    expect(await refused(alice, query())).toBe('item-not-found/cancel')
  })
})

describe('XEP-0313 §6.1.2 real JIDs', () => {
  const item = (message: Element | undefined): string | undefined =>
    message?.getChild('x', 'http://jabber.org/protocol/muc#user')?.getChild('item')?.attrs.jid

  test('moderators see them in results, others do not; in a non-anonymous room everybody does', async () => {
    await join(bob, 'bob')
    await says(bob, 'm1')
    expect(item((await page(alice)).messages[0])).toBe('bob@a.example')
    expect(item((await page(bob)).messages[0])).toBeUndefined()
    await configure(alice, { 'muc#roomconfig_whois': 'anyone' })
    expect(item((await page(bob)).messages[0])).toBe('bob@a.example')
  })

  test('what a sender claims of itself is not in the archive', async () => {
    await join(bob, 'bob')
    await bob.sends(`<message to='${room}' type='groupchat'><body>I am the owner</body>
      <x xmlns='http://jabber.org/protocol/muc#user'><item jid='alice@a.example' affiliation='owner'/></x></message>`)
    const carol = stage.client('carol')
    await join(carol, 'carol')
    expect(item((await page(carol)).messages[0])).toBeUndefined()
  })
})

describe('the archive and the disk', () => {
  test('an answer waits for what is being written, and has it', async () => {
    const held = stage.store.hold()
    void alice.sends(`<message to='${room}' type='groupchat'><body>m1</body></message>`)
    const asked = alice.sends(query())
    await alice.receivesNothing()
    held.release()
    await asked
    expect((await alice.next()).getChildText('body')).toBe('m1')
    expect((await alice.next()).getChild('result', 'urn:xmpp:mam:2')).toBeDefined()
    expect((await alice.next()).attrs.type).toBe('result')
  })

  test('what could not be written is answered with an error', async () => {
    stage.store.failing = ['room.log']
    void alice.sends(`<message to='${room}' type='groupchat' id='m'><body>m1</body></message>`)
    await alice.sends(query())
    const answers = [await alice.next(), await alice.next()]
    expect(answers.map(({ attrs }) => `${attrs.id} ${attrs.type}`)).toEqual(['m error', 'q error'])
  })

  test('what cannot be read is answered with an error', async () => {
    await says(alice, 'm1')
    stage.store.failing = 'reads'
    expect(await refused(alice, query())).toBe('internal-server-error/wait')
    stage.store.failing = false
    expect((await page(alice)).bodies).toEqual(['m1'])
  })
})
