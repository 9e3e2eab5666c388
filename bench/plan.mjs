/** What is measured, and with how much: peers get fewer messages, so that each run takes seconds and none minutes. */

/**
 * `load` names a scenario of load/scenarios.mjs with its settings; `own` and `peer` are what is asked of us and the floor,
 * and of other servers. `warmUp` is sent before, until V8 has compiled what is hot. `users` is how many accounts it needs;
 * `quick`: part of `--quick`.
 */
export const plan = [
  {
    name: 'fanout',
    title: 'A room of 100, 10 senders, 8 messages of each on the way',
    unit: 'delivery',
    load: 'fanout',
    settings: { n: 100, senders: 10, window: 8 },
    own: { messages: 500, warmUp: 300 },
    peer: { messages: 50, warmUp: 10 },
    users: 100,
    quick: true,
  },
  {
    name: 'single',
    title: 'A room of 100, one message at a time',
    unit: 'delivery',
    load: 'fanout',
    settings: { n: 100, senders: 1, window: 1 },
    own: { messages: 600, warmUp: 6000 },
    peer: { messages: 250, warmUp: 20 },
    users: 100,
    quick: true,
  },
  {
    name: 'chat',
    title: 'One-to-one chat of 100 users in a ring, 8 messages of each on the way, archived for both sides',
    unit: 'message',
    load: 'chat',
    settings: { n: 100, window: 8 },
    own: { messages: 400, warmUp: 100 },
    peer: { messages: 100, warmUp: 10 },
    users: 100,
    quick: true,
  },
  {
    name: 'fanout-tls',
    title: 'A room of 100 over TLS, 10 senders, 8 messages of each on the way',
    unit: 'delivery',
    load: 'fanout',
    settings: { n: 100, senders: 10, window: 8, tls: true },
    own: { messages: 500, warmUp: 300 },
    peer: { messages: 50, warmUp: 10 },
    users: 100,
  },
  {
    name: 'join',
    title: '400 users enter one room at once',
    unit: 'presence',
    load: 'join',
    settings: { n: 400 },
    users: 400,
  },
  {
    name: 'idle',
    title: 'Logins over TLS with SCRAM-SHA-1, and what a connection that does nothing takes',
    unit: 'login',
    load: 'idle',
    settings: { n: 2000, base: 500, tls: true, scram: true },
    users: 2000,
  },
  {
    name: 'login-plain',
    title: 'Logins over TLS with PLAIN, where the server stretches the password (10,000 rounds)',
    unit: 'login',
    load: 'idle',
    settings: { n: 600, base: 200, tls: true },
    users: 600,
  },
]
