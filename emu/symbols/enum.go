// SPDX-License-Identifier: Apache-2.0

package symbols

import "encoding/binary"

// enumSize is the length of a struct btf_enum in bytes.
const enumSize = 8

// enumerator is the value of the enumerator with a name, of an enum of at most 32
// bits; the first one in the file, if there are several.
func (b *btf) enumerator(name string) (int32, bool) {
	le := binary.LittleEndian
	for _, off := range b.types[1:] {
		kind, members := b.info(off)
		if kind != btfEnum {
			continue
		}
		for i := range members {
			m := b.data[int(off)+btfTypeSize+i*enumSize:]
			if b.name(le.Uint32(m)) == name {
				return int32(le.Uint32(m[4:])), true
			}
		}
	}
	return 0, false
}

// Enumerator is the value of an enumerator of the kernel's C source.
func (k *KernelFile) Enumerator(name string) (int32, bool) { return k.btf.enumerator(name) }
