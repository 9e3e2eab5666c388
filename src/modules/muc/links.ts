/**
 * Which peers can be reached (dmuc.md §3, Failure): a ping (XEP-0199) after a time of silence, two missed ones mean that the
 * link is down; then it is tried again every few seconds, and at once when the peer is heard of. The pool's own waits after
 * failures do not count for these attempts.
 */
import type { Router } from '../../server/router.js'
import type { WayToPeers } from '../../server/s2s-links.js'
import type { Clock, Timer } from '../../util/clock.js'
import type { Random } from '../../util/random.js'
import { type Element, xml } from '../../xml/element.js'
import { inWords } from '../../xmpp/error-words.js'
import { ns } from '../../xmpp/namespaces.js'
import { StanzaError } from '../../xmpp/stanza-error.js'

export interface LinkTimes {
  /** Of silence, before a ping. */
  readonly silenceMs: number
  readonly answerMs: number
  /**
   * A retry waits for a fortieth of the time for which the link has been down, at least and at most so long, less up to half of it
   * by chance. Whatever wakes it, the attempts are half the least time apart.
   */
  readonly retryMs: number
  readonly maxRetryMs: number
}

export const defaultLinkTimes: LinkTimes = { silenceMs: 30_000, answerMs: 10_000, retryMs: 1000, maxRetryMs: 5000 }

/** The same for who is refused for how it proves its domain: somebody has to do something first. */
const refusedRetryMs = 60_000
/** All retries together: where many peers are gone, each is tried less often. */
const retriesPerSecond = 20

/** Services that are looked after: tables of instances name them, and who keeps one may name many. */
const maxLinks = 1000

interface Link {
  state: 'unknown' | 'up' | 'down'
  /** How often it has come up. */
  timesUp: number
  heardAt: number
  missed: number
  /** Of the monotonic clock. */
  downSince: number
  probing: boolean
  probedAt: number
  /** Heard of while it was being probed: if that fails, it is not the last word. */
  woken: boolean
  /** It is there, and we do not speak to it. */
  refused: boolean
  /** When the timer is due. */
  dueAt: number
  timer: Timer | undefined
  reason: string
}

export interface LinkEvents {
  /** It answers, for the first time or again. */
  up(service: string): void
  down(service: string, reason: string): void
  /** What is wrong with how an answer of its own came, in words. */
  fault?(service: string, answer: Element): string | undefined
}

export class Links {
  readonly #links = new Map<string, Link>()
  readonly #self: string
  readonly #parts: { readonly router: Router; readonly clock: Clock; readonly random: Random }
  readonly #times: LinkTimes
  readonly #events: LinkEvents
  #way: WayToPeers | undefined
  #down = 0
  #closed = false

  /** `self` is our own service, which pings. */
  constructor(
    self: string,
    parts: { readonly router: Router; readonly clock: Clock; readonly random: Random },
    events: LinkEvents,
    times: LinkTimes = defaultLinkTimes,
  ) {
    this.#self = self
    this.#parts = parts
    this.#events = events
    this.#times = times
  }

  /** By which the pings go. Without, they wait as everything does. */
  through(way: WayToPeers): void {
    this.#way = way
  }

