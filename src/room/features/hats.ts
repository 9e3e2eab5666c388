/**
 * XEP-0317: Hats. What a room calls its people beside role and affiliation. Hats and who wears them are part of the room's
 * configuration: numbered, kept and replicated with it.
 */
import { createHash } from 'node:crypto'
import { type Element, xml } from '../../xml/element.js'
import type { Field } from '../../xmpp/data-form.js'
import { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import { type ConfigField, Wrong } from '../config-field.js'
import type { Hat, RoomConfig } from '../types.js'

export const hatsNamespace = 'urn:xmpp:hats:0'

/** Characters of all hats of a room with their wearers, as JSON: every change of the configuration is stored with them. */
export const maxHatsLength = 16_000

const maxTitleLength = 100
const maxUriLength = 300

export const hats = {
  xep: { number: 317, version: '0.3.1', test: 'dialogue/muc.test.ts' },
  disco: [hatsNamespace],

  /** §4.1: the hats of a bare JID, for its occupant's presence; undefined where it wears none. */
  element: (config: RoomConfig, jid: string): Element | undefined => {
    const worn = hatsOf(config, jid)
    if (worn.length === 0) return undefined
    const children = worn.map(({ title, uri, hue }) => xml('hat', { title, uri, hue }))
    return xml('hats', { xmlns: hatsNamespace }, ...children)
  },

  /** §3: the field of roominfo, where there are hats. */
  info: ({ hats }: RoomConfig): Field | undefined =>
    hats.length === 0
      ? undefined
      : { var: 'hats#hash', type: 'text-single', label: 'Hats hash', values: [hashOf(hats)] },

  /** How hats travel between instances: a line of JSON each. Owners do not see it; they use the commands. */
  field: {
    var: `{${ns.dmucSync}}hats`,
    keys: ['hats'],
    offered: () => false,
    show: ({ hats }) => ({ type: 'text-multi', values: hats.map((hat) => JSON.stringify(hat)) }),
    read: (values, config) => {
      const read = values.filter((value) => value !== '').map(readHat)
      const known = read.filter((hat) => hat !== undefined)
      if (known.length < read.length || hatsFault(known) !== undefined) return new Wrong('be hats')
      return { ...config, hats: known }
    },
  } satisfies ConfigField,
}

const none: readonly Hat[] = []
const worn = new WeakMap<RoomConfig['hats'], ReadonlyMap<string, readonly Hat[]>>()

/** What a bare JID wears: the same array for as long as no hat changes. */
export function hatsOf({ hats }: RoomConfig, jid: string): readonly Hat[] {
  if (hats.length === 0) return none
  let byWearer = worn.get(hats)
  if (byWearer === undefined) {
    const found = new Map<string, Hat[]>()
    for (const hat of hats) for (const wearer of hat.wearers) found.set(wearer, [...(found.get(wearer) ?? []), hat])
    byWearer = found
    worn.set(hats, byWearer)
  }
  return byWearer.get(jid) ?? none
}

/** Do two configurations dress this JID alike? */
export const wearsTheSame = (one: RoomConfig, other: RoomConfig, jid: string): boolean =>
  one.hats === other.hats || looks(hatsOf(one, jid)) === looks(hatsOf(other, jid))

const looks = (list: readonly Hat[]): string => JSON.stringify(list.map(({ uri, title, hue }) => [uri, title, hue]))

const hashOf = (list: readonly Hat[]): string => createHash('sha1').update(looks(list)).digest('hex')

/** What is wrong with these hats; completes no sentence: it is one. */
export function hatsFault(list: readonly Hat[]): string | undefined {
  if (new Set(list.map(({ uri }) => uri)).size < list.length) return 'Two hats have one URI'
  if (JSON.stringify(list).length > maxHatsLength)
    return `The hats of a room and who wears them take at most ${maxHatsLength} characters`
  for (const { uri, title, hue } of list) {
    if (!/^[A-Za-z][A-Za-z0-9+.-]*:[^\s\p{Cc}\p{Cs}<>"{}|\\^`]+$/u.test(uri) || uri.length > maxUriLength)
      return `A hat's URI has a scheme, no spaces and at most ${maxUriLength} characters`
    if (title.trim() === '' || /\p{Cc}|\p{Cs}/u.test(title) || title.length > maxTitleLength)
      return `A hat's title has 1 to ${maxTitleLength} printable characters`
    if (hue !== undefined && !(/^\d{1,3}(\.\d{1,9})?$/.test(hue) && Number(hue) <= 360))
      return "A hat's hue is an angle from 0 to 360"
  }
  return undefined
}

function readHat(text: string): Hat | undefined {
  if (text.length > maxHatsLength) return undefined
  const read = parsed(text)
  if (typeof read !== 'object' || read === null) return undefined
  const { uri, title, hue, wearers } = read as Readonly<Record<string, unknown>>
  if (typeof uri !== 'string' || typeof title !== 'string' || !Array.isArray(wearers)) return undefined
  if (hue !== undefined && typeof hue !== 'string') return undefined
  const jids = wearers.map((jid) => (typeof jid === 'string' ? Jid.tryParse(jid)?.bare().toString() : undefined))
  if (!jids.every((jid) => jid !== undefined)) return undefined
  return { uri, title, ...(hue === undefined ? {} : { hue }), wearers: jids }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
