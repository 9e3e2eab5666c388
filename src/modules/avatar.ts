/**
 * XEP-0398: one avatar, whether it is published (XEP-0084) or stands in the vCard (XEP-0153). It is kept as published; the vCard gets its
 * photo from there, and presence says its hash.
 */
import { createHash } from 'node:crypto'
import type { LoadedAccount } from '../server/account.js'
import type { Host, Keeper, Module } from '../server/module.js'
import { child, copy, type Element, elements, xml } from '../xml/element.js'
import type { Jid } from '../xmpp/jid.js'
import {
  type AvatarService,
  avatarService,
  type NodeChange,
  type PresenceService,
  type PublishingService,
  presenceService,
  publishingService,
} from './services.js'

const dataNs = 'urn:xmpp:avatar:data'
const metadataNs = 'urn:xmpp:avatar:metadata'
const updateNs = 'vcard-temp:x:update'
const conversionNs = 'urn:xmpp:pep-vcard-conversion:0'
const test = 'dialogue/avatar.test.ts'

export const avatar: Module = {
  name: 'avatar',
  xeps: [
    { number: 153, version: '1.1.1', test },
    { number: 398, version: '1.0.0', test, features: [conversionNs] },
  ],
  hosts: ['user'],
  setup(host) {
    const publishing = host.service<PublishingService>(publishingService)
    if (publishing === undefined) return []
    const avatars = new Avatars(host, publishing)
    host.offer(avatarService, avatars)
    publishing.onChanged((account, nodes) => {
      if (nodes.has(metadataNs)) avatars.changed(account)
    })
    return [
      host.feature(conversionNs, 'account'),
      { kind: 'keep', name: 'presence', direction: 'outbound', keeper: avatars.stamp },
    ]
  },
}

class Avatars implements AvatarService {
  readonly #host: Host
  readonly #publishing: PublishingService

  constructor(host: Host, publishing: PublishingService) {
    this.#host = host
    this.#publishing = publishing
  }

  async photo(account: LoadedAccount, asker: Jid): Promise<Element | undefined> {
    const id = this.#current(account)
    const may = [dataNs, metadataNs].every((node) => this.#publishing.mayRetrieve(account, node, asker))
    if (id === undefined || !may) return undefined
    const data = (await this.#publishing.payloads(account, dataNs, [id])).get(id)
    const metadata = (await this.#publishing.payloads(account, metadataNs, [id])).get(id)
    const info = metadata && elements(metadata).find(({ attrs }) => attrs.id === id && attrs.url === undefined)
    if (data === undefined) return undefined
    return xml(
      'PHOTO',
      {},
      xml('TYPE', {}, info?.attrs.type ?? 'image/png'),
      xml('BINVAL', {}, data.getText().replaceAll(/\s+/g, '')),
    )
  }

  changesFor(account: LoadedAccount, photo: Element | undefined): readonly NodeChange[] | undefined {
    if (photo === undefined) return this.#current(account) === undefined ? [] : [metadataOf('none', undefined)]
    const image = imageOf(photo)
    if (image === undefined) return undefined
    const id = createHash('sha1').update(image).digest('hex')
    if (id === this.#current(account)) return []
    const type = childTextOf(photo, 'TYPE') || 'image/png'
    const payload = xml('data', { xmlns: dataNs }, image.toString('base64'))
    const info = xml('info', { id, bytes: String(image.length), type })
    return [{ node: dataNs, publish: { id, payload }, options }, metadataOf(id, info)]
  }

  /** XEP-0398 §4: the hash goes with each available presence, but for one that says that the client has no avatar ready. */
  readonly stamp: Keeper = (presence, from, to, goOn) => {
    const account = this.#host.account(from.bare().toString())
    if (account === undefined) return goOn(presence)
    return account.inTurn(() => {
      if (presence.attrs.type !== undefined) return goOn(presence)
      const isReady = child(presence, 'x', updateNs)?.getChild('photo', updateNs)?.getText() !== ''
      if (presence.attrs.to === undefined) this.#host.sessions.get(from.toString())?.data.set(unready, !isReady)
      const hash = isReady ? this.#shown(account, presence.attrs.to && to) : undefined
      return goOn(hash === undefined ? presence : withHash(presence, hash))
    })
  }

  /** Contacts see the new hash in the presence of each client. */
  changed(account: LoadedAccount): void {
    const hash = this.#shown(account, undefined) ?? ''
    const presence = this.#host.service<PresenceService>(presenceService)
    for (const session of this.#host.sessions.of(account.jid))
      if (session.presence !== undefined && session.data.get(unready) !== true)
        presence?.renew(account, session, withHash(session.presence, hash))
  }

  /** What is shown to `to`, or to all contacts: what they may have. */
  #shown(account: LoadedAccount, to: Jid | undefined): string | undefined {
    const models = [dataNs, metadataNs].map((node) => this.#publishing.accessModel(account, node))
    const isPublic = models.every((model) => model === 'open')
    const isForContacts = models.every((model) => model === 'open' || model === 'presence')
    return isPublic || (to === undefined && isForContacts) ? this.#current(account) : undefined
  }

  /** The hash, which is the id of the last metadata (XEP-0084 §4.2.1); undefined where there is no data to it. */
  #current(account: LoadedAccount): string | undefined {
    const id = this.#publishing.ids(account, metadataNs).at(-1)
    return id !== undefined && this.#publishing.ids(account, dataNs).includes(id) ? id : undefined
  }
}

/** In `Session.data`: the client says that it has no avatar to show (XEP-0153 §4.1). */
const unready = 'avatar.unready'

/** Whoever has a vCard has its photo. */
const options = { access_model: 'open' } as const

const metadataOf = (id: string, info: Element | undefined): NodeChange => ({
  node: metadataNs,
  publish: { id, payload: xml('metadata', { xmlns: metadataNs }, info) },
  options,
})

const childTextOf = (parent: Element, name: string): string | undefined =>
  parent.getChild(name, parent.getNS())?.getText().trim()

/** Undefined for what is no image in Base64. */
function imageOf(photo: Element): Buffer | undefined {
  const text = childTextOf(photo, 'BINVAL')?.replaceAll(/\s+/g, '') ?? ''
  if (text === '' || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined
  return Buffer.from(text, 'base64')
}

/** '' says that there is none. */
function withHash(presence: Element, hash: string): Element {
  const update = child(presence, 'x', updateNs)
  const others = presence.children.filter((node) => node !== update)
  return xml(
    'presence',
    presence.attrs,
    ...others.map((node) => (typeof node === 'string' ? node : copy(node))),
    xml('x', { xmlns: updateNs }, xml('photo', {}, ...(hash === '' ? [] : [hash]))),
  )
}
