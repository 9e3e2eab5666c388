/** `docs/configuration.md`, made from the declarations, so that it cannot say anything else than the program does. */
import type { Module } from '../server/module.js'
import { extensions } from './extensions.js'
import { limitsOptions } from './limits.js'
import { optionsOfModules } from './load.js'
import type { Option, Options } from './option.js'
import { componentOptions, dmucOptions, firstStartOptions, globalOptions, hostOptions, routesOption } from './schema.js'
import { fourDigits } from './specifications.js'

export const configurationReference = (modules: readonly Module[]): string =>
  `${[
    '# Configuration',
    intro,
    chapter('The whole server', 'Above the first `[table]` of the file.', globalOptions),
    chapter('Hosts', hostsIntro, hostOptions),
    chapter('Components', 'In `[component."rooms.example.org"]`, a service beside the accounts.', componentOptions),
    moduleChapter(modules),
    `## Routes\n\nThe table \`[s2s_routes]\`, ${routesOption.type}. ${routesOption.doc}\n\n${fence('[s2s_routes]\n"b.example" = "127.0.0.1:15269"')}`,
    chapter('Distributed rooms', 'In `[dmuc]`.', dmucOptions),
    chapter('Limits', 'In `[limits]`.', limitsOptions),
    chapter(
      'First start',
      'In `[first_start]`, for trying the server out; `examples/localhost.toml` has it.',
      firstStartOptions,
    ),
  ].join('\n\n')}\n`

const intro = `The file is TOML. \`dmucd --config FILE --check\` says what is wrong with one, every problem with its line, and starts
nothing; \`dmucd init DOMAIN\` writes one to begin with. Names are those of Prosody where Prosody has the concept.
\`SIGHUP\` reads the file and the certificates again without dropping a connection; what needs a restart is logged.

This page is made from the program (\`node dist/config/write-reference.js\`); a test compares the two.`

const hostsIntro = `At the top of the file for all hosts, or in the table of one host, as in \`[virtual_host."example.org"]\` or
\`[component."rooms.example.org"]\`. \`admins\`, \`modules_enabled\` and \`modules_disabled\` of a host add to those at the top;
everything else replaces.`

function chapter(title: string, lead: string, options: Options): string {
  const entries = Object.entries(options).map(([name, option]) => entry(name, option))
  return [`## ${title}`, lead, ...entries].join('\n\n')
}

const entry = (name: string, { type, default: value, doc }: Option<unknown>): string =>
  `### ${name}\n\n${doc}\n\nType: ${type}. Default: ${literal(value)}.`

function moduleChapter(modules: readonly Module[]): string {
  const rows = modules.map(({ name, xeps, rfc, hosts }) => {
    const standards = (xeps ?? []).map(({ number }) => `XEP-${fourDigits(number)}`)
    const standard = [...(rfc === undefined ? [] : [rfc.clauses]), ...standards].join(', ')
    return `| \`${name}\` | ${standard} | ${hosts.map((host) => (host === 'user' ? 'virtual hosts' : 'muc components')).join(', ')} |`
  })
  const table = ['| module | standard | on |', '|---|---|---|', ...rows].join('\n')
  const options = Object.entries(optionsOfModules(modules)).map(([name, option]) => entry(name, option))
  const lead =
    'All are loaded where they fit; `modules_disabled` leaves one out. Their options stand at the top or in the table of a host.'
  return ['## Modules', lead, table, streamTable(), ...options].join('\n\n')
}

function streamTable(): string {
  const rows = Object.entries(extensions).map(([name, { doc, xeps, rfc }]) => {
    const numbers = [...new Set(xeps.map(({ number }) => `XEP-${fourDigits(number)}`))]
    return `| \`${name}\` | ${[...(rfc === undefined ? [] : [rfc.clauses]), ...numbers].join(', ')} | ${doc} |`
  })
  const lead =
    'At the top of the file, `modules_disabled` leaves out parts of streams and of the ways to the server, too. They take part in no host, so the table of a host cannot name them.'
  return [lead, ['| part | standard | what is gone |', '|---|---|---|', ...rows].join('\n')].join('\n\n')
}

const literal = (value: unknown): string => (value === '' ? 'none' : `\`${toml(value)}\``)

function toml(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toml).join(', ')}]`
  if (typeof value === 'object' && value !== null) {
    const pairs = Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)} = ${toml(inner)}`)
    return pairs.length === 0 ? '{}' : `{ ${pairs.join(', ')} }`
  }
  return JSON.stringify(value)
}

const fence = (code: string): string => `\`\`\`toml\n${code}\n\`\`\``
