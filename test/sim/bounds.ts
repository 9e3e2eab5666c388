/** What an instance keeps for others has an end (dmuc.md §4, Bounds, and §5): looked at with every operation of a schedule. */
import { defaultLimits, type Peer, type Replica } from '../../src/dmuc/replica.js'

type Sizes = Readonly<Record<string, readonly [size: number, most: number]>>

const { maxHeld, maxInstances, maxOccupants, maxRevisions, maxWithheld } = defaultLimits

const ofRoom = (replica: Replica): Sizes => ({
  'instances that are live': [[...replica.table.instances.values()].filter(({ gone }) => !gone).length, maxInstances],
  'rows of the table': [replica.table.instances.size, 9 * maxInstances],
  peers: [replica.peers.size, 9 * maxInstances],
  'former revisions': [replica.rights.size, maxRevisions],
  'restrictions that wait': [replica.withheld.length, maxWithheld],
  decisions: [replica.decided.length, 200],
  claims: [replica.claims.size, 32],
  gaps: [replica.gaps.length, 100],
  'floors that are over': [[...replica.floors.values()].filter(({ closed }) => closed).length, 200],
  'heads of earlier starts': [replica.earlierHeads.length, 16],
  'heads that are ahead': [replica.ahead.size, 1000],
  grants: [replica.grants.size, 1000],
  partings: [replica.partings.size, 100],
  'former keys': [replica.keys.former?.length ?? 0, 33],
})

const ofPeer = ({ held, pulls, vector, hollow, through }: Peer): Sizes => ({
  'held events': [held.length, maxHeld],
  pulls: [pulls.length, 2],
  'intervals that it says it holds': [vector.size, 20_000],
  'starts that it gave nothing of': [hollow.length, 1000],
  'kicks through it': [through.kicks.length, 100],
})

/** What is more than it may be, in words. */
export function exceeded(replica: Replica): string[] {
  const over = (sizes: Sizes, where: string): string[] =>
    Object.entries(sizes)
      .filter(([, [size, most]]) => size > most)
      .map(([what, [size, most]]) => `${where} keeps ${size} ${what}, and may keep ${most}`)
  const homes = new Map<string, number>()
  for (const { home } of replica.room.occupants.values()) homes.set(home, (homes.get(home) ?? 0) + 1)
  const occupants = [...homes].map(([home, count]) => [`occupants of ${home}`, [count, maxOccupants]] as const)
  return [
    ...over(ofRoom(replica), replica.room.jid),
    ...over(Object.fromEntries(occupants), replica.room.jid),
    ...[...replica.peers].flatMap(([jid, peer]) => over(ofPeer(peer), `${replica.room.jid} of ${jid}`)),
  ]
}
