/**
 * Before each test file of a run without a module: it is still listed, and registers nothing. Parts of streams are left out by those who
 * set the stage (support/left-out.ts).
 */
import { modules } from '../../src/modules/index.js'
import type { Module } from '../../src/server/module.js'
import { leftOut } from '../support/left-out.js'

const off = modules.find(({ name }) => name === process.env.DMUCD_CHECK_OFF)
if (off !== undefined) withoutModule(off)
else if (leftOut.size === 0) throw new Error(`There is no module "${process.env.DMUCD_CHECK_OFF}"`)

function withoutModule(off: Module): void {
  const mutable = modules as readonly { setup: Module['setup'] }[]
  mutable[modules.indexOf(off)]!.setup = () => []

  // A module that cannot be without it is off, too: a host that does not start shows nothing of what its absence changes.
  for (const module of mutable) {
    const setup = module.setup.bind(module)
    module.setup = async (host) => {
      try {
        return await setup(host)
      } catch (error) {
        if (String(error).includes(`needs the module "${off.name}"`)) return []
        throw error
      }
    }
  }
}
