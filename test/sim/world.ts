/** Sites, people and the links between the sites, and what an operation does to them. */

import { revisionOf, supersedes } from '../../src/dmuc/replica.js'
import { erase } from '../../src/modules/muc/erasure.js'
import type { LiveRoom } from '../../src/modules/muc/live-room.js'
import { saidTypes } from '../../src/store/store.js'
import { SeededRandom } from '../../src/util/random.js'
import { copy, type Element } from '../../src/xml/element.js'
import { Jid } from '../../src/xmpp/jid.js'
import { exceeded } from './bounds.js'
import { type Ground, type MakeGround, model } from './ground.js'
import { bodyOf } from './invariants.js'
import type { Links } from './network.js'
import { nickOf, type Operation, type Scope } from './operations.js'
import { type Heard, type Ledger, Person } from './person.js'
import { roomOf, Site, serviceOf } from './site.js'
import {
  administering,
  configuring,
  destroying,
  distributing,
  type Fields,
  groupchat,
  leaving,
  presenceTo,
  selfPing,
  statusTo,
} from './stanzas.js'
import { SimTime } from './time.js'

export interface Said {
  readonly body: string
  readonly site: number
  readonly by: Person
  readonly order: number
  readonly at: number
  /** The disk that had confirmed it has lost it. */
  readonly forgotten?: true
  /** Which room of this name it was said in. */
  readonly roomId: string
  /** The room ended at that site since: what nobody else had heard ended with it. */
  readonly ended?: true
  /** A site keeps it no more: who had not got it there yet may never get it. */
  readonly expired?: true
  /** Said where somebody could not be asked after the last start for what that disk had lost. */
  readonly unasked?: true
}

export interface Counts {
  operations: number
  acknowledged: number
  cuts: number
  splits: number
  crashes: number
  /** Of these, disks that came back as they were before. */
  backups: number
  /** Sources that had lost the room with their disks, and were given it back by the word of their operators. */
  restored: number
  /** Shadows and sources that ended: taken back, or destroyed. */
  ended: number
  /** Rooms that left memory. */
  rests: number
  /** Messages that a site keeps no more. */
  expired: number
  clashes: number
  promotions: number
  withheld: number
  refusals: number
}

/** What happens often: in fifty schedules there is some of it. */
export const common = ['operations', 'acknowledged', 'cuts', 'splits', 'crashes', 'clashes', 'refusals'] as const

/** The longest that a site takes after a start to have its rooms in memory. */
const loadMs = 2000

export class World implements Ledger {
  readonly time = new SimTime()
  readonly network: Links
  readonly sites: Site[]
  readonly people: Person[]
  /** What senders saw reflected, in that order. */
  readonly said: Said[] = []
  /** Faults of ours that a server reported. */
  readonly broken: string[] = []
  /** Who was made the source, and in which epoch first. */
  readonly sources = new Map([[roomOf(0), 1]])
  /** What clients were shown that cannot be. */
  readonly puzzles: { readonly kind: 'out of order' | 'diverged'; readonly text: string }[] = []
  readonly counts: Counts = {
    operations: 0,
    acknowledged: 0,
    cuts: 0,
    splits: 0,
    crashes: 0,
    backups: 0,
    restored: 0,
    ended: 0,
    rests: 0,
    expired: 0,
    clashes: 0,
    promotions: 0,
    withheld: 0,
    refusals: 0,
  }
  /** Where set, hears of everything that a site notes or sends. */
  trace: ((text: string) => void) | undefined
  order = 0
  /** For tests of the simulator itself: how often somebody gets what a room sends. */
  door: (person: Person, stanza: Element) => number = () => 1
  /** By site: since when people may enter there. */
  readonly servedSince: (number | undefined)[] = []
  /** Does a new shadow get all that was ever said? */
  readonly completeHistory: boolean
  /** Does it end at sites, or altogether? */
  readonly #ends: boolean
  #founds = false
  /** The room that each site had when last looked at. */
  readonly #held: (LiveRoom | undefined)[] = []
  /** Of those that rest, which were counted. */
  readonly #resting = new WeakSet<LiveRoom>()
  /** Sites where people entered before all others had answered. */
  readonly #unasked = new Set<number>()
  readonly #ground: Ground
  /** What people have sent so far, but for presence. */
  #sent = 0
  #wanted = 1
  readonly #wishes = [{ id: '', sites: 1, at: 0 }]
  /** What the source decided since then may be gone with its disk. */
  #decidedBefore = Number.POSITIVE_INFINITY
  /** The source came back with an older disk, and nobody enters there before it has the room. */
  #lost = false

