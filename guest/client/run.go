// SPDX-License-Identifier: Apache-2.0

package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"syscall"

	"vdev/guest/program"
	"vdev/guest/wire"
)

// Check tells whether the guest can run prog at all, so that a mistake is
// found before a machine boots: wrong architecture, no ELF file, truncated.
// The error says so in one line that begins with name. Whether the guest has
// the interpreter of a script or a dynamically linked program is left to the
// guest.
func Check(name string, prog []byte) error {
	if _, err := program.Inspect(prog[:min(len(prog), program.HeadSize)]); err != nil {
		return fmt.Errorf("%s %w", name, err)
	}
	return nil
}

// Run runs one program in the guest and waits for its end. The error is an
// *AgentError when the guest could not start the program, wraps
// [ErrGuestGone] when the connection ended first, is the cause of ctx when
// that ended first, and wraps [wire.ErrProtocol] when the peer is no agent of
// this version. After an error other than *AgentError, or one that is about
// writing output and comes with a Result, the connection is of no further
// use. Everything the program wrote before it ended has been written to
// Stdout and Stderr when Run returns without an error.
func (c *Client) Run(ctx context.Context, req Request) (Result, error) {
	if err := req.check(); err != nil {
		return Result{}, err
	}
	n, err := c.begin()
	if err != nil {
		return Result{}, err
	}
	defer c.end()
	if err := c.handshake(ctx); err != nil {
		return Result{}, err
	}
	c.mu.Lock()
	window := c.hello.Window
	c.mu.Unlock()
	r := &run{
		c: c, n: n, req: &req,
		over:    make(chan struct{}),
		output:  newOutputQueue(),
		written: make(chan written, 16),
		upload:  make(chan error, 1),
	}
	defer r.output.close()
	defer close(r.over)
	r.sendExec() // first: the agent drops signals of runs it has not heard of
	r.stdin = newCredit(window)
	go func() {
		if r.sendRequest() && req.Stdin != nil {
			r.readStdin()
		}
	}()
	go r.writeOutput()
	defer r.stdin.stop()
	return r.loop(ctx)
}

// check refuses requests that no frame can carry.
func (req *Request) check() error {
	if req.Prog == nil && len(req.Args) == 0 {
		return errors.New("no program to run")
	}
	for _, s := range append(append([]string(nil), req.Args...), req.Env...) {
		if len(s) > wire.MaxPayload || strings.ContainsRune(s, 0) {
			return errors.New("an argument or environment setting is too long or has a zero byte")
		}
	}
	for _, f := range req.Files {
		if f.Path == "" || len(f.Path) > 4000 || strings.ContainsRune(f.Path, 0) || f.Size < 0 {
			return fmt.Errorf("bad name or size of file %q", f.Path)
		}
	}
	if len(req.Dir) > 4000 || strings.ContainsRune(req.Dir, 0) {
		return errors.New("bad working directory")
	}
	return nil
}

// run is a Run under way.
type run struct {
	c     *Client
	n     uint16
	req   *Request
	stdin *credit

	over    chan struct{} // closed when Run returns
	output  *outputQueue  // for the program's outputs
	written chan written  // what became of it; closed when all is dealt with
	upload  chan error    // a file of the request cannot be read
}

// written says that n bytes of a stream are off our hands.
type written struct {
	stream uint8
	n      int
	err    error // the stream takes no more
}

// frame makes a frame of this run.
func (r *run) frame(t wire.Type, stream uint8, payload []byte) wire.Frame {
	return wire.Frame{Type: t, Stream: stream, Run: r.n, Payload: payload}
}

// loop handles what happens until the run is over. It is the only place that
// decides; the other goroutines of the run only move bytes.
func (r *run) loop(ctx context.Context) (Result, error) {
	var (
		result   Result
		fail     error
		exited   bool
		outErr   error
		frames   = r.c.frames
		held     [wire.Stderr + 1]int // bytes received but not yet credited
		owed     [wire.Stderr + 1]int // of these, bytes that are written
		stopped  [wire.Stderr + 1]bool
		signals  = r.req.Signals
		resizes  = r.req.Resizes
		endInput = func() { // no more frames will come: let the output drain
			exited, frames = true, nil
			r.output.close()
		}
	)
	for {
		select {
		case f, ok := <-frames:
			if !ok {
				fail = r.c.gone()
				endInput()
				continue
			}
			if f.Run != r.n && f.Run != 0 {
				continue
			}
			switch f.Type {
			case wire.TypeData:
				if f.Stream == wire.Stdin {
					continue
				}
				if held[f.Stream] += len(f.Payload); held[f.Stream] > wire.DefaultWindow {
					return Result{}, fmt.Errorf("%w: output without credit", wire.ErrProtocol)
				}
				r.output.put(f.Stream, f.Payload)
			case wire.TypeWindow:
				n, err := wire.ParseUint32(f.Payload)
				if err != nil {
					return Result{}, err
				}
				r.stdin.add(n)
			case wire.TypeStop:
				r.stdin.stop()
			case wire.TypeError:
				fail = &AgentError{Text: firstLine(f.Payload)}
				endInput()
			case wire.TypeExit:
				e, err := wire.ParseExit(f.Payload)
				if err != nil {
					return Result{}, err
				}
				result = Result{ExitCode: int(e.Status), Signal: int(e.Signal)}
				endInput()
			}
		case w, ok := <-r.written:
			if !ok {
				return result, errors.Join(fail, outErr)
			}
			if w.err != nil && !stopped[w.stream] {
				stopped[w.stream] = true
				r.c.out.put(r.frame(wire.TypeStop, w.stream, nil))
				if !errors.Is(w.err, syscall.EPIPE) && !errors.Is(w.err, io.ErrClosedPipe) {
					outErr = errors.Join(outErr, fmt.Errorf("output of the program: %w", w.err))
				}
			}
			owed[w.stream] += w.n
			if owed[w.stream] >= wire.DefaultWindow/4 && !exited {
				r.c.out.put(r.frame(wire.TypeWindow, w.stream, wire.Uint32(uint32(owed[w.stream]))))
				held[w.stream] -= owed[w.stream]
				owed[w.stream] = 0
			}
		case err := <-r.upload:
			return Result{}, err
		case sig, ok := <-signals:
			if !ok {
				signals = nil
				continue
			}
			if sig >= 1 && sig <= 64 {
				r.c.out.put(r.frame(wire.TypeSignal, 0, wire.Uint32(uint32(sig))))
			}
		case size, ok := <-resizes:
			if !ok {
				resizes = nil
				continue
			}
			r.c.out.put(r.frame(wire.TypeResize, 0, wire.Resize(size.Rows, size.Cols)))
		case <-r.c.closed:
			return Result{}, ErrGuestGone
		case <-ctx.Done():
			return Result{}, context.Cause(ctx)
		}
	}
}

