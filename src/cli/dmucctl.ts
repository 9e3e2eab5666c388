/** `dmucctl`: the operator's command line. Commands come from `src/admin/commands`; this only reads and prints. */
import { existsSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { type LocalCommand, localCommands } from '../admin/check/index.js'
import { askServer } from '../admin/client.js'
import { type AdminCommand, CommandRefused, checkArguments } from '../admin/command.js'
import { commands as allCommands } from '../admin/commands/index.js'
import type { AdminReply } from '../admin/protocol.js'
import { version } from '../admin/version.js'
import type { Config } from '../config/config.js'
import { loadConfig } from '../config/load.js'
import { ConfigError } from '../config/problem.js'
import { modules } from '../modules/index.js'
import { withStore } from './offline.js'
import { writeParts } from './parts.js'
import { askPassword, generatePassword, processTerminal, readPassword, type Terminal } from './terminal.js'

/** Exit codes: done; refused or failed; the command line or the configuration is wrong. */
const codes = { done: 0, failed: 1, usage: 2 } as const

interface CommandOptions {
  readonly config?: string
  readonly json?: boolean
  readonly passwordStdin?: boolean
  readonly generate?: boolean
  readonly output?: string
}

/** `argv` without the names of node and script. Never throws; resolves to the exit code. */
export async function main(argv: readonly string[], terminal: Terminal = processTerminal): Promise<number> {
  let failure: number = codes.done
  const program = makeProgram(terminal, async (command, args, options) => {
    failure = await perform(command, args, options, terminal)
  })
  try {
    await program.parseAsync(argv, { from: 'user' })
    return failure
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? codes.done : codes.usage
    terminal.errors.write(`${(error as Error).message}\n`)
    return error instanceof ConfigError ? codes.usage : codes.failed
  }
}

type Perform = (
  command: AdminCommand | LocalCommand,
  args: Record<string, string>,
  options: CommandOptions,
) => Promise<void>

const description = [
  'Administers a dmucd server.',
  'Commands go to the running server through its admin socket; those for accounts, check and cert also work while it is stopped. Run them as the user who runs the server.',
].join('\n\n')

/** Of the groups: `dmucctl room …`. */
const groups: Readonly<Record<string, string>> = {
  room: 'look at rooms, change them, say on which servers they are: dmucctl room --help',
  peer: 'the services that rooms are exchanged with: dmucctl peer --help',
  s2s: 'links to other servers, and why one does not work: dmucctl s2s --help',
  check: 'what is wrong with configuration, certificates or DNS: dmucctl check --help',
  cert: 'certificates: dmucctl cert --help',
}

const footer = `
The configuration is found by --config, else $DMUCD_CONFIG, ./dmucd.toml, /etc/dmucd/dmucd.toml.

Examples:
${[...allCommands, ...localCommands]
  .flatMap(({ examples }) => examples)
  .map((example) => `  ${example}`)
  .join('\n')}

Exit code: 0 done, 1 refused or failed, 2 wrong command line or configuration.`

function makeProgram(terminal: Terminal, perform: Perform): Command {
  const program = new Command('dmucctl')
    .description(description)
    .version(version, '-V, --version', 'print the version')
    .option('-c, --config <file>', "the server's configuration")
    .option('--json', 'print the answer as JSON')
    .helpOption('-h, --help', 'show help; also: dmucctl COMMAND --help')
    .addHelpText('after', footer)
    .showHelpAfterError('(dmucctl --help shows what there is)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void terminal.output.write(text),
      writeErr: (text) => void terminal.errors.write(text),
    })
  for (const command of [...allCommands, ...localCommands]) addCommand(program, command, perform)
  return program
}

