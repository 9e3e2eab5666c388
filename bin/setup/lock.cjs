// One set-up at a time in a checkout. The lock is a file that names the processes it stands for: the set-up and the
// command that it runs now, so that a set-up killed hard does not let a second one start beside its orphaned npm.
'use strict'

const fs = require('node:fs')
const os = require('node:os')
const { setTimeout: sleep } = require('node:timers/promises')

const LOOK_EVERY_MS = 250
const BEAT_EVERY_MS = 5_000
// Long against the beat: only a lock of another machine (a shared directory, a container that is gone) is judged by it.
const SILENT_MS = 60_000
// Between creating the file and writing it there is a moment in which it is empty.
const EMPTY_MS = 5_000

/** What Linux says of a process; undefined when it is gone, when only its exit code is left (a zombie), or elsewhere. */
function inspect(pid) {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? undefined : { group: Number(fields[2]), start: fields[19] ?? '' }
  } catch {
    return undefined
  }
}

/** Tells two processes apart that got the same number one after the other; empty where the system does not say. */
function born(pid) {
  return inspect(pid)?.start ?? ''
}

function groupLives(group) {
  if (!fs.existsSync('/proc/self/stat')) return exists(-group)
  return fs.readdirSync('/proc').some((name) => /^\d+$/.test(name) && inspect(name)?.group === group)
}

function exists(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function alive({ pid, start, group }) {
  if (group) return groupLives(pid)
  return exists(pid) && (start === '' || born(pid) === start)
}

/**
 * Whether nobody stands behind a lock any more.
 *
 * @param {string} text the file's content
 * @param {number} ageMs since it was last written
 */
function isStale(text, ageMs) {
  let holder
  try {
    holder = JSON.parse(text)
  } catch {
    return ageMs > EMPTY_MS
  }
  if (!Array.isArray(holder?.processes)) return true
  if (holder.host !== os.hostname()) return ageMs > SILENT_MS
  return !holder.processes.some(alive)
}

function read(file) {
  try {
    return { text: fs.readFileSync(file, 'utf8'), ageMs: Date.now() - fs.statSync(file).mtimeMs }
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

function create(file, text) {
  try {
    fs.writeFileSync(file, text, { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}

/** Only one of several waiters may remove a stale lock, or the second would remove the new lock of the first. */
function removeStale(file) {
  const guard = `${file}.removing`
  const left = read(guard)
  if (left && left.ageMs > EMPTY_MS) fs.rmSync(guard, { force: true })
  if (!create(guard, '')) return
  const now = read(file)
  if (now && isStale(now.text, now.ageMs)) fs.rmSync(file, { force: true })
  fs.rmSync(guard, { force: true })
}

/**
 * Waits until the lock is ours.
 *
 * @param {string} file
 * @param {() => void} onWait called once, when somebody else holds it
 * @returns {Promise<(() => void) & { covers: (pid: number) => void }>} gives the lock back; `covers` adds the leader of a
 *   process group that must be gone too before the lock counts as left behind
 */
async function lock(file, onWait) {
  const processes = [{ pid: process.pid, start: born(process.pid) }]
  const text = () => JSON.stringify({ host: os.hostname(), processes })
  let told = false
  while (!create(file, text())) {
    const held = read(file)
    if (held && isStale(held.text, held.ageMs)) removeStale(file)
    else {
      if (!told) onWait()
      told = true
      await sleep(LOOK_EVERY_MS)
    }
  }
  const beat = setInterval(() => fs.utimes(file, new Date(), new Date(), () => {}), BEAT_EVERY_MS)
  beat.unref()
  const unlock = () => {
    clearInterval(beat)
    fs.rmSync(file, { force: true })
  }
  unlock.covers = (pid) => {
    processes[1] = { pid, start: born(pid), group: process.platform !== 'win32' }
    fs.writeFileSync(file, text())
  }
  return unlock
}

module.exports = { isStale, lock }
