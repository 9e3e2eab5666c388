// What became of the messages: the expectation comes from the senders' own lists (what they said, what they saw
// acknowledged), the observation from what clients received. The servers are not asked.

/**
 * @typedef {import('./person.mjs').Said} Said
 * @typedef {import('./person.mjs').Heard} Heard
 *
 * @typedef {object} View what one client received in one room
 * @property {string} who
 * @property {string} room bare JID
 * @property {readonly Heard[]} heard in order; what is of other rooms does not count
 * @property {readonly Said[]} owed what it had to receive, where acknowledged; of other rooms, or at other servers, as above
 *
 * @typedef {object} Verdict
 * @property {number} expected acknowledged messages, times the clients that had to see each
 * @property {number} seen of these
 * @property {string[]} lost
 * @property {string[]} duplicated
 * @property {string[]} disordered two of one sender, the wrong way round
 * @property {string[]} invented that nobody said
 */

/**
 * @param {readonly Said[]} said everything that could be heard, acknowledged or not, of each sender in its order; no sender says
 *   the same twice in one room
 * @param {readonly View[]} views
 * @returns {Verdict}
 */
export function judge(said, views) {
  /** @type {Verdict} */
  const verdict = { expected: 0, seen: 0, lost: [], duplicated: [], disordered: [], invented: [] }
  const places = new Map(said.map(({ room, by, body }, index) => [key(room, by, body), index]))
  for (const view of views) judgeView(verdict, places, view)
  return verdict
}

/** @param {Verdict} verdict @param {ReadonlyMap<string, number>} places @param {View} view */
function judgeView(verdict, places, { who, room, heard, owed }) {
  /** @type {Map<string, number>} */
  const times = new Map()
  /** @type {Map<string, number>} */
  const newest = new Map()
  for (const one of heard) {
    // The room's own notices are nobody's words.
    if (one.room !== room || one.from === '') continue
    const words = key(room, one.from, one.body)
    const place = places.get(words)
    const told = `${who} heard ${one.from}: ${one.body}`
    if (place === undefined) {
      verdict.invented.push(told)
      continue
    }
    times.set(words, (times.get(words) ?? 0) + 1)
    if (times.get(words) !== 1) verdict.duplicated.push(told)
    else if (place < (newest.get(one.from) ?? -1)) verdict.disordered.push(told)
    else newest.set(one.from, place)
  }
  for (const { acknowledged, by, body, room: where } of owed) {
    if (!acknowledged || localOf(where) !== localOf(room)) continue
    verdict.expected++
    if (times.has(key(room, by, body))) verdict.seen++
    else verdict.lost.push(`${who} never heard ${by}: ${body}`)
  }
}

/** Everything that is wrong, in words. @param {Verdict} verdict */
export const faultsOf = ({ lost, duplicated, disordered, invented }) => [
  ...lost.map((what) => `lost: ${what}`),
  ...duplicated.map((what) => `duplicated: ${what}`),
  ...disordered.map((what) => `out of order: ${what}`),
  ...invented.map((what) => `said by nobody: ${what}`),
]

/** What the person has not received yet of what it is owed. @param {Omit<View, 'who'>} view */
export function lacking({ room, heard, owed }) {
  const there = new Set(heard.map((one) => key(one.room, one.from, one.body)))
  return owed.filter(
    ({ acknowledged, by, body, room: where }) =>
      acknowledged && localOf(where) === localOf(room) && !there.has(key(room, by, body)),
  )
}

/** An instance of the room is as good as another. @param {string} room */
const localOf = (room) => room.slice(0, room.indexOf('@'))

/** @param {string} room @param {string} by @param {string} body */
const key = (room, by, body) => `${localOf(room)} ${by} ${body}`
