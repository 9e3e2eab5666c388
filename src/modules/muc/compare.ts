/** Do the instances of a room hold the same? Asks each for its digests (docs/dmuc-sync.md §8) and says where they differ from ours. */
import { type DigestPart, difference, digest, type RoomDigest } from '../../dmuc/digest.js'
import { withoutExpired } from '../../dmuc/floors.js'
import { type Instance, others } from '../../dmuc/replica.js'
import type { Range } from '../../dmuc/vector.js'
import { askDigest, readDigest, type Standing } from '../../dmuc/wire/digest.js'
import type { Router } from '../../server/router.js'
import type { Clock } from '../../util/clock.js'
import { child, xml } from '../../xml/element.js'
import { inWords } from '../../xmpp/error-words.js'
import { ns } from '../../xmpp/namespaces.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import type { LiveRoom } from './live-room.js'

export interface Verdict {
  readonly jid: string
  /** `plain`: it speaks XEP-0281 alone, which has nothing to compare. */
  readonly found: 'the same' | 'different' | 'another room' | 'no answer' | 'plain'
  /** `source`: it follows another one, or is in another epoch. */
  readonly differs: readonly (DigestPart | 'source')[]
  /** Why there is nothing to compare, in words. */
  readonly reason?: string
  readonly standing?: Standing
  /** Events that one of the two has and the other has not, where those differ. */
  readonly missing?: { readonly here: readonly Range[]; readonly there: readonly Range[] }
}

export interface Comparison {
  readonly jid: string
  /** Ours. */
  readonly digest: RoomDigest
  /** Every instance answered, and holds what we hold. */
  readonly agree: boolean
  readonly instances: readonly Verdict[]
}

const timeoutMs = 10_000

/** What is on its way now has arrived a little later; those that differ are asked so often, after this time each. */
const rounds = 3
const againMs = 1000

export interface Asking {
  readonly router: Router
  readonly clock: Clock
}

/** Resolves after at most about half a minute, whoever does not answer. */
export async function compare(room: LiveRoom, { router, clock }: Asking): Promise<Comparison> {
  const verdicts = new Map<string, Verdict>()
  let open = others(room.replica)
  for (let round = 1; open.length > 0; round += 1) {
    for (const verdict of await Promise.all(open.map((instance) => judge(room, instance, router))))
      verdicts.set(verdict.jid, verdict)
    open = open.filter(({ jid }) => verdicts.get(jid)?.found === 'different')
    if (open.length === 0 || round === rounds) break
    await new Promise<void>((resolve) => void clock.after(againMs, resolve))
  }
  const instances = [...verdicts.values()]
  const agree = instances.every(({ found }) => found === 'the same')
  return { jid: room.jid, digest: digest(room.replica), agree, instances }
}

async function judge(room: LiveRoom, { jid, kind }: Instance, router: Router): Promise<Verdict> {
  const none = { jid, differs: [] }
  if (kind === 'plain') return { ...none, found: 'plain', reason: 'it speaks XEP-0281 alone, which has no digests' }
  const before = room.replica
  const standing = await standingOf(room, jid, router).catch((error: unknown) => error)
  if (standing instanceof StanzaError && standing.condition === 'conflict')
    return { ...none, found: 'another room', reason: inWords(standing) }
  if (standing instanceof StanzaError) return { ...none, found: 'no answer', reason: inWords(standing) }
  if (!isStanding(standing)) throw standing
  const after = room.replica
  // It may have answered before or after what happened here meanwhile.
  const differs = partsThatDiffer(before, standing).filter((part) => partsThatDiffer(after, standing).includes(part))
  const found = differs.length === 0 ? 'the same' : 'different'
  return { jid, found, differs, standing, ...(differs.includes('events') && missingOf(after, standing)) }
}

function partsThatDiffer(
  replica: LiveRoom['replica'],
  { identity, digest: theirs, vector }: Standing,
): Verdict['differs'] {
  const { source, epoch } = replica.identity
  const followed = source === identity.source && epoch === identity.epoch
  // A start that is over and has expired may have left the one vector before the other.
  const isSame = vector !== undefined && withoutExpired(replica, vector).toString() === replica.vector.toString()
  const differs = difference(digest(replica), theirs).filter((part) => part !== 'events' || !isSame)
  return [...(followed ? [] : (['source'] as const)), ...differs]
}

function missingOf(replica: LiveRoom['replica'], { vector }: Standing): Pick<Verdict, 'missing'> {
  if (vector === undefined) return {}
  const theirs = withoutExpired(replica, vector)
  return { missing: { here: replica.vector.missing(theirs), there: theirs.missing(replica.vector) } }
}

const isStanding = (value: unknown): value is Standing =>
  typeof value === 'object' && value !== null && 'digest' in value

/** What the instance holds; rejects with the StanzaError of its refusal, or with `undefined-condition` for what cannot be read. */
export async function standingOf(room: LiveRoom, jid: string, router: Router): Promise<Standing> {
  const question = askDigest(room.replica.identity.roomId)
  const answer = await router.request(xml('iq', { type: 'get', from: room.jid, to: jid }, question), timeoutMs)
  const standing = readDigest(child(answer, 'digest', ns.dmucSync))
  if (standing === undefined)
    throw new StanzaError('undefined-condition', { text: 'its answer could not be read; is it of another release?' })
  if (standing.identity.roomId !== room.replica.identity.roomId) throw new StanzaError('conflict')
  return standing
}
