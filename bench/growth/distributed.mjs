/** One room on several servers, each a process of its own: what a message costs the server where it was said, and the others. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { load } from '../measure.mjs'
import { dmucdFull } from '../servers/dmucd.mjs'
import { freePort, put, temporaryDirectory } from '../servers/process.mjs'

const occupants = 100
const senders = 10
/** Messages of each sender: below some thousands in all, what is measured is V8 that compiles. */
const each = 600

/** @param {number} count of servers */
export async function distributed(count) {
  const directory = temporaryDirectory()
  const running = []
  try {
    const domains = Array.from({ length: count }, (_, index) => `s${index}.example`)
    const s2sPorts = []
    for (const _ of domains) s2sPorts.push(await freePort())
    for (const domain of domains) running.push(await startAt(domain, domains, s2sPorts, directory))
    const commaed = (all) => all.join(',')
    const { units, cpu, elsewhere, p50Ms, p99Ms } = await load('relay', {
      ...{ n: occupants, senders, window: 8, messages: each, warmUp: each },
      ...{ servers: commaed(domains), ports: commaed(running.map(({ port }) => port)) },
      pids: commaed(running.map(({ pid }) => pid)),
    })
    const micros = (seconds) => (seconds * 1e6) / (senders * each)
    const others = elsewhere === undefined ? {} : { elsewhereMicros: Math.max(...elsewhere.map(micros)) }
    return { cpuMicros: micros(cpu), ...others, deliveries: units, p50Ms, p99Ms }
  } catch (error) {
    return { fault: error.message }
  } finally {
    for (const { stop } of running) await stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function startAt(domain, domains, s2sPorts, directory) {
  const { selfSigned } = await import('../../dist/net/self-signed.js')
  const muc = `rooms.${domain}`
  const pair = await selfSigned([domain, muc], Date.now())
  const files = { certificate: join(directory, `${domain}.crt`), key: join(directory, `${domain}.key`) }
  put(files.certificate, pair.certificate)
  put(files.key, pair.key)
  const routes = domains.flatMap((other, index) =>
    other === domain ? [] : [other, `rooms.${other}`].map((name) => `"${name}" = "127.0.0.1:${s2sPorts[index]}"`),
  )
  const allowed = domains.filter((other) => other !== domain).map((other) => `"rooms.${other}"`)
  const more = `s2s_ports = [${s2sPorts[domains.indexOf(domain)]}]
s2s_secure_auth = false
[s2s_routes]
${routes.join('\n')}
[dmuc]
allow = [${allowed.join(', ')}]`
  return dmucdFull.start({ ...files, users: occupants, place: { domain, muc, more } })
}
