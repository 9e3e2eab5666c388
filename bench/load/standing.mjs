/**
 * Loads that are looked at while they stand: `base` sessions or rooms, a look, as many again, another look. The server looks at itself
 * (servers/heap-look.mjs) and says so by a file.
 */
import { existsSync } from 'node:fs'
import { counting, logIn, numberedRoom, openRooms, until } from './clients.mjs'

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** What the server has just done may not be over yet. */
const settleMs = 1500

/** Resolves when the server has looked for the `number`th time. */
async function look({ pid, looks }, number) {
  await sleep(settleMs)
  process.kill(pid, 'SIGUSR2')
  while (!existsSync(`${looks}.${number}.json`)) await sleep(20)
}

/** @param {(first: number, count: number) => Promise<void>} make units `first` to `first + count - 1`, which then stay */
async function lookedAt(options, make) {
  const { base } = options
  for (const number of [0, 1]) {
    await make(number * base, base)
    await look(options, number)
  }
  return { units: base }
}

const idleSessions = (options) =>
  lookedAt(options, async (first, count) => {
    await logIn(options, first, count)
  })

const body = 'x'.repeat(100)

/** Each client has one message to the next on its way, always; its stream is managed (XEP-0198), as those of phones are. */
const busySessions = (options) =>
  lookedAt(options, async (first, count) => {
    const clients = await logIn(options, first, count)
    let said = 0
    const speak = (index) => {
      const to = first + ((index + 1) % count)
      clients[index].send(`<message type='chat' to='u${to}@${options.domain}'><body>${body}</body></message>`)
    }
    for (const [index, client] of clients.entries()) {
      let stanzas = 0
      const readers = [
        ...['<message', '<presence', '<iq'].map((mark) => counting(mark, () => stanzas++)),
        counting('<r ', () => client.send(`<a xmlns='urn:xmpp:sm:3' h='${stanzas}'/>`)),
        counting('<body', () => {
          said++
          speak((index + count - 1) % count)
        }),
      ]
      client.heard = (text) => {
        for (const read of readers) read(text)
      }
      client.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>")
    }
    for (const index of clients.keys()) speak(index)
    await until(
      options,
      () => said >= options.messages * count,
      () => said,
    )
  })

/** Rooms of `occupants`, of the same clients all of them; in each the first says `messages`. */
async function rooms(options, occupants, messages) {
  const clients = await logIn(options, 0, options.n)
  return lookedAt(options, async (first, count) => {
    await openRooms(options, clients, first, count, occupants)
    let heard = 0
    for (const client of clients) client.heard = counting('<body', () => heard++)
    for (let number = 1; number <= messages; number++) {
      for (let room = first; room < first + count; room++)
        clients[room % options.n].send(
          `<message type='groupchat' id='m${number}' to='${numberedRoom(options, room)}'><body>${body}</body></message>`,
        )
      await until(
        options,
        () => heard >= number * occupants * count,
        () => heard,
      )
    }
  })
}

const idleRooms = (options) => rooms(options, 2, 0)
const loadedRooms = (options) => rooms(options, 20, 25)

export const standing = { idleSessions, busySessions, idleRooms, loadedRooms }
