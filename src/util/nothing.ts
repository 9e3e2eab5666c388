/**
 * The map with nothing in it, for state that is never changed in place: one of its own costs 200 bytes, and a room has a dozen. Not for what
 * answers are kept by (src/room/occupants.ts, src/dmuc/digest.ts).
 */
export const nothing: ReadonlyMap<never, never> = new Map<never, never>()
