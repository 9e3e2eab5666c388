/** Are the ports free that the configuration names? Asked before anything else is opened, so that a start fails early and in words. */
import { createServer } from 'node:net'

export interface Port {
  /** The option of the configuration that names it. */
  readonly option: string
  readonly address: string
  readonly port: number
}

export type PortTrouble = Port & {
  readonly code: 'taken' | 'forbidden' | 'no-such-address' | 'other'
  readonly text: string
}

/** Tries each port in turn and lets it go again; what cannot be had comes back. Port 0 always can. */
export async function findTrouble(ports: readonly Port[]): Promise<PortTrouble[]> {
  const trouble: PortTrouble[] = []
  for (const port of ports) {
    const failure = port.port === 0 ? undefined : await tryPort(port)
    if (failure !== undefined) trouble.push(failure)
  }
  return trouble
}

function tryPort(port: Port): Promise<PortTrouble | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(describe(port, error)))
    server.listen({ host: port.address, port: port.port, exclusive: true }, () =>
      server.close(() => resolve(undefined)),
    )
  })
}

function describe(port: Port, error: NodeJS.ErrnoException): PortTrouble {
  const place = `port ${port.port} on ${port.address} (${port.option})`
  switch (error.code) {
    case 'EADDRINUSE':
      return { ...port, code: 'taken', text: `${place} is taken by another program` }
    case 'EACCES':
      return { ...port, code: 'forbidden', text: `${place} may not be opened by this user` }
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
      return {
        ...port,
        code: 'no-such-address',
        text: `${place} cannot be opened: this machine does not have the address`,
      }
    default:
      return { ...port, code: 'other', text: `${place} cannot be opened: ${error.message}` }
  }
}
