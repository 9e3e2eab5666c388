/** Listening for TCP connections, with TLS from their first byte where wanted. */
import { createServer, type Server } from 'node:net'
import { plainAddress } from './address.js'
import { type TcpOptions, TcpTransport } from './tcp.js'

export interface TcpListenerOptions extends TcpOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** Named in the error when the port cannot be had. */
  readonly option?: string
  /** TLS from the first byte (XEP-0368) instead of by STARTTLS. */
  readonly directTls?: boolean
  /** Asked before anything is done for a connection; false closes it at once. */
  readonly admit?: (remoteAddress: string) => boolean
  /** Connections that were refused before there was a transport: the handshake of direct TLS failed. */
  readonly onRefused?: (remoteAddress: string, error: Error) => void
}

export interface TcpListener {
  readonly host: string
  readonly port: number
  /** Accepts no more. Connections that are open stay. */
  close(): Promise<void>
}

/** Rejects with a message that names host, port and option when the address cannot be had. */
export async function listenTcp(
  options: TcpListenerOptions,
  accept: (transport: TcpTransport) => void,
): Promise<TcpListener> {
  const handshaking = new Set<TcpTransport>()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    // A peer may be gone already; its address is not known then.
    const address = plainAddress(socket.remoteAddress ?? '')
    if (address === '' || options.admit?.(address) === false) {
      socket.on('error', () => {}).destroy()
      return
    }
    const transport = new TcpTransport(socket, options)
    if (options.directTls !== true) {
      accept(transport)
      return
    }
    handshaking.add(transport)
    transport.startTls({ server: true }).then(
      () => {
        handshaking.delete(transport)
        accept(transport)
      },
      (error: Error) => {
        handshaking.delete(transport)
        transport.destroy()
        options.onRefused?.(transport.remoteAddress, error)
      },
    )
  })
  const port = await listen(server, options.host, options.port, options.option)
  return {
    host: options.host,
    port,
    close: () => {
      server.close()
      for (const transport of handshaking) transport.destroy()
      // The callback of `close` would wait for the connections too.
      return new Promise((resolve) => setImmediate(resolve))
    },
  }
}

/** Listens and returns the port. Also for servers that are not XMPP's. */
export function listen(server: Server, host: string, port: number, option?: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const refused = (error: NodeJS.ErrnoException): void => {
      const why = error.code === 'EADDRINUSE' ? 'is in use' : `cannot be opened (${error.code ?? error.message})`
      const where = option === undefined ? '' : `, option ${option}`
      reject(new Error(`port ${port} on ${host} ${why}${where}`, { cause: error }))
    }
    server.once('error', refused)
    server.listen({ host, port, backlog: 1024 }, () => {
      server.off('error', refused)
      // Accepting may fail for want of descriptors; the listener goes on.
      server.on('error', () => {})
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}
