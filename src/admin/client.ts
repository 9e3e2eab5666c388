/** Asks the running server through its admin socket. */
import { connect } from 'node:net'
import { type AdminReply, type AdminRequest, decodeReply, encode } from './protocol.js'

const timeoutMs = 60_000

/** The server's reply; undefined when no server listens at `path`. Rejects when it breaks off or may not be asked. */
export function askServer(path: string, request: AdminRequest): Promise<AdminReply | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    let received = ''
    socket.setEncoding('utf8')
    socket.setTimeout(timeoutMs, () =>
      socket.destroy(new Error(`The server did not answer within ${timeoutMs / 1000} s`)),
    )
    socket.on('connect', () => socket.write(encode(request)))
    socket.on('data', (chunk: string) => {
      received += chunk
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined)
      else if (error.code === 'EACCES')
        reject(new Error(`${path} may be opened only by the user who runs the server`, { cause: error }))
      else reject(error)
    })
    socket.on('close', () => {
      const reply = decodeReply(received)
      if (reply === undefined) reject(new Error('The server closed the connection without an answer'))
      else resolve(reply)
    })
  })
}
