/**
 * Who was in the room when the process ended (dmuc.md §3, Durable and soft): their nicks stay theirs for a while, and those whose
 * clients do not know yet are told that they are out, so that they come back.
 */
import type { OccupantRecord } from '../../store/store.js'

/** How long a nick waits for its former holder. */
export const reservedMs = 10 * 60_000

export class FormerOccupants {
  readonly #byNick: Map<string, OccupantRecord>

  constructor(records: readonly OccupantRecord[]) {
    this.#byNick = new Map(records.map((record) => [record.nick, record]))
  }

  /** Is the nick kept for somebody else? */
  keeps(nick: string, bareJid: string): boolean {
    const former = this.#byNick.get(nick)
    return former !== undefined && former.jid !== bareJid
  }

  /** Those who entered here, as opposed to at another instance. */
  at(home: string): readonly OccupantRecord[] {
    return [...this.#byNick.values()].filter((record) => record.home === home)
  }

  /** They are back, or their time is over; the nicks that were kept until now. */
  release(nick?: string): readonly string[] {
    const released = nick === undefined ? [...this.#byNick.keys()] : [nick]
    for (const each of released) this.#byNick.delete(each)
    return released
  }
}
