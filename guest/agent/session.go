// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"errors"
	"io"
	"os"
	"syscall"

	"vdev/guest/wire"
)

// config is what differs between an agent that is init and one that is not.
type config struct {
	progDir string   // where programs from the host are stored
	dir     string   // working directory of a request that names none
	env     []string // environment before the host's additions
	killAll bool     // we are init: every other process belongs to the run
}

// session is one connection to the host.
type session struct {
	cfg    config
	out    *wire.Writer
	window uint32 // the host's receive window in bytes
	reap   *reaper
}

// serve speaks the protocol on port until the host sends Done, which gives
// nil, or the connection fails. Programs still running then are killed.
func serve(port io.ReadWriter, cfg config) error {
	s := &session{cfg: cfg, out: wire.NewWriter(port), reap: newReaper(cfg.killAll)}
	in := wire.NewReader(port)
	hello := wire.Hello{Version: wire.Version, Window: wire.DefaultWindow}
	if err := s.out.Send(wire.Frame{Type: wire.TypeHello, Payload: hello.Append(nil)}); err != nil {
		return err
	}
	j := newJob(s, 0, wire.Exec{}) // takes the frames that belong to no run
	defer func() { j.abort() }()
	for {
		f, err := in.Next()
		if err != nil {
			return err
		}
		switch f.Type {
		case wire.TypeHello:
			h, err := wire.ParseHello(f.Payload)
			if err != nil {
				s.sendError(0, err.Error())
				return err
			}
			s.window = h.Window
		case wire.TypeDone:
			return nil
		case wire.TypeExec:
			j.abort()
			e, err := wire.ParseExec(f.Payload)
			if err != nil {
				return err
			}
			if f.Run == 0 {
				return errors.New("the host numbers its request 0")
			}
			j = newJob(s, f.Run, e)
		default:
			if f.Run != j.run {
				continue // about a run that is over
			}
			if err := j.frame(f); err != nil {
				return err
			}
		}
	}
}

// sendError reports a failure of the agent, which ends the run. A failure to
// send shows in the reading loop, as every failure of the port does.
func (s *session) sendError(run uint16, text string) {
	text = text[:min(len(text), wire.MaxPayload)]
	s.out.Send(wire.Frame{Type: wire.TypeError, Run: run, Payload: []byte(text)})
}

// frame handles one host frame of this run. Only a breach of the protocol is
// an error; what goes wrong in the guest is reported to the host.
func (j *job) frame(f wire.Frame) error {
	switch f.Type {
	case wire.TypeArg:
		j.addString(&j.argv, f.Payload)
	case wire.TypeEnv:
		j.addString(&j.env, f.Payload)
	case wire.TypeFile:
		file, err := wire.ParseFile(f.Payload)
		if err != nil {
			return err
		}
		j.beginFile(file)
	case wire.TypeFileData:
		j.fileData(f.Payload)
	case wire.TypeRun:
		j.start()
	case wire.TypeData:
		j.stdinData(f.Payload)
	case wire.TypeEOF:
		j.stdinEOF()
	case wire.TypeWindow:
		n, err := wire.ParseUint32(f.Payload)
		if err != nil {
			return err
		}
		if o := j.outlet(f.Stream); o != nil {
			o.credit(n)
		}
	case wire.TypeStop:
		if o := j.outlet(f.Stream); o != nil {
			o.stop()
		}
	case wire.TypeSignal:
		n, err := wire.ParseSignal(f.Payload)
		if err != nil {
			return err
		}
		j.signal(syscall.Signal(n))
	case wire.TypeResize:
		rows, cols, err := wire.ParseResize(f.Payload)
		if err != nil {
			return err
		}
		j.resize(rows, cols)
	}
	return nil
}

// closeAll closes what is open of fs.
func closeAll(fs ...*os.File) {
	for _, f := range fs {
		if f != nil {
			f.Close()
		}
	}
}
