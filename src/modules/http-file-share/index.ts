/**
 * XEP-0363: HTTP File Upload. A client asks for a slot for one file and puts it there; whoever is told the address can get it, for as long
 * as files are kept. Limits hold for one file, for what an account uploads in a day, and for all files together.
 */
import { join } from 'node:path'
import { isLoopback } from '../../net/address.js'
import type { Host, Module } from '../../server/module.js'
import type { Timer } from '../../util/clock.js'
import { type Element, xml } from '../../xml/element.js'
import { writeDateTime } from '../../xmpp/date-time.js'
import { asciiDomain } from '../../xmpp/domain.js'
import type { Jid } from '../../xmpp/jid.js'
import { payload, result } from '../../xmpp/stanza.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import { Files } from './files.js'
import { matchesType, mediaType, plainFileName } from './media-type.js'
import { serveFiles } from './serve.js'
import { DailyQuota, SlotSigner } from './slots.js'

const uploadNs = 'urn:xmpp:http:upload:0'
const mib = 1024 * 1024
/** §6.1: how long a slot is good. */
const slotMs = 300_000
const sweepMs = 3_600_000

const atLeast = (least: number) => (value: unknown) =>
  typeof value === 'number' && value >= least ? undefined : `be a whole number from ${least}`
const typeList = (value: unknown) =>
  Array.isArray(value) && value.every((each) => /^([\w.+-]+|\*)\/([\w.+-]+|\*)$/.test(String(each)))
    ? undefined
    : 'be a list of media types such as "image/png" or "image/*"'

export const httpFileShare: Module = {
  name: 'http_file_share',
  xeps: [
    {
      number: 363,
      version: '1.2.0',
      without: 'purposes of files',
      test: 'dialogue/http-file-share.test.ts',
      features: [uploadNs],
    },
  ],
  hosts: ['user'],
  options: {
    http_file_share_size_limit: {
      type: 'integer',
      default: 10 * mib,
      doc: 'Bytes of the largest file that may be uploaded (XEP-0363).',
      check: atLeast(1),
    },
    http_file_share_daily_quota: {
      type: 'integer',
      default: 100 * mib,
      doc: 'Bytes that one account may upload within 24 hours.',
      check: atLeast(1),
    },
    http_file_share_daily_files: {
      type: 'integer',
      default: 1000,
      doc: 'Files that one account may upload within 24 hours, however small.',
      check: atLeast(1),
    },
    http_file_share_global_quota: {
      type: 'integer',
      default: 10_240 * mib,
      doc: 'Bytes of all uploaded files of the host together; more are refused until some have expired.',
      check: atLeast(1),
    },
    http_file_share_expires_after: {
      type: 'integer',
      default: 7 * 86_400,
      doc: 'Seconds that an uploaded file is kept; 0: for ever. The default is a week, as that of archives.',
      check: atLeast(0),
    },
    http_file_share_allowed_file_types: {
      type: 'string-list',
      default: [],
      doc: 'Media types that may be uploaded, as the client tells them; empty: all.',
      check: typeList,
    },
    http_file_share_safe_file_types: {
      type: 'string-list',
      default: ['image/*', 'video/*', 'audio/*', 'text/plain'],
      doc: 'Media types that browsers may show in place. All others, and in any case those that can hold scripts (HTML, SVG, XML, PDF), are offered for saving.',
      check: typeList,
    },
    http_file_share_access: {
      type: 'string-list',
      default: [],
      doc: "Domains and bare JIDs that may upload besides the host's own accounts.",
    },
    http_external_url: { type: 'string', default: '', doc: '' },
    http_ports: { type: 'string-list', default: ['5280'], doc: '' },
    http_interfaces: { type: 'string-list', default: ['127.0.0.1'], doc: '' },
    data_path: { type: 'string', default: './data', doc: '' },
  },
  setup(host) {
    if (!isReachable(host)) {
      host.log.info({}, 'No files can be uploaded: http_external_url is not set')
      return []
    }
    const uploads = new Uploads(host)
    const limit = String(host.options.http_file_share_size_limit)
    return [
      host.feature(uploadNs),
      host.identity('store', 'file', 'HTTP File Upload'),
      {
        kind: 'disco-form',
        form: {
          type: 'result',
          fields: [
            { var: 'FORM_TYPE', type: 'hidden', values: [uploadNs] },
            { var: 'max-file-size', values: [limit] },
          ],
        },
      },
      host.iq('host', 'get', uploadNs, 'request', (iq, from) => uploads.slot(iq, from)),
      { kind: 'http', path: uploads.path, handler: uploads.serve },
      { kind: 'stop', run: () => uploads.stop() },
    ]
  },
}

/** By the address that the operator told, or on this machine. */
function isReachable({ options }: Host): boolean {
  const { http_external_url, http_ports, http_interfaces } = options
  const local = (http_interfaces as readonly string[]).some(isLoopback) && (http_ports as readonly unknown[]).length > 0
  return http_external_url !== '' || local
}

class Uploads {
  readonly path: string
  readonly serve
  readonly #host: Host
  readonly #files: Files
  readonly #slots: SlotSigner
  readonly #quota: DailyQuota
  #stored = 0
  /** Of files that are being put. */
  #arriving = 0
  #sweeping: Timer | undefined
  #stopped = false

