/** Nick claims (dmuc.md §3, Nicks): a shadow asks the source for a nick, and is given a number that proves it. */
import { type Claimed, personOf } from '../room/standing.js'
import { type Element, xml } from '../xml/element.js'
import { Jid } from '../xmpp/jid.js'
import { ns } from '../xmpp/namespaces.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { signGrant } from './grant-proof.js'
import { isKept, nextGrant } from './nicks.js'
import { type Grant, isSource, type Replica } from './replica.js'
import type { Turn } from './turn.js'
import { readCount, readSignature } from './wire/read.js'

/** `<claim nick='…' jid='…'/>`: a shadow asks the source for a nick before it announces it. */
export const writeClaim = (nick: string, jid: string): Element => xml('claim', { xmlns: ns.dmucSync, nick, jid })

/** The source's answer: the number of the grant, and its signature. */
export function readGrant(result: Element): { readonly grant: number; readonly grantProof?: string } | undefined {
  const { number, proof } = result.getChild('grant', ns.dmucSync)?.attrs ?? {}
  const [grant, grantProof] = [readCount(number), readSignature(proof)]
  if (grant === undefined) return undefined
  return grantProof === undefined ? { grant } : { grant, grantProof }
}

/** Nicks that may be granted and not announced at a time. */
const maxGrants = 1000

export function takeClaim(turn: Turn, from: string, iq: Element, payload: Element): void {
  const nick = Jid.tryParse(`room@service.invalid/${payload.attrs.nick ?? ''}`)?.resource
  const jid = Jid.tryParse(payload.attrs.jid)?.bare().toString()
  const refusal =
    nick === undefined || nick === '' || jid === undefined
      ? new StanzaError('bad-request')
      : isSource(turn.replica)
        ? refuseNick(turn.replica, nick, { jid, home: from }, turn.env.now)
        : new StanzaError('not-allowed')
  if (refusal !== undefined || nick === undefined || jid === undefined) {
    turn.effects.push({ type: 'reply', iq, payload: refusal })
    return
  }
  // A user waits for one nick at a time, so that nobody keeps all of them from the others.
  const isOwn = (grant: Grant): boolean => grant.jid === jid && grant.home === from
  const live = [...turn.replica.grants].filter(([, grant]) => grant.until > turn.env.now && !isOwn(grant))
  if (live.length >= maxGrants) {
    turn.effects.push({ type: 'reply', iq, payload: new StanzaError('resource-constraint') })
    return
  }
  const number = nextGrant(turn)
  const grant = { number, jid, home: from, until: turn.env.now + turn.env.limits.grantMs }
  turn.change({ grants: new Map(live).set(nick, grant) })
  const proof = signGrant(turn.env.signer, turn.replica.identity.roomId, { nick, jid, home: from, grant: number })
  turn.effects.push({ type: 'reply', iq, payload: xml('grant', { xmlns: ns.dmucSync, number: String(number), proof }) })
}

/** `conflict` while another user holds the nick or was just granted it. */
function refuseNick(replica: Replica, nick: string, asker: Claimed, now: number): StanzaError | undefined {
  const { room } = replica
  const holder = room.occupants.get(nick)
  const isTaken = holder !== undefined && personOf(room, holder) !== personOf(room, asker)
  return isTaken || isKept(replica, nick, asker, now) ? new StanzaError('conflict') : undefined
}
