/** As much of @xmpp/client, which comes without types, as tests use. */
declare module '@xmpp/client' {
  import type { Element } from 'ltx'

  interface Client {
    on(event: 'stanza', listener: (stanza: Element) => void): void
    on(event: 'online', listener: (address: { toString(): string }) => void): void
    on(event: 'error', listener: (error: Error) => void): void
    /** Milliseconds that it waits for the other end, in `start` and in `stop`. */
    timeout: number
    start(): Promise<unknown>
    stop(): Promise<unknown>
    send(stanza: Element): Promise<void>
  }

  export function client(options: {
    readonly service: string
    readonly domain: string
    readonly username: string
    readonly password: string
  }): Client

  export function xml(
    name: string,
    attrs?: Readonly<Record<string, string>>,
    ...children: (Element | string)[]
  ): Element
}
