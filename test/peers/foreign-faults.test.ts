/**
 * The foreign room service (test/peers/foreign) when things go wrong between it and us: links that break under traffic or fall silent,
 * nicks that were taken twice, a service that comes back with nothing. Expectations are the senders' lists.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { heardOf, Stage, statuses, theirs } from './foreign/stage.js'
import { peer, systemPython } from './require-peer.js'
import type { Slixmpp } from './slixmpp.js'
import { until } from './until.js'

const stage = new Stage()

peer(['prosody', systemPython], ['slixmpp'])('XEP-0281 with a foreign implementation', () => {
  beforeAll(() => stage.open())
  afterAll(() => stage.close())

  for (const { title, name, source, shadow, home, away, ownerOptions } of [
    {
      title: 'a room of ours, with its shadow there',
      name: 'coven',
      source: 'coven@rooms.a.example',
      shadow: `coven@${theirs}`,
      home: () => stage.us,
      away: () => stage.prosody,
      ownerOptions: { '{urn:xmpp:dmuc-sync:0}peers': [theirs] },
    },
    {
      title: 'a room of theirs, with its shadow here',
      name: 'heath',
      source: `heath@${theirs}`,
      shadow: 'heath@rooms.a.example',
      home: () => stage.prosody,
      away: () => stage.us,
      ownerOptions: {},
    },
  ]) {
    let ann: Slixmpp
    let dan: Slixmpp
    let eve: Slixmpp
    const said = new Map<string, string[]>()
    const says = async (who: string, words: string, waits = true): Promise<void> => {
      const [client, room] = who === 'ann' ? [ann, source] : [dan, shadow]
      const body = `${name}, ${who}: ${words}`
      said.set(who, [...(said.get(who) ?? []), body])
      await client.do('say', { room, body })
      if (waits) await client.hears(body)
    }
    const allHeard = async (): Promise<void> => {
      for (const client of [ann, dan])
        for (const bodies of said.values()) {
          await until(
            () => heardOf(client, bodies).length >= bodies.length,
            () => `all of\n${bodies.join('\n')}\nin\n${heardOf(client, bodies).join('\n')}\n${stage.foreign.log()}`,
          )
          expect(heardOf(client, bodies).sort()).toEqual([...bodies].sort())
        }
    }
    const together = async (): Promise<void> => {
      await dan.sees(`${shadow}/ann`)
      await ann.sees(`${source}/dan`)
    }
    const apart = async (): Promise<void> => {
      await dan.sees(`${shadow}/ann`, 'unavailable')
      await ann.sees(`${source}/dan`, 'unavailable')
    }

    test(`${title}: is set up`, async () => {
      ann = await stage.online(home(), 'ann')
      dan = await stage.online(away(), 'dan')
      eve = await stage.online(away(), 'eve')
      await ann.do('join', { room: source, nick: 'ann' })
      const values = { 'muc#roomconfig_persistentroom': true, 'muc#roomconfig_whois': 'anyone' }
      await ann.do('configure', { room: source, values })
      await ann.do('configure', { room: source, values: { 'muc#roomconfig_distributed': true, ...ownerOptions } })
      await stage.shown(dan, shadow)
      await dan.do('join', { room: shadow, nick: 'dan' })
      await ann.sees(`${source}/dan`)
    })

    test(`${title}: a change of configuration arrives, a ban holds there`, async () => {
      await ann.do('configure', { room: source, values: { 'muc#roomconfig_roomname': 'The Palace' } })
      const named = async (): Promise<boolean> =>
        (await dan.do('items', { jid: shadow.replace(/^.*@/, '') })).some(
          ([jid, called]) => jid === shadow && called === 'The Palace',
        )
      await until(named, () => 'the name of the shadow')
      await eve.do('join', { room: shadow, nick: 'eve' })
      await ann.sees(`${source}/eve`)
      const eves = `eve@${away().domain}`
      await ann.do('affiliation', { room: source, jid: eves, affiliation: 'outcast' })
      expect(statuses(await eve.sees(`${shadow}/eve`, 'unavailable'))).toEqual(['110', '301'])
      await ann.do('affiliation', { room: source, jid: eves, affiliation: 'none' })
    })

    test(`${title}: a link that is cut in the middle of talk`, async () => {
      for (let round = 1; round <= 3; round++) {
        for (let n = 1; n <= 20; n++) {
          if (n === 10) for (const link of stage.links) link.cut()
          await Promise.all([says('ann', `cut ${round}.${n}`, false), says('dan', `cut ${round}.${n}`, false)])
        }
        await apart()
        for (const link of stage.links) link.heal()
        await together()
      }
      await allHeard()
    })

    test(`${title}: a link that falls silent, and comes back`, async () => {
      await says('ann', 'before the silence')
      for (const link of stage.links) link.hang()
      for (let n = 1; n <= 5; n++) {
        await says('ann', `into the silence ${n}`)
        await says('dan', `into the silence ${n}`)
      }
      await apart()
      await says('ann', 'in the silence')
      await says('dan', 'in the silence')
      for (const link of stage.links) link.heal()
      await together()
      await allHeard()
    })

    test(`${title}: a nick taken at both sides of a split stays with who has it at the source`, async () => {
      for (const link of stage.links) link.cut()
      await apart()
      const bob = await stage.online(home(), 'bob')
      const cat = await stage.online(away(), 'cat')
      await bob.do('join', { room: source, nick: 'witch' })
      await cat.do('join', { room: shadow, nick: 'witch' })
      for (const link of stage.links) link.heal()
      // Whichever hears of it first decides: the peer renames its occupant (303), or is told by our source that it is out (307).
      const gone = await cat.next(
        (stanza) => stanza.attrs.from === `${shadow}/witch` && stanza.attrs.type === 'unavailable',
      )
      const nick = /nick="([^"]+)"/.exec(gone.toString())?.[1]
      expect(statuses(gone)).toEqual(expect.arrayContaining(['110', nick === undefined ? '307' : '303']))
      const present = ['ann', 'dan', 'witch', ...(nick === undefined ? [] : [nick])].sort()
      const there = nick === undefined ? [] : ([[cat, shadow]] as const)
      await dan.next(
        ({ name: stanza, attrs }) =>
          stanza === 'presence' && attrs.from === `${shadow}/witch` && attrs.type === undefined,
      )
      for (const [client, room] of [[ann, source], [bob, source], [dan, shadow], ...there] as const)
        await until(
          async () => `${await client.do('occupants', { room })}` === `${present}`,
          () => `${present} in ${room}`,
        )
      await Promise.all([bob.close(), cat.close()])
    })
  }

  test('a service that comes back with nothing is given its shadow again', async () => {
    const [source, shadow] = ['wood@rooms.a.example', `wood@${theirs}`]
    const ann = await stage.online(stage.us, 'ann')
    const dan = await stage.online(stage.prosody, 'dan')
    await ann.do('join', { room: source, nick: 'ann' })
    await ann.do('configure', { room: source, values: { 'muc#roomconfig_persistentroom': true } })
    const values = { 'muc#roomconfig_distributed': true, '{urn:xmpp:dmuc-sync:0}peers': [theirs] }
    await ann.do('configure', { room: source, values })
    await stage.shown(dan, shadow)
    await dan.do('join', { room: shadow, nick: 'dan' })
    await dan.do('say', { room: shadow, body: 'I will not be afraid of death and bane' })
    await ann.hears('I will not be afraid of death and bane')
    await stage.foreign.stop()
    await ann.sees(`${source}/dan`, 'unavailable')
    await ann.do('say', { room: source, body: 'till Birnam forest come to Dunsinane' })
    await stage.attach()
    await stage.shown(dan, shadow)
    // The history of the new shadow may come after who enters at once.
    const before = dan.received.length
    expect((await dan.do('join', { room: shadow, nick: 'dan', history: 20 })).occupants).toEqual(['ann', 'dan'])
    const said = ['I will not be afraid of death and bane', 'till Birnam forest come to Dunsinane']
    const told = (): string[] =>
      dan.received
        .slice(before)
        .map((stanza) => stanza.getChildText('body') ?? '')
        .filter((body) => said.includes(body))
    await until(
      () => told().length >= said.length,
      () => `what was said before; there was: ${told().join(', ')}`,
    )
    expect(told()).toEqual(said)
    await ann.sees(`${source}/dan`)
    await dan.do('say', { room: shadow, body: 'Exit' })
    await ann.hears('Exit')
  })
})