// firstLine makes one line of a text that should be one.
func firstLine(b []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	return line
}

// sendExec announces the run.
func (r *run) sendExec() {
	req := r.req
	e := wire.Exec{Dir: req.Dir}
	if req.Stdin != nil {
		e.Flags |= wire.ExecStdin
	}
	if req.Prog != nil {
		e.Flags |= wire.ExecProgram
	}
	if req.Terminal != nil {
		e.Flags |= wire.ExecTTY
		e.Rows, e.Cols = req.Terminal.Rows, req.Terminal.Cols
	}
	r.c.out.put(r.frame(wire.TypeExec, 0, e.Append(nil)))
}

// sendRequest sends the program and its surroundings. It returns false when
// it could not.
func (r *run) sendRequest() bool {
	req, out := r.req, r.c.out
	args := req.Args
	if req.Prog != nil {
		args = append([]string{req.ProgName}, args...)
	}
	for _, a := range args {
		if !out.putWait(r.frame(wire.TypeArg, 0, []byte(a))) {
			return false
		}
	}
	for _, kv := range req.Env {
		if !out.putWait(r.frame(wire.TypeEnv, 0, []byte(kv))) {
			return false
		}
	}
	files := req.Files
	if req.Prog != nil {
		files = append([]File{{
			Path: progName(req.ProgName),
			Mode: 0o755,
			Data: bytes.NewReader(req.Prog),
			Size: int64(len(req.Prog)),
		}}, files...)
	}
	for _, f := range files {
		if err := r.sendFile(f); err != nil {
			r.upload <- err
			return false
		}
	}
	out.put(r.frame(wire.TypeRun, 0, nil))
	return true
}

// progName is the last element of name, or a stand-in.
func progName(name string) string {
	if base := path.Base(name); base != "." && base != "/" && len(base) <= 255 {
		return base
	}
	return "program"
}

// sendFile sends one file in chunks.
func (r *run) sendFile(f File) error {
	head := wire.File{Mode: uint32(f.Mode.Perm()), Size: uint64(f.Size), Path: f.Path}
	r.c.out.put(r.frame(wire.TypeFile, 0, head.Append(nil)))
	buf := make([]byte, wire.ChunkSize)
	for left := f.Size; left > 0; {
		select {
		case <-r.over: // the guest refused the request
			return nil
		default:
		}
		b := buf[:min(left, int64(len(buf)))]
		if _, err := io.ReadFull(f.Data, b); err != nil {
			return fmt.Errorf("reading the file for %s in the guest: %w", f.Path, err)
		}
		if !r.c.out.putWait(r.frame(wire.TypeFileData, 0, b)) {
			return nil // the connection is gone, which the loop says better
		}
		left -= int64(len(b))
	}
	return nil
}

// writeOutput writes the program's output and reports every piece.
func (r *run) writeOutput() {
	defer close(r.written)
	broken := [wire.Stderr + 1]error{}
	for {
		c, ok := r.output.take()
		if !ok {
			return
		}
		w := r.req.Stdout
		if c.stream == wire.Stderr {
			w = r.req.Stderr
		}
		if w != nil && broken[c.stream] == nil {
			_, broken[c.stream] = w.Write(c.data)
		}
		select {
		case r.written <- written{c.stream, len(c.data), broken[c.stream]}:
		case <-r.over:
			return
		}
	}
}

// readStdin sends stdin as fast as the guest gives credit.
func (r *run) readStdin() {
	buf := make([]byte, wire.ChunkSize)
	for {
		allowed, ok := r.stdin.await()
		if !ok {
			return
		}
		n, err := r.req.Stdin.Read(buf[:min(uint64(len(buf)), allowed)])
		if n > 0 {
			r.stdin.spend(n)
			r.c.out.put(r.frame(wire.TypeData, wire.Stdin, buf[:n]))
		}
		if err != nil {
			// A stdin that breaks ends, as it would for a local program.
			r.c.out.put(r.frame(wire.TypeEOF, wire.Stdin, nil))
			return
		}
	}
}
