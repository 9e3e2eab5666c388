/**
 * Twenty splits of a room on two servers, as slixmpp's users see them: what each said comes to both once and in its order, late with the
 * time at which it was said; slixmpp's own list of who is there is right after each; and XEP-0410's question is answered rightly.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Link } from '../live/link.mjs'
import { type Dmucd, startDmucd } from './dmucd.js'
import { peer, systemPython } from './require-peer.js'
import { Slixmpp } from './slixmpp.js'
import { until } from './until.js'

const password = 'cauldron-bubble'
const splits = 20
const wordsEach = 5
const nicks = ['ann', 'bob']
const rooms = ['coven@rooms.a.example', 'coven@rooms.b.example']

peer([systemPython], ['slixmpp'])('a room that is split and heals, with slixmpp', () => {
  const links: Link[] = []
  const servers: Dmucd[] = []
  const people: Slixmpp[] = []
  /** What each of them has said, in order. */
  const said: string[][] = [[], []]

  beforeAll(async () => {
    for (const _ of nicks) links.push(await Link.open())
    for (const [index, at] of ['a', 'b'].entries()) {
      const other = at === 'a' ? 'b' : 'a'
      const port = links[index]!.port
      servers.push(
        await startDmucd({
          domain: `${at}.example`,
          users: { [nicks[index]!]: password },
          allow: [`rooms.${other}.example`],
          routes: { [`${other}.example`]: port, [`rooms.${other}.example`]: port },
          dmuc: 'ping_after = 1\nping_timeout = 1\ngrace = 1',
        }),
      )
    }
    for (const [index, link] of links.entries()) link.to(servers[1 - index]!.s2sPort)
    for (const [index, nick] of nicks.entries()) people.push(await Slixmpp.online(servers[index]!, nick, password))
  })
  afterAll(async () => {
    await Promise.all(people.map((person) => person.close()))
    await Promise.all(servers.map((server) => server.stop()))
    await Promise.all(links.map((link) => link.close()))
  })

  const talk = async (): Promise<void> => {
    for (let n = 0; n < wordsEach; n++)
      for (const [index, person] of people.entries()) {
        const body = `${nicks[index]} ${said[index]!.length + 1}`
        said[index]!.push(body)
        await person.do('say', { room: rooms[index]!, body })
      }
  }
  /** What `person` heard of somebody, in order. */
  const heard = (person: number, speaker: number) =>
    people[person]!.received.filter(
      ({ name, attrs }) => name === 'message' && attrs.from === `${rooms[person]}/${nicks[speaker]}`,
    )
  const bodies = (person: number, speaker: number) =>
    heard(person, speaker).map((stanza) => stanza.getChildText('body'))
  const everybodyHeardAll = (): Promise<void> =>
    until(
      () =>
        [0, 1].every((person) => [0, 1].every((speaker) => bodies(person, speaker).length >= said[speaker]!.length)),
      () => `all to hear all: ${[0, 1].flatMap((person) => [0, 1].map((speaker) => bodies(person, speaker).length))}`,
    )
  const present = async (names: (person: number) => readonly string[]): Promise<void> => {
    for (const [index, person] of people.entries())
      await until(
        async () => (await person.do('occupants', { room: rooms[index]! })).join() === names(index).join(),
        () => `${nicks[index]} to see ${names(index)}`,
      )
  }
  const askedWhetherInside = (person: number): Promise<boolean> =>
    people[person]!.do('ping', { jid: `${rooms[person]}/${nicks[person]}` })

  test(`${splits} splits`, async () => {
    const [ann, bob] = people as [Slixmpp, Slixmpp]
    const [source, shadow] = rooms as [string, string]
    await ann.do('join', { room: source, nick: 'ann' })
    const values = {
      'muc#roomconfig_persistentroom': true,
      'muc#roomconfig_distributed': true,
      '{urn:xmpp:dmuc-sync:0}peers': ['rooms.b.example'],
    }
    await ann.do('configure', { room: source, values })
    await ann.next((stanza) => String(stanza.getChildText('body')).startsWith('rooms.b.example holds this room'))
    await until(
      async () => (await servers[1]!.dmucctl('room', 'list')).includes(shadow),
      () => `the shadow to be there:\n${servers[1]!.log()}`,
    )
    await bob.do('join', { room: shadow, nick: 'bob' })
    await present(() => nicks)
    for (let split = 0; split < splits; split++) {
      await talk()
      for (const link of links) split % 5 === 4 ? link.hang() : link.cut()
      await talk()
      if (split % 2 === 0) await present((person) => [nicks[person]!])
      for (const person of [0, 1]) expect(await askedWhetherInside(person)).toBe(true)
      await talk()
      for (const link of links) link.heal()
      await everybodyHeardAll()
      await present(() => nicks)
      for (const person of [0, 1]) expect(await askedWhetherInside(person)).toBe(true)
    }
    for (const person of [0, 1]) for (const speaker of [0, 1]) expect(bodies(person, speaker)).toEqual(said[speaker])
    for (const person of [0, 1]) {
      const late = heard(person, 1 - person).filter(
        (stanza) => stanza.getChild('delay', 'urn:xmpp:delay') !== undefined,
      )
      expect(late.length).toBeGreaterThanOrEqual((splits * wordsEach) / 2)
    }
    await ann.do('role', { room: source, nick: 'bob', role: 'none' })
    await bob.sees(`${shadow}/bob`, 'unavailable')
    await expect(askedWhetherInside(1)).rejects.toThrow('not-acceptable')
    expect(await askedWhetherInside(0)).toBe(true)
  }, 600_000)
})
