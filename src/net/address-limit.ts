/** How often one address may do something: connect, or fail to log in. What is remembered of addresses is bounded, however many there are. */
import type { Clock } from '../util/clock.js'
import { TokenBucket } from '../util/token-bucket.js'
import { isLoopback } from './address.js'

export interface AddressRate {
  /** Connections a second from one address, on average. */
  readonly rate: number
  /** At once. */
  readonly burst: number
}

const remembered = 10_000

export class AddressLimit {
  readonly #clock: Clock
  readonly #rate: AddressRate
  #young = new Map<string, TokenBucket>()
  #old = new Map<string, TokenBucket>()

  constructor(clock: Clock, rate: AddressRate) {
    this.#clock = clock
    this.#rate = rate
  }

  /** Counts a connection; false where it is one too many. */
  admit(address: string): boolean {
    const group = addressGroup(address)
    const known = this.#young.get(group) ?? this.#old.get(group)
    const bucket = known ?? new TokenBucket(this.#clock, this.#rate.rate, this.#rate.burst)
    if (this.#young.size >= remembered) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(group, bucket)
    return bucket.take()
  }

  /** Would one more be too many? */
  isSpent(address: string): boolean {
    const group = addressGroup(address)
    return (this.#young.get(group) ?? this.#old.get(group))?.has() === false
  }
}

/** How many connections one address has open, over all that count here. */
export class AddressCount {
  readonly #most: number
  readonly #open = new Map<string, number>()

  constructor(most: number) {
    this.#most = most
  }

  /** False where it is one too many; that is not counted. */
  add(address: string): boolean {
    const group = addressGroup(address)
    const open = this.#open.get(group) ?? 0
    if (open >= this.#most) return false
    this.#open.set(group, open + 1)
    return true
  }

  remove(address: string): void {
    const group = addressGroup(address)
    const open = (this.#open.get(group) ?? 0) - 1
    if (open > 0) this.#open.set(group, open)
    else this.#open.delete(group)
  }
}

/** What is on this machine, such as a proxy that speaks for many, is not counted. */
export const exceptLoopback = (count: AddressCount): Pick<AddressCount, 'add' | 'remove'> => ({
  add: (address) => isLoopback(address) || count.add(address),
  remove: (address) => {
    if (!isLoopback(address)) count.remove(address)
  },
})

/** What is counted: an IPv6 customer has at least a /64, so counting single addresses would count nothing. */
export function addressGroup(address: string): string {
  if (!address.includes(':')) return address
  const [head = '', tail] = address.replace(/%.*$/, '').split('::')
  const front = head === '' ? [] : head.split(':')
  const back = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - front.length - back.length)
  return [...front, ...Array<string>(zeros).fill('0'), ...back].slice(0, 4).join(':')
}
