/** What two servers that share a room still know after one of them was stopped, or killed, and started again. */
import { afterEach, expect, jest, test } from '@jest/globals'
import { xml } from '@xmpp/client'
import type { Person } from '../live/person.mjs'
import { until } from '../live/until.mjs'
import { Crew } from './crew.js'

jest.setTimeout(120_000)

let crew: Crew | undefined
afterEach(async () => {
  await crew?.federation.remove()
  crew = undefined
})

const mucAdmin = 'http://jabber.org/protocol/muc#admin'
const owner: Record<string, string> = { a: 'ann', b: 'bob' }

/** Accounts beside the speakers, and what they and the room are to remember. */
async function prepare(here: Crew): Promise<void> {
  const { federation } = here
  for (const at of ['a', 'b']) {
    await federation.addUser(at, `absent-${at}`)
    // One account the way an operator makes it.
    const jid = `newcomer-${at}@${at}.example`
    await federation.server(at).dmucctl(['adduser', jid, '--password-stdin'], `newcomer-${at}'s secret`)
    const contact = xml('item', { jid: 'carol@elsewhere.example', name: `Carol of ${at}` })
    await here.speaker(at).ask('set', undefined, xml('query', { xmlns: 'jabber:iq:roster' }, contact))
  }
  const items = [
    xml('item', { jid: 'bob@b.example', affiliation: 'admin' }),
    xml('item', { jid: 'carol@elsewhere.example', affiliation: 'member' }),
  ]
  for (const item of items) await here.speaker('a').ask('set', here.room('a'), xml('query', { xmlns: mucAdmin }, item))
}

const contactsOf = async (person: Person): Promise<unknown[]> =>
  (await person.ask('get', undefined, xml('query', { xmlns: 'jabber:iq:roster' })))
    .getChild('query', 'jabber:iq:roster')!
    .getChildren('item')
    .map(({ attrs }) => `${attrs.jid} ${attrs.name}`)

async function membersOf(here: Crew, at: string): Promise<unknown[]> {
  const item = xml('item', { affiliation: 'member' })
  const list = await here.speaker(at).ask('get', here.room(at), xml('query', { xmlns: mucAdmin }, item))
  return list
    .getChild('query', mucAdmin)!
    .getChildren('item')
    .map(({ attrs }) => attrs.jid)
}

/** People who enter now on both sides are sent the same history: every acknowledged message, the same ids, the right order. */
async function newcomersSeeIt(here: Crew): Promise<number> {
  const visits = await Promise.all(
    ['a', 'b'].map(async (at) => {
      const person = await here.federation.login(at, `newcomer-${at}`)
      await person.join(here.room(at))
      return { at, person }
    }),
  )
  const views = () => visits.map(({ at, person }) => here.view(at, person))
  await here.allHeard(views)
  const { expected, seen, faults } = here.verdict(views())
  expect(faults).toEqual([])
  expect(seen).toBe(expected)
  const [atA, atB] = visits.map(({ person }) => new Map(person.heard.map(({ body, stanzaId }) => [body, stanzaId])))
  expect(atA?.size).toBeGreaterThan(0)
  for (const [body, stanzaId] of atA ?? []) expect([body, atB?.get(body)]).toEqual([body, stanzaId])
  await Promise.all(visits.map(({ person }) => person.stop()))
  return seen
}

/** Who was away finds its messages, each once, and says so by having none left. */
async function absentFinds(here: Crew, at: string, body: string): Promise<void> {
  const absent = await here.federation.login(at, `absent-${at}`)
  await until(() => absent.mail.length > 0, `${absent.jid} to find its mail`)
  await absent.ask('get', `${at}.example`, xml('ping', { xmlns: 'urn:xmpp:ping' }))
  expect(absent.mail).toEqual([{ from: expect.stringContaining(`${owner[at]}@`), body, delay: expect.any(String) }])
  await absent.stop()
}

test('both sides have history, accounts, contacts, affiliations and mail, after a stop and after kill -9 of either', async () => {
  crew = await Crew.gather()
  const here = crew
  await prepare(here)
  await here.chat(15)
  await here.allHeard()
  const counted = { stops: 0, kills: 0, historySeen: await newcomersSeeIt(here), mail: 0 }
  for (const [end, at] of [
    ['stop', 'a'],
    ['stop', 'b'],
    ['kill', 'a'],
    ['kill', 'b'],
  ] as const) {
    const server = here.federation.server(at)
    const body = `before the ${end} of ${at}`
    const mail = xml('message', { to: `absent-${at}@${at}.example`, type: 'chat' }, xml('body', {}, body))
    await here.speaker(at).send(mail)
    await here.chat(15)
    if (end === 'stop') await server.stop()
    else await server.kill9()
    counted[`${end}s`]++
    expect(server.integrity()).toBe('ok')
    await here.federation.startServer(at)
    await here.comesBack(at)
    expect(await contactsOf(here.speaker(at))).toEqual([`carol@elsewhere.example Carol of ${at}`])
    expect(await membersOf(here, at)).toEqual(['carol@elsewhere.example'])
    await absentFinds(here, at, body)
    counted.mail++
    await here.allHeard()
    await until(() => here.present().join() === '2,2', 'both to see the other')
    counted.historySeen += await newcomersSeeIt(here)
  }
  await here.chat(5)
  await here.allHeard()
  here.expectClean(counted)
  await here.end()
})

test('what was said before a crash is heard before what was said after it, however much there is to catch up with', async () => {
  crew = await Crew.gather()
  const here = crew
  const links = here.federation.both('a', 'b')
  for (const link of links) link.cut()
  await here.chat(300)
  await here.federation.server('b').kill9()
  await here.federation.startServer('b')
  await here.comesBack('b')
  for (const link of links) link.heal()
  // bob talks on without a pause while the other side is told of what it missed.
  const ann = here.speaker('a')
  const bob = here.speaker('b')
  let last = 0
  await until(() => {
    if (bob.inFlight < 5) bob.say(here.room('b'), `back ${++last}`)
    return ann.heard.some(({ body }) => body === 'back 1')
  }, 'ann to hear what bob says now')
  await bob.settled()
  const views = () => [here.view('a', ann)]
  await here.allHeard(views)
  const { expected, seen, faults } = here.verdict(views())
  console.log(`${expect.getState().currentTestName}:`, JSON.stringify({ expected, seen, saidSince: last }))
  expect(faults).toEqual([])
  expect(seen).toBe(expected)
  expect(last).toBeGreaterThan(0)
  await here.end()
})
