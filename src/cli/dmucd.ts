/** `dmucd`: runs the server, checks a configuration, or writes one to begin with. */
import { writeFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { askServer } from '../admin/client.js'
import { version } from '../admin/version.js'
import { wrongDomain } from '../config/address.js'
import type { Config } from '../config/config.js'
import { loadConfig } from '../config/load.js'
import { ConfigError } from '../config/problem.js'
import { configTemplate } from '../config/template.js'
import { startServer } from '../main.js'
import { modules } from '../modules/index.js'
import { makeLog } from './log.js'
import { runUntilStopped } from './run.js'
import { processTerminal, type Terminal } from './terminal.js'

/** Exit codes: ended as asked; could not start; the command line or the configuration is wrong. */
const codes = { done: 0, failed: 1, usage: 2 } as const

interface RunOptions {
  readonly config?: string
  readonly check?: boolean
  readonly showLogin?: boolean
}

/** `argv` without the names of node and script. Never throws; resolves to the exit code once the server has stopped. */
export async function main(argv: readonly string[], terminal: Terminal = processTerminal): Promise<number> {
  let code: number = codes.done
  const program = makeProgram(terminal)
  program.action(async (options: RunOptions) => {
    if (options.config === undefined) program.error('dmucd needs --config FILE; dmucd init DOMAIN writes one')
    else code = await run(options.config, options, terminal)
  })
  program
    .command('init <domain>')
    .copyInheritedSettings(program)
    .description('write a commented configuration for a domain; never overwrites a file')
    .option('-o, --output <file>', 'the file to write', 'dmucd.toml')
    .action((domain: string, { output }: { readonly output: string }) => {
      code = init(domain, output, terminal)
    })
  try {
    await program.parseAsync(argv, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? codes.done : codes.usage
    terminal.errors.write(`${(error as Error).message}\n`)
    return error instanceof ConfigError ? codes.usage : codes.failed
  }
}

const footer = `
Examples:
  dmucd init example.org                  write ./dmucd.toml
  dmucd --config dmucd.toml --check       say what is wrong with it
  dmucd --config dmucd.toml               run the server until SIGTERM or Ctrl-C
  kill -HUP PID                           read the configuration and the certificates again

Exit code: 0 stopped as asked, 1 could not start, 2 wrong command line or configuration.`

function makeProgram(terminal: Terminal): Command {
  return new Command('dmucd')
    .description('An XMPP server whose chat rooms live on several servers at once.')
    .version(version, '-V, --version', 'print the version')
    .option('-c, --config <file>', 'the configuration (TOML)')
    .option('--check', 'say what is wrong with the configuration, and exit')
    .option('--show-login', 'print new login links, also from a server that runs already')
    .helpOption('-h, --help', 'show help')
    .addHelpText('after', footer)
    .showHelpAfterError('(dmucd --help shows what there is)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void terminal.output.write(text),
      writeErr: (text) => void terminal.errors.write(text),
    })
}

async function run(file: string, options: RunOptions, terminal: Terminal): Promise<number> {
  const config = loadConfig(file, modules)
  if (options.check === true) {
    terminal.output.write(`${file} is valid: ${config.hosts.map(({ domain }) => domain).join(', ')}\n`)
    return codes.done
  }
  if (options.showLogin === true && (await printLoginOfRunning(config, terminal))) return codes.done
  const log = makeLog(config.global.log_level)
  const start = (): ReturnType<typeof startServer> =>
    startServer(config, {
      log,
      showLogin: options.showLogin === true,
      announce: (text) => void terminal.output.write(text),
    })
  await runUntilStopped({ start, log, reload: () => loadConfig(file, modules), setLogLevel: log.setLevel })
  return codes.done
}

/** Asks the server that runs on this data directory, if there is one, for links; false when there is none. */
async function printLoginOfRunning(config: Config, terminal: Terminal): Promise<boolean> {
  for (const jid of config.firstStart?.accounts ?? []) {
    const reply = await askServer(config.global.admin_socket, { command: 'login-link', args: { jid } })
    if (reply === undefined) return false
    if (!reply.ok) throw new Error(reply.error)
    terminal.output.write(`${jid}  ${reply.text}\n`)
  }
  return (config.firstStart?.accounts.length ?? 0) > 0
}

function init(domain: string, output: string, terminal: Terminal): number {
  const wrong = wrongDomain(domain)
  if (wrong !== undefined) {
    terminal.errors.write(`The domain must ${wrong}\n`)
    return codes.usage
  }
  try {
    writeFileSync(output, configTemplate(domain), { flag: 'wx', mode: 0o644 })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    terminal.errors.write(code === 'EEXIST' ? `${output} exists already and was left as it is\n` : `${message}\n`)
    return codes.failed
  }
  terminal.output.write(
    `${output} was written. Next:\n  dmucd --config ${output} --check\n  dmucctl --config ${output} adduser admin@${domain}\n  dmucd --config ${output}\n`,
  )
  return codes.done
}
