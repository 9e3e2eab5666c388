/** One run: a fresh server on one core, the load generator on another, the generator's figures. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { onCore } from './servers/process.mjs'

const generator = fileURLToPath(new URL('./load/main.mjs', import.meta.url))
const longestMs = 300_000

/**
 * @param server one of the drivers in servers/
 * @param scenario one of plan.mjs
 * @returns figures per unit of work, or `{ fault }` where the run is void or the server failed
 */
export async function measure(server, scenario, certificate) {
  let running
  try {
    running = await server.start({ ...certificate, users: scenario.users })
    const extent = (server.isPeer ? scenario.peer : scenario.own) ?? {}
    const { port, pid, watched = false } = running
    const loaded = await load(scenario.load, { ...scenario.settings, ...extent, port, pid, watched })
    const stopping = running
    running = undefined
    return { ...figures(loaded), ...(await stopping.stop()) }
  } catch (error) {
    return { fault: error.message }
  } finally {
    await running?.stop()
  }
}

/** The generator's figures; rejects where a count was not exact. */
export function load(name, settings) {
  const pairs = Object.entries(settings).map(([key, value]) => `${key}=${value}`)
  const [command, args] = onCore(1, process.execPath, [generator, name, ...pairs])
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: longestMs })
    const output = { stdout: '', stderr: '' }
    for (const stream of ['stdout', 'stderr'])
      child[stream].on('data', (chunk) => {
        output[stream] += chunk
      })
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(output.stdout))
      else reject(new Error(output.stderr.trim() || `the load generator ended with ${code}`))
    })
  })
}

const figures = ({ units, seconds, cpu, residentKiB, ...rest }) => ({
  cpuMicros: (cpu * 1e6) / units,
  perSecond: units / seconds,
  residentMiB: residentKiB / 1024,
  ...rest,
})
