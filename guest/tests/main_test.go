// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tests

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// childEnv makes a copy of the test binary run one of the children below
// instead of the tests.
const childEnv = "VDEV_TEST_CHILD"

func TestMain(m *testing.M) {
	if name := os.Getenv(childEnv); name != "" {
		run, ok := children()[name]
		if !ok {
			os.Exit(111)
		}
		os.Exit(run(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// children are programs that tests start: name and body, which returns the
// exit status.
func children() map[string]func(args []string) int {
	return map[string]func([]string) int{
		"orphan-parent": orphanParent,
		"echo-args":     echoArgs,
		"shared-adder":  sharedAdder,
		"lock-probe":    lockProbe,
	}
}

// child returns a command that runs one of children.
func child(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), childEnv+"="+name)
	cmd.Stderr = os.Stderr
	return cmd
}

// tiny names programs of a few instructions. They start at a hundredth of
// the cost of a Go program, so that tests can afford many.
type tiny struct {
	name    string
	riscv64 []uint32
	amd64   []byte
}

func tinyExit() tiny { // exits with argc as status
	return tiny{"exit",
		[]uint32{
			0x00013503, // ld a0, 0(sp)
			0x05d00893, // li a7, 93
			0x00000073, // ecall
		},
		[]byte{
			0x8b, 0x3c, 0x24, // mov edi, [rsp]
			0xb8, 60, 0, 0, 0, // mov eax, 60
			0x0f, 0x05, // syscall
		}}
}

func tinyPause() tiny { // sleeps for ever
	return tiny{"pause",
		[]uint32{
			0x00000513, // li a0, 0
			0x00000593, // li a1, 0
			0x00000613, // li a2, 0
			0x00000693, // li a3, 0
			0x00000713, // li a4, 0
			0x04900893, // li a7, 73 (ppoll)
			0x00000073, // ecall
			0xfe5ff06f, // j to the start
		},
		[]byte{
			0xb8, 34, 0, 0, 0, // mov eax, 34 (pause)
			0x0f, 0x05, // syscall
			0xeb, 0xf7, // jmp to the start
		}}
}

func tinyIllegal() tiny {
	return tiny{"illegal", []uint32{0xffffffff}, []byte{0x0f, 0x0b}}
}

func tinyBreakpoint() tiny {
	return tiny{"breakpoint", []uint32{0x00100073}, []byte{0xcc}}
}

func tinyNullLoad() tiny {
	return tiny{"null-load",
		[]uint32{0x00003503},                       // ld a0, 0(zero)
		[]byte{0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0}} // mov rax, [0]
}

func tinyWriteText() tiny {
	return tiny{"write-text",
		[]uint32{
			0x00000517, // auipc a0, 0
			0x00053023, // sd zero, 0(a0)
		},
		[]byte{
			0x48, 0x8d, 0x05, 0, 0, 0, 0, // lea rax, [rip]
			0x48, 0x89, 0x00, // mov [rax], rax
		}}
}

func tinyRunStack() tiny {
	return tiny{"run-stack", []uint32{0x00010067}, []byte{0xff, 0xe4}} // jr sp; jmp rsp
}

// path writes the program as a file and returns its name.
func (p tiny) path(t *testing.T) string {
	t.Helper()
	var code bytes.Buffer
	machine := uint16(243)
	switch runtime.GOARCH {
	case "riscv64":
		if err := binary.Write(&code, binary.LittleEndian, p.riscv64); err != nil {
			t.Fatal(err)
		}
	case "amd64":
		machine = 62
		code.Write(p.amd64)
	default:
		t.Skip("no tiny programs for " + runtime.GOARCH)
	}
	name := filepath.Join(t.TempDir(), p.name)
	if err := os.WriteFile(name, tinyELF(machine, code.Bytes()), 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}

// tinyELF wraps code in an ELF file with one read-only executable segment.
func tinyELF(machine uint16, code []byte) []byte {
	const base, headers = 0x10000, 64 + 56
	size := uint64(headers + len(code))
	b := append([]byte("\x7fELF\x02\x01\x01"), make([]byte, 9)...)
	le := binary.LittleEndian
	b = le.AppendUint16(b, 2) // ET_EXEC
	b = le.AppendUint16(b, machine)
	b = le.AppendUint32(b, 1)
	for _, v := range []uint64{base + headers, 64, 0} { // entry, phoff, shoff
		b = le.AppendUint64(b, v)
	}
	b = le.AppendUint32(b, 0)
	for _, v := range []uint16{64, 56, 1, 0, 0, 0} { // sizes and counts
		b = le.AppendUint16(b, v)
	}
	b = le.AppendUint32(b, 1) // PT_LOAD
	b = le.AppendUint32(b, 5) // R, X
	for _, v := range []uint64{0, base, base, size, size, 4096} {
		b = le.AppendUint64(b, v)
	}
	return append(b, code...)
}

// spawn starts the program at path with the given number of arguments beside
// its name.
func spawn(t *testing.T, path string, args int) (pid int) {
	t.Helper()
	pid, err := syscall.ForkExec(path, make([]string, args+1), nil)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// wait waits for one child.
func wait(t *testing.T, pid, options int) syscall.WaitStatus {
	t.Helper()
	for {
		var ws syscall.WaitStatus
		got, err := syscall.Wait4(pid, &ws, options, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || got != pid {
			t.Fatalf("wait4(%d) = %d, %v", pid, got, err)
		}
		return ws
	}
}

// must ends the test on an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantErrno reports an error other than the wanted one.
func wantErrno(t *testing.T, what string, err error, want syscall.Errno) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}
