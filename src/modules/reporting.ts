/**
 * XEP-0377: Spam Reporting: who blocks somebody may say why. It goes to the administrators of the host, and nowhere else: the
 * reporter's words are in their message alone, not in the log.
 */
import type { LoadedAccount } from '../server/account.js'
import type { Host, Module } from '../server/module.js'
import { TokenBucket } from '../util/token-bucket.js'
import { child, childText, type Element, elements, xml } from '../xml/element.js'
import { Jid } from '../xmpp/jid.js'
import { ns } from '../xmpp/namespaces.js'
import { type BlockingService, blockingService } from './services.js'

const reportingNs = 'urn:xmpp:reporting:1'
/** §4; a report for another reason is none that we know what to do with. */
const reasons: ReadonlyMap<string, string> = new Map([
  ['urn:xmpp:reporting:spam', 'spam'],
  ['urn:xmpp:reporting:abuse', 'abuse'],
])

/** In `LoadedAccount.data`. What one user reports beyond an hourly dozen reaches nobody, and is blocked all the same. */
const rate = 'reporting.rate'
const burst = 12
const perSecond = burst / 3600
/** Characters of the reporter's words, and messages that are named. */
const longestText = 1000
const mostMessages = 20

interface Report {
  readonly jid: string
  readonly reason: string
  readonly text: string
  /** Their ids in archives. */
  readonly messages: readonly string[]
}

export const reporting: Module = {
  name: 'reporting',
  xeps: [{ number: 377, version: '0.4.1', test: 'dialogue/reporting.test.ts', features: [reportingNs] }],
  hosts: ['user'],
  setup(host) {
    const blocking = host.service<BlockingService>(blockingService)
    if (blocking === undefined) return []
    blocking.onBlocked((account, items) => {
      for (const item of items) {
        const report = readReport(item)
        if (report !== undefined && bucketOf(host, account).take()) tell(host, account.jid, report)
      }
    })
    return [host.feature(reportingNs)]
  },
}

function readReport(item: Element): Report | undefined {
  const report = child(item, 'report', reportingNs)
  const jid = Jid.tryParse(item.attrs.jid ?? '')
  const reason = reasons.get(report?.attrs.reason)
  if (report === undefined || jid === undefined || reason === undefined) return undefined
  const ids = elements(report).filter((node) => node.name === 'stanza-id' && node.getNS() === ns.stanzaId)
  return {
    jid: jid.toString(),
    reason,
    text: (childText(report, 'text') ?? '').trim().slice(0, longestText),
    messages: ids.slice(0, mostMessages).map(({ attrs }) => `${attrs.id} (${attrs.by})`.slice(0, longestText)),
  }
}

function bucketOf(host: Host, account: LoadedAccount): TokenBucket {
  const known = account.data.get(rate) as TokenBucket | undefined
  const bucket = known ?? new TokenBucket(host.clock, perSecond, burst)
  account.data.set(rate, bucket)
  return bucket
}

function tell(host: Host, reporter: string, { jid, reason, text, messages }: Report): void {
  host.log.warn({ reporter, jid, reason, messages }, 'A user has blocked and reported an address')
  const body = [
    `${reporter} has blocked ${jid} and reports: ${reason}`,
    ...(text === '' ? [] : [`"${text}"`]),
    ...(messages.length === 0 ? [] : [`Messages: ${messages.join(', ')}`]),
  ].join('\n')
  for (const admin of host.admins)
    void host.router.route(xml('message', { from: host.domain, to: admin }, xml('body', {}, body)))
}
