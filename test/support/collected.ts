/** Memory that is really held: what a forced collection leaves. Without one a heap moves by more than most tests want to see. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Bytes of the heap in use after a full collection. */
export function heapHeld(): number {
  collect()
  return process.memoryUsage().heapUsed
}
