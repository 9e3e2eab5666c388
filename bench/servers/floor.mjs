/** Node's sockets with no XMPP work behind them. */
import { fileURLToPath } from 'node:url'
import { freePort, startProcess, temporaryDirectory } from './process.mjs'

export const floor = {
  name: 'floor',
  version: () => `Node ${process.versions.node}`,
  async start({ certificate, key }) {
    const port = await freePort()
    const args = [fileURLToPath(new URL('./floor-server.mjs', import.meta.url)), String(port), certificate, key]
    return startProcess({ command: process.execPath, args, directory: temporaryDirectory(), port })
  },
}
