// The compiled half of better-sqlite3. A ready-made binary is tried first; without one it is compiled, which needs a C++
// compiler, make, python3 and Node's headers. What is missing is named before the compiler runs, with the line that
// installs it.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { spawnSync } = require('node:child_process')
const { SetupError } = require('./job.cjs')
const { npm } = require('./npm.cjs')

const PACKAGE = 'node_modules/better-sqlite3'
const BINDING = `${PACKAGE}/build/Release/better_sqlite3.node`
const PROBE = `new (require('better-sqlite3'))(':memory:').close()`

const PACKAGES = {
  'apt-get': { line: 'apt-get install', compiler: 'g++', make: 'make', python3: 'python3' },
  dnf: { line: 'dnf install', compiler: 'gcc-c++', make: 'make', python3: 'python3' },
  apk: { line: 'apk add', compiler: 'g++', make: 'make', python3: 'python3' },
  zypper: { line: 'zypper install', compiler: 'gcc-c++', make: 'make', python3: 'python3' },
  pacman: { line: 'pacman -S', compiler: 'gcc', make: 'make', python3: 'python' },
}

/**
 * Whether the binding loads and can be trusted with a server. Loading is tried in a process of its own: a binding built for
 * another Node would stay loaded and fail again.
 *
 * @param {string} root the checkout
 */
async function loads(root) {
  if (!fs.existsSync(path.join(root, PACKAGE, 'package.json'))) return false
  if (aborts(path.join(root, BINDING))) return false
  return spawnSync(process.execPath, ['-e', PROBE], { cwd: root, stdio: 'ignore' }).status === 0
}

/** Whether a binding was compiled with what object-wrap.h keeps out; no other part of it uses that function. */
function aborts(binding) {
  return fs.existsSync(binding) && fs.readFileSync(binding).includes('RemoveEnvironmentCleanupHook')
}

/** @param {(command: string, ...args: string[]) => boolean} works whether a command runs and succeeds */
function missingTools(works, env = process.env) {
  const cxx = env.CXX || (process.platform === 'darwin' ? 'c++' : 'g++')
  const pythons = [env.npm_config_python, env.PYTHON, 'python3', 'python'].filter(Boolean)
  const missing = []
  if (!works(cxx, '--version') || !works(env.CC || 'cc', '--version')) missing.push('compiler')
  if (!works(env.MAKE || 'make', '--version')) missing.push('make')
  if (!pythons.some((python) => works(python, '-c', 'import sys; sys.exit(sys.version_info < (3, 8))')))
    missing.push('python3')
  return missing
}

/**
 * The one sentence that names what a compile needs and how to get it.
 *
 * @param {string[]} missing out of compiler, make, python3; at least one
 * @param {string} platform as in process.platform
 * @param {(command: string) => boolean} has whether a package manager is there
 * @param {boolean} isRoot
 */
function toolSentence(missing, platform, has, isRoot) {
  const names = missing.map((tool) => (tool === 'compiler' ? 'a C++ compiler (g++)' : tool))
  const list = names.length < 2 ? names[0] : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
  const start = `better-sqlite3 has to be compiled here and ${list} ${missing.length > 1 ? 'are' : 'is'} missing`
  if (platform === 'darwin') return `${start}: run xcode-select --install, then the same command again.`
  const found = Object.entries(PACKAGES).find(([name]) => has(name))
  if (!found) return `${start}: install that with the system's package manager, then run the same command again.`
  const [, system] = found
  const line = `${isRoot ? '' : 'sudo '}${system.line} ${missing.map((tool) => system[tool]).join(' ')}`
  return `${start}: run ${line}, then the same command again.`
}

/** The NODE_MODULE_VERSION of the headers under a prefix; empty when there are none. */
function headersAbi(prefix) {
  try {
    const text = fs.readFileSync(path.join(prefix, 'include/node/node_version.h'), 'utf8')
    return /#define NODE_MODULE_VERSION (\d+)/.exec(text)?.[1] ?? ''
  } catch {
    return ''
  }
}