function addCommand(program: Command, command: AdminCommand | LocalCommand, perform: Perform): void {
  const words = command.name.split(' ')
  const parent = words.slice(0, -1).reduce((group, word) => {
    const known = group.commands.find((candidate) => candidate.name() === word)
    return (
      known ??
      group
        .command(word)
        .copyInheritedSettings(program)
        .description(groups[word] ?? `commands for ${word}`)
        .showHelpAfterError(`(dmucctl ${word} --help shows what there is)`)
    )
  }, program)
  const made = parent.command(words.at(-1)!).description(command.summary).copyInheritedSettings(program)
  const placed = command.arguments.filter(({ option }) => option !== true)
  const named = command.arguments.filter(({ option }) => option === true)
  for (const { name, doc, optional } of placed) made.argument(optional === true ? `[${name}]` : `<${name}>`, doc)
  for (const { name, doc, optional } of named)
    if (optional === true) made.option(`--${name} <${name}>`, doc)
    else made.requiredOption(`--${name} <${name}>`, doc)
  if (!isLocal(command) && command.password === true) {
    made.option('--password-stdin', 'read the password from the first line of standard input')
    made.option('--generate', 'make a random password and print it')
  }
  if (!isLocal(command) && command.parts === true)
    made.option('-o, --output <file>', 'write to this file, once all of it has come')
  made.showHelpAfterError(`(dmucctl ${command.name} --help shows how)`).configureHelp({ showGlobalOptions: true })
  made.addHelpText('after', `\nExamples:\n${command.examples.map((example) => `  ${example}`).join('\n')}`)
  made.action(async (...received: unknown[]) => {
    const args: Record<string, string> = {}
    const take = (name: string, value: unknown): void => {
      if (typeof value === 'string') args[name] = value
    }
    placed.forEach(({ name }, index) => {
      take(name, received[index])
    })
    for (const { name } of named) take(name, made.opts()[name])
    await perform(command, args, made.optsWithGlobals<CommandOptions>())
  })
}

const isLocal = (command: AdminCommand | LocalCommand): command is LocalCommand => !('needs' in command)

async function perform(
  command: AdminCommand | LocalCommand,
  args: Record<string, string>,
  options: CommandOptions,
  terminal: Terminal,
): Promise<number> {
  const config = loadConfig(findConfig(options.config), modules)
  if (isLocal(command)) {
    const { text, data, failed } = await command.run(config, args)
    terminal.output.write(`${options.json === true ? JSON.stringify(data) : text}\n`)
    return failed ? codes.failed : codes.done
  }
  const generated = options.generate === true ? generatePassword() : undefined
  if (command.password === true) args.password = generated ?? (await newPassword(options, terminal, args.jid ?? ''))
  const reply = await (command.parts === true
    ? writeParts((part) => ask(config, command, { ...args, ...(part && { part }) }), options.output, terminal)
    : ask(config, command, args))
  if (!reply.ok) {
    terminal.errors.write(`${reply.error}\n`)
    return codes.failed
  }
  if (command.parts === true) return codes.done
  if (options.json === true)
    terminal.output.write(`${JSON.stringify(withPassword(reply.data ?? reply.text, generated))}\n`)
  else terminal.output.write(`${reply.text}${generated === undefined ? '' : `; its password is ${generated}`}\n`)
  return reply.failed === true ? codes.failed : codes.done
}

const withPassword = (data: unknown, password: string | undefined): unknown =>
  password !== undefined && typeof data === 'object' ? { ...data, password } : data

const newPassword = (options: CommandOptions, terminal: Terminal, jid: string): Promise<string> =>
  options.passwordStdin === true ? readPassword(terminal) : askPassword(terminal, jid)

/** From the running server, or else from the command itself on the store. */
async function ask(config: Config, command: AdminCommand, args: Record<string, string>): Promise<AdminReply> {
  const path = config.global.admin_socket
  const reply = await askServer(path, { command: command.name, args })
  if (reply !== undefined) return reply
  if (command.needs === 'server')
    return {
      ok: false,
      error: `dmucd is not running: nobody answers at ${path}; start it, or name the configuration that it runs with (--config)`,
    }
  try {
    return await withStore(config, async (operator) => {
      return { ok: true, ...(await command.run(operator, checkArguments(command, args))) }
    })
  } catch (error) {
    if (error instanceof CommandRefused) return { ok: false, error: error.message }
    throw error
  }
}

function findConfig(given: string | undefined): string {
  const named = given ?? process.env.DMUCD_CONFIG
  if (named !== undefined) return named
  const found = ['dmucd.toml', '/etc/dmucd/dmucd.toml'].find((file) => existsSync(file))
  if (found !== undefined) return found
  throw new ConfigError([
    {
      file: 'dmucd.toml',
      line: 0,
      message: 'no configuration found here or in /etc/dmucd; name it with --config FILE',
    },
  ])
}
