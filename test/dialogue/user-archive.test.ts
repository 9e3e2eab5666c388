/** XEP-0313 for accounts: what was said is there, for its owner alone, under ids that nobody else can give. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Element } from '../../src/xml/element.js'
import { type Client, Stage } from './stage.js'

const mam = 'urn:xmpp:mam:2'
const sid = 'urn:xmpp:sid:0'

let stage: Stage
let alice: Client
let bob: Client

beforeEach(async () => {
  stage = await Stage.open()
  alice = stage.client('alice', 'desk')
  bob = stage.client('bob', 'phone')
  await bob.comesOnline()
})

afterEach(async () => {
  await stage.close()
  expect(stage.errors).toEqual([])
})

const says = (id: string, more = '', to = 'bob@a.example'): string =>
  `<message to='${to}' type='chat' id='${id}'><body>${id}</body>${more}</message>`

const field = (name: string, value: string): string => `<field var='${name}'><value>${value}</value></field>`
const form = (...fields: readonly string[]): string =>
  `<x xmlns='jabber:x:data' type='submit'>${field('FORM_TYPE', mam)}${fields.join('')}</x>`

/** What the archive gives this client: results as [archive id, message id], and the end of the page. */
async function asks(client: Client, content = ''): Promise<{ results: [string, string][]; fin: Element | undefined }> {
  await client.clears()
  await client.sends(`<iq type='set' id='q'><query xmlns='${mam}'>${content}</query></iq>`)
  const answers = await client.drain()
  const results = answers.flatMap((answer): [string, string][] => {
    const found = answer.getChild('result', mam)
    return found === undefined
      ? []
      : [
          [
            found.attrs.id,
            found.getChild('forwarded', 'urn:xmpp:forward:0')?.getChild('message', 'jabber:client')?.attrs.id,
          ],
        ]
  })
  return { results, fin: answers.find(({ name }) => name === 'iq') }
}

const idsOf = async (client: Client, content?: string): Promise<string[]> =>
  (await asks(client, content)).results.map(([, id]) => id)

describe('XEP-0313 what is kept', () => {
  test('§3.1 a message is in both archives; its recipient learns the id, its sender does not give it away', async () => {
    await alice.sends(says('1'))
    await bob.receives(`
      <message to='bob@a.example' from='alice@a.example/desk' type='chat' id='1'><body>1</body>
        <stanza-id xmlns='${sid}' by='bob@a.example' id='{$archived}'/>
      </message>`)
    expect((await asks(bob)).results).toEqual([[stage.captures.archived, '1']])
    const [sent] = (await asks(alice)).results
    expect(sent?.[1]).toBe('1')
    expect(sent?.[0]).not.toBe(stage.captures.archived)
  })

  test('§4.2 as it was said, and when', async () => {
    await alice.sends(says('1', `<x xmlns='urn:x'><y a='&amp;'/></x><origin-id xmlns='${sid}' id='o'/>`))
    await bob.clears()
    await bob.sends(`<iq type='set' id='q'><query xmlns='${mam}' queryid='f'/></iq>`)
    await bob.receives(`
      <message from='bob@a.example' to='bob@a.example/phone'><result xmlns='${mam}' queryid='f' id='{any}'>
        <forwarded xmlns='urn:xmpp:forward:0'>
          <delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00.000Z'/>
          <message xmlns='jabber:client' to='bob@a.example' from='alice@a.example/desk' type='chat' id='1'>
            <body>1</body><x xmlns='urn:x'><y a='&amp;'/></x><origin-id xmlns='${sid}' id='o'/>
          </message>
        </forwarded></result></message>`)
  })

  test('XEP-0359 §6: an id in the name of the account is forged and removed, one of another stays', async () => {
    const peer = stage.peer('b.example')
    await peer.sends(`
      <message from='dave@b.example/x' to='bob@a.example' type='chat'><body>Hi</body>
        <stanza-id xmlns='${sid}' by='bob@a.example' id='forged'/><stanza-id xmlns='${sid}' by='b.example' id='own'/>
      </message>`)
    await bob.receives(`
      <message from='dave@b.example/x' to='bob@a.example' type='chat'><body>Hi</body>
        <stanza-id xmlns='${sid}' by='b.example' id='own'/><stanza-id xmlns='${sid}' by='bob@a.example' id='{$id}'/>
      </message>`)
    expect(stage.captures.id).not.toBe('forged')
  })

  test('what users send to themselves is there once', async () => {
    await alice.sends(says('note', '', 'alice@a.example'))
    expect(await idsOf(alice)).toEqual(['note'])
    expect(await idsOf(alice, form(field('with', 'alice@a.example')))).toEqual(['note'])
  })

  test.each([
    ['chat', '<body>x</body>', true],
    ['normal', '<body>x</body>', true],
    ['chat', `<received xmlns='urn:xmpp:receipts' id='1'/>`, true],
    ['chat', `<x xmlns='urn:x'/><store xmlns='urn:xmpp:hints'/>`, true],
    ['chat', `<composing xmlns='http://jabber.org/protocol/chatstates'/>`, false],
    ['chat', `<body>x</body><no-store xmlns='urn:xmpp:hints'/>`, false],
    ['chat', `<body>x</body><no-permanent-store xmlns='urn:xmpp:hints'/>`, false],
    ['headline', '<body>x</body>', false],
    ['groupchat', '<body>x</body>', false],
  ])('§6.1 of type %s: %s (%p)', async (type, content, kept) => {
    await alice.sends(`<message to='bob@a.example/phone' type='${type}' id='m'>${content}</message>`)
    expect(await idsOf(bob)).toEqual(kept ? ['m'] : [])
  })

  test('nobody sees what could not be kept, and its sender is told', async () => {
    stage.store.failing = ['archive.add']
    await alice.sends(says('1'))
    stage.store.failing = false
    await bob.receivesNothing()
    expect((await alice.next()).attrs).toMatchObject({ type: 'error', id: '1' })
    stage.errors.length = 0
  })

  test('a message waits for its place in the archive, and what comes after it waits too', async () => {
    const gate = stage.store.hold()
    const sent = [
      alice.sends(says('1')),
      alice.sends(
        `<message to='bob@a.example' type='chat' id='2'><active xmlns='http://jabber.org/protocol/chatstates'/></message>`,
      ),
    ]
    await bob.receivesNothing()
    gate.release()
    await Promise.all(sent)
    expect((await bob.drain()).map(({ attrs }) => attrs.id)).toEqual(['1', '2'])
  })
})

