/** The names that the operator of the machine gave to addresses: `/etc/hosts` (hosts(5)), which comes before DNS. */
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'

/** The addresses of `host` there, in its order; none where there is no such file. */
export async function fromHostsFile(host: string, file = '/etc/hosts'): Promise<readonly string[]> {
  const wanted = host.toLowerCase()
  const found: string[] = []
  for (const line of (await readFile(file, 'utf8').catch(() => '')).split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
    if (isIP(address) !== 0 && names.some((name) => name.toLowerCase() === wanted)) found.push(address)
  }
  return found
}
