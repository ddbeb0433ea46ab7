// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tests

import (
	"bytes"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"

	"vdev/guest/tests/internal/raw"
)

const (
	page = 4096
	rw   = syscall.PROT_READ | syscall.PROT_WRITE
)

// fault runs access and returns the address of the memory fault it causes, or
// ok false when it causes none.
func fault(access func()) (addr uintptr, ok bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			ok = true
			// Go tells no address for one near zero.
			if at, known := r.(interface{ Addr() uintptr }); known {
				addr = at.Addr()
			}
		}
	}()
	access()
	return 0, false
}

// load reads a byte. It is not inlined so that the compiler cannot drop the
// load.
//
//go:noinline
func load(m raw.Mapping, offset uintptr) byte { return m.Bytes()[offset] }

// wantFault reports an access that does not fault at the wanted address.
func wantFault(t *testing.T, what string, want uintptr, access func()) {
	t.Helper()
	if got, ok := fault(access); !ok || got != want {
		t.Errorf("%s: fault %v at %#x, want one at %#x", what, ok, got, want)
	}
}

// anonymous maps n pages for the length of the test.
func anonymous(t *testing.T, n uintptr, prot int) raw.Mapping {
	t.Helper()
	m, err := raw.Map(0, n*page, prot, syscall.MAP_PRIVATE, nil, 0)
	must(t, err)
	t.Cleanup(func() { m.Unmap(0, m.Size) })
	return m
}

func TestAnonymousIsZero(t *testing.T) {
	m := anonymous(t, 64, rw)
	for i, b := range m.Bytes() {
		if b != 0 {
			t.Fatalf("byte %d is %#x", i, b)
		}
	}
	for i := range m.Bytes() {
		m.Bytes()[i] = byte(i)
	}
	const dontneed = 4 // MADV_DONTNEED
	must(t, m.Advise(8*page, 8*page, dontneed))
	for i, b := range m.Bytes() {
		want := byte(i)
		if i/page >= 8 && i/page < 16 {
			want = 0
		}
		if b != want {
			t.Fatalf("after MADV_DONTNEED byte %d is %#x, want %#x", i, b, want)
		}
	}
}

func TestProtection(t *testing.T) {
	m := anonymous(t, 3, rw)
	m.Bytes()[page] = 42
	cases := []struct {
		name        string
		prot        int
		read, write bool // works
	}{
		{"none", syscall.PROT_NONE, false, false},
		{"read", syscall.PROT_READ, true, false},
		{"read and write", rw, true, true},
		{"none again", syscall.PROT_NONE, false, false},
	}
	var sink byte
	for _, c := range cases {
		must(t, m.Protect(page, page, c.prot))
		at := m.Addr + page
		read := func() { sink = m.Bytes()[page] }
		write := func() { m.Bytes()[page] = 42 }
		for _, a := range []struct {
			name   string
			works  bool
			access func()
		}{{"read", c.read, read}, {"write", c.write, write}} {
			if got, faulted := fault(a.access); faulted == a.works || faulted && got != at {
				t.Errorf("protection %s: %s faults %v at %#x, want %v at %#x", c.name, a.name, faulted, got, !a.works, at)
			}
		}
	}
	if sink != 42 {
		t.Errorf("the byte is %d, want 42", sink)
	}
	// The neighbours were never affected.
	if _, faulted := fault(func() { m.Bytes()[page-1], m.Bytes()[2*page] = 1, 1 }); faulted {
		t.Error("a neighbouring page is protected")
	}
}

func TestFaultAddressIsExact(t *testing.T) {
	m := anonymous(t, 2, rw)
	must(t, m.Unmap(page, page))
	for _, offset := range []uintptr{page, page + 1, page + 7, page + 2048, 2*page - 1} {
		wantFault(t, fmt.Sprintf("load at %d", offset), m.Addr+offset, func() { load(m, offset) })
		wantFault(t, fmt.Sprintf("store at %d", offset), m.Addr+offset, func() { m.Bytes()[offset] = 1 })
	}
}

func TestMappingFixedAndHoles(t *testing.T) {
	m := anonymous(t, 4, rw)
	copy(m.Bytes()[page:], "old")
	again, err := raw.Map(m.Addr+page, page, rw, syscall.MAP_PRIVATE|syscall.MAP_FIXED, nil, 0)
	must(t, err)
	if again.Addr != m.Addr+page || again.Bytes()[0] != 0 {
		t.Errorf("MAP_FIXED gave %#x with byte %d, want %#x with zero", again.Addr, again.Bytes()[0], m.Addr+page)
	}
	const noReplace = 0x100000 // MAP_FIXED_NOREPLACE
	_, err = raw.Map(m.Addr, page, rw, syscall.MAP_PRIVATE|noReplace, nil, 0)
	wantErrno(t, "MAP_FIXED_NOREPLACE", err, syscall.EEXIST)
}

