/** A cable between two servers: a forwarder on loopback that can hold what is said, and be cut. */
import { connect, createServer, type Socket } from 'node:net'

export interface Cable {
  readonly port: number
  /** Nothing passes any more on the connections there are, in either direction. */
  hold(): void
  /** Those connections end, and what was held is lost; new ones pass. */
  cut(): void
  close(): Promise<void>
}

export async function startCable(to: number): Promise<Cable> {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1')
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.pipe(other)
      one.on('error', () => {})
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: (server.address() as { port: number }).port,
    hold() {
      for (const socket of sockets) socket.unpipe().pause()
    },
    cut,
    async close() {
      cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
