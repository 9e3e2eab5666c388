/**
 * A room service that somebody else wrote from XEP-0281 alone (test/peers/foreign), at a Prosody that carries its stanzas: it
 * holds a shadow of ours and gives us one, through a split and a heal. All that is looked at is what clients received.
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
    // Ann and bob are at the source, dan and eve at the shadow.
    let ann: Slixmpp
    let bob: Slixmpp
    let dan: Slixmpp
    let eve: Slixmpp

    test(`${title}: E3 to E11, configuration, roster and history, once its owner wants it`, async () => {
      ann = await stage.online(home(), 'ann')
      bob = await stage.online(home(), 'bob')
      dan = await stage.online(away(), 'dan')
      eve = await stage.online(away(), 'eve')
      await ann.do('join', { room: source, nick: 'ann' })
      const values = {
        'muc#roomconfig_roomname': 'A Dark Cave',
        'muc#roomconfig_persistentroom': true,
        'muc#roomconfig_whois': 'anyone',
        'muc#roomconfig_changesubject': true,
      }
      await ann.do('configure', { room: source, values })
      await ann.do('say', { room: source, body: `${name}: before you came` })
      await ann.hears(`${name}: before you came`)
      await ann.do('configure', { room: source, values: { 'muc#roomconfig_distributed': true, ...ownerOptions } })
      await stage.shown(dan, shadow)
      const joined = await dan.do('join', { room: shadow, nick: 'dan', history: 20 })
      expect(joined).toMatchObject({ affiliation: 'none', role: 'participant', occupants: ['ann', 'dan'] })
      // A shadow of theirs lets people in while the history is on its way, and says it when it is there.
      if (!joined.history.includes(`${name}: before you came`)) await dan.hears(`${name}: before you came`)
    })

    test(`${title}: E14 to E16, the shadow is listed and names its source`, async () => {
      const info = await dan.do('features', { jid: shadow })
      expect(info).toEqual(expect.arrayContaining(['http://jabber.org/protocol/muc', 'urn:xmpp:dmuc:0']))
      expect(await dan.do('items', { jid: shadow.replace(/^.*@/, '') })).toContainEqual([shadow, 'A Dark Cave'])
      expect(await dan.do('roominfo', { jid: shadow })).toMatchObject({ 'dmuc-source': source })
    })

    test(`${title}: E17, E18, who enters one is seen at the other`, async () => {
      const seen = await ann.sees(`${source}/dan`)
      expect(seen.toString()).toMatch(/affiliation="none"/)
      expect(seen.toString()).toMatch(/role="participant"/)
      expect((await bob.do('join', { room: source, nick: 'bob' })).occupants).toEqual(['ann', 'bob', 'dan'])
      await dan.sees(`${shadow}/bob`)
      expect((await eve.do('join', { room: shadow, nick: 'eve' })).occupants).toEqual(['ann', 'bob', 'dan', 'eve'])
      await bob.sees(`${source}/eve`)
    })

    test(`${title}: E24, E25, what is said at one is heard at the other, with its id`, async () => {
      await ann.do('say', { room: source, body: `${name}: Fair is foul` })
      await dan.do('say', { room: shadow, body: `${name}: and foul is fair` })
      const ids = []
      for (const [client, room] of [
        [ann, source],
        [bob, source],
        [dan, shadow],
        [eve, shadow],
      ] as const) {
        await until(
          () => heardOf(client, [`${name}: Fair is foul`, `${name}: and foul is fair`]).length === 2,
          () => `both at ${room}: ${client.received.join('\n')}`,
        )
        const said = client.received.filter((stanza) => stanza.getChildText('body') === `${name}: and foul is fair`)
        expect(said.map((stanza) => stanza.attrs.from)).toEqual([`${room}/dan`])
        ids.push(said[0]?.attrs.id)
      }
      expect(new Set(ids).size).toBe(1)
    })

    test(`${title}: a subject, a private message, another nick, leaving and coming back`, async () => {
      await dan.do('subject', { room: shadow, subject: `${name} by dan` })
      await ann.next((stanza) => stanza.getChildText('subject') === `${name} by dan`)
      await ann.do('subject', { room: source, subject: `${name} by ann` })
      await eve.next((stanza) => stanza.getChildText('subject') === `${name} by ann`)

      await bob.do('message', { to: `${source}/dan`, body: `${name}: psst` })
      const whispered = await dan.hears(`${name}: psst`)
      expect(whispered.attrs).toMatchObject({ from: `${shadow}/bob`, type: 'chat' })
      await dan.do('message', { to: `${shadow}/bob`, body: `${name}: yes?` })
      expect((await bob.hears(`${name}: yes?`)).attrs).toMatchObject({ from: `${source}/dan`, type: 'chat' })
      expect([...heardOf(ann, [`${name}: psst`]), ...heardOf(eve, [`${name}: psst`])]).toEqual([])

      for (const [who, room, other, there] of [
        [eve, shadow, ann, source],
        [bob, source, dan, shadow],
      ] as const) {
        const nick = who === eve ? 'eve' : 'bob'
        await who.do('nick', { room, nick: `${nick}2` })
        const left = await other.sees(`${there}/${nick}`, 'unavailable')
        expect(statuses(left)).toEqual(['303'])
        expect(left.toString()).toContain(`nick="${nick}2"`)
        await other.sees(`${there}/${nick}2`)
        await who.do('leave', { room, nick: `${nick}2` })
        await other.sees(`${there}/${nick}2`, 'unavailable')
        await who.do('join', { room, nick })
        await other.sees(`${there}/${nick}`)
      }
    })

    test(`${title}: E19 to E22, a user of the peerhost who asks the source is sent to the shadow`, async () => {
      const cat = await stage.online(away(), 'cat')
      await expect(cat.do('join', { room: source, nick: 'cat' })).rejects.toThrow('cancel redirect')
      const invitation = await cat.next((stanza) => stanza.getChild('x', 'jabber:x:conference') !== undefined)
      expect(invitation.getChild('x', 'jabber:x:conference')?.attrs.jid).toBe(shadow)
      await cat.do('join', { room: shadow, nick: 'cat' })
      await ann.sees(`${source}/cat`)
      await cat.close()
      await ann.sees(`${source}/cat`, 'unavailable')
    })

    test(`${title}: the owner at the source takes the voice of somebody at the shadow, and kicks`, async () => {
      await ann.do('role', { room: source, nick: 'eve', role: 'visitor' })
      for (const [who, room] of [
        [eve, shadow],
        [ann, source],
      ] as const)
        await who.next((stanza) => stanza.attrs.from === `${room}/eve` && stanza.toString().includes('role="visitor"'))
      await ann.do('role', { room: source, nick: 'eve', role: 'none', reason: 'Aroint thee' })
      expect(statuses(await eve.sees(`${shadow}/eve`, 'unavailable'))).toEqual(['110', '307'])
      expect(statuses(await dan.sees(`${shadow}/eve`, 'unavailable'))).toEqual(['307'])
      expect(statuses(await ann.sees(`${source}/eve`, 'unavailable'))).toEqual(['307'])
      await eve.do('join', { room: shadow, nick: 'eve' })
      await ann.sees(`${source}/eve`)
    })

    test(`${title}: a split, talk on both sides, and a heal: nothing lost, nothing twice`, async () => {
      const said = { ann: [] as string[], dan: [] as string[] }
      const says = async (who: 'ann' | 'dan', words: string): Promise<void> => {
        const [client, room] = who === 'ann' ? [ann, source] : [dan, shadow]
        const body = `${name}, ${who}: ${words}`
        said[who].push(body)
        await client.do('say', { room, body })
        await client.hears(body)
      }
      await says('ann', 'before')
      await says('dan', 'before')
      for (const link of stage.links) link.cut()
      await dan.sees(`${shadow}/ann`, 'unavailable')
      await ann.sees(`${source}/dan`, 'unavailable')
      for (let n = 1; n <= 5; n++) {
        await says('ann', `behind ${n}`)
        await says('dan', `behind ${n}`)
      }
      // The same words twice are two messages.
      for (const who of ['ann', 'dan', 'ann', 'dan'] as const) await says(who, 'again')
      await eve.do('leave', { room: shadow, nick: 'eve' })
      await bob.do('nick', { room: source, nick: 'robert' })
      await bob.sees(`${source}/robert`)
      for (const body of said.ann.slice(1)) expect(heardOf(dan, [body])).toEqual([])
      for (const body of said.dan.slice(1)) expect(heardOf(ann, [body])).toEqual([])
      for (const link of stage.links) link.heal()
      await dan.sees(`${shadow}/ann`)
      await dan.sees(`${shadow}/robert`)
      await ann.sees(`${source}/dan`)
      await says('ann', 'after')
      await says('dan', 'after')
      for (const client of [ann, bob, dan]) {
        for (const bodies of [said.ann, said.dan])
          await until(
            () => heardOf(client, bodies).length >= bodies.length,
            () => `all of\n${bodies.join('\n')}\nin\n${heardOf(client, bodies).join('\n')}\n${stage.foreign.log()}`,
          )
      }
      await says('ann', 'the end')
      const late = ann.received.find((stanza) => stanza.getChildText('body') === `${name}, dan: behind 1`)
      expect(late?.getChild('delay', 'urn:xmpp:delay')?.attrs.stamp).toMatch(/^\d{4}-/)
      for (const client of [ann, bob, dan]) {
        await until(
          () => heardOf(client, said.ann).includes(said.ann.at(-1)!),
          () => 'the end',
        )
        expect(heardOf(client, said.ann)).toEqual(said.ann)
        expect(heardOf(client, said.dan)).toEqual(said.dan)
      }
      expect(await ann.do('occupants', { room: source })).toEqual(['ann', 'dan', 'robert'])
      expect(await dan.do('occupants', { room: shadow })).toEqual(['ann', 'dan', 'robert'])
    })
  }
})
