import { describe, expect, test } from '@jest/globals'
import { readConfig, writeConfig } from '../../../src/dmuc/wire/config.js'
import { defaultConfig, type RoomConfig } from '../../../src/room/index.js'
import { Stage } from '../stage.js'

const room = 'coven@chat.shakespeare.lit'
const crone = 'crone1@shakespeare.lit/desktop'
const hag = 'hag66@shakespeare.lit/pda'

/** XEP-0486 example 3 and its digest, example 9. */
const svg =
  'PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHdpZHRoPSIzMiIgaGVpZ2h0PSIzMiI+CiA8cmVjdCB4PSIwIiB5PSIwIiB3aWR0aD0iMzIiIGhlaWdodD0iMzIiIGZpbGw9InJlZCIvPgo8L3N2Zz4K'
const svgDigest = 'a31c4bd04de69663cfd7f424a8453f4674da37ff'

const photo = (data = svg, type = 'image/svg+xml'): string =>
  `<PHOTO><TYPE>${type}</TYPE><BINVAL>${data}</BINVAL></PHOTO>`
const set = (content: string, from = crone): string =>
  `<iq xmlns='jabber:client' from='${from}' to='${room}' id='v' type='set'><vCard xmlns='vcard-temp'>${content}</vCard></iq>`
const info = `<iq xmlns='jabber:client' from='${hag}' to='${room}' id='d' type='get'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`

function two(): Stage {
  const stage = new Stage().found()
  stage.join(hag, 'thirdwitch')
  return stage
}

describe('XEP-0486 avatars of rooms', () => {
  test('§4.2 and §4.3 set by an owner: 104 to all, its digest in disco and in presence of the room', () => {
    const stage = two()
    const lines = stage.send(set(photo()))
    expect(lines[0]).toBe(`${crone} <- <iq type='result' id='v' from='${room}'/>`)
    const update = `<presence from='${room}'><x xmlns='vcard-temp:x:update'><photo>${svgDigest}</photo></x></presence>`
    for (const to of [crone, hag]) {
      expect(lines).toContain(
        `${to} <- <message from='${room}' type='groupchat'><x xmlns='http://jabber.org/protocol/muc#user'><status code='104'/></x></message>`,
      )
      expect(lines).toContain(`${to} <- ${update}`)
    }
    expect(stage.last?.changes).toHaveLength(1)
    const answer = stage.send(info)[0]
    expect(answer).toContain(`<feature var='vcard-temp'/>`)
    expect(answer).toMatch(
      new RegExp(`var='muc#roominfo_avatarhash' type='text-multi'[^>]*><value>${svgDigest}</value></field>`),
    )
    expect(stage.join('new@shakespeare.lit/x', 'fourth').at(-1)).toBe(`new@shakespeare.lit/x <- ${update}`)
  })

  test('§4.2 an empty card takes it away', () => {
    const stage = two()
    stage.send(set(photo()))
    const lines = stage.send(set(''))
    expect(
      lines.filter((line) => line.endsWith(`<x xmlns='vcard-temp:x:update'><photo/></x></presence>`)),
    ).toHaveLength(2)
    expect(stage.state.config).toEqual(defaultConfig)
    expect(stage.send(info)[0]).not.toContain('avatarhash')
    expect(stage.send(set(''))).toHaveLength(1)
  })

  test('§6.1 one image in several formats: all digests; the same card again changes nothing', () => {
    const stage = two()
    const card = photo() + photo('iVBORw0KGgo=', 'image/png')
    stage.send(set(card))
    expect(stage.state.config.avatar?.photos).toHaveLength(2)
    expect(stage.send(set(card))).toEqual([`${crone} <- <iq type='result' id='v' from='${room}'/>`])
    expect(stage.last?.changes).toEqual([])
  })

  test('§7 only owners: forbidden, and who is an admin is none', () => {
    const stage = two()
    expect(stage.refusal(set(photo(), hag))).toBe('forbidden/auth')
    stage.admin(crone, `<item jid='hag66@shakespeare.lit' affiliation='admin'/>`)
    expect(stage.refusal(set(photo(), hag))).toBe('forbidden/auth')
  })

  test.each([
    ['too large', photo('A'.repeat(70_000)), 'not-acceptable/modify'],
    [
      'a link, by which others learn who looks',
      '<PHOTO><EXTVAL>http://evil.example/me.png</EXTVAL></PHOTO>',
      'bad-request/modify',
    ],
    ['no base64', photo('*'), 'not-acceptable/modify'],
    ['no image', photo(svg, 'text/html'), 'not-acceptable/modify'],
    ['too many', photo().repeat(6), 'not-acceptable/modify'],
  ])('%s is refused, and nothing changes', (_what, card, refusal) => {
    const stage = two()
    const before = stage.state
    expect(stage.refusal(set(card))).toBe(refusal)
    expect(stage.state).toBe(before)
  })

  test('what is kept has no attributes and nothing foreign; its digest is in the configuration, which travels', () => {
    const stage = two()
    stage.send(set(`<FN a='b'>Coven</FN><script xmlns='http://www.w3.org/1999/xhtml'>x</script>${photo()}`))
    const { avatar } = stage.state.config
    expect(avatar?.card).toMatch(/^[0-9a-f]{64}$/)
    const config: RoomConfig = { ...defaultConfig, avatar: avatar! }
    expect(readConfig(writeConfig(config), defaultConfig)).toEqual(config)
    expect(readConfig(writeConfig(defaultConfig), config)).toEqual(defaultConfig)
    const form = writeConfig(config)
    form
      .getChildren('field')
      .find(({ attrs }) => String(attrs.var).endsWith('avatar'))!
      .getChild('value')!.children = ['x']
    expect(readConfig(form, defaultConfig)).toEqual(defaultConfig)
  })
})
