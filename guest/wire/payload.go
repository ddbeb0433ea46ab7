// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/binary"
	"strconv"
)

// Payload sizes in bytes: whole ones, and the fixed part before a text.
const (
	helloSize = 12
	execFixed = 8
	fileFixed = 12
	exitSize  = 8
	maxPath   = 4095 // PATH_MAX without its NUL, include/uapi/linux/limits.h
)

// magic opens a Hello: "VDEV" in memory order.
const magic = 0x56454456

// Hello opens a connection.
//
//	 0        4         6      8          12
//	+--------+---------+------+----------+
//	| "VDEV" | version | zero |  window  |
//	+--------+---------+------+----------+
type Hello struct {
	Version uint16
	Window  uint32 // bytes of one stream that the sender of the Hello will hold
}

// Append adds the encoding of h to dst.
func (h Hello) Append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, magic)
	dst = binary.LittleEndian.AppendUint16(dst, h.Version)
	dst = binary.LittleEndian.AppendUint16(dst, 0)
	return binary.LittleEndian.AppendUint32(dst, h.Window)
}

// ParseHello decodes a Hello payload. A version other than [Version] is an
// error that names both.
func ParseHello(b []byte) (Hello, error) {
	if len(b) != helloSize || binary.LittleEndian.Uint32(b) != magic {
		return Hello{}, protocolError("the peer is not a vdev agent or host")
	}
	h := Hello{Version: binary.LittleEndian.Uint16(b[4:]), Window: binary.LittleEndian.Uint32(b[8:])}
	if h.Version != Version {
		return Hello{}, protocolError("the peer speaks version " + strconv.Itoa(int(h.Version)) +
			", this side version " + strconv.Itoa(Version) + ": rebuild the image with the same vdev")
	}
	if h.Window < ChunkSize {
		return Hello{}, protocolError("window of " + strconv.FormatUint(uint64(h.Window), 10) + " bytes is too small")
	}
	return h, nil
}

// ExecFlags qualify an Exec.
type ExecFlags uint32

// Flags of an Exec.
const (
	// ExecStdin says that the host will send stdin. Without it the
	// program's stdin is /dev/null.
	ExecStdin ExecFlags = 1 << iota
	// ExecTTY asks for a pseudo-terminal as stdin, stdout and stderr.
	ExecTTY
	// ExecProgram says that the first File is the program to run. Without
	// it argv[0] is looked up in the guest's PATH.
	ExecProgram
	execFlagsEnd
)

// Exec begins a request.
//
//	 0       4      6         8
//	+-------+------+---------+-----------//
//	| flags | rows | columns | directory
//	+-------+------+---------+-----------//
type Exec struct {
	Flags      ExecFlags
	Rows, Cols uint16 // size of the terminal, with ExecTTY
	Dir        string // working directory; empty means the agent's default
}

// Append adds the encoding of e to dst.
func (e Exec) Append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(e.Flags))
	dst = binary.LittleEndian.AppendUint16(dst, e.Rows)
	dst = binary.LittleEndian.AppendUint16(dst, e.Cols)
	return append(dst, e.Dir...)
}

// ParseExec decodes an Exec payload.
func ParseExec(b []byte) (Exec, error) {
	if len(b) < execFixed || len(b) > execFixed+maxPath {
		return Exec{}, protocolError("bad Exec")
	}
	e := Exec{
		Flags: ExecFlags(binary.LittleEndian.Uint32(b)),
		Rows:  binary.LittleEndian.Uint16(b[4:]),
		Cols:  binary.LittleEndian.Uint16(b[6:]),
		Dir:   string(b[8:]),
	}
	if e.Flags >= execFlagsEnd {
		return Exec{}, protocolError("unknown Exec flags 0x" + strconv.FormatUint(uint64(e.Flags), 16))
	}
	return e, nil
}

// File announces a file; exactly Size bytes follow in FileData frames.
//
//	 0      4      12
//	+------+------+-------//
//	| mode | size | path
//	+------+------+-------//
type File struct {
	Mode uint32 // permission bits, at most 07777
	Size uint64 // bytes
	Path string // in the guest; relative to the working directory, except the program's: a plain name
}

// Append adds the encoding of f to dst.
func (f File) Append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, f.Mode)
	dst = binary.LittleEndian.AppendUint64(dst, f.Size)
	return append(dst, f.Path...)
}

// ParseFile decodes a File payload.
func ParseFile(b []byte) (File, error) {
	if len(b) <= fileFixed || len(b) > fileFixed+maxPath {
		return File{}, protocolError("bad File")
	}
	f := File{
		Mode: binary.LittleEndian.Uint32(b),
		Size: binary.LittleEndian.Uint64(b[4:]),
		Path: string(b[12:]),
	}
	if f.Mode > 0o7777 || f.Size > 1<<62 {
		return File{}, protocolError("bad File")
	}
	return f, nil
}

// Exit is how a program ended.
//
//	 0        4        8
//	+--------+--------+
//	| status | signal |
//	+--------+--------+
type Exit struct {
	Status uint32 // exit status 0 to 255, when Signal is 0
	Signal uint32 // Linux number of the signal that killed it, or 0
}

// Append adds the encoding of e to dst.
func (e Exit) Append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, e.Status)
	return binary.LittleEndian.AppendUint32(dst, e.Signal)
}

// ParseExit decodes an Exit payload.
func ParseExit(b []byte) (Exit, error) {
	if len(b) != exitSize {
		return Exit{}, protocolError("bad Exit")
	}
	e := Exit{Status: binary.LittleEndian.Uint32(b), Signal: binary.LittleEndian.Uint32(b[4:])}
	if e.Status > 255 || e.Signal > maxSignal || e.Status != 0 && e.Signal != 0 {
		return Exit{}, protocolError("bad Exit")
	}
	return e, nil
}

// maxSignal is the highest signal number, _NSIG in
// include/uapi/asm-generic/signal.h.
const maxSignal = 64

// Uint32 is the payload of Started, Window and Signal.
func Uint32(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }

// ParseUint32 decodes the payload of Started and Window.
func ParseUint32(b []byte) (uint32, error) {
	if len(b) != 4 {
		return 0, protocolError("bad number")
	}
	return binary.LittleEndian.Uint32(b), nil
}

// ParseSignal decodes the payload of Signal: a number from 1 to 64.
func ParseSignal(b []byte) (uint32, error) {
	n, err := ParseUint32(b)
	if err == nil && (n == 0 || n > maxSignal) {
		return 0, protocolError("bad signal number")
	}
	return n, err
}

// Resize is the payload of a Resize frame.
func Resize(rows, cols uint16) []byte {
	return binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, rows), cols)
}

// ParseResize decodes the payload of Resize.
func ParseResize(b []byte) (rows, cols uint16, err error) {
	if len(b) != 4 {
		return 0, 0, protocolError("bad Resize")
	}
	return binary.LittleEndian.Uint16(b), binary.LittleEndian.Uint16(b[2:]), nil
}
