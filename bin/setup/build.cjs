// The build: TypeScript from src/ into dist/, and beside it whatever else lies in src/ (the page's files). What was built
// is known by a hash of all that went in, so a switched branch or a touched file never leaves an old build behind.
'use strict'

const crypto = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')
const { SetupError } = require('./job.cjs')

const STAMP = 'dist/.stamp'
const TSC = 'node_modules/typescript/bin/tsc'

/** All files under a directory, as sorted paths relative to it with forward slashes. */
function filesUnder(dir) {
  if (!fs.existsSync(dir)) return []
  return fs
    .readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(dir, path.join(entry.parentPath ?? entry.path, entry.name)).replaceAll(path.sep, '/'))
    .sort()
}

/** What a source becomes in dist/; undefined when nothing (a declaration). */
function outputOf(source) {
  if (source.endsWith('.d.ts')) return undefined
  return source.endsWith('.ts') ? source.replace(/\.ts$/, '.js') : source
}

function stamp(root) {
  const hash = crypto.createHash('sha256')
  for (const name of ['tsconfig.json', 'package-lock.json']) hash.update(fs.readFileSync(path.join(root, name)))
  for (const name of filesUnder(path.join(root, 'src'))) {
    hash.update(`\0${name}\0`).update(fs.readFileSync(path.join(root, 'src', name)))
  }
  return `${hash.digest('hex')}\n`
}

function outputs(root) {
  return filesUnder(path.join(root, 'src'))
    .map(outputOf)
    .filter((name) => name !== undefined)
}

function isBuilt(root) {
  const file = path.join(root, STAMP)
  if (!fs.existsSync(file) || fs.readFileSync(file, 'utf8') !== stamp(root)) return false
  return outputs(root).every((name) => fs.existsSync(path.join(root, 'dist', name)))
}

/** Removes what was built from sources that are gone, so that no test and no package holds a file without a source. */
function prune(root) {
  const kept = new Set(outputs(root))
  for (const name of filesUnder(path.join(root, 'dist'))) {
    if (name.startsWith('.')) continue
    const made = name.replace(/\.map$/, '').replace(/\.d\.ts$/, '.js')
    if (!kept.has(made) && !kept.has(name)) fs.rmSync(path.join(root, 'dist', name))
  }
}

/** @param {import('./job.cjs').Job} job */
async function build(job) {
  job.say('building (tsc)')
  const { root } = job
  fs.rmSync(path.join(root, STAMP), { force: true })
  prune(root)
  // The compiler's memory of what it has written is wrong once somebody has deleted a part of it.
  if (!outputs(root).every((name) => fs.existsSync(path.join(root, 'dist', name)))) {
    fs.rmSync(path.join(root, 'dist/.tsbuildinfo'), { force: true })
  }
  const before = stamp(root)
  const run = { command: process.execPath, args: [TSC, '-p', 'tsconfig.json'], log: 'build.log', doing: 'building' }
  const { code, output } = await job.run(run)
  if (code !== 0) {
    process.stderr.write(output)
    throw new SetupError(
      'The build failed: tsc refuses what is printed above; mend that and run the same command again.',
    )
  }
  for (const name of filesUnder(path.join(root, 'src'))) {
    if (name.endsWith('.ts')) continue
    fs.mkdirSync(path.dirname(path.join(root, 'dist', name)), { recursive: true })
    fs.copyFileSync(path.join(root, 'src', name), path.join(root, 'dist', name))
  }
  fs.writeFileSync(path.join(root, STAMP), before)
}

module.exports = { build, filesUnder, isBuilt, outputOf }
