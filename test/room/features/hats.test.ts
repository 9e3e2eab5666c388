import { describe, expect, test } from '@jest/globals'
import { readConfig, writeConfig } from '../../../src/dmuc/wire/config.js'
import { defaultConfig, type RoomConfig } from '../../../src/room/index.js'
import { configIq, presence, Stage } from '../stage.js'

const room = 'coven@chat.shakespeare.lit'
const crone = 'crone1@shakespeare.lit/desktop'
const wicca = 'wiccarocks@shakespeare.lit/laptop'
const hag = 'hag66@shakespeare.lit/pda'
const host = 'http://schemas.example.com/hats#host'
const hatsOf = (text: string): string | undefined => /<hats.*<\/hats>/.exec(text)?.[0]

const command = (from: string, name: string, fields?: Readonly<Record<string, string>>, more = ''): string => {
  const xml = Object.entries(fields ?? {}).map(
    ([name, value]) => `<field var='${name}'><value>${value}</value></field>`,
  )
  const form = fields === undefined ? '' : `<x xmlns='jabber:x:data' type='submit'>${xml.join('')}</x>`
  return `<iq xmlns='jabber:client' from='${from}' to='${room}' id='h' type='set'>
    <command xmlns='http://jabber.org/protocol/commands' node='urn:xmpp:hats:commands:${name}'${more}>${form}</command></iq>`
}
const create = (from = crone, title = 'Host', uri = host): string =>
  command(from, 'create', { 'hats#title': title, 'hats#uri': uri, 'hats#hue': '327.255249' })
const assign = (jid = 'hag66@shakespeare.lit', from = crone): string =>
  command(from, 'assign', { 'hats#jid': jid, 'hats#uri': host })
const disco = (from: string, kind: string, node = ''): string =>
  `<iq xmlns='jabber:client' from='${from}' to='${room}' id='d' type='get'>
    <query xmlns='http://jabber.org/protocol/disco#${kind}'${node === '' ? '' : ` node='${node}'`}/></iq>`

function three(): Stage {
  const stage = new Stage().found()
  stage.join(wicca, 'secondwitch')
  stage.join(hag, 'thirdwitch')
  return stage
}

