/** The admin socket of the running server. */
import { chmodSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import type { Closeable } from '../util/lifecycle.js'
import type { Logger } from '../util/logger.js'
import { type AdminCommand, CommandRefused, checkArguments, type Operator } from './command.js'
import { type AdminReply, decodeRequest, encode, requestLimit } from './protocol.js'

const idleMs = 30_000

export interface AdminSocketParts {
  /** Whoever opens it must hold the lock of the data directory: a socket that is left over is removed. */
  readonly path: string
  readonly commands: readonly AdminCommand[]
  readonly operator: Operator
  readonly log: Logger
}

/** Listens, and then resolves. `close` ends open connections after their answers. */
export async function openAdminSocket({ path, commands, operator, log }: AdminSocketParts): Promise<Closeable> {
  rmSync(path, { force: true })
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    serve(socket, (line) => answer(line, commands, operator, log))
  })
  await listen(server, path)
  chmodSync(path, 0o600)
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of open) socket.destroySoon()
      }),
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** Reads one line, writes one line, ends. */
function serve(socket: Socket, reply: (line: string) => Promise<AdminReply>): void {
  let received = ''
  let asked = false
  socket.setEncoding('utf8')
  socket.setTimeout(idleMs, () => socket.destroy())
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk: string) => {
    if (asked) return
    received += chunk
    const end = received.indexOf('\n')
    if (end < 0 && received.length <= requestLimit) return
    asked = true
    socket.setTimeout(0)
    const line = end < 0 ? '' : received.slice(0, end)
    void reply(line).then((message) => socket.end(encode(message)))
  })
}

/** Never rejects; what goes wrong unexpectedly is logged and said without its particulars. */
async function answer(
  line: string,
  commands: readonly AdminCommand[],
  operator: Operator,
  log: Logger,
): Promise<AdminReply> {
  const request = decodeRequest(line)
  const command = commands.find(({ name }) => name === request?.command)
  if (request === undefined || command === undefined)
    return {
      ok: false,
      error: `The server does not know this command; is dmucctl of another release? (${request?.command})`,
    }
  try {
    const { text, data, failed } = await command.run(operator, checkArguments(command, request.args))
    log.info({ command: command.name, jid: request.args.jid }, 'An operator ran a command')
    return { ok: true, text, data, ...(failed && { failed }) }
  } catch (error) {
    if (error instanceof CommandRefused) return { ok: false, error: error.message }
    log.error({ err: error, command: command.name }, 'A command of the operator failed')
    return { ok: false, error: `${command.name} failed: ${(error as Error).message}` }
  }
}
