/** What the modules of one host registered, by kind, and who registered it. */
import type { Element } from '../xml/element.js'
import type { Form } from '../xmpp/data-form.js'
import type { Jid } from '../xmpp/jid.js'
import type { AccountLoader } from './account.js'
import type {
  DiscoInfo,
  DiscoItem,
  Handled,
  HostCommand,
  Identity,
  IqHandler,
  Keeper,
  ListedItems,
  ListPage,
  Registered,
  Registration,
  Stage,
  StanzaHandler,
} from './module.js'
import type { Session } from './session.js'

type Kind<K extends Registration['kind']> = Extract<Registration, { readonly kind: K }>
type Direction = Kind<'stanza'>['direction']
type StanzaName = Kind<'stanza'>['name']

/** The handlers of one kind of stanza, in the order of their stages and, within one, of their registration. */
export interface Way {
  /** `validate`, then `authorize`. */
  readonly gates: readonly StanzaHandler[]
  readonly keepers: readonly Keeper[]
  readonly handlers: readonly StanzaHandler[]
  readonly observers: readonly StanzaHandler[]
}

const iqKey = (at: 'host' | 'account', type: string, ns: string, name: string): string => `${at} ${type} ${ns} ${name}`

interface Entry {
  readonly module: string
  readonly registration: Registration
}

export class Registrations implements Registered {
  readonly #domain: string
  #entries: Entry[] = []
  /** Filled when asked: each login asks for several. */
  readonly #byKind = new Map<Registration['kind'], readonly Registration[]>()
  readonly #iq = new Map<string, { readonly module: string; readonly handler: IqHandler }>()
  readonly #ways = { outbound: new Map<string, Way>(), inbound: new Map<string, Way>() }
  #component: { readonly module: string; readonly handler: Kind<'component'>['handler'] } | undefined
  features: readonly string[] = []
  accountFeatures: readonly string[] = []
  identities: readonly Identity[] = []
  accountIdentities: readonly Identity[] = []
  forms: readonly Form[] = []
  accountLoaders: readonly AccountLoader[] = []
  sessionHooks: readonly Kind<'session'>[] = []
  shields: readonly Kind<'shield'>[] = []

  constructor(domain: string) {
    this.#domain = domain
  }

  /** Takes up all of it; throws an Error that names both modules when a key is taken already. */
  install(module: string, registrations: readonly Registration[]): void {
    for (const registration of registrations) {
      this.#claim(module, registration)
      this.#entries.push({ module, registration })
    }
    this.#index()
  }

  /** Withdraws everything and returns what has to be run for it, newest module first. */
  withdraw(): readonly { readonly module: string; readonly run: () => void | Promise<void> }[] {
    const stops = this.#entries
      .flatMap(({ module, registration }) => (registration.kind === 'stop' ? [{ module, run: registration.run }] : []))
      .reverse()
    this.#entries = []
    this.#iq.clear()
    this.#component = undefined
    this.#index()
    return stops
  }

  iq(at: 'host' | 'account', type: string, payload: Element): IqHandler | undefined {
    return this.#iq.get(iqKey(at, type, payload.getNS() ?? '', payload.name))?.handler
  }

  get component(): ((stanza: Element, from: Jid, to: Jid) => Handled) | undefined {
    return this.#component?.handler
  }

  way(direction: Direction, name: string): Way {
    return this.#ways[direction].get(name) ?? noWay
  }

  async discoItems(from: Jid, page: ListPage): Promise<ListedItems> {
    const [list] = this.#all('disco-items')
    return list === undefined ? { items: [], count: 0 } : list.items(from, page)
  }

  nodeInfo(at: 'host' | 'account', node: string, from: Jid, to: Jid): DiscoInfo | undefined {
    for (const known of this.#all('disco-node')) {
      const told = known.at === at ? known.info?.(node, from, to) : undefined
      if (told !== undefined) return told
    }
    return undefined
  }

