/** The addresses and ports that a configuration asks for. */
import type { Config } from './config.js'

export const portOptions = [
  'c2s_ports',
  'c2s_direct_tls_ports',
  's2s_ports',
  's2s_direct_tls_ports',
  'http_ports',
  'component_ports',
] as const
export type PortOption = (typeof portOptions)[number]

export interface Endpoint {
  readonly option: PortOption
  readonly address: string
  readonly port: number
}

/** Every address with every port; none for components where there are none. */
export function endpointsOf({ global, hosts }: Config): Endpoint[] {
  const others: Partial<Record<PortOption, readonly string[]>> = {
    http_ports: global.http_interfaces,
    component_ports: hosts.some(({ type }) => type === 'external') ? global.component_interfaces : [],
  }
  return portOptions.flatMap((option) => {
    const interfaces = others[option] ?? global.interfaces
    const addresses = addressesOf(interfaces, global.use_ipv6)
    return global[option].flatMap((port) => addresses.map((address) => ({ option, address, port })))
  })
}

/** `"*"` is IPv4's any; `"::"` takes both families, so that it stands for that too. */
function addressesOf(interfaces: readonly string[], ipv6: boolean): string[] {
  const spelt = interfaces.map((address) => (address === '*' ? '0.0.0.0' : address))
  const usable = spelt.filter((address) => ipv6 || !address.includes(':'))
  return usable.includes('::') ? usable.filter((address) => address !== '0.0.0.0') : usable
}

/** As `c2s 127.0.0.1:5222`. */
export const spellEndpoint = ({ option, address, port }: Endpoint): string =>
  `${option.replace('_ports', '')} ${address.includes(':') ? `[${address}]` : address}:${port}`
