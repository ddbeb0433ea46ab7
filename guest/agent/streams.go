// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"os"
	"sync"
	"syscall"
	"time"

	"vdev/guest/wire"
)

// openStreams makes the program's stdin, stdout and stderr and keeps our ends
// of them. The three files returned are the child's; two may be the same.
func (j *job) openStreams() (child [3]*os.File, err error) {
	if j.exec.Flags&wire.ExecTTY != 0 {
		return j.openTerminal()
	}
	defer func() {
		if err != nil {
			closeAll(child[:]...)
			j.closeStreams()
		}
	}()
	if j.exec.Flags&wire.ExecStdin != 0 {
		var w *os.File
		if child[0], w, err = pipe(1); err != nil {
			return child, err
		}
		j.in = newInlet(w)
	} else if child[0], err = os.Open(os.DevNull); err != nil {
		return child, err
	}
	for i := 1; i <= 2; i++ {
		var r *os.File
		if r, child[i], err = pipe(0); err != nil {
			return child, err
		}
		j.outs = append(j.outs, newOutlet(uint8(i), r, j.s.window))
	}
	return child, nil
}

// openTerminal makes a pseudo-terminal the program's three streams; its
// output all goes to stdout.
func (j *job) openTerminal() (child [3]*os.File, err error) {
	master, slave, err := openPTY(j.exec.Rows, j.exec.Cols)
	if err != nil {
		return child, err
	}
	j.tty = master
	if j.exec.Flags&wire.ExecStdin != 0 {
		j.in = newInlet(master)
		j.in.terminal = true
	}
	j.outs = append(j.outs, newOutlet(wire.Stdout, master, j.s.window))
	j.outs[0].terminal = true
	return [3]*os.File{slave, slave, slave}, nil
}

// closeStreams closes our ends.
func (j *job) closeStreams() {
	if j.in != nil {
		closeAll(j.in.w)
	}
	for _, o := range j.outs {
		closeAll(o.r)
	}
	j.in, j.outs, j.tty = nil, nil, nil
}

// pipe returns a pipe whose end number ours is non-blocking, so that Go's
// deadlines work on it. The other end blocks, as programs expect.
func pipe(ours int) (r, w *os.File, err error) {
	var fd [2]int
	if err := syscall.Pipe2(fd[:], syscall.O_CLOEXEC); err != nil {
		return nil, nil, os.NewSyscallError("pipe2", err)
	}
	if err := syscall.SetNonblock(fd[ours], true); err != nil {
		return nil, nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fd[0]), "|0"), os.NewFile(uintptr(fd[1]), "|1"), nil
}

// outlet returns the outlet of a stream, or nil.
func (j *job) outlet(stream uint8) *outlet {
	for _, o := range j.outs {
		if o.stream == stream {
			return o
		}
	}
	return nil
}

// outlet carries one output stream of the program to the host, as fast as the
// host gives credit.
type outlet struct {
	stream   uint8
	r        *os.File
	fd       int
	terminal bool // r is a terminal's master: closed by the job, and EIO is its end

	mu      sync.Mutex
	changed *sync.Cond // on mu
	allowed uint64     // guarded by mu; bytes that may be sent
	stopped bool       // guarded by mu; the host wants no more
	ending  bool       // guarded by mu; the program ended: take what is left
}

func newOutlet(stream uint8, r *os.File, window uint32) *outlet {
	o := &outlet{stream: stream, r: r, fd: int(fdOf(r)), allowed: uint64(window)}
	o.changed = sync.NewCond(&o.mu)
	return o
}

// fdOf returns f's descriptor and, unlike Fd, leaves it non-blocking.
func fdOf(f *os.File) (fd uintptr) {
	c, err := f.SyscallConn()
	if err == nil {
		err = c.Control(func(n uintptr) { fd = n })
	}
	if err != nil {
		panic("BUG: agent: " + err.Error())
	}
	return fd
}

func (o *outlet) credit(n uint32) {
	o.mu.Lock()
	o.allowed += uint64(n)
	o.changed.Signal()
	o.mu.Unlock()
}

// stop makes the pump give up; the program's next write finds no reader.
func (o *outlet) stop() {
	o.mu.Lock()
	o.stopped = true
	o.changed.Signal()
	o.r.SetReadDeadline(time.Unix(1, 0)) // fails only if the pump is through
	o.mu.Unlock()
}

