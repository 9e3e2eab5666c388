// What both launchers share: run a command line, leave with its exit code, and put an incomplete install into a sentence.
// Never process.exit: what is still open decides when the process ends.
import { createRequire } from 'node:module'

const INSTALL = 'npm install -g --allow-scripts=better-sqlite3'

/**
 * @param {unknown} error
 * @returns {string | undefined} what to do about an incomplete install; undefined when that is not the trouble
 */
export function installProblem(error) {
  const message = error instanceof Error ? error.message : String(error)
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ERR_MODULE_NOT_FOUND' && /[\\/]dist[\\/]cli[\\/][a-z]+\.js'/.test(message)) {
    return 'dmucd is not built yet: run npm start once, or npm run build.'
  }
  if (/Could not locate the bindings file/.test(message)) {
    return `better-sqlite3 was installed without its compiled half: install dmucd again with ${INSTALL} (npm runs no install script that is not allowed), or run npm rebuild better-sqlite3 in a checkout.`
  }
  if (/NODE_MODULE_VERSION|ERR_DLOPEN_FAILED/.test(`${message} ${code}`)) {
    return `better-sqlite3 was compiled for another Node than this ${process.version}: install dmucd again with ${INSTALL}, or run npm start in a checkout.`
  }
  return undefined
}

/** Looked at only after a failure, so that it costs nothing when all is well. */
function sqliteProblem() {
  try {
    const Database = createRequire(import.meta.url)('better-sqlite3')
    new Database(':memory:').close()
    return undefined
  } catch (error) {
    return installProblem(error)
  }
}

/**
 * Runs the `main` of a command line on the process's arguments.
 *
 * @param {string} module relative to this file; exports `main(argv: string[]): Promise<number>`, which resolves with the
 *   exit code once nothing is left to do
 */
export async function launch(module) {
  try {
    const { main } = await import(module)
    process.exitCode = await main(process.argv.slice(2))
    const problem = process.exitCode === 0 ? undefined : sqliteProblem()
    if (problem) console.error(problem)
  } catch (error) {
    const problem = installProblem(error)
    if (problem === undefined) throw error
    console.error(problem)
    process.exitCode = 1
  }
}
