/** SCRAM-SHA-512 and SCRAM-SHA-512-PLUS (draft-melnikov-scram-sha-512, as registered with IANA). */
import { scram } from './scram.js'

export const scramSha512 = scram('SCRAM-SHA-512', 'sha512', 30)
