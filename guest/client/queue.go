// SPDX-License-Identifier: Apache-2.0

package client

import (
	"io"
	"sync"
	"time"

	"vdev/guest/wire"
)

const (
	// queueLimit is how many bytes may wait to be sent before an upload
	// pauses.
	queueLimit = 8 * wire.ChunkSize
	// finishTime is how long Close waits for a guest that takes no bytes.
	finishTime = 200 * time.Millisecond
)

// sendQueue decouples the run from a guest that takes bytes slowly or not at
// all: put never blocks. Its length is bounded because uploads wait, stdin
// has the guest's window as a limit, and credit cannot exceed what arrived.
type sendQueue struct {
	w io.Writer

	mu      sync.Mutex
	changed *sync.Cond // on mu
	buf     []byte     // guarded by mu
	sending bool       // guarded by mu; bytes taken from buf are on their way
	closed  bool       // guarded by mu; no more bytes are accepted
	failed  bool       // guarded by mu; w is broken
}

func newSendQueue(w io.Writer) *sendQueue {
	q := &sendQueue{w: w}
	q.changed = sync.NewCond(&q.mu)
	go q.loop()
	return q
}

// loop writes what is queued. The reader of the connection notices when the
// connection is broken, so the error itself is of no interest here.
func (q *sendQueue) loop() {
	var out []byte
	for {
		q.mu.Lock()
		q.sending = false
		q.changed.Broadcast()
		for len(q.buf) == 0 && !q.closed {
			q.changed.Wait()
		}
		if len(q.buf) == 0 || q.failed {
			q.mu.Unlock()
			return
		}
		out, q.buf = q.buf, out[:0]
		q.sending = true
		q.mu.Unlock()
		if _, err := q.w.Write(out); err != nil {
			q.mu.Lock()
			q.failed, q.closed, q.sending = true, true, false
			q.changed.Broadcast()
			q.mu.Unlock()
			return
		}
	}
}

// put queues a frame.
func (q *sendQueue) put(f wire.Frame) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.buf = wire.Append(q.buf, f)
		q.changed.Broadcast()
	}
}

// putWait queues a frame when there is room for it. It returns false when
// the queue is closed.
func (q *sendQueue) putWait(f wire.Frame) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.buf) > queueLimit && !q.closed {
		q.changed.Wait()
	}
	if q.closed {
		return false
	}
	q.buf = wire.Append(q.buf, f)
	q.changed.Broadcast()
	return true
}

// finish queues a last frame and waits, but not long, until all is sent.
func (q *sendQueue) finish(f wire.Frame) {
	timeout := time.AfterFunc(finishTime, func() {
		q.mu.Lock()
		q.failed = true
		q.changed.Broadcast()
		q.mu.Unlock()
	})
	defer timeout.Stop()
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.buf = wire.Append(q.buf, f)
		q.closed = true
		q.changed.Broadcast()
	}
	for (len(q.buf) > 0 || q.sending) && !q.failed {
		q.changed.Wait()
	}
}
