// A store thread that answers each request with how many came in its message, and dies when it is told to.
import { parentPort, workerData } from 'node:worker_threads'

parentPort.on('message', (requests) => {
  if (requests === 'close') {
    parentPort.close()
    return
  }
  if (requests.includes('throw')) throw new Error('struck by lightning')
  if (requests.includes('exit')) process.exit(7)
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
