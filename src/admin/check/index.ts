/** `dmucctl check` and `dmucctl cert`: they look at the configuration and at the world, and need no running server. */

import { SystemDns } from '../../net/resolver.js'
import { systemClock } from '../../util/clock.js'
import { systemRandom } from '../../util/random.js'
import type { Answer, CommandArgument } from '../command.js'
import { checkCertificates } from './certs.js'
import { checkConfig } from './config.js'
import { checkConnectivity } from './connectivity.js'
import { checkDns } from './dns.js'
import { type Finding, spellFindings } from './finding.js'
import { importCertificates } from './import.js'
import type { CheckedConfig } from './subject.js'

export interface LocalCommand {
  readonly name: string
  readonly summary: string
  readonly arguments: readonly CommandArgument[]
  readonly examples: readonly string[]
  /** `failed` where something is wrong. */
  run(config: CheckedConfig, args: Readonly<Record<string, string>>): Promise<Answer & { readonly failed: boolean }>
}

function check(
  name: string,
  summary: string,
  find: (config: CheckedConfig) => readonly Finding[] | Promise<readonly Finding[]>,
): LocalCommand {
  return {
    name: `check ${name}`,
    summary,
    arguments: [],
    examples: [`dmucctl check ${name}`],
    async run(config) {
      const findings = await find(config)
      return { text: spellFindings(findings), data: findings, failed: findings.some(({ is }) => is === 'wrong') }
    },
  }
}

const dnsOf = ({ global }: CheckedConfig): SystemDns => new SystemDns(global.dns_servers)

export const localCommands: readonly LocalCommand[] = [
  check('config', 'say what of the configuration may not be what you want', (config) =>
    checkConfig(config, process.getuid?.()),
  ),
  check('certs', 'say whether every domain has a certificate that others believe', (config) =>
    checkCertificates(config, systemClock),
  ),
  check('dns', 'say whether others find this server by DNS', (config) => checkDns(config, dnsOf(config))),
  check('connectivity', 'go the way of other servers to this one, and say what they meet', (config) =>
    checkConnectivity(config, { dns: dnsOf(config), clock: systemClock, random: systemRandom }),
  ),
  {
    name: 'cert import',
    summary: 'copy certificates and keys for our domains from a directory, as certbot leaves them',
    arguments: [{ name: 'directory', doc: 'where they are, /etc/letsencrypt/live for example' }],
    examples: ['dmucctl cert import /etc/letsencrypt/live'],
    async run(config, { directory = '' }) {
      const findings = importCertificates(config, directory)
      return { text: spellFindings(findings), data: findings, failed: findings.some(({ is }) => is === 'wrong') }
    },
  },
]
