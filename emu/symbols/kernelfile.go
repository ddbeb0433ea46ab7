// SPDX-License-Identifier: Apache-2.0

package symbols

import (
	"debug/elf"
	"fmt"
	"strings"
)

// KernelFile is what a kernel's file says about its data: how its structures are laid
// out, and where its symbols are as linked. It says nothing about code; see Linux.
type KernelFile struct {
	btf    *btf
	layout *Layout
	addrs  map[string]uint64
	names  map[uint64]string // of variables
}

// Member is where in a structure something is.
type Member struct {
	Offset uint64 // in bytes
	Size   uint64 // in bytes; 0 for a flexible array
}

// ReadKernelFile reads a vmlinux with symbols and a section .BTF. That takes a few
// hundredths of a second.
func ReadKernelFile(vmlinux string) (*KernelFile, error) {
	f, err := elf.Open(vmlinux)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	k := &KernelFile{addrs: make(map[string]uint64), names: make(map[uint64]string)}
	if k.btf, err = btfOf(f); err != nil {
		return nil, err
	}
	if k.layout, err = k.btf.layout(); err != nil {
		return nil, err
	}
	syms, err := f.Symbols()
	if err != nil {
		return nil, fmt.Errorf("cannot read the kernel's symbols: %w", err)
	}
	for _, s := range syms {
		if s.Section == elf.SHN_UNDEF || s.Name == "" {
			continue
		}
		// Of static symbols with one name, the first.
		if _, ok := k.addrs[s.Name]; !ok || elf.ST_BIND(s.Info) == elf.STB_GLOBAL {
			k.addrs[s.Name] = s.Value
		}
		if elf.ST_TYPE(s.Info) == elf.STT_OBJECT && k.names[s.Value] == "" {
			k.names[s.Value] = s.Name
		}
	}
	return k, nil
}

// Layout is where the names of tasks are.
func (k *KernelFile) Layout() *Layout { return k.layout }

// Member finds a member by its path: "file.f_path.dentry" is the member dentry of the
// member f_path of struct file. Members of anonymous structures and unions are members
// of what encloses them.
func (k *KernelFile) Member(path string) (Member, bool) {
	name, rest, _ := strings.Cut(path, ".")
	id, ok := k.btf.structs[name]
	var m Member
	for ok && rest != "" {
		var off uint64
		name, rest, _ = strings.Cut(rest, ".")
		off, id, ok = k.btf.member(id, name, 0)
		m.Offset += off
	}
	m.Size = k.btf.size(id)
	return m, ok
}

// Address is where a symbol is, as linked.
func (k *KernelFile) Address(name string) (uint64, bool) {
	a, ok := k.addrs[name]
	return a, ok
}

// Variable is the name of the variable that begins at an address, as linked; empty if
// there is none.
func (k *KernelFile) Variable(addr uint64) string { return k.names[addr] }
