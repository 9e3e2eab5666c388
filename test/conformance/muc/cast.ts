/** Who plays in the tables: one of each affiliation in a room that keeps no archive, and somebody outside. */
import { adminIq, Stage } from '../../room/stage.js'

export const room = 'coven@chat.shakespeare.lit'
/** Owner, `firstwitch`. */
export const crone = 'crone1@shakespeare.lit/desktop'
/** Admin, `secondwitch`. */
export const wicca = 'wiccarocks@shakespeare.lit/laptop'
/** Member, `thirdwitch`. */
export const hag = 'hag66@shakespeare.lit/pda'
/** No affiliation, `hecate`. */
export const hecate = 'hecate@shakespeare.lit/broom'
/** Not in the room. */
export const outsider = 'macbeth@shakespeare.lit/castle'

export const everyone = [crone, wicca, hag, hecate]

export function coven(fields: Readonly<Record<string, string | readonly string[]>> = {}): Stage {
  const stage = new Stage(room).found(crone, 'firstwitch')
  stage.configure(crone, { 'muc#roomconfig_enablelogging': '0' })
  stage.admin(
    crone,
    `<item affiliation='admin' jid='wiccarocks@shakespeare.lit'/><item affiliation='member' jid='hag66@shakespeare.lit'/>`,
  )
  stage.join(wicca, 'secondwitch')
  stage.join(hag, 'thirdwitch')
  stage.join(hecate, 'hecate')
  if (Object.keys(fields).length > 0) stage.configure(crone, fields)
  return stage
}

export const to = (jid: string, lines: readonly string[]): string[] =>
  lines.filter((line) => line.startsWith(`${jid} <- `)).map((line) => line.slice(jid.length + 4))

/** The attributes of the item in a stanza, e.g. `{ affiliation: 'none', role: 'none' }`. */
export function itemOf(line: string): Record<string, string> {
  const [, attributes = ''] = /<item ([^>]*?)\/?>/.exec(line) ?? []
  return Object.fromEntries(
    [...attributes.matchAll(/(\w+)='([^']*)'/g)].map(([, name = '', value = '']) => [name, value]),
  )
}

/** The items of a list as its reader gets them. */
export const list = (stage: Stage, from: string, item: string): Record<string, string>[] =>
  stage
    .send(adminIq(room, from, item, 'get'))
    .flatMap((line) => [...line.matchAll(/<item [^>]*>/g)].map(([text]) => itemOf(text)))

const jidOf: Readonly<Record<string, string>> = {
  firstwitch: 'crone1@shakespeare.lit',
  secondwitch: 'wiccarocks@shakespeare.lit',
  thirdwitch: 'hag66@shakespeare.lit',
  hecate: 'hecate@shakespeare.lit',
}
/** An item that changes a role. */
export const role = (nick: string, now: string): string => `<item nick='${nick}' role='${now}'/>`
/** An item that changes an affiliation. */
export const affiliation = (nick: string, now: string): string => `<item jid='${jidOf[nick]}' affiliation='${now}'/>`
