// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bufio"
	"io"
	"sync"
)

// Reader takes frames from a byte stream. It is used by one goroutine.
type Reader struct {
	r       *bufio.Reader
	header  [HeaderSize]byte
	payload []byte
}

// NewReader returns a Reader of the frames in r.
func NewReader(r io.Reader) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, 2*ChunkSize)}
}

// Next returns the next frame; its payload is valid until the next call. The
// error is io.EOF at the end of the stream between two frames,
// io.ErrUnexpectedEOF inside one, wraps [ErrProtocol] for bytes that are no
// frame, and is the stream's own otherwise. After an error the Reader is of
// no further use.
func (r *Reader) Next() (Frame, error) {
	if _, err := io.ReadFull(r.r, r.header[:]); err != nil {
		return Frame{}, err
	}
	h, err := parseHeader(&r.header)
	if err != nil {
		return Frame{}, err
	}
	if int(h.length) > cap(r.payload) {
		r.payload = make([]byte, max(int(h.length), ChunkSize))
	}
	p := r.payload[:h.length]
	if _, err := io.ReadFull(r.r, p); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return Frame{}, err
	}
	return Frame{Type: h.typ, Stream: h.stream, Run: h.run, Payload: p}, nil
}

// Writer puts frames on a byte stream, one Write call for each. Any number of
// goroutines may use it.
type Writer struct {
	mu  sync.Mutex
	w   io.Writer // guarded by mu
	buf []byte    // guarded by mu
	err error     // guarded by mu; first failure, returned ever after
}

// NewWriter returns a Writer of frames to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Send writes one frame. After a failure every call returns that failure:
// part of a frame may be on the stream.
func (w *Writer) Send(f Frame) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	w.buf = Append(w.buf[:0], f)
	_, w.err = w.w.Write(w.buf)
	return w.err
}
