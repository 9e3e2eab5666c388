/** One room on several servers, each a process of its own: what a message costs the server where it was said, and the others. */
import { xml } from '@xmpp/client'
import { Federation, roomAt } from '../../test/live/federation.mjs'
import { until } from '../../test/live/until.mjs'
import { cpuSeconds } from '../load/usage.mjs'

const people = 20
const warmUp = 500
const window = 20

/** @param {number} servers */
export async function distributed(servers) {
  const messages = Math.max(500, Math.round(2000 / servers))
  const names = Array.from({ length: servers }, (_, index) => String.fromCharCode(97 + index))
  const federation = await Federation.start(names)
  try {
    const crews = await Promise.all(names.map((name) => crewAt(federation, name)))
    const [speaker] = crews[0]
    if (servers > 1) await federation.distribute(speaker, 'a', 'growth')
    else await openHere(speaker)
    for (const [index, crew] of crews.entries())
      for (const person of crew) if (person !== speaker) await person.join(roomAt('growth', names[index]))
    const everybody = crews.flat()
    await say(speaker, everybody, 0, warmUp)
    const before = names.map((name) => cpuSeconds(federation.server(name).pid))
    await say(speaker, everybody, warmUp, warmUp + messages)
    const used = names.map(
      (name, index) => ((cpuSeconds(federation.server(name).pid) - before[index]) * 1e6) / messages,
    )
    const others = used.slice(1)
    await federation.stop()
    const elsewhere = others.length > 0 ? { elsewhereMicros: Math.max(...others) } : {}
    return { cpuMicros: used[0], ...elsewhere, deliveries: messages * everybody.length }
  } catch (error) {
    await federation.remove()
    return { fault: error.message }
  }
}

/** A room on one server alone, as it comes. */
async function openHere(owner) {
  const room = roomAt('growth', 'a')
  await owner.join(room)
  const form = xml('x', { xmlns: 'jabber:x:data', type: 'submit' })
  await owner.ask('set', room, xml('query', { xmlns: 'http://jabber.org/protocol/muc#owner' }, form))
}

/** Logs in the people of one server. */
async function crewAt(federation, name) {
  const crew = []
  for (let index = 0; index < people; index++) {
    await federation.addUser(name, `${name}${index}`)
    crew.push(await federation.login(name, `${name}${index}`))
  }
  return crew
}

/** Messages `from` to `to`, `window` of them on the way to the slowest; everybody hears each once and in order, or it throws. */
async function say(speaker, everybody, from, to) {
  const heard = new Map(everybody.map((person) => [person, from]))
  const listen = (person) => (message) => {
    if (!message.body.startsWith('number ')) return
    const expected = `number ${heard.get(person)}`
    if (message.body !== expected) throw new Error(`${person.jid} heard ${message.body} instead of ${expected}`)
    heard.set(person, heard.get(person) + 1)
  }
  const listeners = everybody.map((person) => [person, listen(person)])
  for (const [person, listener] of listeners) person.on('heard', listener)
  const slowest = () => Math.min(...heard.values())
  for (let number = from; number < to; number++) {
    if (number - from >= window)
      await until(() => slowest() > number - window, `message ${number - window} to be heard`)
    speaker.say(roomAt('growth', 'a'), `number ${number}`)
  }
  await until(() => slowest() === to, 'the last message to be heard')
  for (const [person, listener] of listeners) person.off('heard', listener)
}
