/** Where the compiled entry of a worker thread is: beside this file, but for tests, which run the sources. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** `name` without suffix. Throws when the sources run and were not compiled. */
export function workerFile(name: string): URL {
  const here = import.meta.url
  if (!here.endsWith('.ts')) return new URL(`./${name}.js`, here)
  const file = new URL(`../../../dist/store/sqlite/${name}.js`, here)
  if (existsSync(file)) return file
  throw new Error(`${fileURLToPath(file)} is missing: worker threads run compiled code, so run "npm run build" first`)
}
