/** A stanza error (RFC 6120 §8.3) as a sentence for the operator: its own text where it has one, else what the condition means. */
import type { StanzaError, StanzaErrorCondition } from './stanza-error.js'

const words: Partial<Record<StanzaErrorCondition, string>> = {
  'bad-request': 'it could not read what was sent',
  conflict: 'another room has this address there',
  'feature-not-implemented': 'it does not know this request; is it of another release?',
  forbidden: 'it does not take this from here',
  gone: 'it says that this is over',
  'internal-server-error': 'something went wrong there',
  'item-not-found': 'it does not have the room',
  'not-allowed': 'it does not allow this',
  'policy-violation': 'its policy is against it',
  'recipient-unavailable': 'it cannot be reached',
  'remote-server-not-found': 'the server cannot be found',
  'remote-server-timeout': 'the server does not answer',
  'resource-constraint': 'it has too much to do',
  'service-unavailable': 'there is no such service',
}

/** The condition stays in it, for who looks it up. */
export function inWords({ text, condition }: Pick<StanzaError, 'text' | 'condition'>): string {
  if (text !== undefined) return text
  const meaning = words[condition]
  return meaning === undefined ? condition : `${meaning} (${condition})`
}
