// The order of the set-up: packages, the compiled SQLite binding, the build; then the program that was asked for.
// Every step looks first whether it is needed, so that an interrupted set-up goes on where it stopped.
'use strict'

const path = require('node:path')
const { spawn } = require('node:child_process')
const { build, isBuilt } = require('./build.cjs')
const { Interrupted, Job, SetupError } = require('./job.cjs')
const { install, isInstalled } = require('./packages.cjs')
const { lock } = require('./lock.cjs')
const { compile, loads } = require('./sqlite.cjs')

const ROOT = path.resolve(__dirname, '..', '..')
const JEST = ['--disable-warning=ExperimentalWarning', '--experimental-vm-modules', 'node_modules/jest/bin/jest.js']
const V8 = ['--max-semi-space-size=32', '--v8-pool-size=0']
const PROGRAMS = {
  // With the flags that bin/dmucd.js explains.
  start: (args) => [...V8, 'bin/dmucd.js', '--config', 'examples/localhost.toml', ...args],
  test: (args) => [...JEST, ...args],
  bench: (args) => ['bench/main.mjs', ...args],
  demo: (args) => ['bench/demo.mjs', ...args],
  simulate: (args) => ['test/sim/run.mjs', ...args],
  interop: (args) => ['--disable-warning=ExperimentalWarning', 'test/interop/run.mjs', ...args],
  build: () => undefined,
}

/** Nothing is written and no lock is taken when all is there, so a checkout owned by somebody else runs too. */
async function setUp() {
  const ready = async () => isInstalled(ROOT) && (await loads(ROOT)) && isBuilt(ROOT)
  if (await ready()) return
  const job = new Job(ROOT)
  const unlock = await lock(job.path('lock'), () => job.say('waiting for another set-up of this checkout to finish'))
  job.onStart = unlock.covers
  try {
    if (!isInstalled(ROOT)) await install(job)
    if (!(await loads(ROOT))) await compile(job)
    if (!isBuilt(ROOT)) await build(job)
  } finally {
    unlock()
  }
}

/**
 * Runs Node on the terminal it was started from until it ends, and ends as it did. SIGTERM and SIGHUP are passed on;
 * SIGINT only without a terminal, since a terminal sends it to the whole foreground group already.
 */
function become(nodeArgs) {
  const child = spawn(process.execPath, nodeArgs, { cwd: ROOT, stdio: 'inherit' })
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  child.on('error', (error) => fail(error))
  child.on('exit', (code, signal) => {
    if (!signal) process.exit(code)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

function fail(error) {
  if (error instanceof Interrupted) console.error(`\n${error.message}`)
  else if (error instanceof SetupError) console.error(error.message)
  else if (error?.code === 'EACCES' || error?.code === 'EPERM' || error?.code === 'EROFS') {
    console.error(
      `dmucd cannot be set up because ${error.path ?? ROOT} cannot be written: run it as the owner of ${ROOT}.`,
    )
  } else if (error?.code === 'ENOSPC') {
    console.error('dmucd cannot be set up because the disk is full: it takes about 500 MB.')
  } else console.error(error)
  process.exit(error instanceof Interrupted ? error.exitCode : 1)
}

/** @param {string[]} argv the command (start, test, bench, demo, simulate, interop or build) and what is passed on to it */
exports.main = async function main(argv) {
  const [command = '', ...args] = argv
  if (!Object.hasOwn(PROGRAMS, command))
    fail(new SetupError('usage: node bin/setup.cjs start|test|bench|demo|simulate|interop|build [arguments]'))
  try {
    await setUp()
    const nodeArgs = PROGRAMS[command](args)
    if (nodeArgs) become(nodeArgs)
  } catch (error) {
    fail(error)
  }
}
