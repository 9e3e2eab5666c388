/**
 * Tests against real programs run where those are installed. By hand a missing one skips its tests with a notice; with
 * DMUCD_REQUIRE_PEERS=1 (.ci/run) it fails them, so that a green run has really met every peer.
 */
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe } from '@jest/globals'

/** Debian's own Python: its packages (python3-slixmpp) are not on the path of another one. */
export const systemPython = '/usr/bin/python3'

function onPath(command: string): boolean {
  const places = command.includes('/')
    ? [command]
    : (process.env.PATH ?? '').split(delimiter).map((d) => join(d, command))
  return places.some((place) => {
    try {
      accessSync(place, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

function hasPythonModule(module: string): boolean {
  return spawnSync(systemPython, ['-c', `import ${module}`], { stdio: 'ignore' }).status === 0
}

/**
 * The `describe` for tests that need programs on this machine.
 *
 * @param commands names on the PATH, or absolute paths
 * @param pythonModules what the system's Python must be able to import
 * @throws Error when something is missing and DMUCD_REQUIRE_PEERS is 1
 */
export function peer(commands: readonly string[], pythonModules: readonly string[] = []): typeof describe.skip {
  const missing = [
    ...commands.filter((command) => !onPath(command)),
    ...pythonModules.filter((module) => !hasPythonModule(module)).map((module) => `Python's ${module}`),
  ]
  if (missing.length === 0) return describe
  const notice = `${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} not installed`
  if (process.env.DMUCD_REQUIRE_PEERS === '1') throw new Error(notice)
  process.stderr.write(`skipped: ${notice}\n`)
  return describe.skip
}
