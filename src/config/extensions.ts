/** What `modules_disabled` at the top may name beside modules: what each is, and the XEPs that are gone without it. */
import { boshXeps } from '../net/bosh.js'
import { directTlsXep } from '../net/resolver.js'
import { bidiXep } from '../stream/bidi.js'
import { bind2Xep } from '../stream/bind2.js'
import { countingXep } from '../stream/counting.js'
import { dialbackXep } from '../stream/dialback.js'
import type { Extension } from '../stream/extension.js'
import { fastXep } from '../stream/fast.js'
import { managementXep } from '../stream/management.js'
import { sasl2Xep } from '../stream/sasl2.js'
import type { Xep } from '../xmpp/xep.js'

interface Described {
  readonly doc: string
  readonly xeps: readonly Xep[]
  /** As of a module; the titles of its tests name the RFC. */
  readonly rfc?: { readonly clauses: string; readonly test: string }
}

export const extensions: Readonly<Record<Extension, Described>> = {
  smacks: {
    doc: 'counting what streams of clients and servers carry, and resuming those of clients',
    xeps: [managementXep, countingXep],
  },
  sasl2: { doc: 'logins in one step, and with them Bind 2 and tokens', xeps: [sasl2Xep] },
  sasl2_bind2: { doc: 'the resource in the same step', xeps: [bind2Xep] },
  sasl2_fast: { doc: 'tokens in place of passwords, as with `fast_token_lifetime = 0`', xeps: [fastXep] },
  websocket: {
    doc: 'clients by WebSocket on `http_ports`',
    xeps: [],
    rfc: { clauses: 'RFC 7395', test: 'server/c2s.test.ts' },
  },
  bosh: { doc: 'clients by BOSH on `http_ports`', xeps: boshXeps },
  dialback: {
    doc: 'domains that DNS proves, ours included; certificates of public authorities, which are made for servers alone, need it, too, where their server connects to us',
    xeps: [dialbackXep],
  },
  s2s_bidi: { doc: 'one stream for both directions between servers, as with `s2s_bidi = false`', xeps: [bidiXep] },
  s2s_direct_tls: {
    doc: 'the search for `_xmpps-server._tcp` records of other servers; ports of our own are closed by `s2s_direct_tls_ports`',
    xeps: [directTlsXep],
  },
}
