/**
 * XEP-0054: vcard-temp. A user's card is public; of an account without one nobody learns more than of no account (§3.1). Its photo is
 * the avatar (XEP-0398).
 */
import type { LoadedAccount } from '../server/account.js'
import type { Host, Module } from '../server/module.js'
import { copy, type Element, type Node, xml } from '../xml/element.js'
import { serialize } from '../xml/writer.js'
import type { Jid } from '../xmpp/jid.js'
import { payload, result } from '../xmpp/stanza.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { between } from './between.js'
import { ownAccount } from './own-account.js'
import {
  type AvatarService,
  avatarService,
  type CardService,
  cardService,
  type PublishingService,
  publishingService,
} from './services.js'
import { readStored } from './stored-xml.js'

const vcardNs = 'vcard-temp'
const kind = 'vcard'
export const vcard: Module = {
  name: 'vcard',
  xeps: [{ number: 54, version: '1.3.0', test: 'dialogue/queries.test.ts', features: [vcardNs] }],
  hosts: ['user'],
  options: {
    max_vcard_size: {
      type: 'integer',
      default: 128 * 1024,
      doc: 'Bytes of the vCard of an account (XEP-0054), with its photo; a larger one is refused.',
      check: between(1000, 64 * 1024 * 1024),
    },
  },
  setup: (host) => [
    host.feature(vcardNs),
    host.iq('account', 'get', vcardNs, 'vCard', async (iq, from, to) => {
      const card = await cardOf(host, loaded(host, to), from)
      // §3.1, §3.3: only who owns the account may learn that there is one.
      if (card === undefined) throw new StanzaError(isOwn(from, to) ? 'item-not-found' : 'service-unavailable')
      return result(iq, card)
    }),
    host.iq('account', 'set', vcardNs, 'vCard', async (iq, from, to) => {
      ownAccount(from, to, 'forbidden')
      await keep(host, loaded(host, to), payload(iq) as Element)
      return result(iq)
    }),
  ],
}

const isOwn = (from: Jid, to: Jid): boolean => from.bare().toString() === to.bare().toString()

/** In a handler of the account's IQ it always is. */
const loaded = (host: Host, jid: Jid): LoadedAccount => host.account(jid.bare().toString()) as LoadedAccount

async function cardOf(host: Host, account: LoadedAccount, asker: Jid): Promise<Element | undefined> {
  const text = await host.store.data(account.jid, kind, '')
  const own = text === undefined ? undefined : readStored(text)
  // One that was set for its photo alone says nothing else.
  const isEmpty = own === undefined || own.children.length === 0
  const card = (isEmpty ? await host.service<CardService>(cardService)?.card(account, asker) : undefined) ?? own
  const photo = await host.service<AvatarService>(avatarService)?.photo(account, asker)
  return photo === undefined ? card : withPhoto(card ?? xml('vCard', { xmlns: vcardNs }), photo)
}

/** The photo goes where avatars are published, if it can; then the card is kept without it. */
async function keep(host: Host, account: LoadedAccount, card: Element): Promise<void> {
  const most = Number(host.options.max_vcard_size)
  if (Buffer.byteLength(serialize(copy(card))) > most)
    throw new StanzaError('not-acceptable', { text: `A card has at most ${most} bytes` })
  const changes = host.service<AvatarService>(avatarService)?.changesFor(account, card.getChild('PHOTO', vcardNs))
  const kept = changes === undefined ? copy(card) : withPhoto(card, undefined)
  const write = { type: 'data.put', owner: account.jid, kind, key: '', value: serialize(kept) } as const
  const publishing = host.service<PublishingService>(publishingService)
  if (changes === undefined || publishing === undefined) await host.store.commit([write])
  else await publishing.change(account, changes, [write])
}

function withPhoto(card: Element, photo: Element | undefined): Element {
  const others = card.children.filter((node) => typeof node === 'string' || node.name !== 'PHOTO')
  const copied = others.map((node): Node => {
    if (typeof node === 'string') return node
    const own = copy(node)
    if (own.attrs.xmlns === card.getNS()) delete own.attrs.xmlns
    return own
  })
  return xml('vCard', { xmlns: vcardNs }, ...copied, photo)
}
