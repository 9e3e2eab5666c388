/** Who is the source, and what it decides; what is restricted in a split. */
import { plain, type Story } from './story.js'

export const deciding: readonly Story[] = [
  {
    text: 'of two promoted at once, one that never heard of the other, the lower rank is the source in the end',
    seed: 9058,
    scope: { ...plain, people: 3, sites: 3, losing: 0.03, promotes: true },
    schedule: [
      { at: 1500, type: 'distribute', sites: 3 },
      { at: 2421, type: 'cut', from: 1, to: 0, both: true, fault: 'stall', forMs: 113939 },
      { at: 31952, type: 'crash', site: 0, forMs: 176956 },
      { at: 94419, type: 'promote', site: 2 },
      { at: 102307, type: 'promote', site: 1 },
    ],
  },
  {
    text: 'what a shadow restricts in a split voids nothing that others say',
    seed: 3343,
    scope: { ...plain, people: 2, sites: 3, clashes: true, history: 5 },
    schedule: [
      { at: 13609, type: 'affiliate', who: 0, whom: 1, affiliation: 'admin' },
      { at: 45371, type: 'distribute', sites: 3 },
      { at: 62677, type: 'cut', from: 0, to: 1, both: true, fault: 'bounce', forMs: 85059 },
      { at: 62700, type: 'status', who: 1 },
      { at: 91326, type: 'affiliate', who: 1, whom: 2, affiliation: 'outcast' },
      { at: 97671, type: 'kick', who: 2, whom: 3 },
      { at: 102938, type: 'say', who: 2 },
    ],
  },
  {
    text: 'a restriction whose author left before the merge is lifted everywhere',
    seed: 3081,
    scope: { ...plain, people: 3, sites: 3 },
    schedule: [
      { at: 9000, type: 'affiliate', who: 0, whom: 8, affiliation: 'admin' },
      { at: 10448, type: 'distribute', sites: 3 },
      { at: 36866, type: 'devoice', who: 1, whom: 5 },
      { at: 38459, type: 'cut', from: 0, to: 2, both: true, fault: 'bounce', forMs: 72819 },
      { at: 46928, type: 'status', who: 8 },
      { at: 48127, type: 'affiliate', who: 8, whom: 1, affiliation: 'outcast' },
      { at: 75420, type: 'leave', who: 8 },
    ],
  },
  {
    text: 'who counts as somebody else after a promotion has not what was granted to who he was',
    seed: 913153,
    scope: { ...plain, sites: 3, people: 3, promotes: true },
    schedule: [
      { at: 1500, type: 'distribute', sites: 3 },
      { at: 7652, type: 'configure', who: 0, field: 'muc#roomconfig_moderatedroom', value: '1' },
      { at: 11442, type: 'say', who: 3 },
      { at: 15760, type: 'voice', who: 0, whom: 3 },
      { at: 25828, type: 'cut', from: 0, to: 1, both: true, fault: 'bounce', forMs: 123983 },
      { at: 91141, type: 'promote', site: 1 },
    ],
  },
  {
    text: 'an instance that is promoted is followed by one that had not heard of it yet',
    seed: 40910,
    scope: { ...plain, people: 1, sites: 3, losing: 0.03, doubling: 0.05, promotes: true, rests: 'in the end' },
    schedule: [
      { at: 1500, type: 'distribute', sites: 3 },
      { at: 3386, type: 'enter', who: 0, nick: 'nick0' },
      { at: 7058, type: 'kick', who: 1, whom: 0 },
      { at: 23216, type: 'rename', who: 1 },
      { at: 23218, type: 'cut', from: 0, to: 1, both: true, fault: 'bounce', forMs: 217596 },
      { at: 23218, type: 'cut', from: 0, to: 2, both: true, fault: 'bounce', forMs: 217596 },
      { at: 90849, type: 'promote', site: 2 },
    ],
  },
]
