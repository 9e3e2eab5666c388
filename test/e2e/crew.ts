/** What the end-to-end tests share: two servers of processes of their own, a room on both, people in it, and the verdict. */
import { expect } from '@jest/globals'
import { Federation, roomAt } from '../live/federation.mjs'
import { faultsOf, judge, lacking } from '../live/judge.mjs'
import type { Person, Said } from '../live/person.mjs'
import { until } from '../live/until.mjs'

/** Links that find out soon. */
export const quickLinks = 'ping_after = 1\nping_timeout = 1\ngrace = 2'

export class Crew {
  readonly federation: Federation
  /** By server. */
  readonly speakers: Map<string, Person>
  readonly localpart = 'hall'
  #past: Said[] = []
  #serial = 0

  private constructor(federation: Federation, speakers: Map<string, Person>) {
    this.federation = federation
    this.speakers = speakers
  }

  /** ann at `a`, the owner, and bob at `b`, both in the room. */
  static async gather(options: Parameters<typeof Federation.start>[1] = {}): Promise<Crew> {
    const federation = await Federation.start(['a', 'b'], { dmuc: quickLinks, ...options })
    try {
      await federation.addUser('a', 'ann')
      await federation.addUser('b', 'bob')
      const ann = await federation.login('a', 'ann')
      const bob = await federation.login('b', 'bob')
      await federation.distribute(ann, 'a', 'hall')
      await bob.join(roomAt('hall', 'b'))
      const speakers = new Map([
        ['a', ann],
        ['b', bob],
      ])
      return new Crew(federation, speakers)
    } catch (error) {
      await federation.remove()
      throw error
    }
  }

  room(at: string): string {
    return roomAt(this.localpart, at)
  }

  speaker(at: string): Person {
    const person = this.speakers.get(at)
    if (person === undefined) throw new Error(`nobody speaks at ${at}`)
    return person
  }

  /** Both say so many different things by turns, as fast as they can; resolves when they have seen them again. */
  async chat(rounds: number): Promise<void> {
    for (let n = 0; n < rounds; n++)
      for (const [at, person] of this.speakers) person.say(this.room(at), `${person.name} ${++this.#serial}`)
    await Promise.all([...this.speakers.values()].map((person) => person.settled()))
  }

  /** How many people each speaker sees in the room, itself among them. */
  present(): number[] {
    return [...this.speakers].map(([at, person]) => person.present.get(this.room(at))?.size ?? 0)
  }

  get said(): readonly Said[] {
    return [...this.#past, ...[...this.speakers.values()].flatMap(({ said }) => said)]
  }

  /** The speaker's server was away: the same person comes back, and is sent what it missed and what it said before. */
  async comesBack(at: string): Promise<void> {
    const gone = this.speaker(at)
    gone.drop()
    this.#past.push(...gone.said)
    const back = await this.federation.login(at, gone.name)
    await back.join(this.room(at))
    this.speakers.set(at, back)
  }

  view(at: string, { jid, heard }: Person) {
    return { who: jid, room: this.room(at), heard, owed: this.said }
  }

  views() {
    return [...this.speakers].map(([at, person]) => this.view(at, person))
  }

  async allHeard(views = () => this.views()): Promise<void> {
    const open = () => views().flatMap((view) => lacking(view))
    await until(
      () => open().length === 0,
      () => `everybody to hear everything; ${open().length} times not, such as ${open()[0]?.body}`,
    )
  }

  verdict(views = this.views()) {
    const verdict = judge(this.said, views)
    return { ...verdict, faults: faultsOf(verdict) }
  }

  /** All that was acknowledged was seen by all, once and in order; and it was not nothing. Prints what was counted. */
  expectClean(counted: Readonly<Record<string, number>> = {}): void {
    const { expected, seen, faults } = this.verdict()
    const acknowledged = this.said.filter((one) => one.acknowledged).length
    const counts = { said: this.said.length, acknowledged, expected, seen, ...counted }
    console.log(`${expect.getState().currentTestName}:`, JSON.stringify(counts))
    expect(faults).toEqual([])
    expect(seen).toBe(expected)
    for (const [name, count] of Object.entries(counts)) expect(`${name} ${count}`).not.toBe(`${name} 0`)
  }

  /** Everything ends in order; what the servers logged as an error is none of it. */
  async end(): Promise<void> {
    await this.federation.stop()
    const errors = this.federation.names.flatMap((name) => this.federation.server(name).notes).filter(isError)
    expect(errors).toEqual([])
  }
}

const isError = (note: string): boolean => !note.startsWith('warn ')
