/** ANONYMOUS (RFC 4505): who comes without a name is given one. What a client says of itself is not kept. */
import { type FoundUser, failure, type SaslExchange, type SaslMechanism, type SaslStep } from './mechanism.js'

class AnonymousExchange implements SaslExchange {
  step(): SaslStep {
    return { type: 'guest' }
  }

  resume(found: FoundUser | undefined): SaslStep {
    return found === undefined ? failure('temporary-auth-failure') : { type: 'success', username: found.username }
  }
}

export const anonymous: SaslMechanism = {
  name: 'ANONYMOUS',
  strength: 0,
  requiresTls: false,
  needs: 'guests',
  start: () => new AnonymousExchange(),
}
