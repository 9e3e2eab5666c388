/**
 * Every option of the configuration but those that modules declare, each with its default. Names are Prosody's where
 * Prosody has the concept. `docs/configuration.md` is made from these declarations.
 */
import { wrongBareJid, wrongDomain, wrongEndpoint, wrongNameServer, wrongProof } from './address.js'
import type { limitsOptions } from './limits.js'
import { boolean, integer, oneOf, portList, text, textList, textTable, type Values } from './option.js'

const mib = 1024 * 1024

const wrongInterface = (given: string): string | undefined =>
  /^(\*|[0-9.]+|[0-9a-fA-F:.]+(%\w+)?)$/.test(given) ? undefined : 'be an IP address, "*" or "::"'

/** Valid above the first `[table]` only: they concern the whole process. */
export const globalOptions = {
  data_path: text(
    './data',
    'Directory of the database, the lock and the admin socket; made with mode 0700. Relative to the configuration file.',
    'path',
  ),
  durability: oneOf(
    ['full', 'normal'],
    'full',
    'When a message counts as stored: `"full"` when it is synced to the disk (survives a power cut), `"normal"` when SQLite has written it (survives a crash of the process).',
  ),
  admin_socket: text('dmucd.sock', 'Unix socket that `dmucctl` talks to, mode 0600. Relative to `data_path`.', 'path'),
  certificates: text(
    'certs',
    'Directory with certificates and keys: `HOST.crt` + `HOST.key`, `HOST/fullchain.pem` + `HOST/privkey.pem`, or the same of a parent domain. Relative to the configuration file; read again on SIGHUP.',
    'path',
  ),
  interfaces: textList(
    ['127.0.0.1', '::1'],
    'Addresses to listen on; `"*"` is every IPv4 address of the machine, `"::"` every address of both families. Nothing listens beyond loopback unless it is written here.',
    'list of IP addresses',
    wrongInterface,
  ),
  http_interfaces: textList(
    ['127.0.0.1', '::1'],
    'Addresses for `http_ports`. Plain HTTP: for others than this machine put a TLS proxy in front.',
    'list of IP addresses',
    wrongInterface,
  ),
  c2s_ports: portList([5222], 'Ports for clients (STARTTLS).'),
  c2s_direct_tls_ports: portList([], 'Ports for clients with TLS from the first byte (XEP-0368), usually 5223.'),
  s2s_ports: portList(
    [5269],
    'Ports for other servers. An empty list closes the server to servers that connect to it.',
  ),
  s2s_direct_tls_ports: portList(
    [],
    'Ports for other servers with TLS from the first byte (XEP-0368), usually 5270; DNS names them in `_xmpps-server._tcp` records.',
  ),
  component_interfaces: textList(
    ['127.0.0.1', '::1'],
    'Addresses for `component_ports`. What goes there is not encrypted: for others than this machine use a tunnel.',
    'list of IP addresses',
    wrongInterface,
  ),
  component_ports: portList(
    [5347],
    'Ports for external components (XEP-0114); open only where there is a `[component."…"]` with `type = "external"`.',
  ),
  http_ports: portList(
    [5280],
    'Ports for WebSocket (`/xmpp-websocket`, RFC 7395), BOSH (`/http-bind`, XEP-0206) and the web page.',
  ),
  http_external_url: text(
    '',
    'The address of `http_ports` as clients and other people reach it, usually that of a TLS proxy: `"https://example.org/"`. Clients are told of it (XEP-0156: `/.well-known/host-meta`, which the proxy must pass on at the domain itself), and links begin with it.',
    'URL',
    (given) =>
      given === '' || /^https?:\/\/[^\s?#]+\/$/.test(given) ? undefined : 'be an http or https URL that ends with /',
  ),
  openmetrics_allow_ips: textList(
    ['127.0.0.1', '::1'],
    'Addresses that may read the numbers of the server at `/metrics` of `http_ports`, in the format of Prometheus. Empty: nobody.',
    'list of IP addresses',
    (given) => (/^([0-9.]+|[0-9a-fA-F:.]+)$/.test(given) ? undefined : 'be an IP address'),
  ),
  bosh_max_wait: integer(60, 1, 600, 'Seconds that a request of BOSH may be held until there is something to say.'),
  bosh_max_inactivity: integer(
    60,
    5,
    600,
    'Seconds that a client of BOSH may be without a request before it counts as lost.',
  ),
  web_client: boolean(true, 'Serve the page with the Converse.js client at `/` of `http_ports`.'),
  use_ipv6: boolean(true, 'Listen on the IPv6 addresses of `interfaces` and `http_interfaces` too.'),
  log_level: oneOf(['debug', 'info', 'warn', 'error'], 'info', 'The least important messages that are logged.'),
  c2s_timeout: integer(60, 1, 86_400, 'Seconds that a client may be connected without being logged in.'),
  fast_token_lifetime: integer(
    1_814_400,
    0,
    31_536_000,
    'Seconds that a token lasts with which a client logs in again without a password (XEP-0484); renewed daily while it is used. 0: no tokens.',
  ),
  smacks_hibernation_time: integer(
    600,
    0,
    86_400,
    'Seconds that a client whose connection was lost may take to come back to its session (XEP-0198); 0: sessions end with their connections.',
  ),
  smacks_max_ack_delay: integer(
    30,
    1,
    3_600,
    'Seconds that a client may take to acknowledge what it was sent, before its connection counts as lost.',
  ),
  smacks_max_hibernated_sessions: integer(
    10,
    1,
    1_000,
    'Sessions of one account that wait for clients whose connections were lost; of more, the eldest ends.',
  ),
  c2s_stanza_size_limit: integer(mib / 4, 10_000, 64 * mib, 'Bytes of the largest stanza from a client.'),
  s2s_stanza_size_limit: integer(mib / 2, 10_000, 64 * mib, 'Bytes of the largest stanza from another server.'),
  s2s_timeout: integer(30, 1, 3_600, 'Seconds in which a connection to another server must be established.'),
  s2s_ping_interval: integer(
    60,
    1,
    3_600,
    'Seconds of silence after which another server we are connected to is pinged.',
  ),
  s2s_ping_timeout: integer(
    30,
    1,
    3_600,
    'Seconds it then has to say anything at all; after these its connection is given up, and made anew when there is something to send.',
  ),
  c2s_require_encryption: boolean(
    true,
    'Refuse logins without TLS. WebSocket from this machine to a loopback address counts as encrypted.',
  ),
  allow_unencrypted_plain_auth: boolean(false, 'Offer PLAIN (the password itself) without TLS, from loopback only.'),
  s2s_bidi: boolean(
    true,
    'Send and receive on one connection with servers that can do so, too (XEP-0288), instead of on one for each direction.',
  ),
  c2s_ca_file: text(
    '',
    'PEM file with the authorities, and nothing else, that sign certificates of clients: who shows one that names a JID here (xmppAddr) may log in with it (XEP-0178). Certificates of intermediate authorities belong in it too. Relative to the configuration file.',
    'path',
  ),
  c2s_pins: textTable(
    {},
    'Keys of certificates with which an account may log in, whoever signed them: `"user@example.org" = "HEX"`, the SHA-256 of the public key, several parted by spaces. To be had by `openssl x509 -in CERT -noout -pubkey | openssl pkey -pubin -outform der | sha256sum`. A table: write it as `[c2s_pins]` below everything else.',
    'table: JID = digests',
    (jid, digests) =>
      wrongBareJid(jid)?.replace('be', 'have keys that are') ??
      (/^[0-9a-f]{64}( +[0-9a-f]{64})*$/.test(digests) ? undefined : 'be 64 hexadecimal digits, or several such'),
  ),
  s2s_require_encryption: boolean(true, 'Refuse connections to and from other servers without TLS.'),
  s2s_secure_auth: boolean(
    true,
    'Refuse other servers whose certificate is not valid for their domain. `false` lets them prove their domain by dialback (XEP-0220), as by `s2s_insecure_domains`.',
  ),
  s2s_insecure_domains: textList(
    [],
    'Domains that may prove themselves by dialback although `s2s_secure_auth` is true.',
    'list of domains',
    wrongDomain,
  ),
  s2s_secure_domains: textList(
    [],
    'Domains that need a valid certificate although `s2s_secure_auth` is false.',
    'list of domains',
    wrongDomain,
  ),
  s2s_auth: textTable(
    {},
    'How one domain has to prove itself, whatever the options above say: `"certificate"`, `"dialback"`, or `"pin:HEX"`, the SHA-256 of its public key as `dmucctl s2s show DOMAIN` prints it (whoever signed the certificate). A table: write it as `[s2s_auth]` below everything else.',
    'table: domain = "certificate", "dialback" or "pin:HEX"',
    (domain, proof) => wrongDomain(domain)?.replace('be', 'have keys that are') ?? wrongProof(proof),
  ),
  s2s_allow: textList(
    [],
    'The only domains that are spoken to, each by its exact name. Empty: all but those of `s2s_deny`.',
    'list of domains',
    wrongDomain,
  ),
  s2s_deny: textList([], 'Domains that are not spoken to, each by its exact name.', 'list of domains', wrongDomain),
  s2s_ca_file: text(
    '',
    'PEM file with authorities to trust beside those that Node knows, for private networks; read again with the certificates. Relative to the configuration file.',
    'path',
  ),
  dns_servers: textList(
    [],
    "Name servers to ask about other servers, in place of the system's: `address` or `address:port`.",
    'list of addresses',
    wrongNameServer,
  ),
  s2s_allow_private_addresses: boolean(
    false,
    'Connect to servers whose DNS records point to loopback or private addresses. `[s2s_routes]` may always.',
  ),
  shutdown_timeout: integer(10, 1, 600, 'Seconds that streams have to end when the server stops.'),
} as const

/** Valid at the top, for all hosts, and in the table of one host, for it alone. */
export const hostOptions = {
  name: text('', 'What service discovery calls the host.'),
  admins: textList(
    [],
    'Accounts that administer the host. Those at the top administer every host.',
    'list of JIDs',
    wrongBareJid,
  ),
  modules_enabled: textList([], 'Modules to add to the default ones.', 'list of modules'),
  modules_disabled: textList([], 'Modules to leave out.', 'list of modules'),
  allow_registration: boolean(false, 'Let clients make accounts themselves (XEP-0077).'),
} as const

/** `[component."…"]` only. */
export const componentOptions = {
  type: oneOf(
    ['muc', 'external'],
    'muc',
    'What the component is; `"muc"` is a service of chat rooms (XEP-0045), `"external"` a program of its own that connects to `component_ports` (XEP-0114) and needs a `component_secret`.',
  ),
} as const

/** `[dmuc]`: rooms that live on several servers at once (XEP-0281). */
export const dmucOptions = {
  allow: textList(
    [],
    'Room services that may hold shadows of our rooms, and of whose rooms we hold shadows. Empty: no room is distributed.',
    'list of domains',
    wrongDomain,
  ),
  replicate: oneOf(
    ['on-join', 'immediate', 'manual'],
    'immediate',
    "When a peer that a room wants gets its shadow: at once, when users of that peer have joined, or by an operator's command only.",
  ),
  on_join_threshold: integer(
    1,
    1,
    10_000,
    'Users of a peer in the room before it gets a shadow, with `replicate = "on-join"`.',
  ),
  distributed_by_default: boolean(false, 'New rooms are distributed to all allowed peers.'),
  redirect: textTable(
    {},
    'Domains of users, and the peer to whose shadow they are sent when they join a room here.',
    'table: domain = domain',
    (domain, peer) => wrongDomain(domain)?.replace('be', 'have keys that are') ?? wrongDomain(peer),
  ),
  users: textTable(
    {},
    'Peers, and the domains whose users they may vouch for, parted by spaces; `"*"`: all. Who enters at a peer as a user of any other domain is let in, under an occupant-id of his own, and has the rights of a member at most. Where a peer is not named: its own domain, the one above it (`b.example` for `rooms.b.example`), and those that `redirect` sends to it. Settled when the peer gets its shadow.',
    'table: domain = domains',
    (peer, domains) =>
      wrongDomain(peer)?.replace('be', 'have keys that are') ??
      domains
        .split(/\s+/)
        .reduce<string | undefined>((wrong, one) => wrong ?? (one === '*' ? undefined : wrongDomain(one)), undefined),
  ),
  auth: textTable(
    {},
    'How a peer must have proved its domain: `"certificate"`, `"dialback"`, or `"pin:HEX"` as in `s2s_auth`. Others follow that and `s2s_secure_auth`. One that proves it otherwise is not spoken to: `dmucctl s2s show DOMAIN` says why.',
    'table: domain = "certificate", "dialback" or "pin:HEX"',
    (domain, how) => wrongDomain(domain)?.replace('be', 'have keys that are') ?? wrongProof(how),
  ),
  max_instances: integer(32, 1, 1_000, 'Instances of one room, the source among them.'),
  max_shadows: integer(1_000, 0, 1_000_000, 'Shadows held for one peer.'),
  max_occupants: integer(
    10_000,
    1,
    1_000_000,
    'Occupants of one room that one other instance may have; more are not shown.',
  ),
  max_waiting: integer(
    1_000,
    1,
    100_000,
    'Messages and the like from one instance of a room that wait while what came before them is fetched; more are dropped, and fetched later.',
  ),
  peer_rate: integer(
    2_000,
    0,
    1_000_000,
    'Stanzas a second that one peer may relay to us on average, and ten times as many at once; 0 for no limit. Past it what it relays is dropped for a second, and then fetched from it at our own pace.',
  ),
  max_history: integer(1_000, 0, 100_000, 'Messages of history that a new shadow asks for and is given.'),
  max_late: integer(
    20_000,
    0,
    1_000_000,
    'Messages of one server that people in a room are shown late, after a split: the newest; what is older is in the archive alone.',
  ),
  max_pending: integer(
    100,
    0,
    10_000,
    'Bans and the like of one room that a shadow decides while it is cut off from the source, and that wait for it; more are refused.',
  ),
  max_revisions: integer(
    64,
    1,
    10_000,
    'Former revisions of configuration and affiliations of a room that are remembered, to judge by them what was said then and arrives late.',
  ),
  grace: integer(
    60,
    0,
    86_400,
    'Seconds that a lost link is only suspected, before the occupants behind it are shown as gone.',
  ),
  behind_split: oneOf(
    ['away', 'leave'],
    'leave',
    'How those occupants are shown: as gone, or as still there and away, until the link is back or the room is taken back from that peer.',
  ),
  ping_after: integer(30, 1, 3_600, 'Seconds of silence after which a peer is pinged (XEP-0199).'),
  ping_timeout: integer(10, 1, 600, 'Seconds in which it has to answer.'),
} as const

/** `[first_start]`: what a server makes for somebody who tries it out. */
export const firstStartOptions = {
  accounts: textList([], 'Accounts to make, with random passwords that are shown once.', 'list of JIDs', wrongBareJid),
  room: text('', 'A persistent room to make.', 'JID', (given) => (given === '' ? undefined : wrongBareJid(given))),
  room_name: text('Lobby', 'The name of that room.'),
  welcome: text('', 'The subject of that room: the welcome to those who enter.'),
  self_signed: boolean(false, 'Make a self-signed certificate for all hosts in `certificates` where there is none.'),
  login_links: boolean(false, 'Print a link to the page for each account: valid once, from this machine only.'),
  shift_ports: boolean(false, 'If a port is taken, add 1000 to all ports until all are free.'),
} as const

/** `[s2s_routes]`: checked key by key, as the keys are domains. */
export const routesOption = textTable(
  {},
  'Where a domain is, in place of DNS: for tests and private networks; `"*"` is for all that have no route. Exempt from the refusal of private addresses. `"tls://address:port"` is TLS from the first byte (XEP-0368).',
  'table: domain = "address:port"',
  (domain, endpoint) =>
    (domain === '*' ? undefined : wrongDomain(domain)?.replace('be', 'have keys that are')) ?? wrongEndpoint(endpoint),
)

export type GlobalValues = Values<typeof globalOptions>
export type HostValues = Values<typeof hostOptions>
export type DmucValues = Values<typeof dmucOptions>
export type LimitsValues = Values<typeof limitsOptions>
export type FirstStartValues = Values<typeof firstStartOptions>
