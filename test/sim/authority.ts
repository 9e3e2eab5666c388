/** Nothing is in force that its author might not do (dmuc.md §4): by what the logs hold, and by who is in the room in the end. */
import type { Replica } from '../../src/dmuc/replica.js'
import { affiliationOf } from '../../src/room/occupants.js'
import type { StoredLogRecord } from '../../src/store/store.js'
import { roomOf } from './site.js'

const decisions: ReadonlySet<string> = new Set(['config', 'register', 'entitle', 'destroy'])

export interface Powers {
  /** Instances that were made the source, by the first epoch in which each was. */
  readonly sources: ReadonlyMap<string, number>
  /** The site where each person is at home, by bare JID. */
  readonly homes: ReadonlyMap<string, number>
}

/** Of one log, what has an effect and may have none, in words. */
export function unentitled(log: readonly StoredLogRecord[], { sources, homes }: Powers): string[] {
  return log.flatMap(({ void: isVoid, instance, epoch, type, jid, seq }) => {
    if (isVoid) return []
    const which = `${type} ${seq} of ${instance}`
    if (decisions.has(type)) {
      const since = sources.get(instance)
      return since !== undefined && epoch >= since ? [] : [`${which} is decided by who is not the source`]
    }
    const home = jid === undefined ? undefined : homes.get(jid)
    return home === undefined || roomOf(home) === instance ? [] : [`${which} speaks for ${jid}, who is not there`]
  })
}

/** Who is in a room that is closed to him. */
export const unwelcome = ({ room }: Replica): string[] =>
  [...room.occupants.values()]
    .filter(({ jid }) => affiliationOf(room, jid) === 'outcast')
    .map(({ jid }) => `${jid} is banned from ${room.jid}, and in it`)
