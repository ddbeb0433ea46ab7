// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tests

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"vdev/guest/tests/internal/raw"
)

func TestPipeCapacityAndOrder(t *testing.T) {
	var fd [2]int
	must(t, syscall.Pipe2(fd[:], syscall.O_NONBLOCK|syscall.O_CLOEXEC))
	r, w := fd[0], fd[1]
	defer syscall.Close(r)
	total := 0
	chunk := make([]byte, 1000)
	for {
		for i := range chunk {
			chunk[i] = byte((total + i) % 251)
		}
		n, err := syscall.Write(w, chunk)
		if err == syscall.EAGAIN {
			break
		}
		must(t, err)
		total += n
	}
	// 16 buffers of a page, of which writes below PIPE_BUF may leave a
	// part unused.
	if total < 32<<10 || total > 64<<10 {
		t.Errorf("a pipe holds %d bytes", total)
	}
	got := make([]byte, 128<<10)
	at := 0
	for at < total {
		n, err := syscall.Read(r, got[at:])
		must(t, err)
		at += n
	}
	for i, b := range got[:at] {
		if b != byte(i%251) {
			t.Fatalf("byte %d is %d", i, b)
		}
	}
	_, err := syscall.Read(r, got)
	wantErrno(t, "read of an empty pipe", err, syscall.EAGAIN)
	syscall.Close(w)
	if n, err := syscall.Read(r, got); n != 0 || err != nil {
		t.Errorf("read without writers: %d, %v", n, err)
	}
}

func TestBrokenPipe(t *testing.T) {
	r, w, err := os.Pipe()
	must(t, err)
	defer w.Close()
	r.Close()
	_, err = w.Write([]byte("x"))
	wantErrno(t, "write without readers", err, syscall.EPIPE)
}

func TestPipeThroughput(t *testing.T) {
	r, w, err := os.Pipe()
	must(t, err)
	const total = 8 << 20
	go func() {
		defer w.Close()
		b := make([]byte, 30000)
		for sent := 0; sent < total; {
			n, err := w.Write(b[:min(len(b), total-sent)])
			if err != nil {
				t.Error(err)
				return
			}
			sent += n
		}
	}()
	if n, err := io.Copy(io.Discard, r); n != total || err != nil {
		t.Errorf("got %d bytes, %v", n, err)
	}
}

// socketpair returns connected Unix sockets.
func socketpair(t *testing.T, kind int) (a, b int) {
	t.Helper()
	fd, err := syscall.Socketpair(syscall.AF_UNIX, kind|syscall.SOCK_CLOEXEC, 0)
	must(t, err)
	t.Cleanup(func() {
		syscall.Close(fd[0])
		syscall.Close(fd[1])
	})
	return fd[0], fd[1]
}

func TestDescriptorPassing(t *testing.T) {
	a, b := socketpair(t, syscall.SOCK_STREAM)
	r, w, err := os.Pipe()
	must(t, err)
	defer r.Close()
	rights := syscall.UnixRights(int(w.Fd()))
	must(t, syscall.Sendmsg(a, []byte("fd"), rights, nil, 0))
	w.Close() // the message holds the only reference now
	data, oob := make([]byte, 10), make([]byte, 100)
	n, oobn, _, _, err := syscall.Recvmsg(b, data, oob, syscall.MSG_CMSG_CLOEXEC)
	must(t, err)
	msgs, err := syscall.ParseSocketControlMessage(oob[:oobn])
	must(t, err)
	if string(data[:n]) != "fd" || len(msgs) != 1 {
		t.Fatalf("got %q with %d messages", data[:n], len(msgs))
	}
	fds, err := syscall.ParseUnixRights(&msgs[0])
	must(t, err)
	_, err = syscall.Write(fds[0], []byte("through"))
	must(t, err)
	must(t, syscall.Close(fds[0]))
	if got, err := io.ReadAll(r); string(got) != "through" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestPacketBoundaries(t *testing.T) {
	for _, kind := range []int{syscall.SOCK_DGRAM, syscall.SOCK_SEQPACKET} {
		a, b := socketpair(t, kind)
		for _, m := range []string{"first", "", "second message"} {
			must(t, syscall.Sendmsg(a, []byte(m), nil, nil, 0))
		}
		buf := make([]byte, 6)
		for _, want := range []string{"first", "", "second"} { // the last is cut
			n, _, flags, _, err := syscall.Recvmsg(b, buf, nil, 0)
			if string(buf[:n]) != want || err != nil {
				t.Errorf("kind %d: got %q, %v, want %q", kind, buf[:n], err, want)
			}
			if cut := flags&syscall.MSG_TRUNC != 0; cut != (want == "second") {
				t.Errorf("kind %d: %q: MSG_TRUNC is %v", kind, want, cut)
			}
		}
	}
}

func TestPeerCredentials(t *testing.T) {
	a, _ := socketpair(t, syscall.SOCK_STREAM)
	cred, err := syscall.GetsockoptUcred(a, syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	must(t, err)
	if int(cred.Pid) != os.Getpid() || int(cred.Uid) != os.Getuid() {
		t.Errorf("got %+v", cred)
	}
}

func TestStreamServer(t *testing.T) {
	name := filepath.Join(t.TempDir(), "sock")
	l, err := net.Listen("unix", name)
	must(t, err)
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				io.Copy(c, c)
				c.Close()
			}()
		}
	}()
	for i := range 20 {
		c, err := net.Dial("unix", name)
		must(t, err)
		msg := bytes.Repeat([]byte{byte(i)}, 1+i*997)
		go c.Write(msg)
		got := make([]byte, len(msg))
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, msg) {
			t.Errorf("connection %d: %v", i, err)
		}
		c.Close()
	}
}

func TestEventFD(t *testing.T) {
	f, err := raw.EventFD(3)
	must(t, err)
	defer f.Close()
	add := binary.NativeEndian.AppendUint64(nil, 4)
	_, err = f.Write(add)
	must(t, err)
	got := make([]byte, 8)
	_, err = f.Read(got)
	must(t, err)
	if v := binary.NativeEndian.Uint64(got); v != 7 {
		t.Errorf("got %d, want 7", v)
	}
	go func() {
		time.Sleep(5 * time.Millisecond)
		f.Write(add)
	}()
	if _, err := f.Read(got); err != nil || binary.NativeEndian.Uint64(got) != 4 {
		t.Errorf("blocking read: %d, %v", got, err)
	}
}

func TestEpoll(t *testing.T) {
	ep, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	must(t, err)
	defer syscall.Close(ep)
	a, b := socketpair(t, syscall.SOCK_STREAM)
	const edge = 1 << 31 // EPOLLET
	ev := syscall.EpollEvent{Events: syscall.EPOLLIN | edge, Fd: int32(b)}
	must(t, syscall.EpollCtl(ep, syscall.EPOLL_CTL_ADD, b, &ev))
	events := make([]syscall.EpollEvent, 4)
	poll := func(what string, want int) {
		t.Helper()
		n, err := syscall.EpollWait(ep, events, 0)
		if n != want || err != nil {
			t.Errorf("%s: %d events, %v, want %d", what, n, err, want)
		}
	}
	poll("nothing sent", 0)
	for range 2 {
		_, err := syscall.Write(a, []byte("x"))
		must(t, err)
		poll("sent", 1)
		poll("edge seen", 0)
	}
	must(t, syscall.EpollCtl(ep, syscall.EPOLL_CTL_DEL, b, nil))
	_, err = syscall.Write(a, []byte("x"))
	must(t, err)
	poll("removed", 0)
}
