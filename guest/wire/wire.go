// SPDX-License-Identifier: Apache-2.0

// Package wire is the protocol spoken between the vdev command on the host
// and the agent in the guest, over one reliable byte stream: the
// virtio-console port named [PortName].
//
// # Frame
//
// The stream is a sequence of frames, little-endian, with no padding:
//
//	byte   0        1        2        3        4        5        6        7        8 ...
//	     +--------+--------+--------+--------+--------+--------+--------+--------+---------//
//	     |  type  | stream |       run       |          payload length           | payload
//	     +--------+--------+--------+--------+--------+--------+--------+--------+---------//
//
// type is a [Type]. stream names the byte stream that Data, EOF, Window and
// Stop are about (0 stdin, 1 stdout, 2 stderr) and is zero in every other
// frame. run numbers the program runs of a connection from 1; a frame that
// arrives late and belongs to an earlier run is dropped by its number.
// Hello, Done and connection-wide errors carry run 0. The payload is at most
// [MaxPayload] bytes; what a payload holds and how long it may be depends on
// the type (see the Type constants).
//
// # Conversation
//
//	guest                                   host
//	  | -- Hello ------------------------->  |   the guest opens: data sent to a
//	  | <------------------------- Hello --  |   port nobody has open is lost
//	  | <-- Exec, Arg*, Env*,                |
//	  |     (File, FileData*)*, Run -------  |   the request
//	  | -- Started ----------------------->  |
//	  | -- Data 1, Data 2, EOF 1, EOF 2 -->  |   in any interleaving with
//	  | <-- Data 0, EOF 0, Signal, Resize -  |
//	  | -- Exit or Error ----------------->  |   ends the run
//	  |          ... further runs ...        |
//	  | <-------------------------- Done --  |   the guest syncs and powers off
//
// # Flow control
//
// Each side states in its Hello how many bytes of one stream it is willing
// to hold. The sender of a stream never has more than that outstanding; the
// receiver gives credit back with Window once the bytes went to their final
// consumer. Both sides therefore always read the next frame at once, and a
// program that does not read its stdin holds up neither signals nor output.
// Stop, sent by the receiver of a stream, says that its consumer is gone.
// Files need no credit: the agent stores every chunk as it comes. Data for
// stdin follows Run; signals may come as soon as Exec was sent.
package wire

import (
	"encoding/binary"
	"errors"
	"strconv"
)

const (
	// PortName is the virtio-console port name the agent looks for.
	PortName = "vdev.agent"
	// Version is the protocol version that this package speaks.
	Version = 1
	// HeaderSize is the size of a frame header in bytes.
	HeaderSize = 8
	// MaxPayload bounds the payload of any frame, in bytes. It leaves room
	// for the longest argument that Linux passes to a program
	// (MAX_ARG_STRLEN, 32 pages, include/uapi/linux/binfmts.h).
	MaxPayload = 1 << 17
	// ChunkSize is how many bytes of a file or stream go into one frame.
	ChunkSize = 32 << 10
	// DefaultWindow is the receive window, in bytes for each stream, that
	// both implementations announce.
	DefaultWindow = 256 << 10
)

// Type says what a frame is.
type Type uint8

// Frame types. The comments give direction and payload.
const (
	TypeHello    Type = 1 + iota // both ways: Hello
	TypeExec                     // to guest: Exec; begins a request
	TypeArg                      // to guest: one argument, argv[0] first
	TypeEnv                      // to guest: one KEY=VALUE
	TypeFile                     // to guest: File; its bytes follow in FileData
	TypeFileData                 // to guest: the next bytes of the last File
	TypeRun                      // to guest: empty; the request is complete
	TypeStarted                  // to host: the pid, 4 bytes
	TypeData                     // sender of the stream: bytes, at least one
	TypeEOF                      // sender of the stream: empty; no more Data
	TypeWindow                   // receiver of the stream: credit in bytes, 4 bytes
	TypeStop                     // receiver of the stream: empty; wants no more Data
	TypeSignal                   // to guest: Linux signal number, 4 bytes
	TypeResize                   // to guest: rows and columns, 2 bytes each
	TypeExit                     // to host: Exit; ends the run
	TypeError                    // to host: one line of text; ends the run
	TypeDone                     // to guest: empty; power off
	typeEnd
)

// Stream numbers, the file descriptors they stand for.
const (
	Stdin uint8 = iota
	Stdout
	Stderr
	streamEnd
)

