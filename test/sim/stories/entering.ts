/** Who comes in, goes, and is seen to be there. */
import { plain, type Story } from './story.js'

export const entering: readonly Story[] = [
  {
    text: 'who may come back is seen where the ban was lifted later than he came',
    seed: 700005,
    scope: { ...plain, sites: 4, people: 3, history: 5 },
    schedule: [
      { at: 7003, type: 'distribute', sites: 4 },
      { at: 49818, type: 'configure', who: 0, field: 'muc#roomconfig_membersonly', value: '1' },
      { at: 53027, type: 'cut', from: 1, to: 0, both: true, fault: 'bounce', forMs: 52121 },
      { at: 72978, type: 'affiliate', who: 0, whom: 6, affiliation: 'owner' },
      { at: 97576, type: 'enter', who: 6, nick: 'nick6' },
    ],
  },
  {
    text: 'a source that crashes before the first peer answers asks it again when it is back',
    seed: 137,
    scope: { ...plain, people: 2, sites: 3 },
    schedule: [
      { at: 1500, type: 'distribute', sites: 2 },
      { at: 2050, type: 'crash', site: 0, forMs: 25038 },
    ],
  },
  {
    text: 'who came in after the room was open again is seen where it was still closed',
    seed: 324,
    scope: { ...plain, people: 3, doubling: 0.05, sites: 5 },
    schedule: [
      { at: 1500, type: 'distribute', sites: 5 },
      { at: 30136, type: 'cut', from: 4, to: 0, both: true, fault: 'bounce', forMs: 138433 },
      { at: 31453, type: 'configure', who: 0, field: 'muc#roomconfig_membersonly', value: '1' },
      { at: 33277, type: 'configure', who: 0, field: 'muc#roomconfig_membersonly', value: '0' },
      { at: 36123, type: 'enter', who: 13, nick: 'nick13' },
    ],
  },
  {
    text: 'a nick that somebody left behind a link that is down goes to who has it now',
    seed: 5138,
    scope: { ...plain, people: 3, sites: 3 },
    schedule: [
      { at: 1500, type: 'distribute', sites: 3 },
      { at: 2319, type: 'enter', who: 4, nick: 'nick4' },
      { at: 16914, type: 'enter', who: 8, nick: 'sam' },
      { at: 26295, type: 'cut', from: 2, to: 0, both: true, fault: 'bounce', forMs: 73036 },
      { at: 36085, type: 'leave', who: 8 },
      { at: 43784, type: 'cut', from: 0, to: 1, both: true, fault: 'bounce', forMs: 13098 },
      { at: 44277, type: 'enter', who: 4, nick: 'sam' },
    ],
  },
  {
    text: 'who enters just after a start waits until what was lost there is back',
    seed: 1,
    scope: { ...plain, sites: 3, people: 2, forgets: true },
    schedule: [
      { at: 1500, type: 'distribute', sites: 3 },
      { at: 4000, type: 'enter', who: 1, nick: 'nick1' },
      { at: 4500, type: 'enter', who: 2, nick: 'nick2' },
      { at: 8000, type: 'say', who: 1 },
      { at: 9000, type: 'say', who: 1 },
      { at: 20_000, type: 'crash', site: 1, forMs: 300, losesMs: 15_000 },
      { at: 20_310, type: 'enter', who: 1, nick: 'nick1' },
      { at: 20_400, type: 'say', who: 1 },
      { at: 20_500, type: 'say', who: 1 },
      { at: 20_600, type: 'say', who: 1 },
    ],
  },
  {
    text: 'an instance that is none any more when its list arrives has nobody in the room',
    seed: 5094,
    scope: { ...plain, sites: 3, people: 3, clashes: true, takesBack: true },
    schedule: [
      { at: 1500, type: 'distribute', sites: 3 },
      { at: 30243, type: 'crash', site: 1, forMs: 117655.76232690364 },
      { at: 43679, type: 'say', who: 8 },
      { at: 44048, type: 'cut', from: 0, to: 2, both: true, fault: 'bounce', forMs: 150553 },
      { at: 102347, type: 'configure', who: 0, field: 'muc#roomconfig_roomname', value: 'two' },
      { at: 125764, type: 'distribute', sites: 2 },
    ],
  },
  {
    text: 'who sat at an instance that is none any more is gone also where the configuration brought the table',
    seed: 4763,
    scope: { ...plain, people: 3, sites: 3, takesBack: true, history: 5 },
    schedule: [
      { at: 15988, type: 'distribute', sites: 3 },
      { at: 18149, type: 'rename', who: 2 },
      { at: 19035, type: 'cut', from: 0, to: 1, both: false, fault: 'silent', forMs: 64234.228217974305 },
      { at: 32030, type: 'distribute', sites: 1 },
      { at: 33476, type: 'distribute', sites: 2 },
      { at: 38368, type: 'ping', who: 2 },
    ],
  },
]
