/**
 * XEP-0012: Last Activity: how long ago a user left and with which words, for those who may see when the user is there; of a
 * host, for how long it has been running.
 */
import type { Host, Module } from '../server/module.js'
import type { Session } from '../server/session.js'
import { childText, type Element, xml } from '../xml/element.js'
import { result } from '../xmpp/stanza.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { type PresenceService, presenceService } from './services.js'

const lastNs = 'jabber:iq:last'
/** Of the account's data, in memory and in the store. */
const accountData = 'last-activity'
/** Characters; longer farewells are left out. */
const longestStatus = 1024

interface Left {
  readonly atMs: number
  readonly status: string
}

export const lastActivity: Module = {
  name: 'last_activity',
  xeps: [{ number: 12, version: '2.0', test: 'dialogue/last-activity.test.ts', features: [lastNs] }],
  hosts: ['user', 'muc'],
  setup(host) {
    const startedAt = host.clock.monotonic()
    const uptime = host.iq('host', 'get', lastNs, 'query', (iq) =>
      result(iq, answer(host.clock.monotonic() - startedAt)),
    )
    if (host.type !== 'user') return [host.feature(lastNs), uptime]
    return [
      host.feature(lastNs),
      host.feature(lastNs, 'account'),
      uptime,
      { kind: 'account', name: accountData, load: (bareJid) => load(host, bareJid) },
      host.iq('account', 'get', lastNs, 'query', (iq, from, to) => {
        const jid = to.bare().toString()
        // §3 names this refusal, although it shows that the account exists.
        if (!host.service<PresenceService>(presenceService)?.isVisible(jid, from)) throw new StanzaError('forbidden')
        if (isThere(host, jid)) return result(iq, answer(0))
        const left = host.account(jid)?.data.get(accountData) as Left | undefined
        if (left === undefined) throw new StanzaError('item-not-found', { text: 'This user has not been here yet' })
        return result(iq, answer(host.clock.now() - left.atMs, left.status))
      }),
      { kind: 'session', presence: (session, stanza) => leaves(host, session, stanza) },
    ]
  },
}

const answer = (ms: number, status = ''): Element =>
  xml(
    'query',
    { xmlns: lastNs, seconds: String(Math.max(0, Math.floor(ms / 1000))) },
    ...(status === '' ? [] : [status]),
  )

/** Clients without presence are not given away. */
const isThere = (host: Host, jid: string): boolean =>
  host.sessions.of(jid).some(({ presence }) => presence !== undefined)

async function load(host: Host, bareJid: string): Promise<Left | undefined> {
  const kept = await host.store.data(bareJid, accountData, '')
  return kept === undefined ? undefined : (JSON.parse(kept) as Left)
}

/** The last available client of an account has gone, or says that it does. */
function leaves(host: Host, session: Session, stanza: Element): void {
  const jid = session.jid.bare().toString()
  if (isThere(host, jid)) return
  const status = childText(stanza, 'status') ?? ''
  const left: Left = { atMs: host.clock.now(), status: status.length > longestStatus ? '' : status }
  host.account(jid)?.data.set(accountData, left)
  keep(host, jid, left).catch((error: unknown) => {
    host.log.debug({ err: error, jid }, 'When a user left could not be kept')
  })
}

/** Not for an account that was deleted, which is why its clients have gone: a new one of that name would inherit it. */
async function keep(host: Host, owner: string, left: Left): Promise<void> {
  if ((await host.store.account(owner)) === undefined) return
  await host.store.commit([{ type: 'data.put', owner, kind: accountData, key: '', value: JSON.stringify(left) }])
}
