/** What the loads have in common: clients that are logged in, rooms that they made, and what is counted in what they hear. */
import { Client } from './client.mjs'

/** The counts were not exact: the run says nothing. */
export class Void extends Error {}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Resolves when `done` is true; throws when `progress` has stood still for too long. */
export async function until({ stalledMs }, done, progress) {
  let [last, at] = [progress(), performance.now()]
  while (!done()) {
    await sleep(5)
    if (progress() !== last) [last, at] = [progress(), performance.now()]
    else if (performance.now() - at > stalledMs) throw new Void(`nothing more came after ${last}`)
  }
}

/** Logs in users `first` to `first + count - 1`, `batch` at a time. */
export async function logIn(options, first, count) {
  const clients = Array.from({ length: count }, (_, index) => {
    const { host, port, domain, tls, scram } = options
    return new Client({ host, port, domain, tls, scram, user: `u${first + index}`, password: 'p' })
  })
  let next = 0
  const worker = async () => {
    while (next < count) await clients[next++].login()
  }
  await Promise.all(Array.from({ length: Math.min(options.batch, count) }, worker))
  return clients
}

/** Where the load of `rooms` has its rooms, and which of its clients made each. */
export const numberedRoom = ({ muc }, room) => `r${room}@${muc}`
export const ownerOf = (clients, room) => room % clients.length

/** Makes rooms `first` to `first + count - 1` of `occupants` each: room r by user r, counted round, entered by the next users. */
export async function openRooms(options, clients, first, count, occupants) {
  const everywhere = async (mark, stanzas) => {
    let heard = 0
    for (const client of clients) client.heard = counting(mark, () => heard++)
    for (let made = 0; made < count; made++) {
      stanzas(first + made)
      // No more at a time than the store takes.
      if (made % 500 === 499 || made + 1 === count) {
        await until(
          options,
          () => heard > made,
          () => heard,
        )
      }
    }
  }
  const open = (to) =>
    `<iq type='set' id='o' to='${to}'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query></iq>`
  const come = (to, nick) => `<presence to='${to}/n${nick}'><x xmlns='http://jabber.org/protocol/muc'/></presence>`
  await everywhere(" id='o'", (room) => {
    const to = numberedRoom(options, room)
    clients[ownerOf(clients, room)].send(come(to, 0) + open(to))
  })
  for (let nick = 1; nick < occupants; nick++)
    await everywhere('<subject', (room) =>
      clients[(room + nick) % clients.length].send(come(numberedRoom(options, room), nick)),
    )
}

/** Calls `found` for each `mark` in what comes in, however it is cut. */
export function counting(mark, found) {
  let rest = ''
  return (piece) => {
    const text = rest + piece
    let end = 0
    for (let at = text.indexOf(mark); at !== -1; at = text.indexOf(mark, end)) {
      end = at + mark.length
      found()
    }
    rest = text.slice(Math.max(end, text.length - mark.length + 1))
  }
}
