/** What the operator does in a room is the service's doing: nobody in it is told a name (XEP-0045 §8.2, `<actor/>`). */
import type { Operation } from '../../room/index.js'

/** The same operation without who did it. */
export function unnamed(operation: Operation): Operation {
  if (operation.type === 'register') {
    const { actor: _, ...rest } = operation
    return rest
  }
  if (operation.type !== 'leave' || !('actor' in operation.departure)) return operation
  const { actor: _, ...departure } = operation.departure
  return { ...operation, departure }
}
