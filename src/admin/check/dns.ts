/** `dmucctl check dns`: do others find us, and at the ports that are open? */
import { networkInterfaces } from 'node:os'
import { isPublicAddress } from '../../net/address-public.js'
import type { Dns, SrvRecord } from '../../net/resolver.js'
import type { HostType } from '../../server/module.js'
import { asciiDomain } from '../../xmpp/domain.js'
import { type Finding, good, note, wrong } from './finding.js'
import type { CheckedConfig } from './subject.js'

interface Service {
  readonly name: string
  readonly ports: readonly number[]
  readonly option: string
  readonly defaultPort: number | undefined
}

export async function checkDns(
  config: CheckedConfig,
  dns: Dns,
  ours: readonly string[] = addressesHere(),
): Promise<Finding[]> {
  const found: Finding[] = []
  for (const { domain, type } of config.hosts)
    for (const service of servicesOf(config, type)) found.push(...(await checkService(domain, service, dns, ours)))
  return found
}

function servicesOf({ global }: CheckedConfig, type: HostType): Service[] {
  const servers: Service[] = [
    { name: '_xmpp-server', ports: global.s2s_ports, option: 's2s_ports', defaultPort: 5269 },
    {
      name: '_xmpps-server',
      ports: global.s2s_direct_tls_ports,
      option: 's2s_direct_tls_ports',
      defaultPort: undefined,
    },
  ]
  // Clients never connect to a component.
  if (type !== 'user') return servers
  return [
    { name: '_xmpp-client', ports: global.c2s_ports, option: 'c2s_ports', defaultPort: 5222 },
    {
      name: '_xmpps-client',
      ports: global.c2s_direct_tls_ports,
      option: 'c2s_direct_tls_ports',
      defaultPort: undefined,
    },
    ...servers,
  ]
}

async function checkService(domain: string, service: Service, dns: Dns, ours: readonly string[]): Promise<Finding[]> {
  const name = `${service.name}._tcp.${asciiDomain(domain)}`
  const records = await answer(dns.srv(name))
  if (typeof records === 'string')
    return [wrong(`DNS gave no answer for ${name}: ${records}`, 'check the name servers (dns_servers)')]
  if (records.length > 0)
    return (await Promise.all(records.map((record) => checkRecord(name, record, service, dns, ours)))).flat()
  const { defaultPort, ports, option } = service
  if (defaultPort === undefined)
    return ports.length === 0
      ? []
      : [note(`${name} is not in DNS, so nobody uses ${option}`, `add ${name}. SRV 10 0 ${ports[0]} HOST.`)]
  if (ports.length === 0) return []
  if (!ports.includes(defaultPort))
    return [
      wrong(
        `${name} is not in DNS, and others would try port ${defaultPort}, which is not in ${option}`,
        `add ${name}. SRV 10 0 ${ports[0]} HOST.`,
      ),
    ]
  return checkTarget(
    domain,
    domain,
    `add ${name}. SRV 10 0 ${defaultPort} HOST., or A and AAAA records for ${domain}`,
    dns,
    ours,
  )
}

async function checkRecord(
  name: string,
  { name: target, port }: SrvRecord,
  service: Service,
  dns: Dns,
  ours: readonly string[],
): Promise<Finding[]> {
  if (target === '' || target === '.')
    return service.ports.length === 0
      ? []
      : [wrong(`${name} says that there is no such service`, `remove the record, or empty ${service.option}`)]
  const at = service.ports.includes(port)
    ? []
    : [
        note(
          `${name} leads to port ${port}, which is not in ${service.option}`,
          'right only where something forwards that port',
        ),
      ]
  return [...at, ...(await checkTarget(name, target, `add A and AAAA records for ${target}`, dns, ours))]
}

async function checkTarget(
  name: string,
  target: string,
  todo: string,
  dns: Dns,
  ours: readonly string[],
): Promise<Finding[]> {
  const addresses = await answer(dns.addresses(asciiDomain(target)))
  if (typeof addresses === 'string')
    return [wrong(`DNS gave no answer for ${target}: ${addresses}`, 'check the name servers (dns_servers)')]
  if (addresses.length === 0)
    return [
      wrong(
        name === target
          ? `${name} has neither SRV records nor an address`
          : `${name} leads to ${target}, which has no address`,
        todo,
      ),
    ]
  const hidden = addresses.filter((address) => !isPublicAddress(address))
  if (hidden.length > 0)
    return [
      wrong(`${name} leads to ${hidden.join(', ')}, which others cannot reach`, 'put the public address into DNS'),
    ]
  const elsewhere = addresses.filter((address) => !ours.includes(address))
  return elsewhere.length === 0
    ? [good(`${name} leads here (${addresses.join(', ')})`)]
    : [
        note(
          `${name} leads to ${elsewhere.join(', ')}, which is no address of this machine`,
          'right only where something forwards to it',
        ),
      ]
}

async function answer<T>(asked: Promise<readonly T[]>): Promise<readonly T[] | string> {
  try {
    return await asked
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

const addressesHere = (): string[] =>
  Object.values(networkInterfaces()).flatMap((addresses) => (addresses ?? []).map(({ address }) => address))
