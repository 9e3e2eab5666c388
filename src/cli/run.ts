/** Runs a server until a signal ends it: SIGTERM and SIGINT stop, SIGHUP reads configuration and certificates anew. */
import type { Config } from '../config/config.js'
import type { RunningServer } from '../main.js'
import type { Logger } from '../util/logger.js'
import type { LogLevel } from './log.js'

/** Signals that come within this time of the first are taken for the same. */
const repeatMs = 1000

export interface RunParts {
  start(): Promise<RunningServer>
  readonly log: Logger
  /** Throws a ConfigError; the server then goes on with what it has. */
  reload(): Config
  setLogLevel(level: LogLevel): void
}

/**
 * Resolves when the server has stopped, rejects when it could not start. Signals count from the first moment: what comes
 * during the start is done once it is over. A second SIGINT or SIGTERM ends the process at once.
 */
export async function runUntilStopped({ start, log, reload, setLogLevel }: RunParts): Promise<void> {
  let server: RunningServer | undefined
  let reloadWanted = false
  const onReload = (): void => {
    reloadWanted = server === undefined
    if (server === undefined) return
    try {
      const config = reload()
      setLogLevel(config.global.log_level)
      server.reload(config)
    } catch (error) {
      log.error({}, `The configuration was not taken over:\n${(error as Error).message}`)
    }
  }
  let onStop = (_signal: NodeJS.Signals): void => {}
  const stopped = new Promise<NodeJS.Signals>((resolve) => {
    let firstAt: number | undefined
    onStop = (signal) => {
      // npm and the terminal both pass one Ctrl-C on: a repeat at once is the same one.
      if (firstAt !== undefined && performance.now() - firstAt > repeatMs) process.exit(1)
      firstAt ??= performance.now()
      resolve(signal)
    }
  })
  // Whatever was missed on the way here is a fault of ours, and no reason to send everybody away.
  const onBug = (error: unknown): void => log.error({ err: error }, 'A fault in the program; it goes on')
  process.on('uncaughtException', onBug).on('unhandledRejection', onBug)
  process.on('SIGTERM', onStop).on('SIGINT', onStop).on('SIGHUP', onReload)
  try {
    server = await start()
    if (reloadWanted) onReload()
    const signal = await stopped
    log.info({ signal }, 'Stopping')
    await server.close()
  } finally {
    process.off('SIGTERM', onStop).off('SIGINT', onStop).off('SIGHUP', onReload)
    process.off('uncaughtException', onBug).off('unhandledRejection', onBug)
  }
}
