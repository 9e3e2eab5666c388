/**
 * What is asked of a server. Each returns figures of the server alone; it throws `Void` where a count was not exact.
 *
 * Messages carry `~SENDER.NUMBER;` in their bodies: one character that occurs nowhere else, so that a delivery is found by
 * one search and checked against the ledger.
 */
import { counting, logIn, numberedRoom, openRooms, ownerOf, until, Void } from './clients.mjs'
import { Ledger } from './ledger.mjs'
import { cpuSeconds, residentKiB } from './usage.mjs'

/** How long something doubled may take to turn up. */
const lingerMs = 300
const padding = 'x'.repeat(64)

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** What dmucd's event loop was kept from doing counts from the first call to the second (servers/loop-delay.mjs). */
const watch = ({ watched, pid }) => {
  if (watched) process.kill(pid, 'SIGUSR2')
}

const roomOf = ({ room, muc }) => `${room}@${muc}`

const enter = (options, client, nick) =>
  client.send(
    `<presence to='${roomOf(options)}/n${nick}'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>`,
  )

/** The first occupant makes the room and opens it; then all others enter at once. */
async function enterAll(options, clients) {
  const { pid } = options
  const n = clients.length
  const counts = new Ledger(n, n)
  const mark = `${roomOf(options)}/n`
  let seen = 0
  let lastAt = 0
  clients.forEach((client, recipient) => {
    let rest = ''
    client.heard = (piece) => {
      const text = rest + piece
      let at = 0
      for (;;) {
        const start = text.indexOf(mark, at)
        if (start === -1) break
        const digits = /\d+(?=['"])/y
        digits.lastIndex = start + mark.length
        const nick = digits.exec(text)?.[0]
        if (nick === undefined && text.length - start < mark.length + 12) {
          rest = text.slice(start)
          return
        }
        if (nick !== undefined) {
          counts.take(recipient, Number(nick), 0)
          seen++
          lastAt = performance.now()
        }
        at = start + mark.length
      }
      rest = text.slice(Math.max(at, text.length - mark.length + 1))
    }
  })
  enter(options, clients[0], 0)
  await until(
    options,
    () => seen > 0,
    () => seen,
  )
  await sleep(100)
  clients[0].send(
    `<iq type='set' id='open' to='${roomOf(options)}'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query></iq>`,
  )
  await sleep(100)
  watch(options)
  const [startedAt, startedCpu] = [performance.now(), cpuSeconds(pid)]
  for (let nick = 1; nick < n; nick++) enter(options, clients[nick], nick)
  await until(
    options,
    () => seen >= n * n,
    () => seen,
  )
  const seconds = (lastAt - startedAt) / 1000
  const cpu = cpuSeconds(pid) - startedCpu
  watch(options)
  await sleep(lingerMs)
  if (counts.close(1).length > 0) throw new Void(counts.faults.join('; '))
  return { units: n * n - 1, seconds, cpu }
}

const field = (name, ...values) =>
  `<field var='${name}'>${values.map((value) => `<value>${value}</value>`).join('')}</field>`

/** The first makes the room, which shows only moderators to the others, as a room of thousands does. */
async function openQuietly(options, client, more = '') {
  const form =
    field('FORM_TYPE', 'http://jabber.org/protocol/muc#roomconfig') +
    field('muc#roomconfig_presencebroadcast', 'moderator') +
    more
  await enterInTurn(options, [client], 0)
  client.send(
    `<iq type='set' id='open' to='${roomOf(options)}'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'>${form}</x></query></iq>`,
  )
  await sleep(100)
}

/** Nicks from `first` on; resolves when all are inside. */
async function enterInTurn(options, clients, first) {
  let inside = 0
  for (const client of clients) client.heard = counting('<subject', () => inside++)
  for (const [index, client] of clients.entries()) enter(options, client, first + index)
  await until(
    options,
    () => inside >= clients.length,
    () => inside,
  )
}

/**
 * Messages from the first `senders` clients, each with `window` of its own on the way. `write` makes a message, `recipients`
 * is how many get it; a sender's next follows when its last has reached `echo(sender)`. `speaker` gives the client of a sender, where
 * one client is several; `others` are processes whose work is counted, too.
 */
async function exchange(options, clients, load) {
  const { senders, messages, warmUp, write, recipients, mayHear, echo, speaker = (sender) => clients[sender] } = load
  const { others = [] } = load
  const { pid, window, atOnce } = options
  const all = warmUp + messages
  const ledger = new Ledger(clients.length, senders, mayHear)
  const sentAt = new Float64Array(senders * all)
  const sent = new Int32Array(senders)
  const inFlight = new Int32Array(senders)
  const latencies = new Float64Array(senders * messages * recipients)
  let latencyCount = 0
  let limit = warmUp
  let lastAt = 0
  let underWay = 0
  let latest = -1
  const mayGo = (sender) => underWay < atOnce && inFlight[sender] < window && sent[sender] < limit
  const pump = (sender) => {
    let text = ''
    const now = performance.now()
    while (mayGo(sender)) {
      const number = sent[sender]++
      inFlight[sender]++
      underWay++
      sentAt[sender * all + number] = now
      text += write(sender, number, `~${sender}.${number};${padding}`)
    }
    if (text !== '') speaker(sender).send(text)
  }
  const delivered = (recipient, sender, number, now) => {
    if (!ledger.take(recipient, sender, number)) return false
    lastAt = now
    if (number >= warmUp) latencies[latencyCount++] = now - sentAt[sender * all + number]
    if (echo(sender) !== recipient) return false
    inFlight[sender]--
    underWay--
    return true
  }
  /** Where fewer are under way than there are senders, they take turns. */
  const pumpAfter = (sender) => {
    if (senders <= atOnce) return pump(sender)
    for (let looked = 0; looked < senders; looked++) {
      latest = (latest + 1) % senders
      if (mayGo(latest)) return pump(latest)
    }
  }
  clients.forEach((client, recipient) => {
    client.heard = reading(recipient, delivered, pumpAfter)
  })
  const run = async (to) => {
    limit = to
    for (let sender = 0; sender < senders; sender++) pump(sender)
    await until(
      options,
      () => ledger.count >= to * senders * recipients || ledger.faults.length > 0,
      () => ledger.count,
    )
  }
  await run(warmUp)
  watch(options)
  const [startedAt, startedCpu] = [performance.now(), cpuSeconds(pid)]
  const othersBefore = others.map(cpuSeconds)
  await run(all)
  const seconds = (lastAt - startedAt) / 1000
  const cpu = cpuSeconds(pid) - startedCpu
  const elsewhere = others.map((other, index) => cpuSeconds(other) - othersBefore[index])
  watch(options)
  await sleep(lingerMs)
  if (ledger.close(all).length > 0) throw new Void(ledger.faults.join('; '))
  const sorted = latencies.subarray(0, latencyCount).sort()
  const at = (share) => sorted[Math.min(latencyCount - 1, Math.floor(share * latencyCount))]
  const latency = { p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999) }
  const units = messages * senders * recipients
  return { units, seconds, cpu, ...(others.length > 0 && { elsewhere }), ...latency, residentKiB: residentKiB(pid) }
}

/** A reader of deliveries: what is cut off at the end of a piece waits for the next. */
function reading(recipient, delivered, pump) {
  let rest = ''
  return (piece) => {
    const text = rest === '' ? piece : rest + piece
    const now = performance.now()
    const free = []
    rest = ''
    for (let at = text.indexOf('~'); at !== -1; at = text.indexOf('~', at)) {
      const end = text.indexOf(';', at)
      if (end === -1) {
        rest = text.slice(at)
        break
      }
      const dot = text.indexOf('.', at)
      const sender = Number(text.slice(at + 1, dot))
      if (delivered(recipient, sender, Number(text.slice(dot + 1, end)), now)) free.push(sender)
      at = end
    }
    for (const sender of free) pump(sender)
  }
}

async function fanout(options) {
  const clients = await logIn(options, 0, options.n)
  if (options.quiet) {
    await openQuietly(options, clients[0])
    await enterInTurn(options, clients.slice(1), 1)
  } else await enterAll(options, clients)
  const to = roomOf(options)
  return exchange(options, clients, {
    senders: Math.min(options.senders, options.n),
    messages: options.messages,
    warmUp: options.warmUp,
    recipients: options.n,
    write: (_sender, number, body) =>
      `<message type='groupchat' id='m${number}' to='${to}'><body>${body}</body></message>`,
    echo: (sender) => sender,
  })
}

/** A room on several servers, named as their domains, with `n` occupants on each; all is said on the first. */
async function relay(options) {
  const { n, senders, messages, warmUp } = options
  const pids = options.pids.split(',').map(Number)
  const ports = options.ports.split(',').map(Number)
  const servers = options.servers.split(',').map((domain, index) => ({
    ...{ ...options, pid: pids[index], port: ports[index] },
    ...{ domain, muc: `rooms.${domain}` },
  }))
  const [here, ...there] = servers
  const crews = []
  for (const server of servers) crews.push(await logIn(server, 0, n))
  const [owner] = crews[0]
  const peers = field('{urn:xmpp:dmuc-sync:0}peers', ...there.map(({ muc }) => muc))
  const distributed = there.length > 0 ? field('muc#roomconfig_distributed', '1') + peers : ''
  await openQuietly(here, owner, distributed)
  for (const server of there) await shadowed(server, owner)
  for (const [index, server] of servers.entries())
    await enterInTurn(server, index === 0 ? crews[0].slice(1) : crews[index], index * n + (index === 0 ? 1 : 0))
  const clients = crews.flat()
  return exchange(here, clients, {
    ...{ senders, messages, warmUp, recipients: clients.length, others: pids.slice(1) },
    write: (_sender, number, body) =>
      `<message type='groupchat' id='m${number}' to='${roomOf(here)}'><body>${body}</body></message>`,
    echo: (sender) => sender,
  })
}

/** Resolves when a shadow shows itself: it has the configuration and the roster then. */
async function shadowed(server, asker) {
  let asked = 0
  let shown = false
  asker.heard = counting('dmuc-source', () => {
    shown = true
  })
  const ask = () =>
    asker.send(
      `<iq type='get' id='d${asked++}' to='${roomOf(server)}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`,
    )
  const asking = setInterval(ask, 250)
  await until(
    server,
    () => shown,
    () => 0,
  ).finally(() => clearInterval(asking))
}

async function chat(options) {
  const { n, domain } = options
  const clients = await logIn(options, 0, n)
  return exchange(options, clients, {
    senders: n,
    messages: options.messages,
    warmUp: options.warmUp,
    recipients: 1,
    mayHear: (recipient, sender) => (sender + 1) % n === recipient,
    write: (sender, number, body) =>
      `<message type='chat' id='m${number}' to='u${(sender + 1) % n}@${domain}'><body>${body}</body></message>`,
    echo: (sender) => (sender + 1) % n,
  })
}

/** Rooms of two, all spoken in. */
async function rooms(options) {
  const { n, pid } = options
  const clients = await logIn(options, 0, n)
  const base = residentKiB(pid)
  const owner = (room) => ownerOf(clients, room)
  await openRooms(options, clients, 0, options.rooms, 2)
  const figures = await exchange(options, clients, {
    senders: options.rooms,
    messages: options.messages,
    warmUp: options.warmUp,
    recipients: 2,
    speaker: (room) => clients[owner(room)],
    mayHear: (recipient, room) => recipient === owner(room) || recipient === (room + 1) % n,
    write: (room, number, body) =>
      `<message type='groupchat' id='m${number}' to='${numberedRoom(options, room)}'><body>${body}</body></message>`,
    echo: owner,
  })
  return { ...figures, perRoomKiB: (residentKiB(pid) - base) / options.rooms }
}

async function join(options) {
  const clients = await logIn(options, 0, options.n)
  return { ...(await enterAll(options, clients)), residentKiB: residentKiB(options.pid) }
}

/** The rate of the logins from the first number to the second, and the memory that each of those takes. */
async function idle(options) {
  const { pid, n, base } = options
  await logIn(options, 0, base)
  await sleep(options.settleMs)
  const before = residentKiB(pid)
  watch(options)
  const [startedAt, startedCpu] = [performance.now(), cpuSeconds(pid)]
  await logIn(options, base, n - base)
  const seconds = (performance.now() - startedAt) / 1000
  const cpu = cpuSeconds(pid) - startedCpu
  watch(options)
  await sleep(options.settleMs)
  const after = residentKiB(pid)
  return { units: n - base, seconds, cpu, residentKiB: after, perConnectionKiB: (after - before) / (n - base) }
}

export const scenarios = { fanout, chat, join, idle, rooms, relay }
