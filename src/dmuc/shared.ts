/**
 * The rooms that two services share, as a tree of digests (docs/dmuc-sync.md §8): one digest says whether they hold the same of all of them;
 * where they do not, the tree is descended, to the rooms that differ. A room stands in it under a tag that nobody can know who does not
 * know the room and the pair, in the order of these tags; the node at a path is of the rooms whose tags begin with that.
 */
import { createHash } from 'node:crypto'
import type { RoomState } from '../room/types.js'
import type { Replica } from './replica.js'

/** The names of two services, whichever of them is ours. */
export type Pair = string

export const pairOf = (one: string, other: string): Pair => [one, other].sort().join('\n')

export interface SharedRoom {
  /** 32 hexadecimal digits. */
  readonly tag: string
  /** Of what is held of it: 43 characters of base64url. */
  readonly digest: string
}

/** What one side says of a node: nothing more where both hold the same, else the nodes below it, or its rooms where they are few. */
export interface SharedNode {
  readonly path: string
  /** Undefined where there is no room. */
  readonly digest: string | undefined
  readonly children?: ReadonlyMap<string, string>
  readonly rooms?: readonly SharedRoom[]
}

/** Rooms that are named one by one. */
export const maxRooms = 32
/** How far down a tree may go: below lie `maxRooms`, unless somebody made it so. */
export const maxDepth = 8

const digits = [...'0123456789abcdef']

const sha256 = (...parts: readonly string[]) => createHash('sha256').update(parts.join('\n'))

/** `roomId`: the identity of the room. */
export const tagOf = (pair: Pair, roomId: string): string =>
  sha256('urn:xmpp:dmuc-sync:0 room', pair, roomId).digest('hex').slice(0, 32)

/**
 * A room by its identity, what is decided, which events are held, and who is there: what any implementation reckons alike, unlike the digests
 * of ./digest.ts.
 */
export function sharedRoom(pair: Pair, { identity, keys, room, table, vector }: Replica): SharedRoom {
  const { roomId, source, epoch } = identity
  const revisions = [room.configRevision, room.registerRevision, table.revision, keys.number].map(String)
  const held = [roomId, source, String(epoch), ...revisions, vector.toString(), '', listed(room)]
  return {
    tag: tagOf(pair, roomId),
    digest: sha256('urn:xmpp:dmuc-sync:0 holds', pair, ...held).digest('base64url'),
  }
}

const lists = new WeakMap<RoomState['occupants'], string>()

function listed({ occupants }: RoomState): string {
  const known = lists.get(occupants)
  if (known !== undefined) return known
  const list = [...occupants.values()].map(({ nick, jid }) => `${nick}\t${jid}`)
  const text = list.sort().join('\n')
  lists.set(occupants, text)
  return text
}

export class SharedRooms<Room extends SharedRoom = SharedRoom> {
  /** Rising by tag. */
  readonly #rooms: readonly Room[]
  /** By path, as they are asked for. */
  readonly #digests = new Map<string, string | undefined>()

  /** Of several with one tag the last counts. */
  constructor(rooms: Iterable<Room>) {
    const byTag = new Map([...rooms].map((room) => [room.tag, room]))
    this.#rooms = [...byTag.values()].sort((a, b) => (a.tag < b.tag ? -1 : 1))
  }

  get size(): number {
    return this.#rooms.length
  }

  get(tag: string): Room | undefined {
    const found = this.#rooms[this.#first(tag)]
    return found?.tag === tag ? found : undefined
  }

  under(path: string): readonly Room[] {
    return this.#rooms.slice(this.#first(path), this.#first(`${path}g`))
  }

  digest(path: string): string | undefined {
    if (!this.#digests.has(path)) this.#digests.set(path, this.#reckon(path))
    return this.#digests.get(path)
  }

  #reckon(path: string): string | undefined {
    const rooms = this.under(path)
    if (rooms.length === 0) return undefined
    const hash = createHash('sha256')
    for (const { tag, digest } of rooms) hash.update(`${tag} ${digest}\n`)
    return hash.digest('base64url')
  }

  /** For who has `theirs` there. */
  node(path: string, theirs: string | undefined): SharedNode {
    const digest = this.digest(path)
    if (digest === theirs) return { path, digest }
    const rooms = this.under(path)
    if (rooms.length <= maxRooms || path.length >= maxDepth) return { path, digest, rooms: rooms.slice(0, maxRooms) }
    return { path, digest, children: this.#children(path) }
  }

  #children(path: string): ReadonlyMap<string, string> {
    const found = new Map<string, string>()
    for (const digit of digits) {
      const digest = this.digest(path + digit)
      if (digest !== undefined) found.set(path + digit, digest)
    }
    return found
  }

  /** What theirs tells us: where to look further, which of our rooms they have otherwise or not at all, and which of theirs we do not know. */
  compare(theirs: SharedNode): { deeper: readonly string[]; differing: readonly Room[]; unknown: readonly string[] } {
    const { path, digest, children, rooms } = theirs
    if (digest === this.digest(path)) return { deeper: [], differing: [], unknown: [] }
    const ours = this.under(path)
    if (children === undefined) {
      const held = new Map((rooms ?? []).map((room) => [room.tag, room.digest]))
      const unknown = [...held.keys()].filter((tag) => tag.startsWith(path) && this.get(tag) === undefined)
      return { deeper: [], differing: ours.filter(({ tag, digest }) => held.get(tag) !== digest), unknown }
    }
    const differing: Room[] = []
    const deeper: string[] = []
    for (const digit of digits) {
      const below = path + digit
      const held = children.get(below)
      if (held === this.digest(below)) continue
      if (held === undefined || below.length > maxDepth) differing.push(...this.under(below))
      else deeper.push(below)
    }
    return { deeper, differing, unknown: [] }
  }

  /** The place of the first room whose tag is not below this text. */
  #first(text: string): number {
    let [low, high] = [0, this.#rooms.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#rooms[middle]!.tag < text) low = middle + 1
      else high = middle
    }
    return low
  }
}
