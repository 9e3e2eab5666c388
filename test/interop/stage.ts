/** A dmucd and a foreign server that know where the other is, with a user each. All of it ends with `close`. */
import type { Element } from '../../src/xml/element.js'
import { type Pair, selfSigned } from '../net/certificate-files.js'
import { type Ejabberd, startEjabberd } from '../peers/ejabberd.js'
import { PlainClient } from '../peers/plain-client.js'
import { type ProsodyOptions, startProsody } from '../peers/prosody.js'
import { type Cable, startCable } from './cable.js'
import { type OurOptions, type Ours, startOurs } from './ours.js'

export const peers = ['Prosody', 'ejabberd'] as const
export type PeerName = (typeof peers)[number]

type TheirOptions = Partial<Omit<ProsodyOptions, 'config' | 'modules' | 'external'>> & {
  readonly secureAuth?: boolean
  /** For Prosody alone: more modules, and more of its global section. */
  readonly modules?: readonly string[]
  readonly config?: string
}

export interface StageOptions {
  readonly ours?: Partial<OurOptions>
  readonly theirs?: TheirOptions
  /** TLS from the first byte alone, both ways. */
  readonly direct?: boolean
  /** Their way to us leads through a cable. */
  readonly cabled?: boolean
}

const password = 'cauldron-bubble'
const users = { juliet: password }
export const theirDomain = 'p.example'
export const theirRooms = 'rooms.p.example'

/** Made once: what they are called is all that matters. */
let certificate: Promise<Pair> | undefined
export const ourSelfSigned = (): Promise<Pair> => {
  certificate ??= selfSigned(['a.example', 'rooms.a.example'])
  return certificate
}

export class Stage {
  readonly peer: PeerName
  readonly us: Ours
  them: Ejabberd
  readonly #options: StageOptions
  readonly #clients: PlainClient[] = []
  readonly #cable: Cable | undefined

  private constructor(peer: PeerName, us: Ours, them: Ejabberd, options: StageOptions, cable: Cable | undefined) {
    this.peer = peer
    this.us = us
    this.them = them
    this.#options = options
    this.#cable = cable
  }

  static async set(peer: PeerName, options: StageOptions = {}): Promise<Stage> {
    const us = await startOurs({ certificate: await ourSelfSigned(), users: { ann: password }, ...options.ours })
    const cable = options.cabled === true ? await startCable(us.s2sPort) : undefined
    try {
      const them = await startTheirs(peer, us, options, cable?.port)
      const stage = new Stage(peer, us, them, options, cable)
      stage.#findThem()
      return stage
    } catch (error) {
      await cable?.close()
      await us.close()
      throw error
    }
  }

  /** At other ports, as after an upgrade; our DNS knows of it if it is `told`. */
  async restartThem(told = true): Promise<void> {
    await this.them.stop()
    this.them = await startTheirs(this.peer, this.us, this.#options, this.#cable?.port)
    if (told) this.#findThem()
  }

  /** Our way to them alone goes through `port` from now on. */
  findThemAt(port: number): void {
    for (const domain of [theirDomain, theirRooms]) this.us.dns.set(domain, { port })
  }

  /** On their way to us. */
  get cable(): Cable {
    if (this.#cable === undefined) throw new Error('this stage has no cable')
    return this.#cable
  }

  ann(): Promise<PlainClient> {
    return this.#client(this.us.c2sPort, 'a.example', 'ann')
  }

  juliet(): Promise<PlainClient> {
    return this.#client(this.them.c2sPort, theirDomain, 'juliet')
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close()
    await this.#cable?.close()
    await this.them.stop()
    await this.us.close()
  }

  async #client(port: number, domain: string, user: string): Promise<PlainClient> {
    const client = await PlainClient.login(port, domain, user, password)
    this.#clients.push(client)
    client.send('<presence/>')
    await client.next(({ name }) => name === 'presence')
    return client
  }

  #findThem(): void {
    const { s2sPort, s2sDirectPort } = this.them
    const place = this.#options.direct === true ? { direct: s2sDirectPort } : { port: s2sPort }
    for (const domain of [theirDomain, theirRooms]) this.us.dns.set(domain, place)
  }
}

export function startTheirs(
  peer: PeerName,
  us: Ours,
  { theirs = {}, direct = false }: StageOptions,
  port = direct ? us.s2sDirectPort : us.s2sPort,
): Promise<Ejabberd> {
  const there = { [us.domain]: port, [us.rooms]: port }
  const common = {
    ...{ domain: theirDomain, mucDomain: theirRooms, users, directTls: direct },
    ...{ routes: direct ? {} : there, directRoutes: direct ? there : {} },
    ...theirs,
  }
  if (peer === 'ejabberd') return startEjabberd(common)
  const secure = theirs.secureAuth === true ? 's2s_secure_auth = true' : ''
  const { modules = [], config = '' } = theirs
  return startProsody({ ...common, modules: ['vcard', 'pep', ...modules], config: `${secure}\n${config}` })
}

export const body = (to: string, id: string, text = id): string =>
  `<message to='${to}' type='chat' id='${id}'><body>${text}</body></message>`

export const hasId =
  (id: string) =>
  (element: Element): boolean =>
    element.attrs.id === id

export function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what)
}

/** Of an error that came back. */
export function conditionOf(stanza: Element): string {
  check(stanza.attrs.type === 'error', `no error: ${stanza}`)
  return stanza.getChild('error')?.getChildElements()[0]?.name ?? 'none'
}

/** The stage for one scenario alone. */
export async function on(peer: PeerName, options: StageOptions, play: (stage: Stage) => Promise<void>): Promise<void> {
  const stage = await Stage.set(peer, options)
  try {
    await play(stage)
  } catch (error) {
    const said = stage.us.log.map(({ level, message, fields }) => `${level} ${message} ${JSON.stringify(fields)}`)
    throw new Error(`${(error as Error).message}\nours:\n${said.join('\n')}\ntheirs:\n${stage.them.log().slice(-6000)}`)
  } finally {
    await stage.close()
  }
}

/** A message each way. Theirs first or ours first, since the one who begins makes the first stream. */
export async function talk(stage: Stage): Promise<void> {
  const [ann, juliet] = [await stage.ann(), await stage.juliet()]
  juliet.send(body('ann@a.example', 'from-them'))
  await ann.next(hasId('from-them'))
  ann.send(body('juliet@p.example', 'from-us'))
  await juliet.next(hasId('from-us'))
}
