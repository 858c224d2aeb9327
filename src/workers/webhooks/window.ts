/**
 * How far a cursor is: its position moves past an event once that event and all before it are settled. Between the
 * position and the newest event that was read lies the window.
 */

/** An event of the window. */
export type Place = {
  readonly sequence: number
  /** When the event was stored, in ms since 1970. */
  readonly storedAt: number
  state: 'waiting' | 'sent' | 'settled'
}

export type Window = {
  /** Adds an event that was read and has to be sent; sequences grow. */
  add(event: { readonly sequence: number; readonly createdAt: number }): Place
  /** Everything up to this sequence was read; events that were not added need nothing. */
  passTo(sequence: number): void
  send(place: Place): void
  settle(place: Place): void
  /** The greatest sequence up to which everything is settled. */
  position(): number
  /** The sequence up to which events were read. */
  readTo(): number
  /** How many events after the position were sent: after a crash they may be sent again. */
  sentAhead(): number
  /** The first event that is not settled; undefined when all are. */
  first(): Place | undefined
}

export function createWindow(position: number): Window {
  /** In order; settled ones leave once they are first. */
  const places: Place[] = []
  let head = 0
  let readTo = position
  let sentAhead = 0

  function leave(): void {
    for (let first = places[head]; first?.state === 'settled'; first = places[++head]) sentAhead--
    // Moves the rest rarely, so that each event costs the same.
    if (head <= 64 || head <= places.length / 2) return
    places.splice(0, head)
    head = 0
  }

  return {
    add({ sequence, createdAt }) {
      const place: Place = { sequence, storedAt: createdAt, state: 'waiting' }
      places.push(place)
      readTo = Math.max(readTo, sequence)
      return place
    },
    passTo(sequence) {
      readTo = Math.max(readTo, sequence)
    },
    send(place) {
      if (place.state === 'waiting') sentAhead++
      place.state = 'sent'
    },
    settle(place) {
      if (place.state === 'settled') return
      if (place.state === 'waiting') sentAhead++
      place.state = 'settled'
      leave()
    },
    position: () => {
      const first = places[head]
      return first === undefined ? readTo : first.sequence - 1
    },
    readTo: () => readTo,
    sentAhead: () => sentAhead,
    first: () => places[head],
  }
}
