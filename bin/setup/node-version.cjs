// The oldest Node that runs dmucd, and the sentence for an older one. Old syntax on purpose, see ../setup.cjs.

const OLDEST = [20, 19]

/**
 * What to tell the user of a Node that is too old.
 *
 * @param {string} version as in process.versions.node, such as "18.20.4"
 * @returns {string} one sentence or two; empty when the version will do
 */
function tooOld(version) {
  const parts = version.split('.')
  const major = parseInt(parts[0], 10)
  const minor = parseInt(parts[1], 10)
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return ''
  return (
    'dmucd needs Node ' +
    OLDEST.join('.') +
    ' or newer; this is ' +
    version +
    '. Node 24 is the recommended one: https://nodejs.org/en/download (or use a version switcher such as nvm), then run the same command again.'
  )
}

exports.tooOld = tooOld
