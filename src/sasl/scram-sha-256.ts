/** SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 7677). */
import { scram } from './scram.js'

export const scramSha256 = scram('SCRAM-SHA-256', 'sha256', 20)
