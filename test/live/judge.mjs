// What became of the messages: the expectation comes from the senders' own lists (what they said, what they saw
// acknowledged), the observation from what clients received. The servers are not asked.

/**
 * @typedef {import('./person.mjs').Said & { by: string }} Word `by` is the sender's nick, one for all its logins
 * @typedef {{ who: string, room: string, heard: readonly import('./person.mjs').Heard[], words: readonly Word[] }} View
 *   what one client received of a room, and the words that it had to receive if they were acknowledged
 * @typedef {object} Verdict
 * @property {number} expected acknowledged words times the clients that had to see each
 * @property {number} seen of these
 * @property {string[]} lost
 * @property {string[]} duplicated
 * @property {string[]} disordered two words of one sender, the wrong way round
 * @property {string[]} invented that nobody said
 */

/**
 * @param {readonly Word[]} said everything that anybody said, acknowledged or not, each sender's in its order
 * @param {readonly View[]} views
 * @returns {Verdict}
 */
export function judge(said, views) {
  /** @type {Verdict} */
  const verdict = { expected: 0, seen: 0, lost: [], duplicated: [], disordered: [], invented: [] }
  const place = new Map(said.map((word, index) => [key(word.room, word.by, word.body), index]))
  for (const view of views) judgeView(verdict, place, view)
  return verdict
}

/** @param {Verdict} verdict @param {ReadonlyMap<string, number>} place @param {View} view */
function judgeView(verdict, place, { who, room, heard, words }) {
  /** @type {Map<string, number>} */
  const times = new Map()
  /** @type {Map<string, number>} */
  const last = new Map()
  for (const { room: where, from, body } of heard) {
    if (where !== room || from === '') continue
    const word = key(room, from, body)
    const index = place.get(word)
    if (index === undefined) verdict.invented.push(`${who} heard ${from}: ${body}`)
    else {
      const count = (times.get(word) ?? 0) + 1
      times.set(word, count)
      if (count > 1) verdict.duplicated.push(`${who} heard ${from} ${count} times: ${body}`)
      else if (index < (last.get(from) ?? -1)) verdict.disordered.push(`${who} heard ${from} too late: ${body}`)
      else last.set(from, index)
    }
  }
  for (const word of words) {
    if (!word.acknowledged || word.room !== room) continue
    verdict.expected++
    if (times.has(key(room, word.by, word.body))) verdict.seen++
    else verdict.lost.push(`${who} never heard ${word.by}: ${word.body}`)
  }
}

/** @param {Verdict} verdict */
export const isClean = ({ lost, duplicated, disordered, invented }) =>
  lost.length + duplicated.length + disordered.length + invented.length === 0

/** @param {readonly import('./person.mjs').Person[]} people @returns {Word[]} */
export const wordsOf = (people) => people.flatMap(({ name, said }) => said.map((one) => Object.assign(one, { by: name })))

/** @param {string} room @param {string} by @param {string} body */
const key = (room, by, body) => `${room.slice(0, room.indexOf('@'))}\0${by}\0${body}`
