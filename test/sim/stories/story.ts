/** A schedule that showed a fault, cut down to what is needed. */
import type { Operation, Scope } from '../operations.js'

export interface Story {
  readonly text: string
  readonly seed: number
  readonly scope: Scope
  readonly schedule: readonly Operation[]
}

/** Two or three people on each site, and a network that loses nothing but what is cut off. */
export const plain: Omit<Scope, 'sites' | 'people'> = {
  operations: 0,
  lengthMs: 0,
  faults: 0,
  clashes: false,
  takesBack: false,
  losing: 0,
  doubling: 0,
  history: 1000,
}
