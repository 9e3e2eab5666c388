/**
 * XEP-0191: Blocking Command. Who is blocked reaches no client of the account and learns nothing of it; and no client reaches them
 * by mistake.
 */

import type { LoadedAccount } from '../../server/account.js'
import type { Host, Module } from '../../server/module.js'
import { copy, type Element, elements, xml } from '../../xml/element.js'
import type { Jid } from '../../xmpp/jid.js'
import { payload, result } from '../../xmpp/stanza.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import { between } from '../between.js'
import { ownAccount } from '../own-account.js'
import { type BlockingService, blockingService, type PresenceService, presenceService } from '../services.js'
import {
  type BlockList,
  blockingNs,
  isOnList,
  listText,
  readItems,
  readList,
  withBlocked,
  withoutBlocked,
  writeItems,
} from './list.js'

/** Of the account's data, in memory and in the store. */
const accountData = 'blocked'
/** In `Session.data`: has asked for the list, so it hears of changes. */
const interested = 'blocking.interested'

export const blocking: Module = {
  name: 'blocking',
  xeps: [{ number: 191, version: '1.3', test: 'dialogue/blocking.test.ts', features: [blockingNs] }],
  hosts: ['user'],
  options: {
    max_blocked_addresses: {
      type: 'integer',
      default: 1000,
      doc: 'Addresses that one account may block (XEP-0191); more are refused.',
      check: between(1, 100_000),
    },
  },
  setup(host) {
    const listeners: Parameters<BlockingService['onBlocked']>[0][] = []
    const service: BlockingService = {
      isBlocked: (account, jid) => isOnList(listOf(account), jid),
      onBlocked: (listener) => void listeners.push(listener),
    }
    host.offer(blockingService, service)
    return [
      host.feature(blockingNs),
      {
        kind: 'account',
        name: accountData,
        load: async (bareJid) => readList(await host.store.data(bareJid, accountData, '')),
      },
      { kind: 'shield', against: (account, from) => isOnList(listOf(account), from) },
      ...(['message', 'presence', 'iq'] as const).flatMap((name) => [
        host.on('inbound', name, 'authorize', (stanza, from, to) => refuseBlocked(host, stanza, from, to)),
        host.on('outbound', name, 'authorize', (_stanza, from, to) => refuseToBlocked(host, from, to)),
      ]),
      host.iq('account', 'get', blockingNs, 'blocklist', (iq, from, to) => {
        ownAccount(from, to)
        host.sessions.get(from.toString())?.data.set(interested, true)
        return result(iq, writeItems('blocklist', listOf(loaded(host, to))))
      }),
      host.iq('account', 'set', blockingNs, 'block', async (iq, from, to) => {
        ownAccount(from, to)
        const jids = readItems(iq)
        if (jids.length === 0) throw new StanzaError('bad-request', { text: 'Whom?' })
        const account = loaded(host, to)
        await change(
          host,
          account,
          withBlocked(listOf(account), jids, host.options.max_blocked_addresses as number),
          writeItems('block', jids),
        )
        const items = elements(payload(iq) as Element).filter(({ name }) => name === 'item')
        for (const listener of listeners) listener(account, items)
        return result(iq)
      }),
      host.iq('account', 'set', blockingNs, 'unblock', async (iq, from, to) => {
        ownAccount(from, to)
        const jids = readItems(iq)
        const account = loaded(host, to)
        await change(host, account, withoutBlocked(listOf(account), jids), writeItems('unblock', jids))
        return result(iq)
      }),
    ]
  },
}

const listOf = (account: LoadedAccount): BlockList => account.data.get(accountData) as BlockList

/** In a handler of the account's own IQ it always is. */
const loaded = (host: Host, jid: Jid): LoadedAccount => host.account(jid.bare().toString()) as LoadedAccount

/** Nobody blocks another client of the same account (§5), nor the server itself. */
const isOwn = (host: Host, account: Jid, other: Jid): boolean =>
  other.bare().equals(account.bare()) || (other.local === '' && other.domain === host.domain)

/** §3.3: what it is decides whether the sender is told that nobody is there, or nothing. */
function refuseBlocked(host: Host, stanza: Element, from: Jid, to: Jid): true | undefined {
  const account = host.account(to.bare().toString())
  if (account === undefined || isOwn(host, to, from) || !isOnList(listOf(account), from)) return undefined
  const { type } = stanza.attrs
  // An error from an occupant would throw the user out of the room.
  const silent =
    stanza.name === 'presence' ||
    type === 'error' ||
    type === 'groupchat' ||
    (stanza.name === 'iq' && type === 'result')
  if (silent) return true
  throw new StanzaError('service-unavailable')
}

function refuseToBlocked(host: Host, from: Jid, to: Jid): undefined {
  const account = host.account(from.bare().toString())
  if (account === undefined || isOwn(host, from, to) || !isOnList(listOf(account), to)) return undefined
  throw new StanzaError('not-acceptable', { extra: xml('blocked', { xmlns: `${blockingNs}:errors` }) })
}

/** Durable first; then who is blocked sees the clients leave, and who is not any more sees them again. */
function change(host: Host, account: LoadedAccount, list: BlockList, changed: Element): Promise<void> {
  const before = listOf(account)
  const write = { type: 'data.put', owner: account.jid, kind: accountData, key: '', value: listText(list) } as const
  return account.write([write], () => {
    const presence = host.service<PresenceService>(presenceService)
    presence?.hide(account, (jid) => isOnList(list, jid) && !isOnList(before, jid))
    account.data.set(accountData, list)
    presence?.show(account, (jid) => isOnList(before, jid) && !isOnList(list, jid))
    for (const session of host.sessions.of(account.jid)) {
      if (!session.data.has(interested)) continue
      const attrs = { type: 'set', id: host.random.token(), from: account.jid, to: session.jid.toString() }
      session.outbox.send(xml('iq', attrs, copy(changed)))
    }
  })
}
