/** The log: lines for people on a terminal, JSON (pino's) anywhere else. Both go to standard error. */
import { type Logger as PinoLogger, pino } from 'pino'
import type { Logger } from '../util/logger.js'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean
}

/** Never written, wherever they turn up among a line's fields. */
const secrets = ['password', '*.password', 'secret', '*.secret']

export interface Log extends Logger {
  /** Changes the least important level that is written; of this logger and of children made afterwards. */
  setLevel(level: LogLevel): void
}

export function makeLog(level: LogLevel, output: Output = process.stderr): Log {
  const destination = output.isTTY === true ? { write: (line: string) => output.write(readable(line)) } : output
  const log = pino(
    { level, redact: { paths: secrets, censor: '(secret)' } },
    { write: (line) => void destination.write(line) },
  )
  return wrap(log)
}

function wrap(log: PinoLogger): Log {
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
    child: (fields) => wrap(log.child(fields)),
    setLevel: (level) => {
      log.level = level
    },
  }
}

const words: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info', 40: 'warning', 50: 'error' }
const colours: Readonly<Record<number, string>> = { 20: '\x1b[2m', 30: '', 40: '\x1b[33m', 50: '\x1b[31m' }

/** One line of pino's JSON as `14:03:07 warning  message  key=value`, a stack below it where there is one. */
export function readable(line: string): string {
  const {
    time,
    level,
    msg,
    err,
    pid: _pid,
    hostname: _hostname,
    ...fields
  } = JSON.parse(line) as Record<string, unknown>
  const clock = new Date(Number(time)).toTimeString().slice(0, 8)
  const rest = Object.entries(fields).map(([key, value]) => ` \x1b[2m${key}=\x1b[22m${tamed(spell(value))}`)
  const stack = typeof err === 'object' && err !== null && 'stack' in err ? `\n${tamedLines(String(err.stack))}` : ''
  const number = Number(level)
  const word = (words[number] ?? 'fatal').padEnd(7)
  return `\x1b[2m${clock}\x1b[22m ${colours[number] ?? ''}${word}\x1b[0m ${tamedLines(String(msg))}${rest.join('')}${stack}\n`
}

const spell = (value: unknown): string =>
  typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : String(JSON.stringify(value))

/** Further lines are set in, so that none looks like a line of the log. */
const tamedLines = (text: string): string =>
  text
    .split('\n')
    .map(tamed)
    .join('\n')
    .replace(/\n(?=\S)/g, '\n    ')

/** What strangers say may stand in a line: it must neither end it nor steer the terminal (C0, C1, and marks of direction). */
const tamed = (text: string): string =>
  text.replace(/[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (found) => {
    return `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