describe('XEP-0313 §4 queries', () => {
  beforeEach(async () => {
    for (const id of ['1', '2', '3']) {
      await alice.sends(says(id))
      stage.clock.advance(60_000)
    }
    await stage.peer('b.example').sends(`
      <message from='dave@b.example/x' to='bob@a.example' type='chat' id='4'><body>4</body></message>`)
  })

  test.each([
    ['', ['1', '2', '3', '4']],
    [form(field('with', 'alice@a.example')), ['1', '2', '3']],
    [form(field('with', 'alice@a.example/desk')), ['1', '2', '3']],
    [form(field('with', 'alice@a.example/other')), []],
    [form(field('start', '2026-01-01T00:01:00Z'), field('end', '2026-01-01T00:02:30Z')), ['2', '3']],
    [`<set xmlns='http://jabber.org/protocol/rsm'><max>2</max></set>`, ['1', '2']],
    [`<set xmlns='http://jabber.org/protocol/rsm'><max>2</max><before/></set>`, ['3', '4']],
    [`<set xmlns='http://jabber.org/protocol/rsm'><max>2</max><before/></set><flip-page/>`, ['4', '3']],
  ])('%s', async (content, found) => {
    expect(await idsOf(bob, content)).toEqual(found)
  })

  test('pages by id, single messages by id, and unknown ids', async () => {
    const { results } = await asks(bob)
    const second = results[1]?.[0] ?? ''
    expect(await idsOf(bob, `<set xmlns='http://jabber.org/protocol/rsm'><after>${second}</after></set>`)).toEqual([
      '3',
      '4',
    ])
    expect(await idsOf(bob, form(field('before-id', second)))).toEqual(['1'])
    expect(await idsOf(bob, form(field('ids', second)))).toEqual(['2'])
    const { fin } = await asks(bob, form(field('ids', 'x')))
    expect(fin?.getChild('error')?.getChild('item-not-found')).toBeDefined()
    const other = await asks(alice, form(field('ids', second)))
    expect(other.fin?.getChild('error')?.getChild('item-not-found')).toBeDefined()
  })

  test('XEP-0431 messages with all the words that are asked for', async () => {
    await alice.sends(
      `<message to='bob@a.example' type='chat' id='5'><body>Fire burn, and cauldron bubble</body></message>`,
    )
    const words = (text: string): string => form(field('{urn:xmpp:fulltext:0}fulltext', text))
    expect(await idsOf(bob, words('bubble FIRE'))).toEqual(['5'])
    expect(await idsOf(bob, words('bubble toil'))).toEqual([])
    await bob.sends(`<iq type='get' id='f'><query xmlns='${mam}'/></iq>`)
    expect(String(await bob.next())).toContain('fulltext')
  })

  test('§5 metadata', async () => {
    await bob.clears()
    await bob.sends(`<iq type='get' id='m'><metadata xmlns='${mam}'/></iq>`)
    await bob.receives(`
      <iq type='result' id='m' from='bob@a.example' to='bob@a.example/phone'><metadata xmlns='${mam}'>
        <start id='{any}' timestamp='2026-01-01T00:00:00.000Z'/><end id='{any}' timestamp='2026-01-01T00:03:00.000Z'/>
      </metadata></iq>`)
  })

  test('nobody else reads it, whatever is asked', async () => {
    await alice.comesOnline()
    for (const [type, payload] of [
      ['set', 'query'],
      ['get', 'query'],
      ['get', 'metadata'],
      ['get', 'prefs'],
      ['set', 'prefs'],
    ]) {
      await alice.sends(`<iq type='${type}' id='q' to='bob@a.example'><${payload} xmlns='${mam}'/></iq>`)
      expect((await alice.next()).getChild('error')?.getChild('forbidden')).toBeDefined()
    }
  })

  test('§7 the account says what it has', async () => {
    await bob.clears()
    await bob.sends(
      `<iq type='get' id='d' to='bob@a.example'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`,
    )
    const features = (await bob.next())
      .getChild('query')
      ?.getChildren('feature')
      .map(({ attrs }) => attrs.var)
    expect(features).toEqual(expect.arrayContaining([mam, `${mam}#extended`, sid]))
  })
})

