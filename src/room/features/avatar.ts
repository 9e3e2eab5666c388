/**
 * XEP-0486: MUC Avatars. The card of a room (vcard-temp, XEP-0054) is set by its owners. What is in the room's configuration are its
 * digests: so a change is numbered, announced and replicated as any other; the card itself is kept beside the room.
 */
import { createHash } from 'node:crypto'
import { type Element, elements, xml } from '../../xml/element.js'
import { serialize } from '../../xml/writer.js'
import type { Field } from '../../xmpp/data-form.js'
import { ns } from '../../xmpp/namespaces.js'
import { payload } from '../../xmpp/stanza.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import type { Command, CommandOf } from '../command.js'
import { type ConfigField, Wrong } from '../config-field.js'
import type { Card, Context, Delivery } from '../contract.js'
import { localSessions } from '../occupants.js'
import { isRefusal, refuse, replyTo, speakerOf, type Verdict } from '../speaker.js'
import type { Avatar, RoomConfig, RoomState } from '../types.js'

export const vcardNamespace = 'vcard-temp'

const maxPhotos = 5

export const avatar = {
  xep: { number: 486, version: '0.1.0', test: 'dialogue/muc-avatar.test.ts' },
  disco: [vcardNamespace],

  /** §3.3: the digests of the photos, where there are any. */
  info: ({ avatar }: RoomConfig): Field | undefined =>
    avatar === undefined || avatar.photos.length === 0
      ? undefined
      : { var: 'muc#roominfo_avatarhash', type: 'text-multi', label: 'Avatar hash', values: avatar.photos },

  /** How it travels between instances: the digest of the card, then those of its photos. Owners set the card itself. */
  field: {
    var: `{${ns.dmucSync}}avatar`,
    keys: ['avatar'],
    offered: () => false,
    show: ({ avatar }) => ({
      type: 'text-multi',
      values: avatar === undefined ? [] : [avatar.card, ...avatar.photos],
    }),
    read: (values, config) => {
      const [card, ...photos] = values.filter((value) => value !== '')
      const { avatar: _, ...rest } = config
      if (card === undefined) return rest
      const sound = /^[0-9a-f]{64}$/.test(card) && photos.every((photo) => /^[0-9a-f]{40}$/.test(photo))
      return sound && photos.length <= maxPhotos ? { ...rest, avatar: { card, photos } } : new Wrong('be digests')
    },
  } satisfies ConfigField,

  /** Undefined where the IQ is about something else. */
  command: (iq: Element): Command | undefined => {
    const card = payload(iq)
    if (card?.name !== 'vCard' || card.getNS() !== vcardNamespace) return undefined
    const { from, id } = iq.attrs
    return iq.attrs.type === 'get' ? { type: 'card-get', from, id } : { type: 'card-set', from, id, card }
  },

  /** §3.2 and §4; the same card again changes nothing, an empty one takes it away. */
  decide: (state: RoomState, command: CommandOf<'card-set'>, context: Context): Verdict => {
    if (speakerOf(state, command, context).affiliation !== 'owner')
      return refuse(state, 'forbidden', 'Only owners set the avatar of the room')
    const reply = replyTo(state, command)
    const { avatar: present, ...rest } = state.config
    const revision = state.configRevision + 1
    if (elements(command.card).length === 0)
      return { operations: present === undefined ? [] : [{ type: 'config', config: rest, revision }], reply }
    const read = readCard(command.card, context.policy.maxCardLength)
    if (isRefusal(read)) return read
    const { photos, ...card } = read
    if (card.digest === present?.card) return { operations: [], reply }
    const config: RoomConfig = { ...rest, avatar: { card: card.digest, photos } }
    return { operations: [{ type: 'config', config, revision }], reply, card }
  },

  /** §5.2: what is not in disco for clients that look for it in presence (XEP-0153), from the room itself. */
  announcement: (state: RoomState, to: readonly string[]): readonly Delivery[] => {
    const photo = state.config.avatar?.photos[0]
    const update = xml('x', { xmlns: 'vcard-temp:x:update' }, xml('photo', {}, photo))
    return to.length === 0 ? [] : [{ to, stanza: xml('presence', { from: state.jid }, update) }]
  },

  /** After a change of the configuration. */
  render: (before: RoomState, after: RoomState): readonly Delivery[] =>
    same(before.config.avatar, after.config.avatar) ? [] : avatar.announcement(after, localSessions(after)),
}

const same = (one: Avatar | undefined, other: Avatar | undefined): boolean => one?.photos[0] === other?.photos[0]

const digest = (algorithm: string, data: string | Buffer): string => createHash(algorithm).update(data).digest('hex')

/**
 * What is kept of a card: elements of vcard-temp and their text. `not-acceptable` for what is too large or no image, `bad-request`
 * for a photo that is only a link, by which others could learn who looks at it.
 */
export function readCard(
  element: Element,
  maxLength: number,
): (Card & { readonly photos: readonly string[] }) | StanzaError {
  const kept = xml('vCard', { xmlns: vcardNamespace }, ...plain(element))
  const text = serialize(kept)
  if (text.length > maxLength)
    return new StanzaError('not-acceptable', { text: `A card with its photo has at most ${maxLength} characters` })
  const photos: string[] = []
  for (const photo of elements(kept).filter(({ name }) => name === 'PHOTO')) {
    const type = photo.getChildText('TYPE')?.trim() ?? ''
    const data = photo.getChildText('BINVAL')?.replace(/\s+/g, '')
    if (!data) return new StanzaError('bad-request', { text: 'A photo comes with its data (BINVAL)' })
    if (!/^image\/[a-z0-9.+-]{1,50}$/i.test(type) || !/^[A-Za-z0-9+/]+={0,2}$/.test(data))
      return new StanzaError('not-acceptable', { text: 'A photo is an image in base64, with its TYPE' })
    photos.push(digest('sha1', Buffer.from(data, 'base64')))
  }
  if (photos.length > maxPhotos)
    return new StanzaError('not-acceptable', { text: `A card has at most ${maxPhotos} photos` })
  return { digest: digest('sha256', text), text, photos }
}

/** The children of a card without attributes, and without what is not of vcard-temp. */
const plain = (element: Element): (Element | string)[] =>
  element.children.flatMap((node): (Element | string)[] => {
    if (typeof node === 'string') return [node]
    return node.getNS() === vcardNamespace ? [xml(node.name, {}, ...plain(node))] : []
  })
