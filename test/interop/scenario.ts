/** What the matrix is made of: one line for each scenario, one column for each peer. */
import type { PlainClient } from '../peers/plain-client.js'
import type { PeerName, Stage } from './stage.js'

export interface Scenario {
  readonly name: string
  /** Those that can do it at all; all if left out. */
  readonly peers?: readonly PeerName[]
  /** Rejects with an Error that says what was seen instead. */
  run(peer: PeerName): Promise<void>
}

/** One that shares its servers and users with others of its kind. */
export interface SharedScenario {
  readonly name: string
  run(stage: Stage, users: Users): Promise<void>
}

export interface Users {
  readonly ann: PlainClient
  readonly juliet: PlainClient
}
