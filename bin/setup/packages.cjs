// The npm packages: `npm ci` when package-lock.json asks for something else than what is there. Install scripts do not
// run in this step; the only one that is needed, better-sqlite3's, has a step of its own (sqlite.cjs), so a download that
// fails and a compiler that fails are never confused and neither repeats the other.
'use strict'

const crypto = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')
const { SetupError } = require('./job.cjs')
const { npm } = require('./npm.cjs')

const STAMP = 'node_modules/.dmucd-installed'
const OPTIONS = ['--ignore-scripts', '--include=prod', '--include=dev', '--include=optional', '--no-audit', '--no-fund']
const OFFLINE =
  /\b(ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT)\b/

function stamp(root) {
  const lockfile = fs.readFileSync(path.join(root, 'package-lock.json'))
  return `${process.platform}-${process.arch} ${crypto.createHash('sha256').update(lockfile).digest('hex')}\n`
}

function readText(file) {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/**
 * Whether what npm put on the disk is what the lockfile asks for. npm writes its own list last, so an interrupted install
 * has none. Optional packages may be missing: they are for other platforms, or only for the page.
 *
 * @param {string} wanted package-lock.json
 * @param {string} present node_modules/.package-lock.json
 */
function agrees(wanted, present) {
  if (present === '') return false
  const there = JSON.parse(present).packages
  return Object.entries(JSON.parse(wanted).packages).every(([name, entry]) => {
    if (name === '') return true
    if (!there[name]) return entry.optional === true || entry.devOptional === true || entry.peer === true
    return there[name].version === entry.version && there[name].integrity === entry.integrity
  })
}

function isInstalled(root) {
  if (readText(path.join(root, STAMP)) === stamp(root)) return true
  const wanted = readText(path.join(root, 'package-lock.json'))
  return agrees(wanted, readText(path.join(root, 'node_modules/.package-lock.json')))
}

/**
 * The one sentence for a failed `npm ci`.
 *
 * @param {string} output what npm printed
 * @param {string} log where all of it is
 */
function npmProblem(output, log) {
  const code = /npm (?:error|ERR!) code (\S+)/.exec(output)?.[1] ?? ''
  const offline = OFFLINE.exec(code) ?? OFFLINE.exec(output)
  const end = `then run the same command again (npm's own words are in ${log}).`
  if (offline) {
    return `npm could not fetch the packages (${offline[1]}): check the network, or the proxy and registry that npm is set to use (npm config ls), ${end}`
  }
  if (code === 'ENOSPC') return `The disk is full: make about 500 MB free, ${end}`
  if (code === 'EACCES' || code === 'EPERM') {
    return `npm may not write here (${code}): give the checkout and npm's cache to the user who runs this, ${end}`
  }
  if (code === 'EUSAGE') {
    return `package.json and package-lock.json do not agree: run npm install after editing package.json, ${end}`
  }
  const reason = /npm (?:error|ERR!) (?!code )(\S.*)/.exec(output)?.[1]
  if (!code && !reason) {
    return `npm ci was ended before it was done, most often because memory ran out: stop something else or add swap space, ${end}`
  }
  return `npm ci failed (${[code, reason].filter(Boolean).join(': ')}): mend that, ${end}`
}

/** @param {import('./job.cjs').Job} job */
async function install(job) {
  job.say('installing the packages (npm ci), under a minute on most connections')
  fs.rmSync(path.join(job.root, STAMP), { force: true })
  const command = npm(['ci', ...OPTIONS])
  const { code, output, log } = await job.run({ ...command, log: 'npm-ci.log', doing: 'installing the packages' })
  if (code !== 0) throw new SetupError(npmProblem(output, log))
  fs.writeFileSync(path.join(job.root, STAMP), stamp(job.root))
}

module.exports = { agrees, install, isInstalled, npmProblem }
