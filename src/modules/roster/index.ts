/** RFC 6121 §2: managing the roster, which a client that has it already is not sent again (§2.6, XEP-0237). */

import type { LoadedAccount } from '../../server/account.js'
import type { Host, Module } from '../../server/module.js'
import { type Element, xml } from '../../xml/element.js'
import type { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import { payload, result } from '../../xmpp/stanza.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import { between } from '../between.js'
import { ownAccount } from '../own-account.js'
import { emptyItem, rosterService } from '../services.js'
import { isListed, itemElement, readRosterSet } from './item.js'
import { accountData, Roster, versioned } from './roster.js'
import { versionOf } from './version.js'

export const roster: Module = {
  name: 'roster',
  rfc: { clauses: 'RFC 6121 §2', test: 'dialogue/roster-versioning.test.ts' },
  xeps: [{ number: 237, version: '1.3', test: 'dialogue/roster-versioning.test.ts' }],
  hosts: ['user'],
  options: {
    max_roster_contacts: {
      type: 'integer',
      default: 5000,
      doc: 'Contacts of one account; more are refused.',
      check: between(1, 100_000),
    },
  },
  setup(host) {
    const contacts = new Roster(host)
    host.offer(rosterService, contacts)
    return [
      { kind: 'stream-feature', element: () => xml('ver', { xmlns: 'urn:xmpp:features:rosterver' }) },
      { kind: 'account', name: accountData, load: (bareJid) => contacts.load(bareJid) },
      host.iq('account', 'get', ns.roster, 'query', (iq, from, to) => {
        ownAccount(from, to, 'forbidden')
        return answerGet(host, contacts, iq, from)
      }),
      host.iq('account', 'set', ns.roster, 'query', async (iq, from, to) => {
        ownAccount(from, to, 'forbidden')
        await change(loaded(host, to), contacts, iq)
        return result(iq)
      }),
      // A push comes from the user's own server and from nobody else (§2.1.6): a forged one never reaches the client.
      host.on('inbound', 'iq', 'validate', (iq, _from, to) => {
        const forged = to.isFull && iq.attrs.type === 'set' && iq.getChild('query', ns.roster) !== undefined
        if (forged) throw new StanzaError('service-unavailable')
        return undefined
      }),
    ]
  },
}

function answerGet(host: Host, contacts: Roster, iq: Element, from: Jid): Element {
  const session = host.sessions.get(from.toString())
  const known = payload(iq)?.attrs.ver
  if (session !== undefined) {
    session.interested = true
    session.data.set(versioned, known !== undefined)
  }
  const items = [...contacts.items(loaded(host, from)).values()].filter(isListed)
  if (known === undefined) return result(iq, xml('query', { xmlns: ns.roster }, ...items.map(itemElement)))
  const ver = versionOf(items)
  return ver === known ? result(iq) : result(iq, xml('query', { xmlns: ns.roster, ver }, ...items.map(itemElement)))
}

async function change(account: LoadedAccount, contacts: Roster, iq: Element): Promise<void> {
  const wanted = readRosterSet(iq)
  if (wanted.jid === account.jid) throw new StanzaError('not-allowed', { text: 'Nobody is their own contact' })
  const item = contacts.items(account).get(wanted.jid)
  if (!wanted.remove) {
    const { name, groups } = wanted
    return contacts.put(account, { ...(item ?? emptyItem(wanted.jid)), name, groups }, () => undefined)
  }
  if (item === undefined || !isListed(item)) throw new StanzaError('item-not-found')
  return contacts.remove(account, item)
}

/** In a handler of the account's own IQ it always is. */
const loaded = (host: Host, jid: Jid): LoadedAccount => host.account(jid.bare().toString()) as LoadedAccount
