// SPDX-License-Identifier: Apache-2.0

package ioctl

import (
	"fmt"
	"strconv"
	"strings"
)

// value is a value with a name. Of flags, mask has the bits that it is about.
type value struct {
	name        string
	value, mask uint64
}

// values is a set of values: flags or an enumeration.
type values []value

// valuesOf finds a set by the name in its declaration.
func valuesOf(name string) values {
	set, ok := valueTable(name)
	if !ok {
		panic("BUG: ioctl: no set of values " + name)
	}
	return set
}

// one is the name of v in an enumeration, or v in hexadecimal.
func (s values) one(v uint64) string {
	for _, n := range s {
		if n.value == v {
			return n.name
		}
	}
	return hex(v)
}

// flagNames are the names of all flags in v, with unknown ones in hexadecimal.
func flagNames(sets []values, v uint64) string {
	var names []string
	rest := v
	done := uint64(0)
	for _, s := range sets {
		for _, n := range s {
			if n.mask != 0 && n.mask&done == 0 && v&n.mask == n.value {
				names = append(names, n.name)
				rest &^= n.mask
				done |= n.mask
			}
		}
	}
	if rest != 0 {
		names = append(names, fmt.Sprintf("%#x", rest))
	}
	if names == nil {
		return "0"
	}
	return strings.Join(names, "|")
}

// FourCC is a format of pixels as its four characters, quoted, or as a number if
// they are not printable.
func FourCC(v uint32) string {
	suffix := ""
	code := v
	if code&DRM_FORMAT_BIG_ENDIAN != 0 {
		code, suffix = code&^DRM_FORMAT_BIG_ENDIAN, "|DRM_FORMAT_BIG_ENDIAN"
	}
	b := []byte{byte(code), byte(code >> 8), byte(code >> 16), byte(code >> 24)}
	for _, c := range b {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return fmt.Sprintf("%#x", v)
		}
	}
	return `"` + string(b) + `"` + suffix
}

// fixed is a number in 16.16 fixed point.
func fixed(v uint64) string {
	if v&0xffff == 0 {
		return strconv.FormatUint(v>>16, 10)
	}
	return strconv.FormatFloat(float64(v)/65536, 'g', -1, 64)
}
