// How npm is called from inside npm: with the Node that runs this, and without the options of the outer call, which npm
// hands down in the environment and which would change what is installed (`npm start --omit=dev`, NODE_ENV=production).
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { SetupError } = require('./job.cjs')

// Where to fetch from, where to keep it and how to build are the user's to say; the rest belongs to the outer call.
const KEEP = new Set(
  ['registry', 'cache', 'userconfig', 'globalconfig', 'proxy', 'https_proxy', 'noproxy', 'cafile', 'ca', 'strict_ssl']
    .concat([
      'nodedir',
      'python',
      'disturl',
      'node_gyp',
      'jobs',
      'fetch_retries',
      'fetch_timeout',
      'maxsockets',
      'offline',
    ])
    .concat([
      'prefer_offline',
      'better_sqlite3_binary_host',
      'omit_lockfile_registry_resolved',
      'replace_registry_host',
    ]),
)

/**
 * @param {NodeJS.ProcessEnv} outer
 * @returns {NodeJS.ProcessEnv} the environment for an npm of our own
 */
function npmEnv(outer) {
  const env = {}
  for (const [name, value] of Object.entries(outer)) {
    const option = /^npm_config_(.*)$/i.exec(name)?.[1]?.toLowerCase().replaceAll('-', '_')
    if (option === undefined ? /^(npm_|NODE_ENV$|INIT_CWD$)/.test(name) : !KEEP.has(option) && !option.startsWith('//'))
      continue
    env[name] = value
  }
  return env
}

/** npm's own script, so that it runs on this very Node and not on whichever its first line finds. */
function npmScript() {
  const fromNpm = process.env.npm_execpath ?? ''
  const beside = path.dirname(fs.realpathSync(process.execPath))
  const places = [
    /npm-cli\.c?js$/.test(fromNpm) ? fromNpm : '',
    path.join(beside, '../lib/node_modules/npm/bin/npm-cli.js'),
    path.join(beside, 'node_modules/npm/bin/npm-cli.js'),
  ]
  for (const dir of (process.env.PATH ?? '').split(path.delimiter)) {
    try {
      places.push(fs.realpathSync(path.join(dir, 'npm')))
    } catch {
      // Not in this directory.
    }
  }
  return places.find((place) => place.endsWith('.js') && fs.existsSync(place))
}

/**
 * @param {string[]} args
 * @returns {{ command: string, args: string[], env: NodeJS.ProcessEnv }}
 * @throws {SetupError} without npm
 */
function npm(args) {
  const script = npmScript()
  if (!script) {
    throw new SetupError(
      'npm was not found beside this Node or on the PATH: install it (Debian: apt-get install npm) and run the same command again.',
    )
  }
  const env = npmEnv(process.env)
  const own = path.dirname(process.execPath)
  if (!(env.PATH ?? '').split(path.delimiter).includes(own)) env.PATH = `${own}${path.delimiter}${env.PATH ?? ''}`
  return { command: process.execPath, args: [script, ...args], env }
}

module.exports = { npm, npmEnv }