describe('XEP-0317 hats', () => {
  test('§4.2 the form, then the hat: everybody is told that the configuration changed (104)', () => {
    const stage = three()
    const asked = stage.send(command(crone, 'create', undefined, ` action='execute'`))
    expect(asked).toHaveLength(1)
    expect(asked[0]).toMatch(/status='executing'.*var='hats#title'.*<required\/>.*var='hats#uri'.*var='hats#hue'/)
    const lines = stage.send(create())
    expect(lines[0]).toMatch(/^crone1.*status='completed'/)
    expect(lines.slice(1).map((line) => line.replace(/ <- .*<status (.*)\/><\/x>.*/, ' $1'))).toEqual(
      [crone, wicca, hag].map((jid) => `${jid} code='104'`),
    )
    expect(stage.send(disco(hag, 'info'))[0]).toMatch(/var='hats#hash' .*<value>[0-9a-f]{40}<\/value>/)
  })

  test('§4.1 and §4.5 who wears one is shown with it to all, also to those who enter later', () => {
    const stage = three()
    stage.send(create())
    const seen = stage.send(assign()).filter((line) => line.includes('<presence'))
    expect(seen.map((line) => line.split(' <- ')[0]).sort()).toEqual([crone, wicca, hag].sort())
    const expected = `<hats xmlns='urn:xmpp:hats:0'><hat title='Host' uri='${host}' hue='327.255249'/></hats>`
    expect(seen.map(hatsOf)).toEqual([expected, expected, expected])
    const welcome = stage.join('new@shakespeare.lit/x', 'fourth')
    expect(welcome.filter((line) => line.startsWith('new') && hatsOf(line) === expected)).toHaveLength(1)
    const changed = stage.send(create(crone, 'Hostess')).filter((line) => line.includes('<presence'))
    expect(changed).toHaveLength(4)
    expect(changed.every((line) => line.includes("title='Hostess'"))).toBe(true)
  })

  test('§4.6 removed from one, §4.3 destroyed for all', () => {
    const stage = three()
    stage.send(create())
    stage.send(assign())
    stage.send(assign('wiccarocks@shakespeare.lit'))
    const off = stage.send(command(crone, 'unassign', { 'hats#jid': 'hag66@shakespeare.lit', 'hats#uri': host }))
    expect(off.filter((line) => line.includes('<presence') && line.includes('/thirdwitch'))).toHaveLength(3)
    expect(off.some((line) => line.includes('<hats'))).toBe(false)
    const gone = stage.send(command(crone, 'destroy', { 'hats#uri': host }))
    expect(gone.filter((line) => line.includes('<presence') && line.includes('/secondwitch'))).toHaveLength(3)
    expect(stage.state.config.hats).toEqual([])
  })

  test('§4.4 and §4.7 lists: of hats for who is inside, of who wears them for admins', () => {
    const stage = three()
    stage.send(create())
    stage.send(assign())
    expect(stage.send(command(hag, 'list'))[0]).toContain(`<item><field var='hats#title'><value>Host</value></field>`)
    expect(stage.refusal(command('x@y.lit/z', 'list'))).toBe('forbidden/auth')
    expect(stage.refusal(command(hag, 'list-assigned'))).toBe('forbidden/auth')
    expect(stage.send(command(crone, 'list-assigned'))[0]).toContain('<value>hag66@shakespeare.lit</value>')
  })

  test('only admins and owners make and give them; clients cannot claim one', () => {
    const stage = three()
    for (const text of [create(wicca), assign('hag66@shakespeare.lit', wicca), command(wicca, 'destroy')])
      expect(stage.refusal(text)).toBe('forbidden/auth')
    const claimed = `<hats xmlns='urn:xmpp:hats:0'><hat title='King' uri='urn:king'/></hats>`
    const lines = stage.send(presence(room, 'new@shakespeare.lit/x', 'fourth', '', claimed))
    expect(lines.some((line) => line.includes('King'))).toBe(false)
    expect(stage.refusal(configIq(room, crone, { '{urn:xmpp:dmuc-sync:0}hats': '{"uri":"u:x"}' }))).toBe(
      'not-acceptable/modify',
    )
  })

  test.each([
    ['no title', create(crone, ' '), 'not-acceptable/modify'],
    ['a title too long', create(crone, 'x'.repeat(101)), 'not-acceptable/modify'],
    ['a URI that is none', create(crone, 'Host', 'host'), 'not-acceptable/modify'],
    [
      'a hue beyond the circle',
      command(crone, 'create', { 'hats#title': 'x', 'hats#uri': 'u:x', 'hats#hue': '361' }),
      'not-acceptable/modify',
    ],
    ['a hat that is not there', assign(), 'item-not-found/cancel'],
    [
      'an address that is none',
      command(crone, 'assign', { 'hats#jid': 'a b@c', 'hats#uri': 'u:known' }),
      'jid-malformed/modify',
    ],
    ['a command that is none', command(crone, 'burn'), 'item-not-found/cancel'],
    ['XEP-0050 an action that is none', command(crone, 'create', {}, ` action='jump'`), 'bad-request/modify'],
    ['XEP-0050 going back', command(crone, 'create', {}, ` action='prev'`), 'bad-request/modify'],
  ])('%s is refused, and nothing changes', (_what, text, refusal) => {
    const stage = three()
    stage.send(create(crone, 'Known', 'u:known'))
    const before = stage.state
    expect(stage.refusal(text)).toBe(refusal)
    expect(stage.state).toBe(before)
  })

  test('all hats with their wearers have a bound, as each change of the configuration is stored with them', () => {
    const stage = three()
    stage.send(create())
    let refusal = 'ok'
    for (let index = 0; index < 1000 && refusal === 'ok'; index++)
      refusal = stage.refusal(assign(`user${index}@example.org`))
    expect(refusal).toBe('not-acceptable/modify')
    expect(JSON.stringify(stage.state.config.hats).length).toBeLessThanOrEqual(16_000)
  })

  test('XEP-0050 §3 the commands that one may use are listed, and each says what it is; a form is cancelled', () => {
    const stage = three()
    const node = 'http://jabber.org/protocol/commands'
    const nodes = (text: string): string[] =>
      [...text.matchAll(/node='urn:xmpp:hats:commands:([^']*)'/g)].map(([, name]) => String(name))
    expect(nodes(stage.send(disco(crone, 'items', node))[0]!)).toEqual([
      'create',
      'destroy',
      'list',
      'assign',
      'unassign',
      'list-assigned',
    ])
    expect(nodes(stage.send(disco(hag, 'items', node))[0]!)).toEqual(['list'])
    expect(stage.send(disco(crone, 'info', 'urn:xmpp:hats:commands:create'))[0]).toContain("type='command-node'")
    expect(stage.refusal(disco(hag, 'info', 'urn:xmpp:hats:commands:create'))).toBe('item-not-found/cancel')
    expect(stage.send(disco(hag, 'info'))[0]).toMatch(
      /<feature var='http:..jabber.org.protocol.commands'\/>.*<feature var='urn:xmpp:hats:0'\/>/,
    )
    const canceled = stage.send(command(crone, 'create', undefined, ` action='cancel' sessionid='s7'`))
    expect(canceled[0]).toContain("sessionid='s7' status='canceled'")
  })

  test('they travel with the configuration, and what a peer makes up does not', () => {
    const config: RoomConfig = {
      ...defaultConfig,
      hats: [
        { uri: host, title: 'Host', hue: '1', wearers: ['a@b.lit'] },
        { uri: 'u:x', title: 'X', wearers: [] },
      ],
    }
    const form = writeConfig(config)
    expect(readConfig(form, defaultConfig)).toEqual(config)
    const field = form.getChildren('field').find(({ attrs }) => String(attrs.var).endsWith('hats'))!
    for (const lie of ['{', '[]', '{"uri":"u:x"}', '{"uri":"no","title":"x","wearers":[]}', 'null']) {
      field.getChild('value')!.children = [lie]
      expect(readConfig(form, defaultConfig)?.hats).toEqual([])
    }
  })
})

test.each(['Ho\0st', 'Ho\x0bst', 'Ho\ud83dst'])(
  'a hat from another instance with what XML has no characters for is none',
  (title) => {
    const hats = (name: string): RoomConfig => ({ ...defaultConfig, hats: [{ uri: host, title: name, wearers: [] }] })
    expect(readConfig(writeConfig(hats('Host')), defaultConfig)?.hats).toHaveLength(1)
    expect(readConfig(writeConfig(hats(title)), defaultConfig)?.hats ?? []).toEqual([])
    expect(
      readConfig(
        writeConfig({ ...hats('Host'), hats: [{ uri: `${host}${title.slice(2, 3)}`, title: 'Host', wearers: [] }] }),
        defaultConfig,
      )?.hats ?? [],
    ).toEqual([])
  },
)
