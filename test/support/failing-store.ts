/** A Store that fails when it is told to: commits, reads, or one kind of write. */
import { openMemoryStore } from '../../src/store/memory.js'
import { type Store, StoreError, type Write } from '../../src/store/store.js'

export interface FailingStore extends Store {
  /** What fails from now on; `false` for nothing. A list of writes: batches with one of these. */
  failing: 'commits' | 'reads' | 'all' | readonly Write['type'][] | false
  /** How: `io` unless something else is set. */
  code: StoreError['code']
  /** While held, commits wait. */
  hold(): { release(): void }
}

const failure = (code: StoreError['code']): StoreError => new StoreError(code, 'disk I/O error: the disk is on fire')

export function openFailingStore(): FailingStore {
  const inner = openMemoryStore()
  let gate: Promise<void> | undefined
  const own = {
    failing: false as FailingStore['failing'],
    code: 'io' as StoreError['code'],
    hold() {
      let release = (): void => {}
      gate = new Promise((resolve) => {
        release = resolve
      })
      return {
        release: () => {
          gate = undefined
          release()
        },
      }
    },
  }
  const commit = async (batch: readonly Write[]): Promise<void> => {
    await gate
    const { failing } = own
    const hit = Array.isArray(failing) ? batch.some(({ type }) => failing.includes(type)) : failing !== 'reads'
    if (failing !== false && hit) throw failure(own.code)
    return inner.commit(batch)
  }
  return new Proxy(inner, {
    get(target, key) {
      if (key === 'commit') return commit
      if (key in own) return Reflect.get(own, key)
      const value: unknown = Reflect.get(target, key)
      if (typeof value !== 'function') return value
      return (...args: readonly unknown[]) => {
        if (key !== 'close' && (own.failing === 'reads' || own.failing === 'all'))
          return Promise.reject(failure(own.code))
        return Reflect.apply(value, target, args)
      }
    },
    set: (_target, key, value) => Reflect.set(own, key, value),
  }) as FailingStore
}