/**
 * Where node-gyp shall take Node's headers from. Without an answer it downloads them. A directory that the user has set
 * stays, unless its headers are another Node's: a binding compiled with those could not be loaded.
 *
 * @param {{ set: string | undefined, prefix: string, abi: string }} where `prefix` is the directory above Node's `bin`
 * @returns {string | undefined} undefined: leave it as it is; empty: nothing on this disk fits
 */
function nodedir({ set, prefix, abi }) {
  if (set && headersAbi(set) === abi) return undefined
  if (headersAbi(prefix) === abi) return prefix
  return set && headersAbi(set) !== '' ? '' : undefined
}

/**
 * The one sentence for a failed compile.
 *
 * @param {string} output what npm, node-gyp and the compiler printed
 * @param {string} log where all of it is
 */
function compileProblem(output, log) {
  const end = `then run the same command again (the compiler's own words are in ${log}).`
  const start = 'better-sqlite3 could not be compiled'
  if (/No space left on device|ENOSPC/.test(output))
    return `${start} because the disk is full: make 200 MB free, ${end}`
  if (/Killed|out of memory|virtual memory exhausted|Cannot allocate memory/i.test(output)) {
    return `${start} because memory ran out: it takes about 1 GB, so add swap space or stop something else, ${end}`
  }
  if (/unrecognized command.line option|invalid value 'c\+\+20'/.test(output)) {
    return `${start} because the C++ compiler does not know C++20: install g++ 10 or newer, ${end}`
  }
  if (
    /node\.h: No such file|node-gyp.*(?:ENOTFOUND|ECONNREFUSED|ETIMEDOUT)|FetchError|\d{3} response downloading/s.test(
      output,
    )
  ) {
    return `${start} because Node's header files are neither on this disk nor could be downloaded: set npm_config_nodedir to a directory whose include/node holds those of Node ${process.versions.node}, ${end}`
  }
  return `${start}: make sure that g++ 10 or newer, make and python3 work and that Node is a release version, ${end}`
}

function headersSentence(dir) {
  return `npm is set to compile with the headers of another Node (nodedir = ${dir}): set npm_config_nodedir to a directory whose include/node holds those of Node ${process.versions.node}, or run npm config delete nodedir, then the same command again.`
}

function works(command, ...args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0
}

function onPath(command) {
  return (process.env.PATH ?? '').split(path.delimiter).some((dir) => fs.existsSync(path.join(dir, command)))
}

/** @param {import('./job.cjs').Job} job */
async function compile(job) {
  const { command, args, env } = npm(['rebuild', 'better-sqlite3', '--ignore-scripts=false', '--foreground-scripts'])
  const prefix = path.dirname(path.dirname(fs.realpathSync(process.execPath)))
  const headers = nodedir({ set: env.npm_config_nodedir, prefix, abi: process.versions.modules })
  if (headers === '') throw new SetupError(headersSentence(env.npm_config_nodedir))
  if (headers !== undefined) env.npm_config_nodedir = headers

  job.say('looking for a ready-made better-sqlite3')
  const readyMade = [path.join(job.root, 'node_modules/prebuild-install/bin.js')]
  const fetchEnv = { ...env, npm_config_build_from_source: 'false' }
  const cwd = path.join(job.root, PACKAGE)
  await job.run({ command, args: readyMade, env: fetchEnv, cwd, log: 'sqlite-download.log', doing: 'looking for it' })
  if (await loads(job.root)) return

  const missing = process.platform === 'win32' ? [] : missingTools(works)
  if (missing.length > 0) {
    throw new SetupError(toolSentence(missing, process.platform, onPath, process.getuid?.() === 0))
  }
  job.say('there is none for this system, so it is compiled; that can take two minutes')
  env.npm_config_build_from_source = 'true'
  env.CXXFLAGS = `${env.CXXFLAGS ?? ''} -include "${path.join(__dirname, 'object-wrap.h')}"`.trim()
  const { code, output, log } = await job.run({ command, args, env, log: 'sqlite-compile.log', doing: 'compiling' })
  if (code !== 0 || !(await loads(job.root))) throw new SetupError(compileProblem(output, log))
}

module.exports = { aborts, compile, compileProblem, headersAbi, loads, missingTools, nodedir, toolSentence }
