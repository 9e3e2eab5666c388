/** Certificates for both servers, of one authority that both know. */
import { authority, type Pair } from '../net/certificate-files.js'
import type { StageOptions } from './stage.js'

let made:
  | Promise<{ readonly cert: string; readonly a: Pair; readonly p: Pair; readonly other: Pair; readonly old: Pair }>
  | undefined
/** An authority that both know, and what it signed. */
export const signed = () => {
  made ??= (async () => {
    const ca = await authority()
    const names = ['p.example', 'rooms.p.example']
    const yesterday = new Date(Date.now() - 86_400_000)
    return {
      cert: ca.cert,
      a: await ca.sign(['a.example', 'rooms.a.example']),
      p: await ca.sign(names),
      other: await ca.sign(['other.example']),
      old: await ca.sign(names, yesterday),
    }
  })()
  return made
}

/** Each with a certificate of that authority, believed by the other; without a good one nobody is let in here. */
export const mutual = async (theirs: Pair, ours: Partial<StageOptions['ours']> = {}): Promise<StageOptions> => {
  const { cert, a } = await signed()
  return {
    ours: { certificate: a, authority: cert, secureAuth: true, ...ours },
    theirs: { certificate: theirs, authority: cert },
  }
}
