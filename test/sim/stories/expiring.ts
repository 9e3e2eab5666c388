/** Logs that expire. */
import { plain, type Story } from './story.js'

export const expiring: readonly Story[] = [
  {
    text: 'a start of which all had expired goes on where its home gets back what its disk had lost of it',
    seed: 87,
    scope: { ...plain, sites: 3, people: 1, clashes: true, forgets: true, expires: true, rests: 'meanwhile' },
    schedule: [
      { at: 1500, type: 'distribute', sites: 3 },
      { at: 2158, type: 'enter', who: 2, nick: 'nick2' },
      { at: 3322, type: 'say', who: 2 },
      { at: 27_205, type: 'cut', from: 2, to: 0, both: true, fault: 'stall', forMs: 77_215 },
      { at: 30_087, type: 'say', who: 2 },
      { at: 38_267, type: 'cut', from: 1, to: 2, both: true, fault: 'bounce', forMs: 144_573 },
      { at: 46_166, type: 'crash', site: 2, forMs: 16_751, losesMs: 20_000 },
      { at: 91_823, type: 'expire', site: 2, keepMs: 27_024 },
    ],
  },
  {
    text: 'a decision that expired before a shadow had it reaches the shadow with what it came to',
    seed: 107,
    scope: { ...plain, sites: 3, people: 3, restricts: true, slows: true, expires: true },
    schedule: [
      { at: 1500, type: 'distribute', sites: 2 },
      { at: 25_082, type: 'cut', from: 1, to: 0, both: false, fault: 'bounce', forMs: 144_321 },
      { at: 56_143, type: 'affiliate', who: 0, whom: 4, affiliation: 'admin' },
      { at: 92_576, type: 'expire', site: 0, keepMs: 24_721 },
      { at: 206_702, type: 'affiliate', who: 0, whom: 2, affiliation: 'outcast' },
    ],
  },
  {
    text: 'a start that is over and has expired is not fetched again from who has not heard of that',
    seed: 130,
    scope: { ...plain, sites: 3, people: 3, takesBack: true, restricts: true, forgets: true, expires: true },
    schedule: [
      { at: 1500, type: 'distribute', sites: 3 },
      { at: 5607, type: 'enter', who: 2, nick: 'nick2' },
      { at: 15_980, type: 'say', who: 2 },
      { at: 17_844, type: 'crash', site: 2, forMs: 368, losesMs: 500 },
      { at: 67_636, type: 'expire', site: 2, keepMs: 27_397 },
      { at: 77_218, type: 'configure', who: 6, field: 'muc#roomconfig_roomname', value: 'three' },
    ],
  },
  {
    text: 'the subject that a room has does not expire: who was away learns it from the log',
    seed: 807,
    scope: { ...plain, sites: 3, people: 2, expires: true },
    schedule: [
      { at: 1500, type: 'distribute', sites: 3 },
      { at: 11_859, type: 'cut', from: 0, to: 1, both: true, fault: 'bounce', forMs: 138_860 },
      { at: 11_859, type: 'cut', from: 0, to: 2, both: true, fault: 'bounce', forMs: 138_860 },
      { at: 14_708, type: 'subject', who: 0 },
      { at: 49_127, type: 'expire', site: 0, keepMs: 9363 },
    ],
  },
  {
    text: 'a decision of one kind is not taken before one of the other kind that has expired',
    seed: 41288,
    scope: { ...plain, people: 1, sites: 3, losing: 0.03, doubling: 0.05, history: 5, expires: true },
    schedule: [
      { at: 1500, type: 'distribute', sites: 3 },
      { at: 3606, type: 'enter', who: 2, nick: 'nick2' },
      { at: 4466, type: 'cut', from: 0, to: 1, both: true, fault: 'stall', forMs: 108973.70798047632 },
      { at: 13021, type: 'cut', from: 0, to: 2, both: true, fault: 'bounce', forMs: 60901.945447549224 },
      { at: 34673, type: 'raise', who: 0, whom: 2 },
      { at: 54943, type: 'cut', from: 0, to: 2, both: true, fault: 'stall', forMs: 59959.54169193283 },
      { at: 58586, type: 'expire', site: 0, keepMs: 23625 },
      { at: 73401, type: 'configure', who: 0, field: 'muc#roomconfig_roomname', value: 'three' },
      { at: 75045, type: 'crash', site: 0, forMs: 143532.32339490205 },
    ],
  },
]