  constructor(seed: number, scope: Scope, makeGround: MakeGround = model) {
    const random = new SeededRandom(seed)
    this.#ground = makeGround(this.time, random, seed, (domain) => this.#siteOf(domain))
    this.#ends = scope.takesBack || scope.destroys === true
    this.completeHistory = scope.history >= 1000
    this.network = this.#ground.links
    this.network.losing = scope.losing
    this.network.doubling = scope.doubling
    this.sites = Array.from({ length: scope.sites }, (_, index) => {
      const disk = this.#ground.disk(index)
      const { way } = this.#ground
      const send = (stanza: Element, to: string): void => this.#send(index, stanza, to)
      const note = (level: string, text: string): void => this.#note(index, level, text)
      return new Site(index, {
        ...{ time: this.time, random, disk, way, send, note },
        ...{ sites: scope.sites, history: scope.history, unloadAfter: scope.rests === undefined ? 600 : 2 },
      })
    })
    this.people = Array.from(
      { length: scope.sites * scope.people },
      (_, who) => new Person(`user${who}`, who % scope.sites, this),
    )
  }

  /** All sites are up, and the first person has made the room. */
  async start(): Promise<void> {
    for (const site of this.sites) {
      await site.start()
      this.#plug(site)
    }
    this.#create(this.people[0]!)
    await this.time.runUntil(500)
    this.#submit(this.people[0]!, { 'muc#roomconfig_persistentroom': ['1'] })
    await this.time.runUntil(1000)
  }

  /**
   * On how many sites the room may be: as many as the owner was last told that it is, or as asked since without an answer.
   */
  get wished(): ReadonlySet<number> {
    const { answers } = this.people[0]!
    const granted = this.#wishes.findLastIndex(
      ({ id, at }) => at < this.#decidedBefore && answers.some((answer) => answer.ok && answer.id === id),
    )
    return new Set(this.#wishes.slice(Math.max(0, granted)).map(({ sites }) => sites))
  }

  /** Everything works again. */
  heal(): void {
    this.network.healAll()
    for (const { disk } of this.sites) disk.slowness = 1
    this.network.losing = 0
    this.network.doubling = 0
    for (const site of this.sites) this.#restart(site)
  }

