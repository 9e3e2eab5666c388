/** The part of pino's interface that dmucd uses; passed in. Bodies and secrets are never logged. */

type Write = (fields: Readonly<Record<string, unknown>>, message: string) => void

export interface Logger {
  readonly debug: Write
  readonly info: Write
  readonly warn: Write
  readonly error: Write
  child(fields: Readonly<Record<string, unknown>>): Logger
}

const ignore: Write = () => {}

export const silentLogger: Logger = {
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
  child: () => silentLogger,
}
