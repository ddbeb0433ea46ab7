// SPDX-License-Identifier: Apache-2.0

package bufshare

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"strings"
	"time"
	"unicode"

	"vdev/dmabuf"
	"vdev/ioctl"
	"vdev/mmio/bsu"
)

// Errors that the core does not have, as Linux has them.
type errno int32

const (
	eagain errno = 11
	enodev errno = 19
	enotty errno = 25
	// erestartsys has Linux restart the system call, or fail with EINTR, as the signal's
	// handler wants it (include/linux/errno.h).
	erestartsys errno = 512
)

// Error implements error.
func (e errno) Error() string {
	switch e {
	case eagain:
		return "EAGAIN"
	case enodev:
		return "ENODEV"
	case enotty:
		return "ENOTTY"
	}
	return "ERESTARTSYS"
}

// operation is what a request can ask for.
type operation struct {
	needsClient bool
	do          func(c *call) error
}

// call is a request under way.
type call struct {
	s      *Share
	r      *bsu.Request
	client *client // nil in requests of the kernel itself
	flags  uint32
	lists  []byte // in: what follows the argument
	out    []byte // what follows the answer
	wait   dmabuf.Wait
	answer func() []byte // the argument, as it is to be copied back
}

// on makes an operation of a function of its argument. What the function changes in the
// argument, and appends to call.out, is the answer.
func on[A any](f func(c *call, a *A) error) operation {
	pads := padding(reflect.TypeFor[A](), 0)
	size := binary.Size(new(A))
	return operation{do: func(c *call) error {
		if len(c.r.Arg) < size {
			return dmabuf.EINVAL
		}
		for _, p := range pads {
			if len(bytes.Trim(c.r.Arg[p.off:p.end], "\x00")) > 0 {
				return dmabuf.EINVAL
			}
		}
		a := new(A)
		if _, err := binary.Decode(c.r.Arg, binary.LittleEndian, a); err != nil {
			panic("BUG: bufshare: " + err.Error()) // there are enough bytes
		}
		c.lists = c.r.Arg[min(len(c.r.Arg), align8(size)):]
		c.answer = func() []byte {
			b, err := binary.Append(nil, binary.LittleEndian, a)
			if err != nil {
				panic("BUG: bufshare: " + err.Error()) // it was decoded
			}
			if len(c.out) > 0 {
				b = append(b, make([]byte, align8(size)-size)...)
			}
			return append(b, c.out...)
		}
		return f(c, a)
	}}
}

// forClient is an operation of an open file.
func forClient[A any](f func(c *call, a *A) error) operation {
	op := on(f)
	op.needsClient = true
	return op
}

type span struct{ off, end int }

// padding is where a structure has fields that have to be 0.
func padding(t reflect.Type, at int) []span {
	var all []span
	for f := range t.Fields() {
		if f.Tag.Get("ioctl") == "pad" {
			off := at + int(f.Offset)
			all = append(all, span{off, off + int(f.Type.Size())})
		}
	}
	return all
}

func align8(n int) int { return (n + 7) &^ 7 }

// end ends the request.
func (c *call) end(err error) {
	delete(c.s.calls, c.r)
	if c.s.noteGone(); len(c.s.gone) > 0 {
		c.flags |= ioctl.VDEV_BSU_FORGET
	}
	a := bsu.Answer{Result: -number(err), Flags: c.flags}
	if err == nil {
		a.Result = 0
		if c.answer != nil {
			a.Data = c.answer()
		}
	}
	c.r.End(a)
}

// number is the number of an error.
func number(err error) int32 {
	if e, ok := errors.AsType[dmabuf.Errno](err); ok {
		return int32(e)
	}
	if e, ok := errors.AsType[errno](err); ok {
		return int32(e)
	}
	return int32(dmabuf.EINVAL)
}

// waiting calls f with what it may wait with; nil if the program does not want to wait.
// then is done when the wait has ended well, or if f does not wait, and may be nil.
func (c *call) waiting(nowait bool, ns uint64, f func(w *dmabuf.Wait) error, then func()) error {
	w, full := &c.wait, len(c.s.calls) >= bsu.MaxWaiting
	if nowait || full {
		w = nil
	} else {
		w.Timeout = timeout(ns)
		w.Done = func(err error) {
			switch {
			case err == nil && then != nil:
				then()
			case err == dmabuf.EINTR && ns == 0:
				err = erestartsys
			}
			c.end(err)
		}
	}
	err := f(w)
	switch {
	case err == dmabuf.EINPROGRESS:
		c.s.calls[c.r] = c
	case err == nil && then != nil:
		then()
	case err == dmabuf.EBUSY && full && !nowait:
		return eagain
	}
	return err
}

// maxTimeout is for ever, and can be added to any time.
const maxTimeout = 100 * 365 * 24 * time.Hour

// timeout is a time to wait from a request: 0 is for ever.
func timeout(ns uint64) time.Duration { return time.Duration(min(ns, uint64(maxTimeout))) }

// buffer is the buffer of a field.
func (c *call) buffer(id int32) (*dmabuf.Buffer, error) { return c.s.core.Buffer(dmabuf.ID(id)) }

// access is the access of a field.
func access(v uint32) (dmabuf.Access, error) {
	if v > ioctl.VDEV_DMABUF_READ|ioctl.VDEV_DMABUF_WRITE|ioctl.VDEV_DMABUF_FRAME {
		return 0, dmabuf.EINVAL
	}
	return dmabuf.Access(v), nil
}

// bufferFor is the buffer and the access of two fields.
func (c *call) bufferFor(id int32, acc uint32) (*dmabuf.Buffer, dmabuf.Access, error) {
	b, err := c.buffer(id)
	if err != nil {
		return nil, 0, err
	}
	a, err := access(acc)
	return b, a, err
}

// flagsWithin says whether only known flags are set.
func flagsWithin(v, known uint32) error {
	if v&^known != 0 {
		return dmabuf.EINVAL
	}
	return nil
}

// name is a name in a request, as it can be shown.
func name(b [ioctl.VDEV_DMABUF_NAME_LEN]uint8) string {
	text, _, _ := bytes.Cut(b[:], []byte{0})
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, string(text))
}

// text is a name in an answer.
func text(s string) (b [ioctl.VDEV_DMABUF_NAME_LEN]uint8) {
	copy(b[:], s)
	return b
}

// elements decodes a list that follows the argument.
func elements[E any](c *call, n uint32) ([]E, error) {
	size := binary.Size(new(E))
	if uint64(n)*uint64(size) > uint64(len(c.lists)) {
		return nil, dmabuf.EINVAL
	}
	list := make([]E, n)
	if _, err := binary.Decode(c.lists, binary.LittleEndian, list); err != nil {
		return nil, dmabuf.EINVAL
	}
	return list, nil
}

// list appends elements to the answer.
func list[E any](c *call, all []E) {
	b, err := binary.Append(c.out, binary.LittleEndian, all)
	if err != nil {
		panic("BUG: bufshare: " + err.Error())
	}
	c.out = b
}

// extents appends pieces of memory to the answer.
func (c *call) extents(all []dmabuf.Extent) {
	e := make([]ioctl.VdevDMABufExtent, len(all))
	for i, x := range all {
		e[i] = ioctl.VdevDMABufExtent{Addr: x.Addr, Length: x.Len}
	}
	list(c, e)
}