describe('XEP-0441 preferences', () => {
  const prefs = (policy: string, always = '', never = ''): string =>
    `<prefs xmlns='${mam}' default='${policy}'><always>${always}</always><never>${never}</never></prefs>`

  async function prefers(...[policy, always, never]: Parameters<typeof prefs>): Promise<void> {
    await bob.sends(`<iq type='set' id='p'>${prefs(policy, always, never)}</iq>`)
    await bob.receives(`
      <iq type='result' id='p' from='bob@a.example' to='bob@a.example/phone'>${prefs(policy, always, never)}</iq>`)
  }

  test('at first the default of the host; afterwards what the user said, also after a restart', async () => {
    await bob.sends(`<iq type='get' id='p'><prefs xmlns='${mam}'/></iq>`)
    await bob.receives(`<iq type='result' id='p' from='bob@a.example' to='bob@a.example/phone'>${prefs('always')}</iq>`)
    await prefers('roster', '<jid>dave@b.example</jid>')
    await stage.server.accountChanged('bob@a.example')
    await bob.sends(`<iq type='get' id='p'><prefs xmlns='${mam}'/></iq>`)
    await bob.receives(`
      <iq type='result' id='p' from='bob@a.example' to='bob@a.example/phone'>${prefs('roster', '<jid>dave@b.example</jid>')}</iq>`)
  })

  test('never: nothing, but for those whom the user named; the full address counts before the bare one', async () => {
    await prefers('never', '<jid>alice@a.example</jid>', '<jid>alice@a.example/desk</jid>')
    await alice.sends(says('1'))
    const [message] = await bob.drain()
    expect(message?.getChild('stanza-id', sid)).toBeUndefined()
    await stage.client('alice', 'laptop').sends(says('2'))
    expect(await idsOf(bob)).toEqual(['2'])
  })

  test('roster: contacts only', async () => {
    await prefers('roster')
    await alice.sends(says('1'))
    await bob.sends(`<iq type='set' id='r'><query xmlns='jabber:iq:roster'><item jid='alice@a.example'/></query></iq>`)
    await alice.sends(says('2'))
    expect(await idsOf(bob)).toEqual(['2'])
  })

  test.each([
    [`<prefs xmlns='${mam}' default='sometimes'/>`, 'bad-request'],
    [`<prefs xmlns='${mam}'/>`, 'bad-request'],
    [`<prefs xmlns='${mam}' default='never'><always><jid>@</jid></always></prefs>`, 'jid-malformed'],
    [
      `<prefs xmlns='${mam}' default='never'><always>${[...Array(1001).keys()].map((n) => `<jid>u${n}@x</jid>`).join('')}</always></prefs>`,
      'resource-constraint',
    ],
  ])('refused: %.60s (%s)', async (payload, condition) => {
    await bob.sends(`<iq type='set' id='p'>${payload}</iq>`)
    expect((await bob.next()).getChild('error')?.getChild(condition)).toBeDefined()
  })
})

describe('XEP-0160 offline messages', () => {
  beforeEach(async () => {
    bob.disconnects()
    await alice.sends(says('1'))
  })

  test('who does not read the archive is given them, with their ids', async () => {
    const again = stage.client('bob', 'laptop')
    await again.sends('<presence/>')
    const message = (await again.drain()).find(({ name }) => name === 'message')
    expect(message?.getChild('stanza-id', sid)).toBeDefined()
  })

  test('who reads it finds them there, and not twice', async () => {
    const again = stage.client('bob', 'laptop')
    expect(await idsOf(again)).toEqual(['1'])
    await again.sends('<presence/>')
    expect((await again.drain()).filter(({ name }) => name === 'message')).toEqual([])
    expect(await stage.store.offlineCount('bob@a.example')).toBe(0)
  })
})

test('an account asks a bounded number of questions at a time', async () => {
  await alice.sends(says('1'))
  await bob.clears()
  await Promise.all(
    Array.from({ length: 30 }, (_, n) => bob.sends(`<iq type='set' id='q${n}'><query xmlns='${mam}'/></iq>`)),
  )
  const answers = (await bob.drain()).filter(({ name }) => name === 'iq')
  const refused = answers.filter((answer) => answer.getChild('error')?.getChild('resource-constraint') !== undefined)
  expect([answers.length, refused.length]).toEqual([30, 10])
  expect(await idsOf(bob)).toEqual(['1'])
})
