/** What the writer thread does between the batches, a slice at a time: emptying deleted archives, indexing words. */
import type { Connection, Durability } from './connection.js'
import { DeletedArchives } from './deleted-archives.js'
import { type Commit, typeOf } from './protocol.js'
import type { TextIndex } from './text-index.js'

/** What was said is gathered for so long before it is indexed: many messages cost hardly more than one. */
const gatherMs = 250

const deletes: ReadonlySet<string> = new Set(['room.delete', 'account.delete'])
const says: ReadonlySet<string> = new Set(['room.log'])

export class Background {
  readonly #deleted: DeletedArchives
  readonly #index: TextIndex
  readonly #durability: Durability
  #slice: NodeJS.Immediate | undefined
  #gathering: NodeJS.Timeout | undefined

  constructor(db: Connection, index: TextIndex, durability: Durability) {
    this.#deleted = new DeletedArchives(db, index)
    this.#index = index
    this.#durability = durability
    this.#soon()
  }

  /** These batches were written: what follows from them? */
  after(commits: readonly Commit[]): void {
    const types = (known: ReadonlySet<string>): boolean =>
      commits.some(([, ...writes]) => writes.some((write) => known.has(typeOf(write))))
    if (types(deletes)) this.#soon()
    if (this.#gathering === undefined && types(says))
      this.#gathering = setTimeout(() => {
        this.#gathering = undefined
        this.#soon()
      }, gatherMs)
  }

  close(): void {
    clearImmediate(this.#slice)
    clearTimeout(this.#gathering)
  }

  #soon(): void {
    this.#slice ??= setImmediate(() => {
      this.#slice = undefined
      if (this.#deleted.step() || this.#index.step(this.#durability)) this.#soon()
    })
  }
}
