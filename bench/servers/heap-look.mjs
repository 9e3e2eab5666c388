/**
 * Loaded into dmucd before its own code (`node --import`): at each SIGUSR2 it collects its garbage and writes what memory it has, and where
 * DMUCD_BENCH_SNAPSHOTS is set, what its heap holds. Look k is DMUCD_BENCH_LOOKS.k.json, which is there when the rest is.
 */
import { renameSync, writeFileSync } from 'node:fs'
import { setFlagsFromString, writeHeapSnapshot } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread } from 'node:worker_threads'

const { DMUCD_BENCH_LOOKS: file, DMUCD_BENCH_SNAPSHOTS: snapshots } = process.env

if (isMainThread) {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc')
  let look = 0
  process.on('SIGUSR2', () => {
    const name = `${file}.${look++}`
    // What the first finds dead may hold buffers that only the second can take away.
    collect()
    collect()
    const used = process.memoryUsage()
    if (snapshots !== undefined) writeHeapSnapshot(`${name}.heapsnapshot`)
    writeFileSync(`${name}.tmp`, JSON.stringify(used))
    renameSync(`${name}.tmp`, `${name}.json`)
  })
}
