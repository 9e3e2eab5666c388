/**
 * A dmucd of its own process on loopback, as an operator runs it, with its own directory, on ports that the system chose.
 * It needs the build in dist/, which `npm run test:peers` makes.
 */
import { LiveServer } from '../live/server.mjs'

export interface DmucdOptions {
  /** The virtual host; its rooms are at `rooms.DOMAIN`. */
  readonly domain: string
  /** Ports on 127.0.0.1 by domain, in place of DNS. */
  readonly routes?: Readonly<Record<string, number>>
  /** Room services that may share rooms with this one. */
  readonly allow?: readonly string[]
  /** More lines of `[dmuc]`. */
  readonly dmuc?: string
  /** More lines of `[first_start]`. */
  readonly firstStart?: string
  /** More lines above the first table. */
  readonly top?: string
  /** More tables of hosts. */
  readonly hosts?: string
  /** Passwords by user name. */
  readonly users?: Readonly<Record<string, string>>
}

export class Dmucd {
  readonly domain: string
  readonly rooms: string
  readonly #options: DmucdOptions
  readonly #server: LiveServer

  private constructor(options: DmucdOptions) {
    this.domain = options.domain
    this.rooms = `rooms.${options.domain}`
    this.#options = options
    this.#server = new LiveServer(options.domain, configuration(options))
  }

  /** Rejects with what it logged if it is not ready in time. */
  static async start(options: DmucdOptions): Promise<Dmucd> {
    const dmucd = new Dmucd(options)
    try {
      await dmucd.#server.start()
      for (const [user, password] of Object.entries(options.users ?? {}))
        await dmucd.#server.addUser(`${user}@${options.domain}`, password)
      return dmucd
    } catch (error) {
      await dmucd.#server.remove()
      throw error
    }
  }

  get c2sPort(): number {
    return this.#server.ports.c2s
  }

  get s2sPort(): number {
    return this.#server.ports.s2s
  }

  get httpPort(): number {
    return this.#server.ports.http
  }

  get componentPort(): number {
    return this.#server.ports.components
  }

  /** The file of its self-signed certificate. */
  get certificate(): string {
    return this.#server.certificateFile
  }

  /** Takes over new routes while it runs (SIGHUP). */
  reroute(routes: Readonly<Record<string, number>>): Promise<void> {
    return this.#server.reload(configuration({ ...this.#options, routes }))
  }

  /** What `dmucctl` prints. */
  async dmucctl(...args: readonly string[]): Promise<string> {
    return (await this.#server.dmucctl(args)).trim()
  }

  log(): string {
    return this.#server.log.join('\n')
  }

  /** SIGTERM, and a new process on the same data; its ports are others. */
  async restart(): Promise<void> {
    await this.#server.stop()
    await this.#server.start()
  }

  /** SIGTERM, and waits for the end; rejects where that was not a clean one. Idempotent. */
  async stop(): Promise<void> {
    try {
      await this.#server.stop()
    } finally {
      await this.#server.remove()
    }
  }
}

export const startDmucd = (options: DmucdOptions): Promise<Dmucd> => Dmucd.start(options)

function configuration(options: DmucdOptions): string {
  const { domain, routes = {}, allow = [], dmuc = '', firstStart = '', top = '', hosts = '' } = options
  return `
data_path = "data"
certificates = "certs"
interfaces = ["127.0.0.1"]
http_interfaces = ["127.0.0.1"]
c2s_ports = [0]
s2s_ports = [0]
http_ports = [0]
s2s_secure_auth = false
log_level = "debug"
${top}
[virtual_host."${domain}"]
[component."rooms.${domain}"]
type = "muc"
${hosts}
[s2s_routes]
${Object.entries(routes)
  .map(([name, port]) => `"${name}" = "127.0.0.1:${port}"`)
  .join('\n')}
[dmuc]
allow = ${JSON.stringify(allow)}
${dmuc}
[first_start]
self_signed = true
${firstStart}
`
}

/** Two of them that find each other and may share rooms. */
export async function startDmucdPair(first: DmucdOptions, second: DmucdOptions): Promise<readonly [Dmucd, Dmucd]> {
  const a = await startDmucd({ ...first, allow: [`rooms.${second.domain}`] })
  try {
    const b = await startDmucd({ ...second, allow: [a.rooms], routes: { [a.domain]: a.s2sPort, [a.rooms]: a.s2sPort } })
    await a.reroute({ [b.domain]: b.s2sPort, [b.rooms]: b.s2sPort })
    return [a, b]
  } catch (error) {
    await a.stop()
    throw error
  }
}
