/** The mechanisms that we know, the strongest first: the order in which they are offered (RFC 6120 §6.3.3). */
import { anonymous } from './anonymous.js'
import { external } from './external.js'
import type { SaslMechanism } from './mechanism.js'
import { plain } from './plain.js'
import { scramSha1 } from './scram-sha-1.js'
import { scramSha256 } from './scram-sha-256.js'
import { scramSha512 } from './scram-sha-512.js'

export const mechanisms: readonly SaslMechanism[] = [
  external,
  ...scramSha512,
  ...scramSha256,
  ...scramSha1,
  plain,
  anonymous,
].sort((a, b) => b.strength - a.strength)
