import type { ServerResponse } from 'node:http'

/**
 * Calls `leave` once the client has closed its connection, or its side of it. The server keeps half a connection open, for
 * clients that close their side after the request; so it learns of most departures as the end of what it reads. Returns a
 * function that stops listening.
 */
export function onDeparture(response: ServerResponse, leave: () => void): () => void {
  const { socket } = response.req
  if (socket.readableEnded || socket.destroyed) leave()
  response.once('close', leave)
  socket.once('end', leave)
  return () => {
    response.off('close', leave)
    socket.off('end', leave)
  }
}
