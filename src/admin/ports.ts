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

export interface SettledPorts<P extends Port> {
  readonly ports: readonly P[]
  /** What was added to each port. */
  readonly shift: number
  /** Addresses that this machine does not have, each beside one that it has. */
  readonly missing: readonly PortTrouble[]
}

/**
 * The ports to open: those named, or all of them higher by a multiple of `shiftBy` if one is taken and `shiftBy` is not 0.
 * Rejects with an Error that lists every port that cannot be had, with its option.
 */
export async function settlePorts<P extends Port>(named: readonly P[], shiftBy: number): Promise<SettledPorts<P>> {
  for (let shift = 0; ; shift += shiftBy) {
    const ports = named.map((port) => (port.port === 0 ? port : { ...port, port: port.port + shift }))
    if (ports.some(({ port }) => port > 65_535))
      throw new Error(`No free ports were found by adding ${shiftBy} again and again`)
    const trouble = await findTrouble(ports)
    const missing = trouble.filter((each) => each.code === 'no-such-address' && hasOther(ports, trouble, each))
    const serious = trouble.filter((each) => !missing.includes(each))
    if (serious.length === 0) {
      const absent = new Set(missing.map(({ address }) => address))
      return { ports: ports.filter(({ address }) => !absent.has(address)), shift, missing }
    }
    if (shiftBy === 0 || serious.some(({ code }) => code !== 'taken'))
      throw new Error(serious.map(({ text }) => text).join('\n'))
  }
}

/** Is the same port of the same option to be had at another address? A machine without IPv6 has no ::1. */
const hasOther = (ports: readonly Port[], trouble: readonly PortTrouble[], { option, port, address }: Port): boolean =>
  ports.some(
    (other) =>
      other.option === option &&
      other.port === port &&
      other.address !== address &&
      !trouble.some((each) => each.address === other.address && each.code === 'no-such-address'),
  )

/** Tries each port in turn and lets it go again; what cannot be had comes back. Port 0 is tried too: its address may not exist. */
export async function findTrouble(ports: readonly Port[]): Promise<PortTrouble[]> {
  const trouble: PortTrouble[] = []
  for (const port of ports) {
    const failure = await tryPort(port)
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
