/** What every part of the start works with. */
import type { ServerMetrics } from '../admin/metrics.js'
import type { Config } from '../config/config.js'
import type { SendBudget } from '../server/send-budget.js'
import type { Store } from '../store/store.js'
import type { Clock } from '../util/clock.js'
import type { Lifecycle } from '../util/lifecycle.js'
import type { Logger } from '../util/logger.js'
import type { Random } from '../util/random.js'
import type { OpenPorts } from './open-ports.js'

export interface Surroundings {
  readonly config: Config
  readonly lifecycle: Lifecycle
  readonly log: Logger
  readonly clock: Clock
  readonly random: Random
  readonly metrics: ServerMetrics
  readonly open: OpenPorts
  /** What waits for all clients, whichever port they came by. */
  readonly budget: SendBudget
}

/** How long streams may take to end when the server stops. */
export const deadlineMs = ({ config }: Surroundings): number => config.global.shutdown_timeout * 1000

/** Does more wait for the disk than should? */
export const lagging = (store: Store) => (): boolean => store.pending > store.pendingLimit
