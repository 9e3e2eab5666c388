/** EXTERNAL (RFC 4422 appendix A) for clients: TLS has shown a certificate that says who they are (XEP-0178 §2). */
import { Jid } from '../xmpp/jid.js'
import { decodeText } from './identity.js'
import {
  type FoundUser,
  failure,
  type SaslContext,
  type SaslExchange,
  type SaslMechanism,
  type SaslStep,
} from './mechanism.js'

class ExternalExchange implements SaslExchange {
  readonly #context: SaslContext

  constructor(context: SaslContext) {
    this.#context = context
  }

  step(data: Buffer | undefined): SaslStep {
    if (data === undefined) return { type: 'challenge', data: Buffer.alloc(0) }
    const authzid = decodeText(data)
    if (authzid === undefined || authzid.includes('\0')) return failure('malformed-request')
    const { certified, domain } = this.#context
    // A certificate that names several has to be told which of them is meant (XEP-0178 §2, step 11).
    const username =
      authzid === '' && certified.length === 1
        ? certified[0]
        : certified.find((each) => Jid.tryParse(authzid)?.equals(Jid.of(each, domain)) === true)
    if (username === undefined) return failure('invalid-authzid')
    return { type: 'lookup', username, hash: 'sha256' }
  }

  resume(found: FoundUser | undefined): SaslStep {
    return found === undefined ? failure('not-authorized') : { type: 'success', username: found.username }
  }
}

export const external: SaslMechanism = {
  name: 'EXTERNAL',
  strength: 200,
  requiresTls: true,
  needs: 'certificate',
  start: (context) => new ExternalExchange(context),
}
