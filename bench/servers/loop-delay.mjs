/**
 * Loaded into dmucd before its own code (`node --import`): how long its event loop was blocked. SIGUSR2 begins anew, and the
 * next one ends it, before all clients leave; when the process ends the figures are written to the file that DMUCD_BENCH_LOOP names.
 */
import { writeFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'

/** Node counts the time between two looks, which are so far apart when nothing is late. */
const resolution = 10
const monitor = monitorEventLoopDelay({ resolution })
monitor.enable()
let measuring = false
process.on('SIGUSR2', () => {
  measuring = !measuring
  // Otherwise the first interval would reach back to what was before.
  monitor.disable()
  if (!measuring) return
  monitor.reset()
  monitor.enable()
})
process.on('exit', () => {
  const late = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - resolution)
  const figures = { loopMs: late(monitor.percentile(99.9)), loopMaxMs: late(monitor.max) }
  writeFileSync(process.env.DMUCD_BENCH_LOOP, JSON.stringify(figures))
})
