// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"vdev/guest/wire"
)

// maxStrings bounds the arguments and environment of a request, in bytes. It
// is above what Linux accepts with its default stack limit.
const maxStrings = 8 << 20

// job is one request of the host: first its parts are collected, then its
// program runs. The fields of the first half belong to the goroutine that
// reads the port.
type job struct {
	s   *session
	run uint16

	exec    wire.Exec
	dir     string
	argv    []string
	env     []string
	strings int // bytes in argv and env
	program string
	file    *os.File // being received
	missing uint64   // bytes of file still to come
	failed  bool     // Error was sent: ignore the rest of the request
	begun   bool     // Run came

	in   *inlet // nil without stdin
	outs []*outlet
	tty  *os.File // the terminal's master, with ExecTTY

	mu      sync.Mutex
	pid     int              // guarded by mu; 0 before the start and after the end
	pending []syscall.Signal // guarded by mu; came before the start
	aborted bool             // guarded by mu; nobody wants the exit status
}

// newJob returns a job that waits for the rest of its request.
func newJob(s *session, run uint16, e wire.Exec) *job {
	dir := e.Dir
	if dir == "" {
		dir = s.cfg.dir
	}
	return &job{s: s, run: run, exec: e, dir: dir, env: append([]string(nil), s.cfg.env...)}
}

// send sends one frame of this run. A failure of the port ends the reading
// loop, so nobody needs it here.
func (j *job) send(t wire.Type, stream uint8, payload []byte) error {
	return j.s.out.Send(wire.Frame{Type: t, Stream: stream, Run: j.run, Payload: payload})
}

// fail reports what is wrong with the request and gives it up.
func (j *job) fail(text string) {
	if !j.failed {
		j.failed = true
		j.s.sendError(j.run, text)
	}
	closeAll(j.file)
	j.file = nil
}

// collecting tells whether another part of the request is welcome.
func (j *job) collecting() bool { return !j.failed && !j.begun && j.run != 0 }

func (j *job) addString(list *[]string, b []byte) {
	if !j.collecting() {
		return
	}
	j.strings += len(b)
	if j.strings > maxStrings {
		j.fail("arguments and environment are longer than " + strconv.Itoa(maxStrings) + " bytes")
		return
	}
	*list = append(*list, string(b))
}

// beginFile creates a file; its bytes come with fileData.
func (j *job) beginFile(f wire.File) {
	if !j.collecting() {
		return
	}
	if j.missing > 0 {
		j.fail("file " + j.file.Name() + " is incomplete")
		return
	}
	path := f.Path
	switch {
	case j.exec.Flags&wire.ExecProgram != 0 && j.program == "":
		path = filepath.Join(j.s.cfg.progDir, filepath.Base(path))
		j.program = path
	case !filepath.IsAbs(path):
		path = filepath.Join(j.dir, path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		j.fail(err.Error())
		return
	}
	// A program that still runs cannot be written to, its name can be
	// given to another file.
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		j.fail(err.Error())
		return
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		j.fail(err.Error())
		return
	}
	j.file, j.missing = file, f.Size
	if err := file.Chmod(os.FileMode(f.Mode & 0o777)); err != nil {
		j.fail(err.Error())
		return
	}
	if j.missing == 0 {
		j.endFile()
	}
}

func (j *job) fileData(b []byte) {
	if !j.collecting() {
		return
	}
	if uint64(len(b)) > j.missing {
		j.fail("more bytes came than the file was announced with")
		return
	}
	if _, err := j.file.Write(b); err != nil {
		j.fail(err.Error())
		return
	}
	if j.missing -= uint64(len(b)); j.missing == 0 {
		j.endFile()
	}
}

func (j *job) endFile() {
	if err := j.file.Close(); err != nil {
		j.fail(err.Error())
	}
	j.file = nil
}

