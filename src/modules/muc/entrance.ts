/** Before somebody enters: whether the nick has to be asked for, and the way to another instance. */
import type { Replica } from '../../dmuc/replica.js'
import type { Command } from '../../room/index.js'
import { type Element, xml } from '../../xml/element.js'
import type { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'

/** A new nick at a shadow is asked for at the source first, while it can be reached (dmuc.md §3, Nicks). */
export function nickToClaim(
  { identity, peers, room, table }: Replica,
  command: Command,
  from: Jid,
): string | undefined {
  if (command.type !== 'join' && command.type !== 'presence') return undefined
  const link = peers.get(identity.source)?.link
  const kind = table.instances.get(identity.source)?.kind
  if (identity.source === room.jid || kind !== 'sync' || (link !== 'up' && link !== 'greeting')) return undefined
  return room.occupants.get(command.nick)?.jid === from.bare().toString() ? undefined : command.nick
}

/** E21: the invitation to a shadow (XEP-0249). */
export function invitation({ room }: Replica, shadow: string, to: Jid): Element {
  const { password } = room.config
  const payload = { xmlns: ns.conference, jid: shadow, ...(password === '' ? {} : { password }) }
  return xml('message', { from: room.jid, to: to.toString() }, xml('x', payload))
}
