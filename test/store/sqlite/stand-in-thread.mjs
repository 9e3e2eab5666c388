// A store thread that answers each request with how many came in its message, and dies when it is told to. `until FILE` makes it busy
// until there is such a file.
import { existsSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { unpack } from '../../../dist/store/sqlite/packing.js'

let closed = false
parentPort.on('message', (message) => {
  if (closed) throw new Error(`closed, and told ${message}`)
  if (message === 'close') {
    closed = true
    parentPort.close()
    return
  }
  const asked = []
  unpack(message, asked)
  const requests = asked.map(([request]) => request)
  if (requests.includes('throw')) throw new Error('struck by lightning')
  if (requests.includes('exit')) process.exit(7)
  const [until, file] = requests[0].split(' ')
  const nothing = new Int32Array(new SharedArrayBuffer(4))
  while (until === 'until' && !existsSync(file)) Atomics.wait(nothing, 0, 0, 5)
  const failures = requests.flatMap((request, index) =>
    request === 'refuse' ? [[index, { code: 'full', message: 'no' }]] : [],
  )
  parentPort.postMessage({ type: 'answers', values: requests.map(() => requests.length), failures })
})
if (workerData.path === 'unopenable') {
  parentPort.postMessage({ type: 'refused', failure: { code: 'io', message: 'damaged' } })
  parentPort.close()
} else if (workerData.path === 'dead') {
  throw new Error('stillborn')
} else {
  parentPort.postMessage({ type: 'ready' })
}