// start runs the program and returns at once; goroutines see to the rest.
func (j *job) start() {
	switch {
	case !j.collecting():
		return
	case j.missing > 0:
		j.fail("file " + j.file.Name() + " is incomplete")
		return
	case len(j.argv) == 0:
		j.fail("the request has no arguments, not even a program name")
		return
	case j.exec.Flags&wire.ExecProgram != 0 && j.program == "":
		j.fail("the request has no program")
		return
	}
	j.begun = true
	if err := os.MkdirAll(j.dir, 0o755); err != nil {
		j.fail(err.Error())
		return
	}
	env := mergeEnv(j.env)
	path := j.program
	if path == "" {
		if path = lookPath(j.argv[0], j.dir, env); path == "" {
			j.fail("the guest has no program " + j.argv[0])
			return
		}
	} else {
		j.argv[0] = path // programs start themselves again by this name
	}
	child, err := j.openStreams()
	if err != nil {
		j.fail(err.Error())
		return
	}
	tty := j.tty != nil
	pid, ended, err := j.s.reap.start(func() (int, error) {
		return syscall.ForkExec(path, j.argv, &syscall.ProcAttr{
			Dir:   j.dir,
			Env:   env,
			Files: []uintptr{child[0].Fd(), child[1].Fd(), child[2].Fd()},
			Sys:   &syscall.SysProcAttr{Setsid: true, Setctty: tty},
		})
	})
	closeAll(child[:]...)
	if err != nil {
		j.closeStreams()
		j.fail(explainExec(path, err))
		return
	}
	j.send(wire.TypeStarted, 0, wire.Uint32(uint32(pid)))
	j.mu.Lock()
	j.pid = pid
	for _, sig := range j.pending {
		syscall.Kill(-pid, sig)
	}
	j.pending = nil
	j.mu.Unlock()

	var pumps sync.WaitGroup
	for _, o := range j.outs {
		pumps.Go(func() { o.pump(j) })
	}
	if j.in != nil {
		go j.in.pump(j)
	}
	go j.finish(ended, &pumps)
}

// finish waits for the program's end and reports it after its output.
func (j *job) finish(ended <-chan syscall.WaitStatus, pumps *sync.WaitGroup) {
	ws := <-ended
	j.mu.Lock()
	pid := j.pid
	j.pid = 0
	aborted := j.aborted
	j.mu.Unlock()
	// What the program left behind ends with it, as in a container; nobody
	// would be there to read its output.
	if j.s.cfg.killAll {
		syscall.Kill(-1, syscall.SIGKILL)
	} else {
		syscall.Kill(-pid, syscall.SIGKILL)
	}
	for _, o := range j.outs {
		o.drain()
	}
	pumps.Wait()
	if j.in != nil {
		j.in.close()
	}
	closeAll(j.tty)
	if aborted {
		return
	}
	e := wire.Exit{Status: uint32(ws.ExitStatus())}
	if ws.Signaled() {
		e = wire.Exit{Signal: uint32(ws.Signal())}
	}
	j.send(wire.TypeExit, 0, e.Append(nil))
}

// signal passes a signal on to the program's process group.
func (j *job) signal(sig syscall.Signal) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.pid != 0:
		syscall.Kill(-j.pid, sig)
	case !j.begun:
		j.pending = append(j.pending, sig)
	}
}

// abort ends a job that nobody waits for any more.
func (j *job) abort() {
	closeAll(j.file)
	j.file = nil
	j.mu.Lock()
	j.aborted = true
	if j.pid != 0 {
		syscall.Kill(-j.pid, syscall.SIGKILL)
	}
	j.mu.Unlock()
	for _, o := range j.outs {
		o.stop()
	}
}

// mergeEnv keeps the last setting of every variable, in the order of the
// first ones.
func mergeEnv(env []string) []string {
	var merged []string
	at := map[string]int{}
	for _, kv := range env {
		key, _, _ := strings.Cut(kv, "=")
		if i, ok := at[key]; ok {
			merged[i] = kv
			continue
		}
		at[key] = len(merged)
		merged = append(merged, kv)
	}
	return merged
}
