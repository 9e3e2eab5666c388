/**
 * XEP-0054: vcard-temp. A user's card is public; of an account without one nobody learns more than of no account (§3.1).
 */
import type { Module } from '../server/module.js'
import { copy, type Element } from '../xml/element.js'
import { serialize } from '../xml/writer.js'
import { payload, result } from '../xmpp/stanza.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { ownAccount } from './own-account.js'
import { readStored } from './stored-xml.js'

const vcardNs = 'vcard-temp'
const kind = 'vcard'
/** Bytes of a card, with its photo. */
const largest = 128 * 1024

export const vcard: Module = {
  name: 'vcard',
  xeps: [{ number: 54, version: '1.2', test: 'dialogue/queries.test.ts', features: [vcardNs] }],
  hosts: ['user'],
  setup: (host) => [
    host.feature(vcardNs),
    host.iq('account', 'get', vcardNs, 'vCard', async (iq, _from, to) => {
      const card = await host.store.data(to.bare().toString(), kind, '')
      if (card === undefined) throw new StanzaError('service-unavailable')
      return result(iq, readStored(card))
    }),
    host.iq('account', 'set', vcardNs, 'vCard', async (iq, from, to) => {
      ownAccount(from, to, 'forbidden')
      const value = serialize(copy(payload(iq) as Element))
      if (Buffer.byteLength(value) > largest) throw new StanzaError('not-acceptable', { text: 'The card is too large' })
      await host.store.commit([{ type: 'data.put', owner: to.bare().toString(), kind, key: '', value }])
      return result(iq)
    }),
  ],
}
