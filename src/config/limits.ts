/** `[limits]` of the configuration: what one peer may take of the server. docs/limits.md says what becomes of who takes more. */
import { integer } from './option.js'

const mib = 1024 * 1024

export const limitsOptions = {
  c2s_connect_rate: integer(
    10,
    1,
    100_000,
    'Connections a second from one address of clients, on average; loopback is exempt.',
  ),
  c2s_connect_burst: integer(100, 1, 100_000, 'Connections at once from one address of clients; loopback is exempt.'),
  c2s_connections: integer(
    500,
    1,
    1_000_000,
    'Connections of clients that one address (or IPv6 /64) may have open; loopback is exempt.',
  ),
  c2s_failed_logins: integer(
    60,
    5,
    1_000_000,
    'Logins from one address (or IPv6 /64) that may fail within a minute, before it is let in only as fast as that; loopback is exempt.',
  ),
  c2s_login_attempts: integer(
    5,
    2,
    100,
    'Logins that may fail on one connection of a client, before it is closed; the first with each further mechanism is not counted.',
  ),
  c2s_login_bytes: integer(8 * 1024, 2_048, mib, 'Bytes that a client may send before it has logged in.'),
  c2s_login_elements: integer(32, 8, 10_000, 'Elements that a client may send before it has logged in.'),
  http_connections: integer(
    500,
    1,
    1_000_000,
    'Connections to the HTTP server, WebSockets included, that one address (or IPv6 /64) may have open; loopback is exempt, so a proxy on this machine is.',
  ),
  websocket_fragments: integer(64, 1, 10_000, 'Fragments of one message on a WebSocket (RFC 6455 §5.4).'),
  bosh_poll_rate: integer(
    5,
    1,
    1_000,
    'Requests without content that a client may make a second by BOSH, on average: one that makes more is not well.',
  ),
  bosh_poll_burst: integer(60, 1, 10_000, 'Such requests at once.'),
  c2s_sessions: integer(50, 1, 10_000, 'Clients of one account at a time; the next is refused.'),
  c2s_rate: integer(
    mib,
    10_000,
    1_000 * mib,
    'Bytes a second from one client, on average; more is not read until later.',
  ),
  c2s_burst: integer(8 * mib, 64 * 1024, 1_000 * mib, 'Bytes that it may send at once before the rate holds it back.'),
  unsettled_stanzas: integer(
    1_000,
    1,
    100_000,
    'Stanzas of one client, server or component that are on their way to the disk or wait for others; nothing more is read from it until they are done.',
  ),
  c2s_send_queue: integer(
    4 * mib,
    64 * 1024,
    1_000 * mib,
    'Bytes that wait for one client that reads too slowly, before it is disconnected.',
  ),
  c2s_unacknowledged: integer(
    8 * mib,
    64 * 1024,
    1_000 * mib,
    'Bytes that one client was sent and has not acknowledged (XEP-0198), or that wait for one that lost its connection, before its session ends.',
  ),
  c2s_send_queues: integer(
    64 * mib,
    mib,
    100_000 * mib,
    'Bytes that wait for all clients together, before those that read most slowly are disconnected.',
  ),
  component_send_queue: integer(
    64 * mib,
    64 * 1024,
    1_000 * mib,
    'Bytes that wait for one external component that reads too slowly, before it is disconnected.',
  ),
  account_queue: integer(
    1_000,
    10,
    100_000,
    'Stanzas that wait for one account while it is read or written; more are refused.',
  ),
  xml_depth: integer(64, 16, 500, 'How deep elements of a stanza may nest, whoever sends it.'),
  xml_attributes: integer(100, 20, 10_000, 'Attributes of one element, whoever sends it.'),
  s2s_rate: integer(8 * mib, 10_000, 1_000 * mib, 'Bytes a second from one connection of another server.'),
  s2s_burst: integer(32 * mib, mib, 1_000 * mib, 'Bytes that it may send at once before the rate holds it back.'),
  s2s_connections: integer(1_000, 1, 100_000, 'Connections from one address of servers.'),
  s2s_unverified_connections: integer(50, 1, 100_000, 'Of these, such on which no domain has proved itself yet.'),
  s2s_domains: integer(512, 1, 100_000, 'Domains that another server may claim on one connection.'),
  s2s_links: integer(
    10_000,
    10,
    1_000_000,
    'Pairs of a domain of ours and another that are connected or being connected; what goes to a further one is returned.',
  ),
  s2s_send_queue_stanzas: integer(
    5_000,
    1,
    1_000_000,
    'Stanzas that wait for one remote domain; more are returned to their senders.',
  ),
  s2s_send_queue: integer(8 * mib, 64 * 1024, 1_000 * mib, 'Bytes of these stanzas.'),
  s2s_send_queues: integer(
    256 * mib,
    mib,
    100_000 * mib,
    'Bytes that wait for all other servers together, before those that read most slowly are disconnected.',
  ),
} as const
