// SPDX-License-Identifier: Apache-2.0

//go:build linux

package dmabuf

import (
	"encoding/binary"
	"math/rand/v2"
	"os/exec"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vdev/guest/share"
	"vdev/guest/tests/internal/child"
	"vdev/ioctl"
)

// TestMisusedAtRandom has processes make requests of all kinds with arguments that often
// make no sense, and kills them wherever they are. open checks that nothing remains of them.
func TestMisusedAtRandom(t *testing.T) {
	misuse(t)
	c := open(t)
	b := create(t, c, 2*page)
	for round := range uint64(10) {
		var killed []*exec.Cmd
		for i := range uint64(2) {
			cmd, ch := start(t, "random")
			must(t, ch.Send(2*round+i, b.FD()))
			killed = append(killed, cmd)
		}
		time.Sleep(time.Duration(10+5*round) * time.Millisecond)
		for _, cmd := range killed {
			must(t, cmd.Process.Kill())
			if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
				t.Errorf("a process ended by itself: %v", err)
			}
		}
	}
	if s, err := c.Stats(); err != nil || s.Preps == 0 || s.Maps == 0 || s.Locks == 0 {
		t.Errorf("no request made sense: %+v, %v", s, err)
	}
	// Everything still works.
	must(t, c.Prep(b, 0, page, share.Write, share.Wait(time.Second)))
	must(t, c.Fini(b))
}

// requester makes requests at random.
type requester struct {
	*rand.Rand
	clients  []int // file descriptors
	requests []ioctl.Desc
	known    map[string][]uint64 // numbers from answers, by what they stand for
	memory   []byte              // for arguments, lists and data
	base     uint64              // its address
}

// random is the process that makes them, for ever.
func random() int {
	var seed uint64
	fds, err := child.Parent().Receive(&seed)
	if err != nil || len(fds) != 1 {
		return status(err)
	}
	r := &requester{Rand: rand.New(rand.NewPCG(seed, 0)), known: map[string][]uint64{"fd=buffer": {uint64(fds[0])}}}
	for _, d := range ioctl.Table() {
		if d.Family == ioctl.FamilyVdev {
			r.requests = append(r.requests, d)
		}
	}
	if r.memory, err = unix.Mmap(-1, 0, 1<<18, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON); err != nil {
		return status(err)
	}
	var pin runtime.Pinner
	r.base = ioctl.Pointer(&pin, r.memory)
	for range 3 {
		r.clients = append(r.clients, r.open())
	}
	for {
		r.request()
		if r.IntN(200) == 0 {
			i := r.IntN(len(r.clients))
			_ = unix.Close(r.clients[i])
			r.clients[i] = r.open()
		}
	}
}

func (r *requester) open() int {
	fd, err := unix.Open(ioctl.VDEV_DMABUF_DEVICE, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return fd
}

// request makes one, and learns from the answer.
func (r *requester) request() {
	d := r.requests[r.IntN(len(r.requests))]
	req, addr := d.Request, r.base
	argument := r.memory[:req.Size()]
	for f := range d.Arg.Fields() {
		r.fill(f, argument[f.Offset:f.Offset+f.Type.Size()])
	}
	if r.IntN(4) == 0 { // any word may be anything
		binary.LittleEndian.PutUint32(argument[4*r.IntN(len(argument)/4):], r.Uint32()>>r.IntN(32))
	}
	switch r.IntN(60) {
	case 0:
		addr = 0x10 // nothing is there
	case 1:
		addr = 1<<63 + r.Uint64N(1<<62) // nor here, for programs
	case 2:
		req ^= 1 << r.IntN(30)
	}
	client := r.clients[r.IntN(len(r.clients))]
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(client), uintptr(req), uintptr(addr)); errno != 0 || addr != r.base {
		return
	}
	for f := range d.Arg.Fields() {
		what, out := meaning(f)
		if out && what != "" && f.Type.Size() == 4 {
			r.learn(what, uint64(binary.LittleEndian.Uint32(argument[f.Offset:])))
		}
	}
}

// meaning is what a field has a number of, or "", and whether it is an answer.
func meaning(f reflect.StructField) (what string, out bool) {
	for _, word := range strings.Split(f.Tag.Get("ioctl"), ",") {
		switch {
		case word == "out":
			out = true
		case word == "object" || word == "pad" || strings.Contains(word, "="):
			what = word
		}
	}
	return what, out
}

// learn notes a number.
func (r *requester) learn(what string, n uint64) {
	const most = 20
	if len(r.known[what]) < most {
		r.known[what] = append(r.known[what], n)
	} else {
		r.known[what][r.IntN(most)] = n
	}
}

// fill makes up what is in a field.
func (r *requester) fill(f reflect.StructField, b []byte) {
	clear(b)
	what, _ := meaning(f)
	switch {
	case f.Type.Kind() == reflect.Array:
		copy(b, []string{"g2d", "fimd", "dma-tester", "nothing"}[r.IntN(4)])
	case f.Type.Kind() == reflect.Struct || what == "pad":
	case strings.HasPrefix(what, "ptr=") || f.Name == "Data":
		binary.LittleEndian.PutUint64(b, r.base+page)
	default:
		var n [8]byte
		v := r.number(what)
		if f.Name == "Timeout" && r.IntN(50) > 0 { // in nanoseconds; 0 is for ever
			v = 1 + r.Uint64N(20000)
		}
		binary.LittleEndian.PutUint64(n[:], v)
		copy(b, n[:])
	}
}

// number is one that may make sense in a field.
func (r *requester) number(what string) uint64 {
	if known := r.known[what]; len(known) > 0 && r.IntN(20) > 0 {
		return known[r.IntN(len(known))]
	}
	switch r.IntN(4) {
	case 0:
		return uint64(r.IntN(8))
	case 1:
		return uint64(page * r.IntN(3))
	}
	return uint64(r.IntN(2))
}
