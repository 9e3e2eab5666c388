/** The domains of this process: virtual hosts with accounts, and components. */
import { type HostDefinition, type HostEnvironment, LocalHost } from './host.js'

export class HostRegistry {
  readonly #byDomain = new Map<string, LocalHost>()
  readonly #started: LocalHost[] = []

  /** Throws an Error when two definitions have the same domain. */
  constructor(definitions: readonly HostDefinition[], env: HostEnvironment) {
    for (const definition of definitions) {
      if (this.#byDomain.has(definition.domain)) throw new Error(`The host ${definition.domain} is configured twice`)
      this.#byDomain.set(definition.domain, new LocalHost(definition, env))
    }
  }

  get(domain: string): LocalHost | undefined {
    return this.#byDomain.get(domain)
  }

  get domains(): IterableIterator<string> {
    return this.#byDomain.keys()
  }

  /** In order; one that fails closes those before it. */
  async start(): Promise<void> {
    for (const host of this.#byDomain.values()) {
      this.#started.push(host)
      try {
        await host.start()
      } catch (error) {
        await this.close()
        throw error
      }
    }
  }

  /** In reverse order; idempotent. */
  close(): Promise<void> {
    return this.#closeWhere(() => true)
  }

  /** Those without clients of their own, likewise. */
  closeServices(): Promise<void> {
    return this.#closeWhere(({ definition }) => definition.type !== 'user')
  }

  async #closeWhere(ends: (host: LocalHost) => boolean): Promise<void> {
    for (const host of this.#started.filter(ends).reverse()) {
      const index = this.#started.indexOf(host)
      if (index < 0) continue
      this.#started.splice(index, 1)
      await host.close()
    }
  }
}