// spec is what the header of a frame of some type may say.
type spec struct {
	name     string
	min, max uint32 // payload length in bytes
	streamed bool   // the stream byte is meaningful
}

// spec returns the limits of type t; ok is false for a type that does not
// exist in this version.
func (t Type) spec() (s spec, ok bool) {
	switch t {
	case TypeHello:
		return spec{name: "Hello", min: helloSize, max: helloSize}, true
	case TypeExec:
		return spec{name: "Exec", min: execFixed, max: MaxPayload}, true
	case TypeArg:
		return spec{name: "Arg", max: MaxPayload}, true
	case TypeEnv:
		return spec{name: "Env", max: MaxPayload}, true
	case TypeFile:
		return spec{name: "File", min: fileFixed, max: fileFixed + maxPath}, true
	case TypeFileData:
		return spec{name: "FileData", min: 1, max: MaxPayload}, true
	case TypeRun:
		return spec{name: "Run"}, true
	case TypeStarted:
		return spec{name: "Started", min: 4, max: 4}, true
	case TypeData:
		return spec{name: "Data", min: 1, max: MaxPayload, streamed: true}, true
	case TypeEOF:
		return spec{name: "EOF", streamed: true}, true
	case TypeWindow:
		return spec{name: "Window", min: 4, max: 4, streamed: true}, true
	case TypeStop:
		return spec{name: "Stop", streamed: true}, true
	case TypeSignal:
		return spec{name: "Signal", min: 4, max: 4}, true
	case TypeResize:
		return spec{name: "Resize", min: 4, max: 4}, true
	case TypeExit:
		return spec{name: "Exit", min: exitSize, max: exitSize}, true
	case TypeError:
		return spec{name: "Error", max: MaxPayload}, true
	case TypeDone:
		return spec{name: "Done"}, true
	}
	return spec{}, false
}

// String returns the name of the type as it stands in the constants.
func (t Type) String() string {
	if s, ok := t.spec(); ok {
		return s.name
	}
	return "Type(" + strconv.Itoa(int(t)) + ")"
}

// ErrProtocol is wrapped by every error about bytes that are no valid frame
// or a frame whose payload does not parse.
var ErrProtocol = errors.New("agent protocol")

// protocolError is an ErrProtocol with its particulars. It exists because
// fmt is too heavy for the agent.
type protocolError string

func (e protocolError) Error() string { return "agent protocol: " + string(e) }
func (e protocolError) Unwrap() error { return ErrProtocol }

// Frame is one message. Payload of a frame returned by [Reader.Next] is
// valid until the next call.
type Frame struct {
	Type    Type
	Stream  uint8
	Run     uint16
	Payload []byte
}

// header is the decoded fixed part of a frame.
type header struct {
	typ    Type
	stream uint8
	run    uint16
	length uint32
}

// parseHeader decodes and checks the fixed part of a frame.
func parseHeader(b *[HeaderSize]byte) (header, error) {
	h := header{
		typ:    Type(b[0]),
		stream: b[1],
		run:    binary.LittleEndian.Uint16(b[2:]),
		length: binary.LittleEndian.Uint32(b[4:]),
	}
	s, ok := h.typ.spec()
	if !ok {
		return header{}, protocolError("unknown frame type " + strconv.Itoa(int(h.typ)))
	}
	if h.length < s.min || h.length > s.max {
		return header{}, protocolError(s.name + " frame of " + strconv.FormatUint(uint64(h.length), 10) + " bytes")
	}
	if h.stream >= streamEnd || !s.streamed && h.stream != 0 {
		return header{}, protocolError(s.name + " frame for stream " + strconv.Itoa(int(h.stream)))
	}
	return h, nil
}

// Append adds the encoding of f to dst and returns the extended slice. A
// frame that [Reader.Next] would refuse is a broken invariant and panics.
func Append(dst []byte, f Frame) []byte {
	var b [HeaderSize]byte
	b[0], b[1] = byte(f.Type), f.Stream
	binary.LittleEndian.PutUint16(b[2:], f.Run)
	if uint64(len(f.Payload)) > MaxPayload {
		panic("BUG: wire: payload too long")
	}
	binary.LittleEndian.PutUint32(b[4:], uint32(len(f.Payload)))
	if _, err := parseHeader(&b); err != nil {
		panic("BUG: wire: " + err.Error())
	}
	dst = append(dst, b[:]...)
	return append(dst, f.Payload...)
}
