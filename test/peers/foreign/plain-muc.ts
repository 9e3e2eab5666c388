/** Starts `plain_muc.py`, the room service that knows XEP-0281 from its text alone, as a component of a server. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { systemPython } from '../require-peer.js'
import { until } from '../until.js'

export interface PlainMucOptions {
  readonly jid: string
  readonly secret: string
  /** Of the server, for components. */
  readonly port: number
  /** Services that may replicate there, and are asked to. */
  readonly peers: readonly string[]
  /** Services by the domain of the users that are sent to them. */
  readonly redirects?: Readonly<Record<string, string>>
}

export interface PlainMuc {
  /** What it did, in words. */
  log(): string
  /** Idempotent. */
  stop(): Promise<void>
}

const script = fileURLToPath(new URL('plain_muc.py', import.meta.url))

/** Rejects with what it said if it is not attached within 30 s. */
export async function startPlainMuc(options: PlainMucOptions): Promise<PlainMuc> {
  const { jid, secret, port, peers, redirects = {} } = options
  const child = spawn(
    systemPython,
    [
      '-B',
      script,
      ...['--jid', jid, '--secret', secret, '--port', String(port), '--ping', '0.5'],
      ...peers.flatMap((peer) => ['--peer', peer]),
      ...Object.entries(redirects).flatMap(([users, service]) => ['--redirect', `${users}=${service}`]),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let said = ''
  let ready = false
  let over = false
  child.stdout.on('data', () => {
    ready = true
  })
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk
  })
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => {
      over = true
      resolve()
    })
  })
  const stop = async (): Promise<void> => {
    if (!over) child.kill('SIGTERM')
    await ended
  }
  await until(
    () => {
      if (over) throw new Error(`plain_muc.py ended:\n${said}`)
      return ready
    },
    () => `plain_muc.py to attach itself:\n${said}`,
  )
  return { log: () => said, stop }
}