  nodeItems(at: 'host' | 'account', node: string, from: Jid, to: Jid): readonly DiscoItem[] | undefined {
    const lists = this.#all('disco-node').flatMap((known) =>
      known.at === at ? [known.items?.(node, from, to) ?? []].filter((list) => list.length > 0) : [],
    )
    return lists.length === 0 ? undefined : lists.flat()
  }

  get commands(): readonly HostCommand[] {
    return this.#all('command').map(({ command }) => command)
  }

  get strangerFeatures(): readonly Element[] {
    return this.#all('stranger').flatMap(({ features }) => features())
  }

  stranger(ns: string | undefined): Kind<'stranger'>['handler'] | undefined {
    return this.#all('stranger').find((each) => each.ns === ns)?.handler
  }

  get httpRoutes(): readonly Kind<'http'>[] {
    return this.#all('http')
  }

  streamFeatures(session: { readonly jid: Jid | undefined }): readonly Element[] {
    return this.#all('stream-feature').flatMap(({ element }) => element(session) ?? [])
  }

  /** False where no module knows it. */
  takeElement(session: Session, element: Element): boolean {
    const taker = this.#all('element').find(({ ns }) => ns === element.attrs.xmlns)
    taker?.handler(session, element)
    return taker !== undefined
  }

  get inlineFeatures(): readonly string[] {
    return this.#all('inline').map(({ ns }) => ns)
  }

  enableInline(session: Session, request: Element): Element | undefined {
    return this.#all('inline')
      .find(({ ns }) => ns === request.attrs.xmlns)
      ?.enable(session, request)
  }

  bound(session: Session, failed: (error: unknown) => void): void {
    for (const hook of this.sessionHooks) guard(() => hook.bound?.(session), failed)
  }

  presence(session: Session, stanza: Element, failed: (error: unknown) => void): void {
    for (const hook of this.sessionHooks) guard(() => hook.presence?.(session, stanza), failed)
  }

  waits(session: Session, unacknowledged: readonly Element[], failed: (error: unknown) => void): void {
    for (const hook of this.sessionHooks) guard(() => hook.waits?.(session, unacknowledged), failed)
  }

  closed(session: Session, failed: (error: unknown) => void): void {
    for (const hook of this.sessionHooks) guard(() => hook.closed?.(session), failed)
  }

  #claim(module: string, registration: Registration): void {
    if (registration.kind === 'iq') {
      const { at, type, ns, name, handler } = registration
      const key = iqKey(at, type, ns, name)
      const holder = this.#iq.get(key)
      if (holder !== undefined)
        throw new Error(this.#conflict(holder.module, module, `IQ ${type} ${name} in ${ns} at the ${at}`))
      this.#iq.set(key, { module, handler })
    }
    if (registration.kind === 'component') {
      if (this.#component !== undefined)
        throw new Error(this.#conflict(this.#component.module, module, 'the component'))
      this.#component = { module, handler: registration.handler }
    }
    if (registration.kind === 'account') {
      const holder = this.#entries.find(
        (entry) => entry.registration.kind === 'account' && entry.registration.name === registration.name,
      )
      if (holder !== undefined)
        throw new Error(this.#conflict(holder.module, module, `account data ${registration.name}`))
    }
  }

  #conflict(holder: string, module: string, what: string): string {
    return `Modules "${holder}" and "${module}" on ${this.#domain} both handle ${what}; disable one of them`
  }

  #index(): void {
    this.#byKind.clear()
    const features = this.#all('feature')
    this.features = sorted(features.filter(({ at }) => at !== 'account'))
    this.accountFeatures = sorted(features.filter(({ at }) => at === 'account'))
    const identities = this.#all('identity')
    this.identities = identities.filter(({ at }) => at !== 'account').map(({ identity }) => identity)
    this.accountIdentities = identities.filter(({ at }) => at === 'account').map(({ identity }) => identity)
    this.forms = this.#all('disco-form').map(({ form }) => form)
    this.accountLoaders = this.#all('account')
    this.sessionHooks = this.#all('session')
    this.shields = this.#all('shield')
    for (const direction of ['outbound', 'inbound'] as const)
      for (const name of ['message', 'presence', 'iq'] as const)
        this.#ways[direction].set(name, this.#wayOf(direction, name))
  }

  #wayOf(direction: Direction, name: StanzaName): Way {
    const registered = this.#all('stanza').filter((one) => one.direction === direction && one.name === name)
    const at = (stage: Stage): StanzaHandler[] =>
      registered.filter((one) => one.stage === stage).map(({ handler }) => handler)
    const keepers = this.#all('keep').filter((one) => one.direction === direction && one.name === name)
    return {
      gates: [...at('validate'), ...at('authorize')],
      keepers: keepers.map(({ keeper }) => keeper),
      handlers: at('handle'),
      observers: at('observe'),
    }
  }

  #all<K extends Registration['kind']>(kind: K): readonly Kind<K>[] {
    const known = this.#byKind.get(kind)
    if (known !== undefined) return known as readonly Kind<K>[]
    const all = this.#entries.flatMap(({ registration }) => (registration.kind === kind ? [registration] : []))
    this.#byKind.set(kind, all)
    return all as readonly Registration[] as readonly Kind<K>[]
  }
}

const sorted = (features: readonly Kind<'feature'>[]): string[] => [...new Set(features.map(({ ns }) => ns))].sort()

const noWay: Way = { gates: [], keepers: [], handlers: [], observers: [] }

function guard(run: () => void, failed: (error: unknown) => void): void {
  try {
    run()
  } catch (error) {
    failed(error)
  }
}
