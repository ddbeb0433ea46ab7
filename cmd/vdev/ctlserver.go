// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// The protocol of the control socket, which docs/control.md describes for those who
// want to speak it: a line of JSON for each request, and a line for its answer.

// ctlRequest is what a client asks.
type ctlRequest struct {
	// Command is written as in the monitor, without the name of a picture's file.
	Command string `json:"command"`
}

// ctlReply is the answer.
type ctlReply struct {
	reply
	Error string `json:"error,omitempty"` // why there is nothing else
}

// What clients are allowed. They are the user's own, but may have bugs.
const (
	ctlClients    = 16          // connections at a time
	ctlRequestMax = 64 << 10    // bytes of a request
	ctlIdle       = time.Minute // until a request is there
	ctlWrite      = 10 * time.Second
	ctlFarewell   = time.Second // for answers under way when the run ends
)

// ctlServer answers at a control socket. Close works on nil, which is none.
type ctlServer struct {
	listener *net.UnixListener
	control  *control
	slots    chan struct{} // holds a value for each connection

	mu     sync.Mutex
	conns  map[net.Conn]struct{} // guarded by mu
	closed bool                  // guarded by mu
	wait   sync.WaitGroup
}

// newCtlServer answers at a listener until Close.
func newCtlServer(l *net.UnixListener, c *control) *ctlServer {
	s := &ctlServer{listener: l, control: c, slots: make(chan struct{}, ctlClients), conns: map[net.Conn]struct{}{}}
	s.wait.Add(1)
	go s.accept()
	return s
}

func (s *ctlServer) accept() {
	defer s.wait.Done()
	for {
		conn, err := s.listener.AcceptUnix()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // no more files, for instance
			time.Sleep(ctlFarewell / 10)
			continue
		case !samePeer(conn):
			conn.Close()
			continue
		}
		select {
		case s.slots <- struct{}{}:
		default:
			_ = conn.SetWriteDeadline(time.Now().Add(ctlFarewell / 10))
			_ = answer(conn, ctlReply{Error: "too many connections"})
			conn.Close()
			continue
		}
		if !s.add(conn) {
			conn.Close()
			return
		}
		go func() {
			defer s.remove(conn)
			s.serve(conn)
		}()
	}
}

// add notes a connection; false if the server is closed.
func (s *ctlServer) add(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.conns[conn] = struct{}{}
		s.wait.Add(1)
	}
	return !s.closed
}

func (s *ctlServer) remove(conn net.Conn) {
	conn.Close()
	s.mu.Lock()
	delete(s.conns, conn)
	s.mu.Unlock()
	<-s.slots
	s.wait.Done()
}

// serve answers one client, a request at a time.
func (s *ctlServer) serve(conn net.Conn) {
	in := bufio.NewScanner(conn)
	in.Buffer(nil, ctlRequestMax)
	for {
		if !s.expect(conn) || !in.Scan() {
			break
		}
		r := s.do(in.Bytes())
		_ = conn.SetWriteDeadline(time.Now().Add(ctlWrite))
		if answer(conn, r) != nil {
			return
		}
	}
	if errors.Is(in.Err(), bufio.ErrTooLong) {
		_ = conn.SetWriteDeadline(time.Now().Add(ctlFarewell))
		_ = answer(conn, ctlReply{Error: "the request is too long"})
	}
}

// expect limits how long the next request may take; false if the server is closed.
func (s *ctlServer) expect(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.closed && conn.SetReadDeadline(time.Now().Add(ctlIdle)) == nil
}

// do does what a request says.
func (s *ctlServer) do(line []byte) ctlReply {
	var q ctlRequest
	if err := json.Unmarshal(line, &q); err != nil {
		return ctlReply{Error: "the request is not a line of JSON: " + err.Error()}
	}
	list := commands()
	for i := range list {
		if list[i].picture { // its file is the client's affair
			list[i].arg = ""
		}
	}
	c, arg, err := findCommand(list, strings.Fields(q.Command))
	if err != nil {
		return ctlReply{Error: err.Error()}
	}
	r, err := c.do(s.control, arg)
	if err != nil {
		return ctlReply{Error: err.Error()}
	}
	return ctlReply{reply: r}
}

// answer writes a line.
func answer(conn net.Conn, r ctlReply) error {
	line, err := json.Marshal(r)
	if err != nil {
		panic("BUG: a reply is not JSON: " + err.Error())
	}
	_, err = conn.Write(append(line, '\n'))
	return err
}

// Close ends the service. Answers under way are given a moment.
func (s *ctlServer) Close() {
	if s == nil {
		return
	}
	s.listener.Close() // removes the socket
	s.mu.Lock()
	s.closed = true
	for c := range s.conns {
		_ = c.SetReadDeadline(time.Now())
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() { s.wait.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(ctlFarewell):
	}
}

// samePeer says whether a connection comes from the user that vdev runs as, or from
// the superuser.
func samePeer(conn *net.UnixConn) bool {
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	var cred *unix.Ucred
	if e := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); e != nil || err != nil {
		return false
	}
	return cred.Uid == 0 || int(cred.Uid) == os.Geteuid()
}
