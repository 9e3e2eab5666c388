/** In a run that is to fail (test/check): the part of streams that the server is without, as `modules_disabled` leaves it out. */
import { extensionNames, type LeftOut } from '../../src/stream/extension.js'

export const leftOut: LeftOut = new Set(extensionNames.filter((name) => name === process.env.DMUCD_CHECK_OFF))

/** For waits of tests: less in such a run. */
export const patienceMs = (usual: number): number => Number(process.env.DMUCD_PATIENCE_MS ?? usual)
