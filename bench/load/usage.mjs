/** What a process has used, of all its threads, as Linux counts it. */
import { readFileSync } from 'node:fs'

/** USER_HZ, which is 100 on every Linux that Node runs on. */
const ticksPerSecond = 100

/** @returns {number} seconds of CPU, user and system, of all threads of the process */
export function cpuSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/** @returns {number} resident memory in KiB */
export function residentKiB(pid) {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0)
}
