/** The ports that the server has opened: as callers, operators and people on this machine are told of them. */
import { type Endpoint, type PortOption, portOptions, spellEndpoint } from '../config/ports.js'
import { isLoopback } from '../net/address.js'

/** Names of ports that are shown to people and to callers. */
const shortNames = {
  c2s_ports: 'c2s',
  c2s_direct_tls_ports: 'c2sDirectTls',
  s2s_ports: 's2s',
  s2s_direct_tls_ports: 's2sDirectTls',
  http_ports: 'http',
  component_ports: 'components',
} as const

/** The ports that are open, each once, in the order of the configuration. */
export type NamedPorts = Readonly<Record<(typeof shortNames)[PortOption], readonly number[]>>

export class OpenPorts {
  readonly #listening: Endpoint[] = []

  add(endpoint: Endpoint): void {
    this.#listening.push(endpoint)
  }

  /** That was opened first, of several addresses. */
  first(option: PortOption): Endpoint | undefined {
    return this.#listening.find((each) => each.option === option)
  }

  /** The HTTP server as it is reached on this machine. */
  localUrl(): string | undefined {
    const http = this.#listening.find(({ option, address }) => option === 'http_ports' && isLoopback(address))
    return http && `http://localhost:${http.port}/`
  }

  /** In the order of the options, whatever was opened first. */
  spelt(which: (endpoint: Endpoint) => boolean = () => true): string[] {
    const chosen = this.#listening.filter(which)
    return portOptions.flatMap((option) => chosen.filter((each) => each.option === option).map(spellEndpoint))
  }

  named(): NamedPorts {
    const ports: Record<(typeof shortNames)[PortOption], number[]> = {
      ...{ c2s: [], c2sDirectTls: [], s2s: [], s2sDirectTls: [], http: [], components: [] },
    }
    for (const { option, port } of this.#listening)
      if (!ports[shortNames[option]].includes(port)) ports[shortNames[option]].push(port)
    return ports
  }
}
