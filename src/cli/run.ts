/** Keeps a started server until a signal ends it: SIGTERM and SIGINT stop, SIGHUP reads configuration and certificates anew. */
import type { Config } from '../config/config.js'
import type { RunningServer } from '../main.js'
import type { Logger } from '../util/logger.js'
import type { LogLevel } from './log.js'

export interface RunParts {
  readonly server: RunningServer
  readonly log: Logger
  /** Throws a ConfigError; the server then goes on with what it has. */
  reload(): Config
  setLogLevel(level: LogLevel): void
}

/** Resolves when the server has stopped. A second SIGINT or SIGTERM ends the process at once. */
export function runUntilStopped({ server, log, reload, setLogLevel }: RunParts): Promise<void> {
  return new Promise((resolve) => {
    const onReload = (): void => {
      try {
        const config = reload()
        setLogLevel(config.global.log_level)
        server.reload(config)
      } catch (error) {
        log.error({}, `The configuration was not taken over:\n${(error as Error).message}`)
      }
    }
    const stop = (signal: NodeJS.Signals): void => {
      process.off('SIGTERM', stop)
      process.off('SIGINT', stop)
      log.info({ signal }, 'Stopping')
      void server.close().finally(() => {
        process.off('SIGHUP', onReload)
        resolve()
      })
    }
    process.on('SIGTERM', stop)
    process.on('SIGINT', stop)
    process.on('SIGHUP', onReload)
  })
}