  close(): void {
    this.#closed = true
    for (const link of this.#links.values()) link.timer?.cancel()
  }

  isUp(service: string): boolean {
    return this.#links.get(service)?.state === 'up'
  }

  /** How often it has come up; undefined while it is not: where that stays the same nothing was lost on it. */
  timesUp(service: string): number | undefined {
    const link = this.#links.get(service)
    return link?.state === 'up' ? link.timesUp : undefined
  }

  /** Why it is down, in words. */
  reason(service: string): string | undefined {
    const link = this.#links.get(service)
    return link?.state === 'down' ? link.reason : undefined
  }

  /** Starts to look after the link; no more than once. `answered`: it did so just now, so the link is up. */
  watch(service: string, answered = false): void {
    if (this.#links.has(service) || this.#links.size >= maxLinks) return
    const heardAt = this.#parts.clock.monotonic()
    const link: Link = {
      state: answered ? 'up' : 'unknown',
      timesUp: answered ? 1 : 0,
      heardAt,
      missed: 0,
      downSince: heardAt,
      probing: false,
      probedAt: Number.NEGATIVE_INFINITY,
      woken: false,
      refused: false,
      dueAt: 0,
      timer: undefined,
      reason: '',
    }
    this.#links.set(service, link)
    if (answered) this.#later(service, link, this.#times.silenceMs)
    else this.#probe(service, link)
  }

  /** Something came from it. */
  heard(service: string): void {
    const link = this.#links.get(service)
    if (link === undefined) return
    link.heardAt = this.#parts.clock.monotonic()
    link.missed = 0
    this.#soon(service, link)
  }

  /** It may be there again: if it is down, it is tried now. */
  wake(service: string): void {
    const link = this.#links.get(service)
    if (link !== undefined) this.#soon(service, link)
  }

  /** What came from it did not prove what it must: the link is down until it answers as it should. */
  distrust(service: string, reason: string): void {
    const link = this.#links.get(service)
    if (link === undefined) return
    const news = link.state !== 'down' || link.reason !== reason
    this.#lose(link, reason)
    link.refused = true
    if (!news) return
    this.#events.down(service, reason)
    this.#retry(service, link)
  }

  /** What we sent may be lost (a stream broke, a stanza came back): find out, and let the rooms greet again. No news of one that is down. */
  doubt(service: string): void {
    const link = this.#links.get(service)
    if (link === undefined || link.state === 'down') return
    link.state = 'unknown'
    this.#probe(service, link)
  }

  #probe(service: string, link: Link): void {
    if (link.probing || this.#closed) return
    Object.assign(link, { probing: true, probedAt: this.#parts.clock.monotonic(), woken: false })
    link.timer?.cancel()
    this.#way?.hurry(service)
    const ping = xml('iq', { type: 'get', from: this.#self, to: service }, xml('ping', { xmlns: ns.ping }))
    this.#parts.router.request(ping, this.#times.answerMs).then(
      (answer) => {
        const fault = this.#events.fault?.(service, answer)
        if (fault === undefined) this.#answered(service, link)
        else this.#unanswered(service, link, new StanzaError('policy-violation', { text: fault }))
      },
      (error: unknown) => this.#unanswered(service, link, error),
    )
  }

  #answered(service: string, link: Link): void {
    if (this.#closed) return
    const wasUp = link.state === 'up'
    if (link.state === 'down') this.#down--
    const heardAt = this.#parts.clock.monotonic()
    Object.assign(link, { state: 'up', probing: false, missed: 0, heardAt, refused: false })
    this.#later(service, link, this.#times.silenceMs)
    if (wasUp) return
    link.timesUp += 1
    this.#events.up(service)
  }

  /** An error of the peer itself is an answer; one of the way to it, or silence, is none. */
  #unanswered(service: string, link: Link, error: unknown): void {
    if (this.#closed) return
    if (error instanceof StanzaError && !lost.has(error.condition)) return this.#answered(service, link)
    link.probing = false
    link.missed += 1
    link.reason = error instanceof StanzaError ? inWords(error) : String(error)
    const gone = error instanceof StanzaError && error.condition !== 'remote-server-timeout'
    link.refused = error instanceof StanzaError && error.condition === 'policy-violation'
    if (!gone && link.missed >= 2) this.#way?.suspect(service, this.#times.answerMs)
    if (link.state !== 'down' && (gone || link.missed >= 2)) {
      this.#lose(link, link.reason)
      this.#events.down(service, link.reason)
    }
    if (link.state === 'down') this.#retry(service, link)
    else this.#later(service, link, 0)
  }

  #lose(link: Link, reason: string): void {
    if (link.state !== 'down') {
      this.#down++
      link.downSince = this.#parts.clock.monotonic()
    }
    Object.assign(link, { state: 'down', reason })
  }

  #retry(service: string, link: Link): void {
    const downMs = this.#parts.clock.monotonic() - link.downSince
    const { retryMs, maxRetryMs } = this.#times
    const mostMs = link.refused ? refusedRetryMs : maxRetryMs
    const backoff = Math.max(retryMs, Math.min(mostMs, downMs / 40), (this.#down * 1000) / retriesPerSecond)
    this.#later(service, link, backoff * (0.5 + this.#parts.random.fraction() / 2))
    if (link.woken) this.#soon(service, link)
  }

  /** If it is down, and not tried yet: half the least wait after the last attempt, so whatever wakes it cannot drive it. */
  #soon(service: string, link: Link): void {
    if (link.state !== 'down') return
    link.woken = true
    if (link.probing) return
    const now = this.#parts.clock.monotonic()
    const dueAt = Math.max(now, link.probedAt + this.#times.retryMs / 2)
    if (dueAt < link.dueAt) this.#later(service, link, dueAt - now)
  }

  #later(service: string, link: Link, delayMs: number): void {
    link.timer?.cancel()
    link.dueAt = this.#parts.clock.monotonic() + delayMs
    link.timer = this.#parts.clock.after(delayMs, () => {
      const silence = this.#parts.clock.monotonic() - link.heardAt
      if (link.state === 'up' && silence < this.#times.silenceMs)
        this.#later(service, link, this.#times.silenceMs - silence)
      else this.#probe(service, link)
    })
  }
}

/** `policy-violation`: we do not speak to it ourselves, for how it proves its domain. */
const lost: ReadonlySet<string> = new Set([
  'remote-server-not-found',
  'remote-server-timeout',
  'resource-constraint',
  'policy-violation',
])
