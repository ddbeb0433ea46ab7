// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"vdev/emu/symbols"
)

// Types is what is known of a kernel from its file; symbols.KernelFile is one.
type Types interface {
	// Member finds a member by its path: "file.f_path.dentry".
	Member(path string) (symbols.Member, bool)
	// Address is where a symbol is, as linked.
	Address(name string) (uint64, bool)
	// Variable is the name of the variable that begins at an address, as linked; empty if
	// there is none.
	Variable(addr uint64) string
}

// Kernel is the guest's kernel. It is not safe for concurrent use.
type Kernel struct {
	open   func() (Types, error)
	file   Types // nil until it is needed, or if it cannot be read
	opened bool
	memory symbols.Memory

	base    uint64 // where handle_exception is
	slide   uint64
	members map[string]symbols.Member // that were asked for; offset noMember for unknown ones
}

// New makes a Kernel that reads memory. open reads the kernel's file, when something is
// asked for the first time; an error means that nothing is known.
func New(memory symbols.Memory, open func() (Types, error)) *Kernel {
	return &Kernel{open: open, memory: memory, members: make(map[string]symbols.Member)}
}

// SetBase tells where the kernel is: at stvec, which Linux sets to its
// handle_exception. Without it the kernel is taken to be where it was linked.
func (k *Kernel) SetBase(stvec uint64) {
	if k.base == stvec {
		return
	}
	k.base = stvec
	if entry, ok := k.linked("handle_exception"); ok {
		k.slide = stvec - entry
	}
}

// Known tells whether the kernel's file could be read: if not, everything else fails.
func (k *Kernel) Known() bool { return k.kernelFile() != nil }

// kernelFile reads the kernel's file once.
func (k *Kernel) kernelFile() Types {
	if !k.opened {
		k.opened = true
		if f, err := k.open(); err == nil {
			k.file = f
		}
	}
	return k.file
}

func (k *Kernel) linked(symbol string) (uint64, bool) {
	f := k.kernelFile()
	if f == nil {
		return 0, false
	}
	return f.Address(symbol)
}

// Symbol is the address of a function or variable in the running kernel.
func (k *Kernel) Symbol(name string) (uint64, bool) {
	a, ok := k.linked(name)
	return a + k.slide, ok
}

// Variable is the name of the kernel's variable that begins at addr; empty if there is
// none, and for those of modules.
func (k *Kernel) Variable(addr uint64) string {
	if f := k.kernelFile(); f != nil && addr != 0 {
		return f.Variable(addr - k.slide)
	}
	return ""
}

const noMember = ^uint64(0)

// Member finds a member by its path, see symbols.KernelFile.
func (k *Kernel) Member(path string) (symbols.Member, bool) {
	m, seen := k.members[path]
	if !seen {
		m.Offset = noMember
		if f := k.kernelFile(); f != nil {
			if found, ok := f.Member(path); ok {
				m = found
			}
		}
		k.members[path] = m
	}
	return m, m.Offset != noMember
}