  constructor(host: Host) {
    const { options, clock, log } = host
    this.#host = host
    this.path = `/upload/${asciiDomain(host.domain)}`
    this.#files = new Files(
      join(String(options.data_path), 'uploads', asciiDomain(host.domain).replaceAll(/[[\]:]/g, '_')),
    )
    this.#slots = new SlotSigner(host.random.bytes(32))
    this.#quota = new DailyQuota(
      Number(options.http_file_share_daily_quota),
      Number(options.http_file_share_daily_files),
    )
    this.serve = serveFiles({
      files: this.#files,
      slots: this.#slots,
      clock,
      log,
      safeTypes: options.http_file_share_safe_file_types as readonly string[],
      keptMs: this.#keptMs,
      begins: (bytes) => {
        if (!this.#hasRoom(bytes)) return false
        this.#arriving += bytes
        return true
      },
      ends: (bytes, stored) => {
        this.#arriving -= bytes
        if (stored) this.#stored += bytes
      },
    })
    void this.#sweep(true)
  }

  slot(iq: Element, from: Jid): Element {
    const owner = from.bare().toString()
    if (!this.#mayUpload(from)) throw new StanzaError('forbidden', { text: 'Only accounts of this server upload here' })
    const { filename, size: given, 'content-type': type } = (payload(iq) as Element).attrs
    const size = /^\d{1,15}$/.test(given ?? '') ? Number(given) : 0
    if (!filename || size < 1)
      throw new StanzaError('bad-request', { text: 'A file needs a name, and a size in bytes' })
    this.#checkFile(size, type)
    const { clock, random } = this.#host
    const base = this.#host.httpBase()
    if (base === undefined) throw new StanzaError('service-unavailable', { text: 'http_external_url is not set' })
    this.#checkQuotas(owner, size)
    const id = random.bytes(24).toString('base64url')
    const url = new URL(`${this.path.slice(1)}/${id}/${encodeURIComponent(plainFileName(filename))}`, base).href
    const token = this.#slots.sign({ id, owner, size, type: type && mediaType(type), until: clock.now() + slotMs })
    return result(
      iq,
      xml('slot', { xmlns: uploadNs }, xml('put', { url: `${url}?token=${token}` }), xml('get', { url })),
    )
  }

  stop(): void {
    this.#stopped = true
    this.#sweeping?.cancel()
  }

  get #keptMs(): number | undefined {
    return Number(this.#host.options.http_file_share_expires_after) * 1000 || undefined
  }

  #hasRoom(bytes: number): boolean {
    return this.#stored + this.#arriving + bytes <= Number(this.#host.options.http_file_share_global_quota)
  }

  #mayUpload(from: Jid): boolean {
    const others = this.#host.options.http_file_share_access as readonly string[]
    if (from.domain === this.#host.domain) return from.local !== ''
    return others.includes(from.domain) || others.includes(from.bare().toString())
  }

  #checkFile(size: number, type: string | undefined): void {
    const { http_file_share_size_limit: limit, http_file_share_allowed_file_types: allowed } = this.#host.options
    if (size > Number(limit)) {
      const extra = xml('file-too-large', { xmlns: uploadNs }, xml('max-file-size', {}, String(limit)))
      throw new StanzaError('not-acceptable', { text: `A file may have ${limit} bytes`, extra })
    }
    const types = allowed as readonly string[]
    if (types.length > 0 && !matchesType(mediaType(type), types))
      throw new StanzaError('not-acceptable', { text: `Files of these types may be uploaded: ${types.join(', ')}` })
  }

  #checkQuotas(owner: string, size: number): void {
    const { clock } = this.#host
    if (!this.#hasRoom(size)) {
      this.#host.log.warn({ owner, size }, 'An upload was refused: http_file_share_global_quota is used up')
      throw new StanzaError('resource-constraint', { text: 'The server has no room for more files now' })
    }
    const again = this.#quota.take(owner, size, clock.now())
    if (again === undefined) return
    const extra = xml('retry', { xmlns: uploadNs, stamp: writeDateTime(again) })
    throw new StanzaError('resource-constraint', { text: 'You have uploaded as much as you may in a day', extra })
  }

  /** Hourly: what is too old goes, and what belongs to nobody. */
  async #sweep(first: boolean): Promise<void> {
    const { clock, log } = this.#host
    try {
      const now = clock.now()
      let stored = 0
      for await (const [id, note] of this.#files.all(now)) {
        if (this.#stopped) return
        if (await this.#isOver(note, now)) await this.#files.remove(id)
        else {
          stored += note.size
          if (first && note.at > now - 86_400_000) this.#quota.add(note.owner, note.size, note.at)
        }
      }
      this.#stored = stored
      this.#quota.forget(now)
    } catch (error) {
      log.error({ err: error }, 'Uploaded files could not be looked through')
    }
    if (!this.#stopped) this.#sweeping = clock.after(sweepMs, () => void this.#sweep(false))
  }

  async #isOver({ at, owner }: { readonly at: number; readonly owner: string }, now: number): Promise<boolean> {
    if (this.#keptMs !== undefined && at + this.#keptMs < now) return true
    const isOurs = owner.endsWith(`@${this.#host.domain}`)
    return isOurs && (await this.#host.store.account(owner)) === undefined
  }
}
