/** SCRAM-SHA-1 and SCRAM-SHA-1-PLUS (RFC 5802). */
import { scram } from './scram.js'

export const scramSha1 = scram('SCRAM-SHA-1', 'sha1', 10)
