/** A SOCKS 5 proxy (RFC 1928) on loopback that leads to one port, whatever is asked for; its connections can be cut. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

export class Socks {
  /** Where all that is asked for is. */
  port: number
  readonly #sockets = new Set<Socket>()
  readonly #server: Server

  private constructor(port: number) {
    this.port = port
    this.#server = createServer((client) => this.#greet(client))
  }

  static async leadingTo(port: number): Promise<Socks> {
    const socks = new Socks(port)
    await new Promise<void>((resolve) => socks.#server.listen(0, '127.0.0.1', resolve))
    return socks
  }

  get url(): string {
    return `socks5://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** All connections are reset. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  close(): void {
    this.#server.close()
    this.cut()
  }

  /** One packet is one message here: its client waits for each answer. */
  #greet(client: Socket): void {
    this.#keep(client)
    client.once('data', () => {
      client.write(Buffer.from([5, 0]))
      client.once('data', () => {
        const server = this.#keep(connect(this.port, '127.0.0.1'))
        server.once('connect', () => {
          client.write(Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 0]))
          client.pipe(server).pipe(client)
        })
        client.once('close', () => server.destroy())
        server.once('close', () => client.destroy())
      })
    })
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket)
    return socket.on('error', () => {}).once('close', () => this.#sockets.delete(socket))
  }
}
