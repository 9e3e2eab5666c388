/**
 * The contract of an operator's command: `dmucctl` shows them, the admin socket of the running server runs them, and
 * those that need only the store also run on a stopped one. A command is a value; `commands/index.ts` lists them.
 */
import type { HostType } from '../server/module.js'
import type { ServerLinks } from '../server/s2s-operations.js'
import type { ScramKeys, Store } from '../store/store.js'

/** Facts that only a running server has. */
export interface ServerFacts {
  readonly version: string
  readonly pid: number
  readonly startedAt: number
  /** What it listens on, as `c2s 127.0.0.1:5222`. */
  readonly listening: readonly string[]
  sessions(): number
  /** Remote domains with a stream now. */
  remotes(): number
}

export interface LoginLink {
  readonly link: string
  /** The account has it from now on: nobody but its user knew the one before. */
  readonly newPassword?: string
}

/** What a command works on. */
export interface Operator {
  readonly store: Store
  readonly hosts: readonly { readonly domain: string; readonly type: HostType }[]
  now(): number
  /** Throws an Error for a password that SASLprep forbids. */
  deriveKeys(
    password: string,
  ): Promise<{ readonly sha1: ScramKeys; readonly sha256: ScramKeys; readonly sha512?: ScramKeys }>
  /** Undefined when the command runs on the store of a stopped server. */
  readonly server: ServerFacts | undefined
  /** The links to other servers; undefined as `server`. */
  readonly servers?: ServerLinks
  /** The account was made, changed or deleted in the store: the server reads it again and closes its sessions. */
  accountChanged(jid: string, change: 'added' | 'password' | 'deleted'): void | Promise<void>
  /** A new login link, undefined where the configuration has none for this account. */
  loginLink(jid: string): Promise<LoginLink | undefined>
  /** A service that a module offers on a host of the running server. */
  service<T>(domain: string, name: string): T | undefined
}

export interface CommandArgument {
  readonly name: string
  readonly doc: string
  readonly optional?: true
  /** Given as `--name VALUE`, not by its place. */
  readonly option?: true
}

export interface Answer {
  /** For people, without a line end. */
  readonly text: string
  /** The same for programs: plain JSON. */
  readonly data?: unknown
  /** Something was found to be wrong: the exit code is that of a failure. */
  readonly failed?: boolean
}

export interface AdminCommand {
  /** One word, or a word of a group and a word: `adduser`, `room list`. */
  readonly name: string
  readonly summary: string
  readonly arguments: readonly CommandArgument[]
  /** Asks for a new password, which arrives as the argument `password`. */
  readonly password?: true
  /**
   * The answer may be long and comes in parts: where `data` has `next`, that is the argument `part` which asks for the next one. Without
   * the argument, the first.
   */
  readonly parts?: true
  /** Whole command lines, shown by `--help`. */
  readonly examples: readonly string[]
  /** `store`: also without a running server. */
  readonly needs: 'server' | 'store'
  /** Throws CommandRefused with a sentence for the operator. */
  run(operator: Operator, args: Readonly<Record<string, string>>): Promise<Answer>
}

/** The command was understood and cannot be done; the message says why and what can be done. */
export class CommandRefused extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CommandRefused'
  }
}

/** The arguments that a command declares, each present; throws CommandRefused for a missing or an unknown one. */
export function checkArguments(command: AdminCommand, args: Readonly<Record<string, unknown>>): Record<string, string> {
  const names = command.arguments.map(({ name }) => name)
  if (command.password === true) names.push('password')
  if (command.parts === true) names.push('part')
  const checked: Record<string, string> = {}
  for (const [name, value] of Object.entries(args)) {
    if (!names.includes(name) || typeof value !== 'string')
      throw new CommandRefused(`${command.name} does not take the argument ${name}`)
    checked[name] = value
  }
  for (const { name, optional } of command.arguments)
    if (optional !== true && checked[name] === undefined) throw new CommandRefused(`${command.name} needs ${name}`)
  if (command.password === true && !checked.password) throw new CommandRefused(`${command.name} needs a password`)
  return checked
}
