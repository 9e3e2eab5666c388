/**
 * The first that a peer sends of a TLS handshake, waited for before TLS is put around its socket. Node takes the buffer for what it is to
 * decrypt by what is there at that moment, and uses it again and again: 1 KiB at least, or as long as the ClientHello. With nothing there it
 * takes one of 64 KiB, of which an idle connection has 8 to 14 in memory, and all once that much has come at a time.
 */
import type { Socket } from 'node:net'

/** Resolves when there is something to read, which stays in the socket, or when the socket is destroyed, as it is when the peer ends first. */
export function firstBytes(socket: Socket): Promise<void> {
  if (socket.readableLength > 0 || socket.destroyed) return Promise.resolve()
  return new Promise((resolve) => {
    const readable = (): void => {
      socket.off('readable', readable)
      socket.off('close', readable)
      // Readable, and nothing there: that is how the end of what the peer sends is told.
      if (socket.readableLength === 0) socket.destroy()
      resolve()
    }
    socket.on('readable', readable)
    socket.on('close', readable)
  })
}
