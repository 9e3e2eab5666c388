/** What the simulator has found, and must not find again. */
import { deciding } from './deciding.js'
import { entering } from './entering.js'
import { expiring } from './expiring.js'
import { gone } from './gone.js'
import { losing } from './losing.js'
import { making } from './making.js'
import { order } from './order.js'
import type { Story } from './story.js'

export const stories: readonly Story[] = [
  ...order,
  ...entering,
  ...making,
  ...gone,
  ...deciding,
  ...losing,
  ...expiring,
]
