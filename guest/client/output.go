// SPDX-License-Identifier: Apache-2.0

package client

import (
	"sync"

	"vdev/guest/wire"
)

// chunk is output of one stream.
type chunk struct {
	stream uint8
	data   []byte
}

// outputQueue holds output that waits for its writer, in order of arrival.
// The windows bound it: a program may write its output byte by byte, so
// neighbours of one stream are merged.
type outputQueue struct {
	mu      sync.Mutex
	changed *sync.Cond // on mu
	chunks  []chunk    // guarded by mu
	closed  bool       // guarded by mu
}

func newOutputQueue() *outputQueue {
	q := &outputQueue{}
	q.changed = sync.NewCond(&q.mu)
	return q
}

// put adds data, which the queue keeps.
func (q *outputQueue) put(stream uint8, data []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n := len(q.chunks); n > 0 && q.chunks[n-1].stream == stream && len(q.chunks[n-1].data) < wire.ChunkSize {
		q.chunks[n-1].data = append(q.chunks[n-1].data, data...)
	} else {
		q.chunks = append(q.chunks, chunk{stream, data})
	}
	q.changed.Signal()
}

// take waits for the next chunk; ok is false when there will be none.
func (q *outputQueue) take() (c chunk, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.chunks) == 0 && !q.closed {
		q.changed.Wait()
	}
	if len(q.chunks) == 0 {
		return chunk{}, false
	}
	c = q.chunks[0]
	q.chunks = q.chunks[1:]
	return c, true
}

// close says that no more comes; what is queued can still be taken.
func (q *outputQueue) close() {
	q.mu.Lock()
	q.closed = true
	q.changed.Signal()
	q.mu.Unlock()
}
