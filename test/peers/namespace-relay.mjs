// Runs in a network namespace: what connects to a socket in the file system, which all namespaces share, is at a port of 127.0.0.1
// there. Arguments: the path and the port.
import { connect, createServer } from 'node:net'

const [path = '', port = ''] = process.argv.slice(2)
createServer((outside) => {
  const inside = connect(Number(port), '127.0.0.1')
  outside.pipe(inside).pipe(outside)
  for (const socket of [outside, inside])
    socket
      .on('error', () => {})
      .on('close', () => {
        outside.destroy()
        inside.destroy()
      })
}).listen(path, () => console.log('ready'))
process.stdin.resume().on('end', () => process.exit(0))