  perform(operation: Operation): void {
    this.counts.operations += 1
    this.look()
    this.trace?.(`== ${JSON.stringify(operation)}`)
    switch (operation.type) {
      case 'distribute':
        this.#wanted = operation.sites
        return this.#submit(this.people[0]!, {})
      case 'cut':
        return this.#cut(operation)
      case 'crash':
        return this.#crash(this.sites[operation.site]!, operation.forMs, operation.losesMs)
      case 'promote':
        return this.#promote(this.sites[operation.site]!)
      case 'novelty':
        return this.#invent(this.sites[operation.site]!)
      case 'slow':
        return this.#slow(operation)
      case 'destroy':
        return this.#destroy(this.people[0]!)
      case 'found':
        return this.#found(this.people[0]!)
      case 'expire':
        this.#expire(this.sites[operation.site]!, operation.keepMs).catch((error: unknown) =>
          this.broken.push(String(error)),
        )
        return
      case 'clock':
        return this.sites[operation.site]!.setClock(operation.skewMs)
      default:
        return this.#act(operation, this.people[operation.who]!)
    }
  }

  /** Whoever is in the room there uses what his newer release has; nobody is while it is hidden. */
  #invent(site: Site): void {
    const room = this.#room(site)
    if (room?.replica.phase !== 'serving') return
    const body = "<poll xmlns='urn:example:newer'><choice xmlns='urn:c'>now &amp; here</choice></poll>"
    room.perform([{ type: 'unknown', name: 'poll', body }])
  }

  acknowledged(by: Person, { body, order }: Heard): void {
    this.counts.acknowledged += 1
    const replica = this.#room(this.sites[by.site]!)?.replica
    const knowsNobody = this.#decidedBefore < this.time.now && replica?.table.instances.size === 1
    const unasked = this.#unasked.has(by.site) || knowsNobody ? { unasked: true as const } : {}
    const roomId = replica?.identity.roomId ?? ''
    this.said.push({ body, site: by.site, by, order, at: this.time.now, roomId, ...unasked })
  }

  puzzled({ bare }: Person, kind: 'out of order' | 'diverged', text: string): void {
    this.trace?.(`!! ${bare} ${text}`)
    this.puzzles.push({ kind, text: `${bare} ${text}` })
  }

  refused(_person: Person, condition: string): void {
    this.counts.refusals += 1
    if (condition === 'conflict') this.counts.clashes += 1
  }

  renamed(): void {
    this.counts.clashes += 1
  }

  #act(operation: Extract<Operation, { who: number }>, person: Person): void {
    if (operation.type === 'enter') return this.#enter(person, operation.nick)
    if (operation.type === 'ping') return this.ping(person)
    if (person.state !== 'in') return this.#enter(person, nickOf(operation.who))
    const room = roomOf(person.site)
    switch (operation.type) {
      case 'leave':
        return this.#do(person, leaving(room, person.nick))
      case 'say':
        return this.#do(person, groupchat(room, this.#id(person), 'body', `m${this.#sent}`))
      case 'subject':
        return this.#do(person, groupchat(room, this.#id(person), 'subject', `s${this.#sent}`))
      case 'status':
        return this.#do(person, statusTo(room, person.nick, `at ${operation.at}`))
      case 'rename': {
        const base = nickOf(operation.who)
        return this.#do(person, presenceTo(room, person.nick === base ? `${base}bis` : base, false))
      }
      case 'configure':
        return this.#submit(person, { [operation.field]: [operation.value] })
      case 'affiliate': {
        const { affiliation, whom } = operation
        const item = { jid: this.people[whom]!.bare, affiliation }
        return this.#do(person, administering(room, this.#id(person), item))
      }
      default: {
        const role = { kick: 'none', voice: 'participant', devoice: 'visitor', raise: 'moderator' }[operation.type]
        const item = { nick: this.people[operation.whom]!.nick || nickOf(operation.whom), role }
        return this.#do(person, administering(room, this.#id(person), item))
      }
    }
  }

  /** XEP-0410: somebody asks whether he is in the room. */
  ping(person: Person): void {
    if (this.sites[person.site]?.server === undefined || person.state === 'entering') return
    const id = this.#id(person)
    person.pings.set(id, person.standing)
    this.#do(person, selfPing(roomOf(person.site), person.nick || 'nobody', id))
  }

  #destroy(person: Person): void {
    this.#do(person, destroying(roomOf(person.site), this.#id(person)))
  }

  /** Where there is no room any more, it is made anew, and distributed as before. */
  #found(person: Person): void {
    if (this.#room(this.sites[0]!) !== undefined || this.sites[0]!.server === undefined) return
    if (this.#lost) return
    this.#wishes.push({ id: '', sites: 1, at: this.time.now })
    this.#create(person)
    this.time.after(1000, () => this.#submit(person, { 'muc#roomconfig_persistentroom': ['1'] }))
  }

  #create(person: Person): void {
    this.#founds = true
    this.#enter(person, nickOf(0))
    this.#founds = false
  }

  #slow({ site, factor, forMs }: Extract<Operation, { type: 'slow' }>): void {
    this.network.slow(site, factor)
    this.sites[site]!.disk.slowness = factor
    this.time.after(forMs, () => {
      this.network.slow(site, 1)
      this.sites[site]!.disk.slowness = 1
    })
  }

  /** Has the rooms that rest come back, and stay. */
  async wake(): Promise<void> {
    const use = (): void => {
      for (const { service, index } of this.sites) void service?.rooms.with(roomOf(index), () => undefined)
      this.time.after(1000, use)
    }
    use()
    await this.time.runUntil(this.time.now + 5000)
  }

  #room({ service, index }: Site): LiveRoom | undefined {
    return service?.rooms.get(roomOf(index))
  }

  /** What has become of the room at each site since this was called last? */
  look(): void {
    for (const site of this.sites) {
      this.#mayHaveEnded(site)
      this.#hasServed(site)
      const room = this.#room(site)
      if (room !== undefined) this.broken.push(...exceeded(room.replica))
    }
  }

  /** Was the room taken back from there, or destroyed? What only that site had ended with it. */
  #mayHaveEnded(site: Site): void {
    if (site.service === undefined) return
    const held = this.#held[site.index]
    const present = this.#room(site)
    const isLoading = this.time.now < site.upSince + loadMs
    if (present === held || (present === undefined && isLoading && held?.ended === false)) return
    if (present === undefined && held?.rests === true) {
      if (!this.#resting.has(held)) this.counts.rests += 1
      this.#resting.add(held)
      return
    }
    this.#held[site.index] = present
    // It may have ended while its server was down, and be given anew by now.
    const isSame = present !== undefined && held !== undefined && givenAs(present) === givenAs(held)
    const isLive = held !== undefined && (!held.ended || held.rests)
    if (held === undefined || (present !== undefined && isLive && isSame)) return
    this.counts.ended += 1
    if (site.index > 0) this.servedSince[site.index] = undefined
    for (const [index, said] of this.said.entries())
      if (said.site === site.index) this.said[index] = { ...said, ended: true }
  }

  #id(person: Person): string {
    this.#sent += 1
    return `${person.bare} ${this.#sent}`
  }

  #enter(person: Person, nick: string): void {
    const site = this.sites[person.site]!
    if (site.server === undefined || !this.#hasServed(site) || person.state === 'entering') return
    const founds = this.#founds && person === this.people[0]
    if ((this.#ends || (this.#lost && person.site === 0)) && !founds && this.#room(site) === undefined) return
    // Who is in and asks to enter would be told everything anew.
    const entering = person.state === 'out'
    if (entering) person.state = 'entering'
    this.#do(person, presenceTo(roomOf(person.site), nick, entering))
  }

  /** Who enters where no shadow is yet makes a room of his own, which is another story. */
  #hasServed({ index, service }: Site): boolean {
    if (service?.rooms.get(roomOf(index))?.durable.phase === 'serving') this.servedSince[index] ??= this.order
    return index === 0 || this.servedSince[index] !== undefined
  }

  /** The first person's form says where the room is to be; whoever else configures it leaves that alone. */
  #submit(person: Person, fields: Fields): void {
    const id = this.#id(person)
    const isFirst = person === this.people[0]
    if (isFirst) this.#wishes.push({ id, sites: this.#wanted, at: this.time.now })
    const peers = Array.from({ length: this.#wanted - 1 }, (_, n) => serviceOf(n + 1))
    const all = isFirst ? { ...fields, ...distributing(peers) } : fields
    this.#do(person, configuring(roomOf(person.site), id, all))
  }

  #do(person: Person, stanza: Element): void {
    stanza.attrs.from = person.jid
    this.trace?.(`   ${stanza}`)
    void this.sites[person.site]?.server?.servers.receive(stanza)
  }

  #cut({ from, to, both, fault, forMs }: Extract<Operation, { type: 'cut' }>): void {
    this.counts.cuts += 1
    this.network.cut(from, to, fault)
    if (both) this.network.cut(to, from, fault)
    this.time.after(forMs, () => {
      this.network.heal(from, to)
      if (both) this.network.heal(to, from)
    })
  }

  #crash(site: Site, forMs: number, losesMs = 0): void {
    if (!site.isUp) return
    this.counts.crashes += 1
    if (losesMs > 0) this.counts.backups += 1
    site.crash(losesMs)
    this.#unasked.delete(site.index)
    for (const [index, said] of this.said.entries())
      if (said.site === site.index && said.at > this.time.now - losesMs) this.said[index] = { ...said, forgotten: true }
    if (losesMs > 0) this.servedSince[site.index] = undefined
    if (losesMs > 0 && site.index === 0) {
      this.#lost = true
      this.#decidedBefore = Math.min(this.#decidedBefore, this.time.now - losesMs)
    }
    this.network.plug(site.index, undefined)
    this.network.died(site.index)
    for (const person of this.people) if (person.site === site.index) person.disconnect()
    this.time.after(forMs, () => this.#restart(site))
  }

  async #expire(site: Site, keepMs: number): Promise<void> {
    const room = this.#room(site)
    const { store } = site
    if (room?.replica.phase !== 'serving' || store === undefined) return
    const before = site.now - keepMs
    const old = await store.log(room.jid, { types: saidTypes, end: before, limit: 1_000_000 })
    const bodies = new Set(old.map(bodyOf))
    for (const [index, said] of this.said.entries())
      if (bodies.has(said.body)) this.said[index] = { ...said, expired: true }
    if (!site.isUp || this.#room(site) !== room) return
    this.counts.expired += await erase(store, room, { types: saidTypes, end: before })
    const rows = await store.expired(room.jid, before)
    if (this.#room(site) === room) room.happen({ type: 'expired', rows })
  }

  #promote({ service, index }: Site): void {
    const room = roomOf(index)
    if (service?.rooms.get(room)?.durable.phase !== 'serving') return
    service.operations.promote(room).then(
      () => {
        this.counts.promotions += 1
        const epoch = service.rooms.get(room)?.replica.identity.epoch
        if (epoch !== undefined && !this.sources.has(room)) this.sources.set(room, epoch)
      },
      (error: unknown) => this.trace?.(`   not promoted: ${error}`),
    )
  }

  /** Where instances follow different sources for good, their operators agree on the one that is it by right. */
  agree(): void {
    const rooms = this.sites.flatMap(({ service, index }) => service?.rooms.get(roomOf(index)) ?? [])
    const [first, ...rest] = rooms.map(({ replica }) => replica.identity)
    if (first === undefined) return
    const best = rest.reduce((one, other) => (supersedes(other, one) ? other : one), first)
    for (const room of rooms)
      if (room.replica.identity.source !== best.source) {
        this.trace?.(`== ${room.jid} is told to follow ${best.source}`)
        room.happen({ type: 'trusted', jid: best.source })
      }
    // What the new source had not heard of waits for an owner, or for its operator.
    const source = this.sites.find(({ index }) => roomOf(index) === best.source)
    const others = this.sites
      .slice(0, this.#wanted)
      .flatMap(({ index }) => (index === source?.index ? [] : serviceOf(index)))
    source?.service?.operations
      .distribute(best.source, others)
      .catch((error: unknown) => this.broken.push(String(error)))
  }

  #restart(site: Site): void {
    if (site.isUp) return
    site.start().catch((error: unknown) => this.broken.push(String(error)))
    this.#plug(site)
    if (site.index === 0 && this.#lost) this.time.after(loadMs, () => this.#regain(site, site.upSince))
  }

  /** The operator of a source whose room is gone with its disk gets it back from who has it; it is made anew where nobody can have it. */
  #regain(site: Site, upSince: number): void {
    if (!site.isUp || site.upSince !== upSince) return
    const room = this.#room(site)
    const again = (): void => void this.time.after(5000, () => this.#regain(site, upSince))
    if (site.service === undefined || room?.replica.phase === 'configured') return again()
    this.#lost = room === undefined
    if (!this.#lost) return this.#hearClaims(site, upSince)
    const members = this.sites.filter((other) => this.#room(other) !== undefined)
    // Who knows most, as `dmucctl room peers` shows there.
    const known = (other: Site): number => revisionOf(this.#room(other)!.replica.room)
    const from = members
      .filter((other) => this.#room(other)?.replica.phase === 'serving')
      .sort((a, b) => known(b) - known(a))[0]
    if (from !== undefined) {
      this.counts.restored += 1
      this.trace?.(`== the operator restores the room from ${from.index}`)
      site.service.operations.restore(roomOf(0), roomOf(from.index)).then(again, again)
    } else if (members.length > 0 || this.sites.some(({ isUp }) => !isUp)) again()
    else {
      this.#lost = false
      this.#found(this.people[0]!)
    }
  }

  /** What a source has lost and nobody can prove counts by its operator's word, once `dmucctl room peers` shows it. */
  #hearClaims(site: Site, upSince: number): void {
    if (!site.isUp || site.upSince !== upSince) return
    const again = (): void => void this.time.after(10_000, () => this.#hearClaims(site, upSince))
    const [from] = this.#room(site)?.replica.claims.keys() ?? []
    if (from === undefined || site.service === undefined) return again()
    this.counts.restored += 1
    this.trace?.(`== the operator of 0 takes the word of ${from}`)
    site.service.operations.restore(roomOf(0), from).then(again, again)
  }

  #plug(site: Site): void {
    this.network.plug(site.index, {
      receive: (stanza) => {
        this.trace?.(`   ${site.index} <- ${stanza}`)
        void site.server?.servers.receive(stanza)
      },
      bounce: (stanza) => void site.server?.router.route(stanza),
      interrupted: (other) => site.service?.interrupted(serviceOf(other)),
      accept: (transport) => (site.accept === undefined ? transport.destroy() : site.accept(transport)),
    })
  }

  #send(from: number, stanza: Element, to: string): void {
    const site = this.#siteOf(Jid.parse(to).domain)
    if (site < 0) {
      const person = this.people.find(({ jid, bare }) => jid === to || bare === to)
      for (let left = person === undefined ? 0 : this.door(person, stanza); left > 0; left--) person?.receive(stanza)
      return
    }
    const crossing = copy(stanza)
    crossing.attrs.to = to
    this.#ground.carry(from, site, crossing)
  }

  #siteOf(domain: string): number {
    return this.sites.findIndex(({ index }) => serviceOf(index) === domain)
  }

  /** Nothing of it stays. */
  remove(): Promise<void> {
    return this.#ground.remove()
  }

  /** Whoever spoke there since its start did so before it knew whom to ask. */
  #unaskedSince({ index, upSince }: Site): void {
    this.#unasked.add(index)
    for (const [place, said] of this.said.entries())
      if (said.site === index && said.at >= upSince) this.said[place] = { ...said, unasked: true }
  }

  #note(site: number, level: string, text: string): void {
    this.trace?.(`   ${site} ${level}: ${text}`)
    if (text.includes('until the source can be asked')) this.counts.withheld += 1
    if (text.startsWith('split')) this.counts.splits += 1
    if (text.includes('before it could be asked')) this.#unasked.add(site)
    if (text.includes('lost what it knew of the room')) this.#unaskedSince(this.sites[site]!)
    if (level === 'error') this.broken.push(`site ${site}: ${text}`)
  }
}

/** Differs for each time that a room was given to its site: shadows are numbered as they come. */
const givenAs = ({ replica: { identity, table, room } }: LiveRoom): string =>
  `${identity.roomId} ${table.instances.get(room.jid)?.rank}`