func TestRemap(t *testing.T) {
	m, err := raw.Map(0, 2*page, rw, syscall.MAP_PRIVATE, nil, 0)
	must(t, err)
	for i := range m.Bytes() {
		m.Bytes()[i] = byte(i * 13)
	}
	old := append([]byte(nil), m.Bytes()...)
	big, err := m.Remap(1024 * page)
	must(t, err)
	defer func() { big.Unmap(0, big.Size) }()
	if !bytes.Equal(big.Bytes()[:2*page], old) {
		t.Error("the contents did not move")
	}
	for _, b := range big.Bytes()[2*page:] {
		if b != 0 {
			t.Fatal("the new part is not zero")
		}
	}
	if big.Addr != m.Addr {
		wantFault(t, "the old place", m.Addr, func() { load(m, 0) })
	}
	if big, err = big.Remap(page); err != nil || !bytes.Equal(big.Bytes(), old[:page]) {
		t.Errorf("shrunk: %v", err)
	}
}

func TestFileMappings(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "map")
	must(t, err)
	defer f.Close()
	data := bytes.Repeat([]byte("0123456789abcdef"), 2*page/16)
	_, err = f.Write(data)
	must(t, err)
	shared, err := raw.Map(0, 3*page, rw, syscall.MAP_SHARED, f, 0)
	must(t, err)
	defer shared.Unmap(0, shared.Size)
	private, err := raw.Map(0, 2*page, rw, syscall.MAP_PRIVATE, f, 0)
	must(t, err)
	defer private.Unmap(0, private.Size)
	second, err := raw.Map(0, page, syscall.PROT_READ, syscall.MAP_SHARED, f, page)
	must(t, err)
	defer second.Unmap(0, second.Size)

	if !bytes.Equal(shared.Bytes()[:2*page], data) || !bytes.Equal(second.Bytes(), data[page:]) {
		t.Error("a mapping does not show the file")
	}
	private.Bytes()[0] = 'P'
	shared.Bytes()[page] = 'S'
	if private.Bytes()[page] != 'S' || second.Bytes()[0] != 'S' || shared.Bytes()[0] != '0' {
		t.Error("writes to private and shared mappings show in the wrong places")
	}
	got := make([]byte, 1)
	if _, err := f.ReadAt(got, page); err != nil || got[0] != 'S' {
		t.Errorf("read of the shared write: %q, %v", got, err)
	}
	if _, err := f.WriteAt([]byte("W"), 5); err != nil || shared.Bytes()[5] != 'W' {
		t.Errorf("write does not show in the mapping: %v", err)
	}
	must(t, shared.Sync())
	// Past the last page of the file: SIGBUS, which Go reports as a fault.
	wantFault(t, "past the end of the file", shared.Addr+2*page, func() { load(shared, 2*page) })
	must(t, f.Truncate(page))
	wantFault(t, "after truncation", shared.Addr+page, func() { load(shared, page) })
	wantFault(t, "write to a read-only mapping", second.Addr, func() { second.Bytes()[0] = 1 })
}

// sharedAdder adds to a counter in the memory of descriptor 3.
func sharedAdder(args []string) int {
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return 1
	}
	m, err := raw.Map(0, page, rw, syscall.MAP_SHARED, os.NewFile(3, "shared"), 0)
	if err != nil {
		return 2
	}
	for range n {
		atomic.AddUint64(m.Word64(64), 1)
	}
	return 0
}

func TestSharedBetweenProcesses(t *testing.T) {
	f, err := raw.MemFD("shared")
	must(t, err)
	defer f.Close()
	must(t, f.Truncate(page))
	m, err := raw.Map(0, page, rw, syscall.MAP_SHARED, f, 0)
	must(t, err)
	defer m.Unmap(0, m.Size)
	const n, rounds = 3, 20000
	var wait []func() error
	for range n {
		cmd := child(t, "shared-adder", strconv.Itoa(rounds))
		cmd.ExtraFiles = []*os.File{f}
		must(t, cmd.Start())
		wait = append(wait, cmd.Wait)
	}
	for range rounds {
		atomic.AddUint64(m.Word64(64), 1)
	}
	for _, w := range wait {
		must(t, w())
	}
	if got := atomic.LoadUint64(m.Word64(64)); got != (n+1)*rounds {
		t.Errorf("counted %d, want %d", got, (n+1)*rounds)
	}
}

func TestBigSparseMapping(t *testing.T) {
	const gib = 1 << 30
	const noReserve = 0x4000
	m, err := raw.Map(0, 64*gib, rw, syscall.MAP_PRIVATE|noReserve, nil, 0)
	must(t, err)
	defer m.Unmap(0, m.Size)
	// Steps that land in different entries of every page table level.
	for at := uintptr(0); at < m.Size; at += gib + 5<<21 + 3*page {
		*m.Word64(at) = uint64(at) ^ 0x5555
	}
	for at := uintptr(0); at < m.Size; at += gib + 5<<21 + 3*page {
		if got := *m.Word64(at); got != uint64(at)^0x5555 {
			t.Errorf("word at %#x is %#x", at, got)
		}
	}
}

func TestManyPages(t *testing.T) {
	const n = 4096 // 16 MiB: more than a TLB
	m := anonymous(t, n, rw)
	for i := uintptr(0); i < n; i++ {
		*m.Word64(i * page) = uint64(i * i)
	}
	for step := uintptr(1); step < n; step = step*7 + 2 {
		for i := uintptr(0); i < n; i++ {
			j := i * step % n
			if got := *m.Word64(j * page); got != uint64(j*j) {
				t.Fatalf("page %d holds %d", j, got)
			}
		}
	}
}