// drain tells the pump that the program ended: what the pipe holds is all
// there will be, even if a survivor keeps the other end open.
func (o *outlet) drain() {
	o.mu.Lock()
	o.ending = true
	o.r.SetReadDeadline(time.Unix(1, 0))
	o.mu.Unlock()
}

// await returns how many bytes may be sent now, at least one, or ok false
// when the host wants none.
func (o *outlet) await() (n uint64, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.allowed == 0 && !o.stopped {
		o.changed.Wait()
	}
	return o.allowed, !o.stopped
}

// pump moves bytes until the stream ends, and says so.
func (o *outlet) pump(j *job) {
	if !o.terminal {
		defer o.r.Close()
	}
	buf := make([]byte, wire.ChunkSize)
	for {
		allowed, ok := o.await()
		if !ok {
			return
		}
		n := o.read(buf[:min(uint64(len(buf)), allowed)])
		if n <= 0 {
			break
		}
		o.mu.Lock()
		o.allowed -= uint64(n)
		o.mu.Unlock()
		if j.send(wire.TypeData, o.stream, buf[:n]) != nil {
			return
		}
	}
	j.send(wire.TypeEOF, o.stream, nil)
}

// read waits for output. Zero or less means the end of it.
func (o *outlet) read(b []byte) int {
	n, err := o.r.Read(b)
	if n > 0 || err == nil {
		return n
	}
	if !os.IsTimeout(err) {
		return 0
	}
	o.mu.Lock()
	stopped := o.stopped
	o.mu.Unlock()
	if stopped {
		return 0
	}
	// A deadline that is over hides bytes that are there: ask the kernel.
	n, err = syscall.Read(o.fd, b)
	if err != nil {
		return 0
	}
	return n
}

// inlet carries stdin to the program. It holds at most one window of bytes.
type inlet struct {
	w        *os.File
	terminal bool // w is a terminal's master: closed by the job, end of file is a character

	mu      sync.Mutex
	changed *sync.Cond // on mu
	queue   []byte     // guarded by mu
	eof     bool       // guarded by mu
	closed  bool       // guarded by mu; the program ended
}

func newInlet(w *os.File) *inlet {
	in := &inlet{w: w}
	in.changed = sync.NewCond(&in.mu)
	return in
}

func (j *job) stdinData(b []byte) {
	in := j.in
	if in == nil {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.queue)+len(b) > wire.DefaultWindow {
		return // the host ignores our window; its bytes are lost
	}
	in.queue = append(in.queue, b...)
	in.changed.Signal()
}

func (j *job) stdinEOF() {
	if in := j.in; in != nil {
		in.mu.Lock()
		in.eof = true
		in.changed.Signal()
		in.mu.Unlock()
	}
}

// close ends the pump although the host has not ended the stream.
func (in *inlet) close() {
	in.mu.Lock()
	in.closed = true
	in.changed.Signal()
	in.w.SetWriteDeadline(time.Unix(1, 0))
	in.mu.Unlock()
}

// take waits for bytes; none means the end of stdin.
func (in *inlet) take(buf []byte) []byte {
	in.mu.Lock()
	defer in.mu.Unlock()
	for len(in.queue) == 0 && !in.eof && !in.closed {
		in.changed.Wait()
	}
	if in.closed {
		return nil
	}
	n := copy(buf, in.queue)
	in.queue = in.queue[:copy(in.queue, in.queue[n:])]
	return buf[:n]
}

// pump writes stdin to the program and gives the host credit for what the
// program took.
func (in *inlet) pump(j *job) {
	if !in.terminal {
		defer in.w.Close()
	}
	buf := make([]byte, wire.ChunkSize)
	for {
		b := in.take(buf)
		if len(b) == 0 {
			break
		}
		if _, err := in.w.Write(b); err != nil {
			j.send(wire.TypeStop, wire.Stdin, nil) // the program closed its stdin
			return
		}
		j.send(wire.TypeWindow, wire.Stdin, wire.Uint32(uint32(len(b))))
	}
	if in.terminal {
		const eot = 4 // VEOF of a new terminal, Ctrl-D
		in.w.Write([]byte{eot})
	}
}
